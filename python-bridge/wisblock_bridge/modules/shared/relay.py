"""A relay behind one line of the slot, and the operations of every module that has one.

1. The line high energises the coil; safe is low.
2. After every command the line is read back: that tells a short, not a broken coil.
3. What is known is what was commanded; nothing is restored automatically.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from wisblock_bridge.errors import BridgeError, NotReadyError
from wisblock_bridge.module_api import (
    DigitalLine,
    Module,
    Param,
    Part,
    ReadingSpec,
    Result,
    TimerHandle,
    Timers,
    operation,
)
from wisblock_bridge.modules.shared.punctual import PunctualTimers
from wisblock_bridge.modules.shared.safety_net import SafetyNet

OUTPUT = "relay"

ON = ReadingSpec(
    "on",
    "Whether the coil is energised and the normally open contact closed.",
    kind="bool",
)

UNCONFIRMED_AT_POWER_ON = (
    "Whether the relay stays off on a RAK7391 between power-on and the start of the "
    "bridge: the expander's weak pull-up is on the line until then."
)

On = Annotated[bool, Param("True closes the normally open contact, false opens it.")]
PulseMs = Annotated[
    int,
    Param(
        "How long the relay is on. It needs up to 10 ms to operate.",
        unit="millisecond",
        low=20,
        high=86_400_000,
        label="duration",
    ),
]


class Relay:
    """The coil of a relay.

    Args:
        line: The line that energises it.
        timers: Of the module.
    """

    def __init__(self, line: DigitalLine, timers: Timers) -> None:
        self._line = line
        self._timers = timers
        self._net = SafetyNet(timers, self._release)
        self._pulse: TimerHandle | None = None
        self._on = False

    def release(self) -> None:
        """Switch off; where the hardware does not answer, that is tried until it does.

        Raises:
            BusError: The line could not be driven now.
        """
        self._net.make_safe()

    def close(self) -> None:
        """Switch off and return the line.

        Raises:
            BusError: The line could not be driven.
        """
        self._net.cancel()
        try:
            self._release()
        finally:
            self._line.let_go()  # and not as an input: a pull-up may switch the relay on

    def switch(self, *, on: bool) -> bool:
        """Switch; a pulse that runs is over.

        Args:
            on: Whether to energise the coil.

        Returns:
            What the line reads.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        if not on:
            self.release()
            return self.is_on()
        self._end_pulse()
        self._net.cancel()
        try:
            self._on = True
            self._line.drive(1)
            return self.is_on()
        except BridgeError:
            self._net.make_safe_after_error()
            raise

    def toggle(self) -> bool:
        """Switch to the other state than the one commanded last.

        Returns:
            What the line reads.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        return self.switch(on=not self._on)

    def pulse(self, seconds: float) -> bool:
        """Switch on for a while; the pulse ends even if nobody is there any more.

        Args:
            seconds: How long.

        Returns:
            What the line reads.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        on = self.switch(on=True)
        self._pulse = self._timers.after(seconds, self.release)
        return on

    @property
    def rests(self) -> bool:
        """Whether it is off, as far as is known."""
        return not self._on

    def is_on(self) -> bool:
        """Read the line back and compare it with what was commanded.

        Returns:
            Whether the line is high.

        Raises:
            BusError: The line could not be read.
            NotReadyError: The line is not as commanded; ``SupplyLostError`` where that is because
                its expander was reset.
        """
        level = self._line.level()
        if level != int(self._on):
            self._line.check_driven()
            raise NotReadyError(
                f"The relay's line is driven {'high' if self._on else 'low'} and reads {level}.",
                hint="A short or another output holds the line: pull the module out and look, then "
                "give the command again.",
                where=self._line.place,
            )
        return self._on

    def _release(self) -> None:
        self._end_pulse()
        self._on = False
        self._line.drive(0)

    def _end_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse.cancel()
            self._pulse = None


class RelayModule(Module):
    """Base of the modules that have one relay; the line of its coil is the product's."""

    coil: ClassVar[Part[DigitalLine]]

    def setup(self) -> None:
        """Create the relay on the line of its coil, whose pulses end in time during a count."""
        self.timers = PunctualTimers(self.timers, self.clock)
        self._relay = Relay(self.coil, self.timers)

    def open(self) -> None:
        """Switch the relay off."""
        self._relay.release()

    def rests(self, output: str) -> bool:  # noqa: ARG002  (there is one)
        """Return whether the relay is off."""
        return self._relay.rests

    def check_supply(self) -> None:
        """Check whether the expander still drives the relay's line."""
        self.coil.check_driven()

    def make_safe(self, output: str) -> None:  # noqa: ARG002  (there is one)
        """Switch the relay off."""
        self._relay.release()

    def close(self) -> None:
        """Switch the relay off and return its line."""
        self._relay.close()

    @operation(
        gives=(ON,),
        main=ON,
        drives=OUTPUT,
        urgent={"on": False},
        payload_param="on",
        default=True,
    )
    def set(self, on: On) -> Result:
        """Switch the relay on or off; a pulse that runs is over.

        Returns:
            ``on``, as read back from the line.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        return self.readings(on=self._relay.switch(on=on))

    @operation(gives=(ON,), main=ON, drives=OUTPUT)
    def toggle(self) -> Result:
        """Switch the relay to its other state; a pulse that runs is over.

        Returns:
            ``on``, as read back from the line.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        return self.readings(on=self._relay.toggle())

    @operation(gives=(ON,), main=ON, drives=OUTPUT, payload_param="ms")
    def pulse(self, ms: PulseMs) -> Result:
        """Switch the relay on for a while, then off; it ends even if the client has disconnected.

        A pulse during a pulse starts again. Afterwards the relay is off, whatever it was before.

        Returns:
            ``on``, which is true now.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        return self.readings(on=self._relay.pulse(ms / 1000.0))

    @operation(gives=(ON,), main=ON, reads_only=True)
    def state(self) -> Result:
        """Read the relay's line back.

        Returns:
            ``on``.

        Raises:
            BusError: The line could not be read.
            NotReadyError: The line is not as commanded.
        """
        return self.readings(on=self._relay.is_on())
