"""INA219, current, voltage and power monitor: the emulator.

1. Bus side: six registers behind a sticky pointer, conversions that take time. Emulator control:
   the current through the shunt and the bus voltage, asked for when a conversion ends.
2. Values are typed from the datasheet, never imported from the driver.
3. Until a conversion ends, the results are those of the one before; without calibration current and
   power stay 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock

CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)

RESET = 0x8000
CONVERSION_READY = 0x0002
OVERFLOW = 0x0001

# MODE, the three low bits of config: what is converted, and whether again and again.
MODE_SHUNT, MODE_BUS, MODE_CONTINUOUS = 0b001, 0b010, 0b100

RECOVERY_S = 40e-6
"""Power-down to ready."""

# Conversion time by ADC code. Codes 0...7 are a resolution of 9, 10, 11 or 12 bit, bit 2 does not
# matter; codes 8...15 are averages of 1, 2, 4 ... 128 samples.
SINGLE_S = (84e-6, 148e-6, 276e-6, 532e-6)
AVERAGED_S = (532e-6, 1.06e-3, 2.13e-3, 4.26e-3, 8.51e-3, 17.02e-3, 34.05e-3, 68.10e-3)

SHUNT_RANGE = (4000, 8000, 16000, 32000)
"""Highest shunt code by PG: 40, 80, 160 and 320 mV in steps of 10 uV."""
BUS_RANGE = (4000, 8000)
"""Highest bus code by BRNG: 16 and 32 V in steps of 4 mV."""


class EmulatedINA219:
    """A current monitor in memory.

    Time passes only as its clock says, and the chip looks at the clock when somebody talks to it: a
    conversion whose end lies in the past takes the current and the voltage of that first look.

    The datasheet says in one place that reading the power register clears the ready flag and in
    another that reading the status register does; Texas Instruments measured the latter, the status
    being in the bus voltage register. By default both do; ``ready_falls_with_bus_voltage`` chooses
    the first account alone. What the registers above 5 hold is not documented: here 0.

    Args:
        current_a: Tells the current through the shunt, A; negative when it flows backwards.
        bus_v: Tells the bus voltage, V.
        clock: Time.
        shunt_ohm: Resistance of the shunt, ohm.

    Attributes:
        never_ready: Fault: conversions do not end, the ready flag stays 0.
        ready_falls_with_bus_voltage: Whether reading the bus voltage register clears the ready
            flag, as the silicon does.

    Source: Texas Instruments INA219 datasheet SBOS448G, sections "Register maps" and "Electrical
        characteristics"; TI E2E forum, "Clearing of the CNVR flag".
    """

    def __init__(
        self,
        current_a: Callable[[], float],
        bus_v: Callable[[], float],
        clock: Clock,
        *,
        shunt_ohm: float = 0.1,
    ) -> None:
        self.current_a = current_a
        self.bus_v = bus_v
        self.shunt_ohm = shunt_ohm
        self.never_ready = False
        self.ready_falls_with_bus_voltage = True
        self._clock = clock
        self._registers: list[int] = []
        self._pointer = 0
        self._under_way: int | None = None
        """Config word of the conversion under way."""
        self._ends_at = 0.0
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back: it converts, but without calibration."""
        self._pointer = 0
        self._reset()

    @property
    def converting(self) -> bool:
        """Whether a conversion is under way at this moment."""
        self._let_time_pass()
        return self._under_way is not None

    def write(self, data: bytes) -> None:
        """Take a pointer and perhaps two bytes, as ``EmulatedI2CDevice.write`` says."""
        if not data:
            return
        self._let_time_pass()
        self._pointer = data[0]
        if len(data) > 2:  # noqa: PLR2004  (a register is written when its second byte has arrived)
            self._store(self._pointer, data[1] << 8 | data[2])

    def read(self, length: int) -> bytes:
        """Return the register that the pointer is on; it does not move on, more bytes repeat."""
        self._let_time_pass()
        word = self._registers[self._pointer] if self._pointer <= CALIBRATION else 0
        if self._pointer == POWER or (self._pointer == BUS and self.ready_falls_with_bus_voltage):
            self._registers[BUS] &= ~CONVERSION_READY
        return (word.to_bytes(2, "big") * (length // 2 + 1))[:length]

    def _store(self, register: int, word: int) -> None:
        if register == CALIBRATION:
            self._registers[CALIBRATION] = word & 0xFFFE
        elif register == CONFIG and word & RESET:
            self._reset()
        elif register == CONFIG:
            asleep = self._under_way is None
            self._registers[CONFIG] = word & 0x3FFF
            self._under_way = None  # a write ends the conversion under way
            if word & (MODE_SHUNT | MODE_BUS):
                self._registers[BUS] &= ~CONVERSION_READY
                self._begin(self._clock.monotonic() + (RECOVERY_S if asleep else 0.0))

    def _reset(self) -> None:
        self._registers = [0x399F, 0, 0, 0, 0, 0]
        self._begin(self._clock.monotonic())

    def _begin(self, moment: float) -> None:
        self._under_way = self._registers[CONFIG]
        self._ends_at = moment + conversion_s(self._under_way)

    def _let_time_pass(self) -> None:
        now = self._clock.monotonic()
        if self._under_way is None or now < self._ends_at or self.never_ready:
            return
        config, self._under_way = self._under_way, None
        self._convert(config)
        if config & MODE_CONTINUOUS:
            # Of the conversions that ended unseen, only the last one can still be read.
            period = conversion_s(config)
            self._begin(self._ends_at + int((now - self._ends_at) / period) * period)

    def _convert(self, config: int) -> None:
        registers = self._registers
        if config & MODE_SHUNT:
            limit = SHUNT_RANGE[config >> 11 & 3]
            code = _quantised(self.current_a() * self.shunt_ohm / 10e-6, config >> 3 & 0xF)
            registers[SHUNT] = min(max(code, -limit), limit) & 0xFFFF
        if config & MODE_BUS:
            code = _quantised(self.bus_v() / 4e-3, config >> 7 & 0xF)
            registers[BUS] = min(max(code, 0), BUS_RANGE[config >> 13 & 1]) << 3
        shunt = registers[SHUNT] - (registers[SHUNT] >> 15 << 16)
        # Fractions are cut off, towards 0 for either sign; the power register has no sign.
        magnitude = abs(shunt) * registers[CALIBRATION] // 4096
        power = magnitude * (registers[BUS] >> 3) // 5000
        overflow = magnitude > 0x7FFF or power > 0xFFFF  # noqa: PLR2004  (ends of the registers)
        registers[CURRENT] = (-magnitude if shunt < 0 else magnitude) & 0xFFFF
        registers[POWER] = power & 0xFFFF
        registers[BUS] &= ~OVERFLOW
        registers[BUS] |= CONVERSION_READY | (OVERFLOW if overflow else 0)


def conversion_s(config: int) -> float:
    """Return how long the conversions that a config word asks for take together.

    Args:
        config: The config word.

    Returns:
        Seconds.
    """
    shunt_s = _adc_s(config >> 3 & 0xF) if config & MODE_SHUNT else 0.0
    bus_s = _adc_s(config >> 7 & 0xF) if config & MODE_BUS else 0.0
    return shunt_s + bus_s


def _adc_s(code: int) -> float:
    return AVERAGED_S[code & 7] if code & 8 else SINGLE_S[code & 3]


def _quantised(steps: float, adc_code: int) -> int:
    """Round to what the resolution allows: below 12 bit, two, four or eight steps at once."""
    width = 1 if adc_code & 8 else 1 << 3 - (adc_code & 3)
    return round(steps / width) * width
