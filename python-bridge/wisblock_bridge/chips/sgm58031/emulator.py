"""SGM58031, 16-bit converter with four inputs: the emulator.

1. It is an emulated ADS1115 with three more registers and its own data rates.
2. Values are typed from the datasheet, never imported from the driver.
"""

from __future__ import annotations

from typing import ClassVar

from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115

# Registers that an ADS1115 does not have.
CONFIG1, CHIP_ID, GN_TRIM1 = 4, 5, 6

DATA_RATE_SELECT = 0x0080
POWER_DOWN = 0x0100
RATES_60_HZ = (7.5, 15, 30, 60, 120, 240, 480, 960)


class EmulatedSGM58031(EmulatedADS1115):
    """A converter in memory.

    Of Config1 it models DR_SEL (the other set of data rates) and PD (stop at once); the external
    reference, the burn-out currents and BUS_FLEX are stored and have no effect. The reset value of
    GN_Trim1 is not confirmed.

    Source: SGMicro SGM58031 datasheet, register table and data rates; the Chip_ID value is the one
        that RAKwireless'
    own Arduino library for this chip gives.
    """

    pointer_mask: ClassVar[int] = 0x07
    rates: ClassVar[tuple[float, ...]] = (6.25, 12.5, 25, 50, 100, 200, 400, 800)

    def reset_values(self) -> dict[int, int]:
        """Return what the registers hold after power-up."""
        return super().reset_values() | {CONFIG1: 0x0000, CHIP_ID: 0x0080, GN_TRIM1: 0x03FA}

    def store(self, register: int, word: int) -> None:
        """Carry out the write of one register."""
        if register == CONFIG1:
            if word & POWER_DOWN:
                self._under_way = None
            super().store(register, word & ~POWER_DOWN)  # the bit clears itself
        elif register != CHIP_ID:
            super().store(register, word & 0x07FF if register == GN_TRIM1 else word)

    def conversion_s(self, config: int) -> float:
        """Return how long a conversion takes."""
        if self._registers[CONFIG1] & DATA_RATE_SELECT:
            return 1.0 / RATES_60_HZ[config >> 5 & 7]
        return super().conversion_s(config)
