"""Is it an ADS7830? The chip has no registers, and that is what gives it away.

Nothing is written but command bytes that leave the internal reference off; to chips with
registers they are pointers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

ENDS = frozenset((0, 255))
"""Codes that do not show a conversion at work: all kinds of chips and buses read as these."""
TOLERANCE = 4
"""How far conversions of a quiet input may lie apart, in steps."""

# The two low bits of a command mean nothing to an ADS7830: these three are one and the same
# measurement, input 0 against input 1, while chips with registers have three different ones here.
_COMMANDS = tuple(Write(bytes((command,))) for command in (0x01, 0x02, 0x03))
_FOUR_BYTES = Read(4)


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether an ADS7830 answers at an address.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x48...0x4b.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification. It is never of high confidence, and a signal that moves quickly between
        inputs 0 and 1 makes it "neither".

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    codes = b"".join(bus.transfer(address, command, _FOUR_BYTES) for command in _COMMANDS)
    if max(codes) - min(codes) > TOLERANCE:
        note = f"Bytes from {min(codes)} to {max(codes)} where an ADS7830 would repeat itself."
        return Identification("", "low", note)
    if ENDS.intersection(codes):
        note = f"It answers {codes[0]} to everything, as an ADS7830 with idle inputs would."
        return Identification("ADS7830", "low", note)
    note = f"It converts to {codes[0]} where chips with registers would show different ones."
    return Identification("ADS7830", "medium", note)
