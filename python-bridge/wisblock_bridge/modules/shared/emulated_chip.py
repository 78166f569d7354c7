"""What emulated products with one chip on the slot's I2C bus have in common.

1. The chip sits at the address that its straps are soldered to: as delivered, unless the slot says
   otherwise.
2. What the chip is connected to is the product's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wisblock_bridge.module_api.emulated import EmulatedModule, SlotPins

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.i2c import EmulatedChip


class EmulatedI2CModule(EmulatedModule):
    """Base of the emulated products whose chip has address straps.

    Args:
        pins: The slot it is plugged into.
        demo_period_s: Period of the demo mode's slow changes; 0 for none.

    Attributes:
        chip: Name of the chip, as the product's description has it.
        address: 7-bit address as delivered.
    """

    chip: ClassVar[str]
    address: ClassVar[int]

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._at = pins.address(self.chip, self.address)

    def connect(self, device: EmulatedChip) -> None:
        """Put the chip on the bus.

        Args:
            device: The emulated chip.

        Raises:
            ValueError: Another chip has its address.
        """
        self.pins.i2c.attach(self._at, device)
        self._device = device

    def power_cycle(self) -> bool:
        """Take the supply away for a moment, as ``EmulatedModule.power_cycle`` says."""
        self._device.power_cycle()
        return True

    def unplug(self) -> None:
        """Leave the slot."""
        self.pins.i2c.detach(self._at)
