"""The emulated RAK12006: motion pulls IO6 low.

1. Physics of the product only: the sensor and the inverting transistor behind it.
2. It moves when it is told to; nobody walks by of themselves.
"""

from __future__ import annotations

from wisblock_bridge.modules.emulated.switches import truth
from wisblock_bridge.modules.emulated.twin import Quantity, SlotPins, Twin


class EmulatedRAK12006(Twin):
    """A RAK12006 that looks at an empty room."""

    product = "RAK12006"

    def __init__(self, pins: SlotPins, swing_s: float = 0.0) -> None:
        super().__init__(pins, swing_s)
        self._motion = False
        self._show(motion=False)

    def quantities(self) -> tuple[Quantity, ...]:
        """Tell what the back door offers: whether something moves."""
        return (truth("motion", lambda: self._motion, lambda value: self._show(motion=value)),)

    def unplug(self) -> None:
        """Leave the slot."""
        self.pins.wire("IO6").drive(self.product, None)

    def _show(self, *, motion: bool) -> None:
        self._motion = motion
        self.pins.wire("IO6").drive(self.product, 0 if motion else 1)
