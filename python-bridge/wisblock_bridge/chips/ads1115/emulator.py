"""ADS1115, 16-bit converter with four inputs: the emulator, and the base for compatible chips.

1. Bus side: four registers behind a sticky pointer, conversions that take time. Emulator control:
   four analog wires.
2. Values are typed from the datasheet, never imported from the driver.
3. Until a conversion ends, the result register holds the one before: an early read gets
   the previous value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.buses.emulated.wires import AnalogWire
    from wisblock_bridge.clock import Clock

# Fields of the config register: mask and shift.
OPERATION = 0x8000
CONTINUOUS_WHEN_CLEAR = 0x0100

# Multiplexer code to positive and negative input; None is ground.
INPUTS: tuple[tuple[int, int | None], ...] = (
    (0, 1),
    (0, 3),
    (1, 3),
    (2, 3),
    (0, None),
    (1, None),
    (2, None),
    (3, None),
)
FULL_SCALE_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)
PROTECTION_V = 0.3
"""The protection diodes conduct so far beyond supply and ground."""


class EmulatedADS1115:
    """A converter in memory.

    Time passes only as its clock says, and the chip looks at the clock when somebody talks to it: a
    conversion whose end lies in the past takes the voltage of that first look. The comparator and
    its ALERT pin are not modelled.

    Args:
        inputs: The four analog pins, AIN0 first.
        clock: Time.
        supply_v: Supply voltage, V; inputs are held within 0.3 V of supply and ground.

    Attributes:
        never_ready: Fault: conversions do not end, the operational status bit stays 0.

    Source: Texas Instruments ADS1115 datasheet SBAS444, section "Register map".
    """

    pointer_mask: ClassVar[int] = 0x03
    """Only the two low bits of the pointer are decoded: 5 is the config register again."""
    rates: ClassVar[tuple[float, ...]] = (8, 16, 32, 64, 128, 250, 475, 860)
    """Conversions per second by data rate code."""

    def __init__(self, inputs: Sequence[AnalogWire], clock: Clock, supply_v: float = 3.3) -> None:
        if len(inputs) != 4:  # noqa: PLR2004  (four inputs)
            raise ValueError(f"the converter has 4 inputs, not {len(inputs)}")
        self.inputs = tuple(inputs)
        self.supply_v = supply_v
        self.never_ready = False
        self._clock = clock
        self._registers: dict[int, int] = {}
        self._pointer = 0
        self._under_way: int | None = None
        """Config word of the conversion under way; it keeps its settings to its end."""
        self._ends_at = 0.0
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back."""
        self._registers = self.reset_values()
        self._pointer = 0
        self._under_way = None

    def reset_values(self) -> dict[int, int]:
        """Return what the registers hold after power-up: conversion, config, both thresholds."""
        return {
            0: 0x0000,
            1: 0x0583,
            2: 0x8000,
            3: 0x7FFF,
        }  # the operational status bit is added when read

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
        self._pointer = data[0] & self.pointer_mask
        if len(data) > 2:  # noqa: PLR2004  (a register is written when its second byte has arrived)
            self.store(self._pointer, data[1] << 8 | data[2])

    def read(self, length: int) -> bytes:
        """Return the register that the pointer is on; it does not move on, more bytes repeat."""
        self._let_time_pass()
        word = self._registers.get(self._pointer, 0)
        if self._pointer == 1 and self._under_way is None:
            word |= OPERATION
        return (word.to_bytes(2, "big") * (length // 2 + 1))[:length]

    def store(self, register: int, word: int) -> None:
        """Carry out the write of one register.

        Args:
            register: Its number.
            word: The new value.
        """
        if register == 1:
            start = word & OPERATION or not word & CONTINUOUS_WHEN_CLEAR
            self._registers[1] = word & ~OPERATION
            if start and self._under_way is None:
                self._begin(self._clock.monotonic())
        elif register:  # the conversion register is read-only
            self._registers[register] = word

    def conversion_s(self, config: int) -> float:
        """Return how long a conversion takes.

        Args:
            config: The config word.

        Returns:
            Seconds.
        """
        return 1.0 / self.rates[config >> 5 & 7]

    def _begin(self, moment: float) -> None:
        self._under_way = self._registers[1]
        self._ends_at = moment + self.conversion_s(self._under_way)

    def _let_time_pass(self) -> None:
        now = self._clock.monotonic()
        while self._under_way is not None and now >= self._ends_at and not self.never_ready:
            self._registers[0] = self._code(self._under_way)
            self._under_way = None
            if not self._registers[1] & CONTINUOUS_WHEN_CLEAR:
                # Of the conversions that ended unseen, only the last one can still be read.
                period = self.conversion_s(self._registers[1])
                unseen = int((now - self._ends_at) / period)
                self._begin(self._ends_at + unseen * period)

    def _code(self, config: int) -> int:
        positive, negative = INPUTS[config >> 12 & 7]
        volts = self._pin(positive) - (0.0 if negative is None else self._pin(negative))
        code = round(volts * 32768 / FULL_SCALE_V[config >> 9 & 7])
        return min(max(code, -0x8000), 0x7FFF) & 0xFFFF

    def _pin(self, number: int) -> float:
        volts = self.inputs[number].volts()
        return min(max(volts, -PROTECTION_V), self.supply_v + PROTECTION_V)
