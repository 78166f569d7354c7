"""The emulated RAK12006: motion pulls IO6 low.

1. Physics of the product only: the sensor and the inverting transistor behind it.
2. Nobody walks by unless told to; in demo mode somebody does, twice in a period. That is seen by
   looking only: no edge is reported for it, because nobody is there to drive the line at that time.
"""

from __future__ import annotations

from wisblock_bridge.module_api.emulated import EmulatedModule, Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_switches import DemoSwitch, truth

WALK_SHARE = 0.2
WALKS_IN_A_PERIOD = 2


class EmulatedRAK12006(EmulatedModule):
    """A RAK12006 that looks at an empty room."""

    product = "RAK12006"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._motion = DemoSwitch(pins.clock, demo_period_s / WALKS_IN_A_PERIOD, WALK_SHARE)
        if demo_period_s > 0.0:
            pins.wire("IO6").follow(self.product, self._level)
        else:
            self._show(self._motion.get())

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: whether something moves."""
        return (truth("motion", self._motion.get, self._show),)

    def unplug(self) -> None:
        """Leave the slot."""
        self.pins.wire("IO6").follow(self.product, None)
        self.pins.wire("IO6").drive(self.product, None)

    def _level(self) -> int:
        return 0 if self._motion.get() else 1

    def _show(self, motion: bool) -> None:  # noqa: FBT001  (a setter)
        self._motion.set(motion)
        self.pins.wire("IO6").follow(self.product, None)
        self.pins.wire("IO6").drive(self.product, self._level())
