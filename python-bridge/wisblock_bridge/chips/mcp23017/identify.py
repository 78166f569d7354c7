"""Is it an MCP23017? Told by reading.

1. Registers are only read; the pointer is the only thing that is written.
2. A verdict says how sure it is and why; a guess is not dressed up as knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.mcp23017.driver import MCP23017
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

Confidence = Literal["high", "medium", "low"]

BANKED, UNUSED = 0x80, 0x01
"""Bits of IOCON: the layout BANK = 1, and the one that always reads 0."""

_ONE_BYTE, _TWO_BYTES = Read(1), Read(2)
_FIRST, _ENABLED, _BANKED_CONTROL, _CONTROL, _FLAGS, _BANKED_CONTROL_B = (
    Write(bytes((pointer,))) for pointer in (0x00, 0x04, 0x05, 0x0A, 0x0E, 0x15)
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the registers says.

    Attributes:
        chip: "MCP23017", or "" when it is something else.
        confidence: How sure that is.
        note: Why, in one sentence.
        driver: A driver for it; None when it is something else.
    """

    chip: str
    confidence: Confidence
    note: str
    driver: MCP23017 | None


def identify(bus: I2CBus, address: int, clock: Clock) -> Verdict:
    """Look whether an MCP23017 answers at an address.

    It has no identity register. What it has is one control register, IOCON, that shows at two
    addresses and says itself in which layout that is; and interrupt flags only where interrupts
    are enabled. All is read in one transaction. Not for an address where an expander without
    registers may be (PI4IOE5V96224): that one takes a pointer for the level of its first port.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x20...0x27.
        clock: Handed to the driver.

    Returns:
        The verdict.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    singles = (_BANKED_CONTROL, _ONE_BYTE, _BANKED_CONTROL_B, _ONE_BYTE)
    pairs = (_CONTROL, _TWO_BYTES, _ENABLED, _TWO_BYTES, _FLAGS, _TWO_BYTES)
    try:
        answer = bus.transfer(address, *singles, *pairs)
    except BusError as error:
        if error.fault is not BusFault.NO_ACKNOWLEDGE:
            raise
        bus.transfer(address, _FIRST, _ONE_BYTE)  # nobody there: this one fails too
        return Verdict("", "low", "It refuses registers that an MCP23017 has.", None)
    banked, banked_again, control, control_again = answer[:4]
    enabled, flags = (int.from_bytes(answer[at : at + 2], "little") for at in (4, 6))
    if banked == banked_again and banked & BANKED and not banked & UNUSED:
        note = "Registers 0x05 and 0x15 both hold a control register that says BANK = 1."
        return Verdict("MCP23017", "medium", note, MCP23017(bus, address, clock))
    if control == control_again and not control & (BANKED | UNUSED) and not flags & ~enabled:
        note = "Registers 0x0a and 0x0b are one control register, and it says BANK = 0."
        return Verdict("MCP23017", "medium", note, MCP23017(bus, address, clock))
    note = f"Registers 0x0a and 0x0b hold 0x{control:02x} and 0x{control_again:02x}, no IOCON."
    return Verdict("", "low", note, None)
