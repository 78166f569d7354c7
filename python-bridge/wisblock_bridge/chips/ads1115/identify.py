"""Which of the two converters is it? An ADS1115 and an SGM58031 told apart by reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

CHIP_ID = 0x0080
"""What RAKwireless' own Arduino library for the SGM58031 expects in register 5."""
NOT_IN_CHIP_ID = 0xE01F
"""Bits outside the identity (12...8) and version (7...5) fields."""
STATUS = 0x8000
"""The one bit of the config register that the chip changes itself."""
SAME = 4
"""Bytes that lie no further apart than this may be conversions of one quiet input."""

_WORD = Read(2)
_CONFIG, _LOW_THRESHOLD, _CHIP_ID, _TRIM = (Write(bytes((pointer,))) for pointer in (1, 2, 5, 6))


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Find which converter answers at an address.

    Register 5 is the Chip_ID of an SGM58031. An ADS1115 has two pointer bits, so there pointer 5
    should give register 1 (config) and pointer 6 register 2 (low threshold) again; its datasheet
    only says that the other bits are to be written as 0, so that identification is never of high
    confidence. Both drivers work with either chip; only their first wait differs.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x48...0x4b.
        clock: Not needed; every chip is identified through the same signature.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    config = _word(bus, address, _CONFIG)
    low_threshold = _word(bus, address, _LOW_THRESHOLD)
    try:
        chip_id = _word(bus, address, _CHIP_ID)
        trim = _word(bus, address, _TRIM)
    except BusError as error:
        if error.fault is not BusFault.NO_ACKNOWLEDGE:
            raise
        return Identification("ADS1115", "low", "It refuses register 5, which an SGM58031 has.")
    if chip_id == CHIP_ID and chip_id != config & ~STATUS:
        note = "Register 5 holds the identity of an SGM58031."
        return Identification("SGM58031", "high", note)
    if _all_alike(config, low_threshold):
        note = "Registers 1 and 2 read the same: an ADS7830, which has none, would answer so."
        return Identification("", "low", note)
    if not (chip_id ^ config) & ~STATUS and trim == low_threshold:
        note = "Registers 5 and 6 repeat registers 1 and 2, as with two pointer bits."
        return Identification("ADS1115", "medium", note)
    if chip_id and not chip_id & NOT_IN_CHIP_ID:
        note = f"Register 5 holds 0x{chip_id:04x}, which could be another version of the SGM58031."
        return Identification("SGM58031", "medium", note)
    note = f"Register 5 holds 0x{chip_id:04x}, which fits neither an SGM58031 nor an ADS1115."
    return Identification("", "low", note)


def _all_alike(*words: int) -> bool:
    """Whether nothing but one value was read, as from a chip that has no registers."""
    found = b"".join(word.to_bytes(2, "big") for word in words)
    return max(found) - min(found) <= SAME


def _word(bus: I2CBus, address: int, pointer: Write) -> int:
    return int.from_bytes(bus.transfer(address, pointer, _WORD), "big")
