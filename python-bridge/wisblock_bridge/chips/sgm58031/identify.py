"""Which of the two converters is it? An ADS1115 and an SGM58031 told apart by reading.

1. Registers are only read; the pointer is the only thing that is written.
2. A verdict says how sure it is and why; a guess is not dressed up as knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.ads1115.driver import ADS1115
from wisblock_bridge.chips.sgm58031.driver import SGM58031
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

CHIP_ID = 0x0080
"""What RAKwireless' own Arduino library for the SGM58031 expects in register 5."""
NOT_IN_CHIP_ID = 0xE01F
"""Bits outside the identity (12...8) and version (7...5) fields."""
STATUS = 0x8000
"""The one bit of the config register that changes by itself."""

Confidence = Literal["high", "medium", "low"]

_WORD = Read(2)
_CONFIG, _LOW_THRESHOLD, _CHIP_ID, _TRIM = (Write(bytes((pointer,))) for pointer in (1, 2, 5, 6))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the registers says.

    Attributes:
        chip: "SGM58031", "ADS1115", or "" when it is neither.
        confidence: How sure that is.
        note: Why, in one sentence.
        converter: A driver for it; None when it is neither.
    """

    chip: str
    confidence: Confidence
    note: str
    converter: ADS1115 | None


def identify(bus: I2CBus, address: int, clock: Clock) -> Verdict:
    """Look which converter answers at an address.

    Register 5 is the Chip_ID of an SGM58031. An ADS1115 has two pointer bits, so there pointer 5
    should give register 1 (config) and pointer 6 register 2 (low threshold) again; its datasheet
    only says that the other bits are to be written as 0, so that verdict is never of high
    confidence. All is read in one transaction, so nobody can change the config register in between.
    Both drivers work with either chip; only their first wait differs.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x48...0x4b.
        clock: Handed to the driver.

    Returns:
        The verdict.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    messages = (_CONFIG, _WORD, _LOW_THRESHOLD, _WORD, _CHIP_ID, _WORD, _TRIM, _WORD)
    try:
        answer = bus.transfer(address, *messages)
    except BusError as error:
        if error.fault is not BusFault.NO_ACKNOWLEDGE:
            raise
        bus.transfer(address, _CONFIG, _WORD)  # nobody there: this one fails too
        note = "It refuses register 5, which an SGM58031 has."
        return Verdict("ADS1115", "low", note, ADS1115(bus, address, clock))
    config, low_threshold, chip_id, trim = (
        int.from_bytes(answer[at : at + 2], "big") for at in range(0, 8, 2)
    )
    if chip_id == CHIP_ID and chip_id != config & ~STATUS:
        note = "Register 5 holds the identity of an SGM58031."
        return Verdict("SGM58031", "high", note, SGM58031(bus, address, clock))
    if not (chip_id ^ config) & ~STATUS and trim == low_threshold:
        note = "Registers 5 and 6 repeat registers 1 and 2, as with two pointer bits."
        return Verdict("ADS1115", "medium", note, ADS1115(bus, address, clock))
    if chip_id and not chip_id & NOT_IN_CHIP_ID:
        note = f"Register 5 holds 0x{chip_id:04x}, which could be another version of the SGM58031."
        return Verdict("SGM58031", "medium", note, SGM58031(bus, address, clock))
    note = f"Register 5 holds 0x{chip_id:04x}, which fits neither an SGM58031 nor an ADS1115."
    return Verdict("", "low", note, None)
