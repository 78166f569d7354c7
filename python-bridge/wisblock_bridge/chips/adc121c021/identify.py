"""Is it an ADC121C021? The chip has no identity register, so reset values and zeros are looked at.

The result register is left alone: reading it would start a conversion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

AFTER_POWER_UP = (0x0000, 0x0FFF, 0x0000, 0x0FFF, 0x0000)
"""Low limit, high limit, hysteresis, lowest and highest conversion. The relatives with fewer bits
start with other high limits: 0x0FFC (ADC101C021) and 0x0FF0 (ADC081C021).
"""
NOT_IN_STATUS = 0xFC
NOT_IN_CONFIG = 0x02
NOT_IN_WORDS = 0xF000

_BYTE, _WORD = Read(1), Read(2)
_STATUS, _CONFIG = Write(b"\x01"), Write(b"\x02")
_WORDS = tuple(Write(bytes((pointer,))) for pointer in range(3, 8))


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether an ADC121C021 answers at an address.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x50...0x5a.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    status, config = (bus.transfer(address, pointer, _BYTE)[0] for pointer in (_STATUS, _CONFIG))
    words = tuple(
        int.from_bytes(bus.transfer(address, pointer, _WORD), "big") for pointer in _WORDS
    )
    if (
        status & NOT_IN_STATUS
        or config & NOT_IN_CONFIG
        or any(word & NOT_IN_WORDS for word in words)
    ):
        note = "Bits are set that always read 0 in an ADC121C021."
        return Identification("", "low", note)
    if words == AFTER_POWER_UP:
        note = "Limits and extremes are as after power-up of an ADC121C021."
        return Identification("ADC121C021", "high", note)
    low, high, _, lowest, highest = words
    if high > low and (lowest <= highest or (lowest, highest) == AFTER_POWER_UP[3:]):
        note = "Limits and extremes are in order, and all unused bits are 0."
        return Identification("ADC121C021", "medium", note)
    note = "The unused bits of an ADC121C021 are 0, but nothing else confirms it."
    return Identification("", "low", note)
