"""Is it a TPT29555? Told by reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

LOOKS = 3
"""How often a register pair is read: its inputs may change between two looks."""

_FOUR_BYTES = Read(4)
_CONFIGURATION, _INPUT = Write(b"\x06"), Write(b"\x00")


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether a TPT29555 answers at an address.

    It has no identity register. But reading on behind a register pair gives the same pair again
    (datasheet, "Reading the port registers": the pointer toggles within a pair), where an MCP23017
    goes on to the next registers.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x20...0x27.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    for pointer in (_CONFIGURATION, _INPUT):
        for _ in range(LOOKS):
            first, second, third, fourth = bus.transfer(address, pointer, _FOUR_BYTES)
            if (first, second) == (third, fourth):
                break
        else:
            return Identification("", "medium", "It does not read like a TPT29555.")
    note = "Its registers repeat in pairs, as those of a TPT29555."
    return Identification("TPT29555", "medium", note)
