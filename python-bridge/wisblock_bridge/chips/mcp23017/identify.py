"""Is it an MCP23017? Told by reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

BANKED, UNUSED = 0x80, 0x01
"""Bits of IOCON: the layout BANK = 1, and the one that always reads 0."""

_ONE_BYTE, _TWO_BYTES = Read(1), Read(2)
_FIRST, _ENABLED, _BANKED_CONTROL, _CONTROL, _FLAGS, _BANKED_CONTROL_B = (
    Write(bytes((pointer,))) for pointer in (0x00, 0x04, 0x05, 0x0A, 0x0E, 0x15)
)


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether an MCP23017 answers at an address.

    It has no identity register. What it has is one control register, IOCON, that shows at two
    addresses and says itself in which layout that is; and interrupt flags only where interrupts
    are enabled. Not for an address where an expander without registers may be (PI4IOE5V96224): that
    one takes a pointer for the level of its first port.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x20...0x27.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    try:
        banked = bus.transfer(address, _BANKED_CONTROL, _ONE_BYTE)[0]
        banked_again = bus.transfer(address, _BANKED_CONTROL_B, _ONE_BYTE)[0]
        control, control_again = bus.transfer(address, _CONTROL, _TWO_BYTES)
        enabled = int.from_bytes(bus.transfer(address, _ENABLED, _TWO_BYTES), "little")
        flags = int.from_bytes(bus.transfer(address, _FLAGS, _TWO_BYTES), "little")
    except BusError as error:
        if error.fault is not BusFault.NO_ACKNOWLEDGE:
            raise
        bus.transfer(address, _FIRST, _ONE_BYTE)  # nobody there: this one fails too
        return Identification("", "low", "It refuses registers that an MCP23017 has.")
    if banked == banked_again and banked & BANKED and not banked & UNUSED:
        note = "Registers 0x05 and 0x15 both hold a control register that says BANK = 1."
        return Identification("MCP23017", "medium", note)
    if control == control_again and not control & (BANKED | UNUSED) and not flags & ~enabled:
        if not (control or flags or enabled or any(bus.transfer(address, _FIRST, _TWO_BYTES))):
            note = "All it says is zero, as a chip that is no MCP23017 may say as well."
            return Identification("MCP23017", "low", note)
        note = "Registers 0x0a and 0x0b are one control register, and it says BANK = 0."
        return Identification("MCP23017", "medium", note)
    note = f"Registers 0x0a and 0x0b hold 0x{control:02x} and 0x{control_again:02x}, no IOCON."
    return Identification("", "low", note)
