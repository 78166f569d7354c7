"""RAK12006: passive infrared motion sensor.

1. Facts of the product: its line, its polarity, how long it needs after power-on.
2. Nothing of line numbers or expanders.
"""

from __future__ import annotations

import math
from typing import Annotated

from wisblock_bridge.buses.gpio import Bias
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Quality,
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

WARM_UP_S = 30.0
"""A pyroelectric sensor needs some tens of seconds after power-on before it can be trusted. When
that was is not known, so it is counted from the bridge's first use."""

MOTION = ReadingSpec("motion", "Whether something warm moves in front of the sensor.", kind="bool")

ActiveLow = Annotated[
    bool,
    Param(
        "Motion pulls the line low. The vendor's documents disagree: say false if motion and rest "
        "are mixed up."
    ),
]


class RAK12006(Module):
    """Detect motion of people and animals by their warmth.

    The sensor sees 3 to 5 m in a cone of about 100 degrees. It reports a motion for about 2 s and
    is blind for another 2 s afterwards. In the first 30 s it settles; until then readings are
    marked uncertain.

    It is watched by interrupt where the line belongs to the processor (RAK6421); the expander of a
    RAK7391 is looked at 100 times a second. A module that is not plugged in reads as "no motion".
    """

    product = Product(
        "RAK12006",
        title="PIR motion sensor",
        family="sensors",
        slots=(1, 2),
        icon="wisblock-motion.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak12006/overview/",
    )
    unconfirmed = (
        (
            "That motion pulls the line low: all but one of the vendor's examples have it so. "
            "Selectable: active_low."
        ),
        "How long the sensor needs to settle (30 s is assumed).",
        (
            "Whether a RAK7391 feeds VDD (pins 17 and 18), from which the module is supplied as "
            "delivered; a RAK6421 does."
        ),
    )

    output = line("IO6")

    def setup(self) -> None:
        """Start before the warm-up of the sensor."""
        self._settled_at: float | None = None

    def open(self) -> None:
        """Listen to the sensor; with nothing plugged in the pull-up reads as "no motion"."""
        self.output.listen(Bias.UP)
        if self._settled_at is None:  # a failure of the bus does not cool the sensor down
            self._settled_at = self.clock.monotonic() + WARM_UP_S

    def close(self) -> None:
        """Return the line."""
        self.output.let_go()

    @operation(gives=(MOTION,), main=MOTION, reads_only=True, default=True)
    def read(self, active_low: ActiveLow = True) -> Result:  # noqa: FBT002  (of the wire)
        """Return whether there is motion now.

        Returns:
            ``motion``.

        Raises:
            BusError: The line could not be read.
        """
        level = self.output.level()
        return self._packed(level, self.clock.timestamp_ms(), 0, active_low=active_low)

    @operation(gives=(PULSES,), main=PULSES, reads_only=True)
    def count(
        self,
        active_low: ActiveLow = True,  # noqa: FBT002  (of the wire)
        window_ms: WindowMs = 10_000,
        poll_ms: CountPollMs = 100,
    ) -> Result:
        """Count how often a motion begins.

        The sensor reports a motion for about 2 s and is blind for another 2 s, so more than one in
        4 s cannot be seen.

        Returns:
            ``pulses``; uncertain while the sensor settles.

        Raises:
            BusError: The line could not be used.
        """
        return self._counted(active_low, window_ms, poll_ms, frequency=False)

    @operation(gives=(FREQUENCY, PULSES), main=FREQUENCY, reads_only=True)
    def frequency(
        self,
        active_low: ActiveLow = True,  # noqa: FBT002  (of the wire)
        window_ms: WindowMs = 20_000,
        poll_ms: CountPollMs = 100,
    ) -> Result:
        """Measure how often a second a motion begins, at most every 4 s (0.25 Hz).

        Returns:
            ``frequency`` in Hz, and ``pulses``; uncertain while the sensor settles.

        Raises:
            BusError: The line could not be used.
        """
        return self._counted(active_low, window_ms, poll_ms, frequency=True)

    @event(gives=(MOTION, MISSED), main=MOTION, polled=True)
    def motion(
        self,
        active_low: ActiveLow = True,  # noqa: FBT002  (of the wire)
        debounce_ms: DebounceMs = 0,
        poll_ms: PollMs = 10,
    ) -> LineEvents:
        """Report when motion begins and ends; the first message is the present state.

        Once the sensor has settled, the present state is reported again, as a reading that can be
        trusted.

        Returns:
            The event source.

        Raises:
            BusError: The line could not be used.
        """
        return LineEvents(
            self.output,
            lambda level, timestamp_ms, missed: self._packed(
                level, timestamp_ms, missed, active_low=active_low
            ),
            self.clock,
            bias=Bias.UP,
            debounce_ms=debounce_ms,
            poll_ms=poll_ms,
            settled_at=self._settled_at or 0.0,
        )

    def _counted(
        self,
        active_low: bool,  # noqa: FBT001  (of the wire)
        window_ms: int,
        poll_ms: int,
        *,
        frequency: bool,
    ) -> Result:
        unsettled = self._unsettled()
        begins_with = 0 if active_low else 1
        train = count_edges(self, self.output, begins_with, window_ms, poll_ms, Bias.UP)
        found = report(self, train, poll_ms, frequency=frequency)
        if unsettled:
            found.quality, found.note = Quality.UNCERTAIN, f"{unsettled} {found.note}".rstrip()
        return found

    def _unsettled(self) -> str:
        """Return why readings cannot be trusted yet; empty once they can."""
        left_s = (self._settled_at or 0.0) - self.clock.monotonic()
        if left_s <= 0.0:
            return ""
        return f"The sensor may still be settling, for {math.ceil(left_s)} s."

    def _packed(self, level: int, timestamp_ms: float, missed: int, *, active_low: bool) -> Result:
        values: dict[str, object] = {"motion": level == (0 if active_low else 1)}
        if missed:
            values["missed"] = missed
        note = self._unsettled()
        return Result(values, timestamp_ms, Quality.UNCERTAIN if note else Quality.GOOD, note)
