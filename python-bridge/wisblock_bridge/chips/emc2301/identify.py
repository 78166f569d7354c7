"""Is it an EMC2301? It has registers that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

PRODUCT, MAKER = b"\x37", b"\x5d"

_ONE_BYTE = Read(1)
_PRODUCT, _MAKER = Write(b"\xfd"), Write(b"\xfe")


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether an EMC2301 answers at an address.

    Args:
        bus: The bus to look at.
        address: 7-bit address.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.

    Source: Microchip EMC2301 datasheet, registers FDh and FEh.
    """
    product = bus.transfer(address, _PRODUCT, _ONE_BYTE)
    maker = bus.transfer(address, _MAKER, _ONE_BYTE)
    if (product, maker) == (PRODUCT, MAKER):
        return Identification("EMC2301", "high", "It tells product 0x37 and maker 0x5d.")
    note = f"It tells product 0x{product.hex()} and maker 0x{maker.hex()}, no EMC2301."
    return Identification("", "low", note)
