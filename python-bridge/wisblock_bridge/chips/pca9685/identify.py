"""Is it a PCA9685? Told by reading.

1. Registers are only read; the pointer is the only thing that is written.
2. A verdict says how sure it is and why; a guess is not dressed up as knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.pca9685.driver import PCA9685
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

Confidence = Literal["high", "medium", "low"]

SHARED_ADDRESSES = bytes((0xE2, 0xE4, 0xE8, 0xE0))
"""SUBADR1...3 and ALLCALLADR after power-up; hardly any program changes them."""
NOT_IN_MODE_2 = 0xE0
"""Bits of MODE2 that always read 0."""
NOT_IN_ADDRESS = 0x01
"""The bit of a shared address that always reads 0."""
LEAST_PRESCALE = 3

_ONE_BYTE = Read(1)
_MODE_1 = Write(b"\x00")
_POINTERS = (0x01, 0x02, 0x03, 0x04, 0x05, 0xFE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the registers says.

    Attributes:
        chip: "PCA9685", or "" when it is something else.
        confidence: How sure that is.
        note: Why, in one sentence.
        driver: A driver for it; None when it is something else.
    """

    chip: str
    confidence: Confidence
    note: str
    driver: PCA9685 | None


def identify(bus: I2CBus, address: int, clock: Clock) -> Verdict:
    """Look whether a PCA9685 answers at an address.

    It has no identity register, but its four shared addresses have values of their own after
    power-up. Each register is read by itself, because auto-increment may be off; all in one
    transaction.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x40...0x7f.
        clock: Handed to the driver.

    Returns:
        The verdict.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    messages: list[Write | Read] = []
    for pointer in _POINTERS:
        messages += (Write(bytes((pointer,))), _ONE_BYTE)
    try:
        answer = bus.transfer(address, *messages)
    except BusError as error:
        if error.fault is not BusFault.NO_ACKNOWLEDGE:
            raise
        bus.transfer(address, _MODE_1, _ONE_BYTE)  # nobody there: this one fails too
        return Verdict("", "low", "It refuses registers that a PCA9685 has.", None)
    mode_2, shared, prescale = answer[0], answer[1:5], answer[5]
    fits = not mode_2 & NOT_IN_MODE_2 and prescale >= LEAST_PRESCALE
    if fits and shared == SHARED_ADDRESSES:
        note = "Registers 0x02 to 0x05 hold the shared addresses of a PCA9685 after power-up."
        return Verdict("PCA9685", "high", note, PCA9685(bus, address, clock))
    note = f"Registers 0x02 to 0x05 hold {shared.hex(' ')}, "
    if fits and not any(each & NOT_IN_ADDRESS for each in shared) and len(set(shared)) > 1:
        note += "which could be shared addresses that a program changed."
        return Verdict("PCA9685", "low", note, PCA9685(bus, address, clock))
    return Verdict("", "low", f"{note}which fits no PCA9685.", None)
