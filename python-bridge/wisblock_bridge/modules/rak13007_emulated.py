"""The emulated RAK13007: a relay that follows IO4.

1. Physics of the product only.
2. Before the bridge drives the pin, the board's pull decides, as on the bench.
"""

from __future__ import annotations

from wisblock_bridge.module_api.emulated import EmulatedModule, Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_switches import EmulatedRelay


class EmulatedRAK13007(EmulatedModule):
    """A RAK13007 with a supply on 3V3_S."""

    product = "RAK13007"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._relay = EmulatedRelay(pins.wire("IO4"), pins.clock)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: coil and contact, to be seen."""
        return self._relay.quantities()

    def unplug(self) -> None:
        """Leave the slot."""
        self._relay.unplug()
