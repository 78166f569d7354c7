"""A chip select of an SPI bus as a device file: what the stand-in of spidev speaks to.

1. What is connected is an SPI bus of the product's emulation; its failures become error numbers.
2. There is no wheel of spidev for every computer that tests run on, so the program under test gets
   ``stand_ins/spidev.py`` in its place. It speaks to the device server as the preloaded library
   does.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from tests.preload.i2c_device import ERRNO_OF

from wisblock_bridge.errors import BusError

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.spi import EmulatedSpiBus

STAND_INS = Path(__file__).parent / "stand_ins"
"""Goes onto the path of a program that shall find the stand-in."""


class ChipSelect:
    """A chip select.

    Args:
        path: Its device file ("/dev/spidev0.0").
        bus: What it belongs to.
    """

    def __init__(self, path: str, bus: EmulatedSpiBus) -> None:
        self.path = path
        self.bus = bus

    def open(self) -> ChipSelectFile:
        """Open the device file."""
        return ChipSelectFile(self)


class ChipSelectFile:
    """One opening of the device file."""

    def __init__(self, select: ChipSelect) -> None:
        self._select = select

    def ioctl_number(self, _request: int, _argument: int) -> tuple[int, bytes]:
        """Refuse: mode and clock are the stand-in's business."""
        raise OSError(errno.ENOTTY, "no such ioctl")

    def ioctl_struct(self, _request: int, data: bytes) -> tuple[int, bytes]:
        """Carry out one transfer."""
        try:
            answer = self._select.bus.transfer(self._select.path, data)
        except BusError as error:
            raise OSError(ERRNO_OF[error.fault], str(error)) from error
        return len(answer), answer

    def i2c_rdwr(self, _count: int, _data: bytes) -> tuple[int, bytes]:
        """Refuse: it is no I2C adapter."""
        raise OSError(errno.ENOTTY, "no such ioctl")

    def close(self) -> None:
        """Do nothing: a chip select keeps nothing for a file."""
