"""Is it a PCA9685? Told by reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

SHARED_ADDRESSES = bytes((0xE2, 0xE4, 0xE8, 0xE0))
"""SUBADR1...3 and ALLCALLADR after power-up; hardly any program changes them."""
NOT_IN_MODE_2 = 0xE0
"""Bits of MODE2 that always read 0."""
NOT_IN_ADDRESS = 0x01
"""The bit of a shared address that always reads 0."""
LEAST_PRESCALE = 3

_ONE_BYTE = Read(1)
_MODE_1 = Write(b"\x00")
_POINTERS = tuple(Write(bytes((pointer,))) for pointer in (0x01, 0x02, 0x03, 0x04, 0x05, 0xFE))


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether a PCA9685 answers at an address.

    It has no identity register, but its four shared addresses have values of their own after
    power-up. Each register is read on its own, because auto-increment may be off.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x40...0x7f.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    try:
        answer = b"".join(bus.transfer(address, pointer, _ONE_BYTE) for pointer in _POINTERS)
    except BusError as error:
        if error.fault is not BusFault.NO_ACKNOWLEDGE:
            raise
        bus.transfer(address, _MODE_1, _ONE_BYTE)  # nobody there: this one fails too
        return Identification("", "low", "It refuses registers that a PCA9685 has.")
    mode_2, shared, prescale = answer[0], answer[1:5], answer[5]
    fits = not mode_2 & NOT_IN_MODE_2 and prescale >= LEAST_PRESCALE
    if fits and shared == SHARED_ADDRESSES:
        note = "Registers 0x02 to 0x05 hold the shared addresses of a PCA9685 after power-up."
        return Identification("PCA9685", "high", note)
    note = f"Registers 0x02 to 0x05 hold {shared.hex(' ')}, "
    if fits and not any(each & NOT_IN_ADDRESS for each in shared) and len(set(shared)) > 1:
        note += "which could be shared addresses that a program changed."
        return Identification("PCA9685", "low", note)
    return Identification("", "low", f"{note}which fits no PCA9685.")
