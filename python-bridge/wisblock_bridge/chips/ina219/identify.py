"""Is it an INA219? The chip has no identity register, so its habits are looked at.

Bus voltage and power are left alone: reading them would take the ready flag away from somebody
who waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.identification import Identification

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

AFTER_POWER_UP = 0x399F
MODE = 0x0007
ALWAYS_ZERO = 0xC000
"""RST, which clears itself, and the unused bit beside it."""

_WORD = Read(2)
_CONFIG, _SHUNT, _CURRENT, _CALIBRATION = (Write(bytes((pointer,))) for pointer in (0, 1, 4, 5))


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether an INA219 answers at an address.

    After power-up its config register holds a word that hardly anything else would show there. In
    use, the current register is the product of shunt voltage and calibration, which can be checked.

    Args:
        bus: The bus to look at.
        address: 7-bit address, 0x40...0x4f.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    config, calibration, shunt, current = (
        int.from_bytes(bus.transfer(address, pointer, _WORD), "big")
        for pointer in (_CONFIG, _CALIBRATION, _SHUNT, _CURRENT)
    )
    if config & ALWAYS_ZERO or calibration & 1:
        note = f"Config 0x{config:04x} and calibration 0x{calibration:04x} have bits set that "
        return Identification("", "low", note + "always read 0 in an INA219.")
    if config == AFTER_POWER_UP and not calibration and not current:
        note = "Config, calibration and current are as after power-up of an INA219."
        return Identification("INA219", "high", note)
    if not (config ^ AFTER_POWER_UP) & ~MODE:
        note = f"Config 0x{config:04x} is that of an INA219 after power-up but for the mode."
        return Identification("INA219", "medium", note)
    if shunt and current and current == _product(shunt, calibration):
        note = "The current register is the product of shunt voltage and calibration."
        return Identification("INA219", "medium", note)
    note = f"Config 0x{config:04x} could be that of an INA219, but nothing confirms it."
    return Identification("", "low", note)


def _product(shunt: int, calibration: int) -> int:
    magnitude = 0x10000 - shunt if shunt & 0x8000 else shunt
    product = magnitude * calibration // 4096
    return (-product if shunt & 0x8000 else product) & 0xFFFF
