"""RAK13001: a relay and an input isolated by an optocoupler.

1. Facts of the product: its two lines and what their levels mean. What a relay does is in
   ``shared.relay``, how a line is watched in ``shared.line_watcher``.
2. Nothing of line numbers or expanders.
"""

from __future__ import annotations

from typing import ClassVar

from wisblock_bridge.buses.gpio import Bias
from wisblock_bridge.module_api import (
    DigitalLine,
    Module,
    Part,
    Product,
    ReadingSpec,
    Result,
    event,
    line,
    operation,
)
from wisblock_bridge.modules.shared.line_watcher import MISSED, DebounceMs, LineEvents, PollMs
from wisblock_bridge.modules.shared.pulse_counter import (
    FREQUENCY,
    PULSES,
    CountPollMs,
    WindowMs,
    count_edges,
    report,
)
from wisblock_bridge.modules.shared.relay import UNCONFIRMED_AT_POWER_ON, RelayModule

ACTIVE = ReadingSpec("active", "Whether there is voltage at the input.", kind="bool")


class IsolatedInput(Module):
    """The part of the module that tells whether there is voltage; its line is low then."""

    opto: ClassVar[Part[DigitalLine]]

    @operation(gives=(ACTIVE,), main=ACTIVE, reads_only=True)
    def input(self) -> Result:
        """Return whether there is voltage at the input.

        Returns:
            ``active``.

        Raises:
            BusError: The line could not be read.
        """
        return self.readings(active=self.opto.level() == 0)

    @operation(gives=(PULSES,), main=PULSES, reads_only=True)
    def count(self, window_ms: WindowMs = 1000, poll_ms: CountPollMs = 10) -> Result:
        """Count how often voltage comes at the input.

        On a RAK6421 the kernel reports every edge. The expander of a RAK7391 is looked at every
        ``poll_ms``: a pulse or a gap that is shorter can be missed, and the result says so.

        Returns:
            ``pulses``.

        Raises:
            BusError: The line could not be used.
        """
        train = count_edges(self, self.opto, 0, window_ms, poll_ms, Bias.UP)
        return report(self, train, poll_ms, frequency=False)

    @operation(gives=(FREQUENCY, PULSES), main=FREQUENCY, reads_only=True)
    def frequency(self, window_ms: WindowMs = 1000, poll_ms: CountPollMs = 10) -> Result:
        """Measure how often a second voltage comes at the input.

        What can be missed is the same as for ``count``.

        Returns:
            ``frequency`` in Hz, and ``pulses``.

        Raises:
            BusError: The line could not be used.
        """
        train = count_edges(self, self.opto, 0, window_ms, poll_ms, Bias.UP)
        return report(self, train, poll_ms, frequency=True)

    @event(gives=(ACTIVE, MISSED), main=ACTIVE, polled=True)
    def input_changed(
        self,
        debounce_ms: DebounceMs = 10,
        poll_ms: PollMs = 10,
    ) -> LineEvents:
        """Report when voltage comes or goes; the first message is the present state.

        Returns:
            The event source.

        Raises:
            BusError: The line could not be used.
        """
        return LineEvents(
            self.opto,
            _packed,
            self.clock,
            bias=Bias.UP,
            debounce_ms=debounce_ms,
            poll_ms=poll_ms,
        )


class RAK13001(RelayModule, IsolatedInput):
    """Switch a load with a relay, and see whether there is voltage at an isolated input.

    The contact is rated for 30 V DC / 2 A or 130 V AC / 2 A. The relay is off before the first
    command, when the node or program that drives it has disconnected (unless it asked to hold), and
    when the bridge stops. After every command the line is read back, so a short of the line is
    reported; whether the contact moved cannot be seen.

    The input is active with 12 to 24 V DC at K1 and K2. It is watched by interrupt where the line
    belongs to the processor (RAK6421); the expander of a RAK7391 is looked at 100 times a second,
    so shorter pulses can be missed there.
    """

    product = Product(
        "RAK13001",
        title="relay and isolated input",
        family="interface",
        slots=(1, 2),
        icon="wisblock-relay.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13001/overview/",
    )
    unconfirmed = (
        UNCONFIRMED_AT_POWER_ON,
        (
            "Where the isolated input is: on IO3 by the vendor's quick start and examples, on SW1 "
            "(pin 10) by the note in its data sheet and its pin map. Resistors R1, R4 and R7 of "
            "the module decide. If the input never changes, look at these: on a RAK6421 only the "
            "position for IO3 works, because SW1 is connected to nothing there."
        ),
        "Whether the module has a pull-up of its own at the input; the bridge asks for one.",
    )

    coil = line("IO4")
    opto = line("IO3")

    def open(self) -> None:
        """Switch the relay off and listen to the input."""
        super().open()
        self.opto.listen(Bias.UP)

    def close(self) -> None:
        """Switch the relay off and return both lines."""
        try:
            super().close()
        finally:
            self.opto.let_go()


def _packed(level: int, timestamp_ms: float, missed: int) -> Result:
    values: dict[str, object] = {"active": level == 0}
    if missed:
        values["missed"] = missed
    return Result(values, timestamp_ms)
