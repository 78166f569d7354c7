"""What emulated products with one chip on the slot's I2C bus have in common.

1. The chip sits at the address as delivered until its straps are soldered otherwise.
2. What the chip is connected to is the product's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wisblock_bridge.modules.emulated.twin import SlotPins, Twin

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.i2c import EmulatedI2CDevice


class ChipTwin(Twin):
    """Base of the emulated products whose chip has address straps.

    Args:
        pins: The slot it is plugged into.
        swing_s: Period of the demo mode's slow changes; 0 for none.

    Attributes:
        chip: Name of the chip, as the product's description has it.
        address: 7-bit address as delivered.
    """

    chip: ClassVar[str]
    address: ClassVar[int]

    def __init__(self, pins: SlotPins, swing_s: float = 0.0) -> None:
        super().__init__(pins, swing_s)
        self._at: int | None = None
        self._device: EmulatedI2CDevice | None = None

    def connect(self, device: EmulatedI2CDevice) -> None:
        """Put the chip on the bus.

        Args:
            device: The emulated chip.

        Raises:
            ValueError: Another chip has its address.
        """
        self._device = device
        self.strap(self.address)

    def strap(self, address: int) -> None:
        """Solder the straps so that the chip answers at another address.

        Args:
            address: 7-bit address.

        Raises:
            ValueError: Another chip has that address.
        """
        assert self._device is not None  # noqa: S101  (connected by the product's constructor)
        if address != self._at:
            self.pins.i2c.attach(address, self._device)
            self.unplug()
            self._at = address

    def unplug(self) -> None:
        """Leave the slot."""
        if self._at is not None:
            self.pins.i2c.detach(self._at)
            self._at = None
