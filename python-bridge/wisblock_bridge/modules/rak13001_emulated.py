"""The emulated RAK13001: a relay that follows IO4, an optocoupler that pulls IO3 low.

1. Physics of the product only: the optocoupler's transistor conducts or it does not; what holds the
   line high is the board's pull-up.
2. Before the bridge drives a pin, the board's pull decides, as on the bench.
3. In demo mode the voltage at the input comes and goes; that is seen by looking only, no edge is
   reported for it.
"""

from __future__ import annotations

from wisblock_bridge.module_api.emulated import EmulatedModule, Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_switches import DemoSwitch, EmulatedRelay, truth


class EmulatedRAK13001(EmulatedModule):
    """A RAK13001 with a voltage source at K1 and K2 that can be switched."""

    product = "RAK13001"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._relay = EmulatedRelay(pins.wire("IO4"), pins.clock)
        self._active = DemoSwitch(pins.clock, demo_period_s / 2, 0.5)
        if demo_period_s > 0.0:
            pins.wire("IO3").follow(self.product, self._level)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: coil and contact, and the voltage at the input."""
        return (*self._relay.quantities(), truth("active", self._active.get, self._apply))

    def unplug(self) -> None:
        """Leave the slot."""
        self._relay.unplug()
        self.pins.wire("IO3").follow(self.product, None)
        self.pins.wire("IO3").drive(self.product, None)

    def _level(self) -> int | None:
        return 0 if self._active.get() else None

    def _apply(self, active: bool) -> None:  # noqa: FBT001  (a setter)
        self._active.set(active)
        self.pins.wire("IO3").follow(self.product, None)
        self.pins.wire("IO3").drive(self.product, self._level())
