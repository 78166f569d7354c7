"""INA219, current, voltage and power monitor: the driver.

1. Volts, amperes and watts on one side, registers on the other; what is being measured is somebody
   else's knowledge.
2. A measurement is started when it is asked for and read when the chip says that it is over: never
   an older one.
3. Nothing is given out before the chip has shown that it still has its calibration.

On 2: the chip is used in its triggered mode. It converts the shunt voltage and then the bus voltage
once, multiplies, and stands still. So the results belong to one another however slowly they
are read, which in continuous mode they do not: there the chip may begin again between two reads.

On 3: the current register is the shunt voltage times the calibration, by 4096. With a calibration
of 4096 it is the shunt voltage itself, and after a reset, which clears the calibration, it is 0. So
one register tells both; only a 0 needs a look at the calibration.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import NotReadyError

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

CONFIG, _, BUS_VOLTAGE, _, CURRENT, CALIBRATION = range(6)

# Config register: BRNG in bit 13 (1: 32 V), PG in 12...11 (11: +-320 mV), BADC in 10...7 and SADC
# in 6...3 (0011: 12 bit, one sample), MODE in 2...0 (011: shunt and bus, triggered). But for the
# mode this is what the chip holds after power-up.
MEASURE_ONCE = 0x399B

# Bus voltage register: the voltage in bits 15...3, CNVR in bit 1, OVF in bit 0.
READY = 0x0002
MATH_OVERFLOW = 0x0001

SHUNT_STEP_MV = 0.01
BUS_STEP_V = 0.004
HIGHEST_SHUNT_CODE = 32000
"""End of the +-320 mV range; the register goes no further."""
AS_SHUNT_VOLTAGE = 4096
"""The calibration with which the current register is the shunt voltage (equation 4)."""

CONVERSION_S = 0.00122
"""Twice the longest 12-bit conversion (586 us), and 40 us to wake from power-down, rounded up."""

_WORD = Read(2)
_POINT_AT = tuple(Write(bytes((register,))) for register in range(6))
_START = Write(bytes((CONFIG, MEASURE_ONCE >> 8, MEASURE_ONCE & 0xFF)))
_CALIBRATE = Write(bytes((CALIBRATION, AS_SHUNT_VOLTAGE >> 8, AS_SHUNT_VOLTAGE & 0xFF)))


@dataclass(frozen=True, slots=True)
class Measurement:
    """One coherent set of results.

    Attributes:
        bus_voltage_v: Voltage between the IN- pin and the chip's ground, V, in steps of 4 mV.
        shunt_voltage_mv: Voltage across the shunt, mV, in steps of 0.01 mV; negative when the
            current flows backwards.
        current_ma: Current through the shunt, mA; negative when it flows backwards.
        overflow: The chip says that it cannot express the result, or the shunt voltage stands at
            the end of its range of +-320 mV: the true values are larger.
    """

    bus_voltage_v: float
    shunt_voltage_mv: float
    current_ma: float
    overflow: bool


class INA219:
    """A monitor for bus voltages of 0...26 V, with a shunt on the high side.

    A short break of the supply clears the calibration register, and from then on the chip reports a
    current of 0 without any sign of a problem. So before a current of 0 is given out that register
    is looked at; when it is not as it was written, it is written again and the measurement
    repeated.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x40...0x4f.
        clock: Time, for the conversion.
        shunt_ohm: Resistance of the shunt, ohm.

    Attributes:
        recoveries: How often the calibration was found missing.

    Source: Texas Instruments INA219 datasheet SBOS448G, sections "Register maps" and "Programming
        the calibration register".
    """

    def __init__(self, bus: I2CBus, address: int, clock: Clock, *, shunt_ohm: float) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self.name = f"INA219 0x{address:02x} on {bus.name}"
        self.recoveries = 0
        self._lock = threading.Lock()
        self._calibrated = False
        """Whether the calibration was written; whether it is still there, the chip tells."""
        self.use_shunt(shunt_ohm)

    def use_shunt(self, shunt_ohm: float) -> None:
        """Measure with another shunt from here on.

        Args:
            shunt_ohm: Resistance of the shunt, ohm.

        Raises:
            ValueError: It is not larger than 0.
        """
        if shunt_ohm <= 0:
            raise ValueError("the shunt of an INA219 is larger than 0")
        self._shunt_ohm = shunt_ohm

    def measure(self) -> Measurement:
        """Measure once, now; takes a little over 1 ms and three transactions.

        Returns:
            What the chip found.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: The conversion did not end in time, or the chip keeps losing its
                calibration.
        """
        with self._lock:
            if not self._calibrated:
                self._bus.transfer(self._address, _CALIBRATE)
                self._calibrated = True
            measurement = self._measure_once()
            if measurement is None:
                self.recoveries += 1
                self._bus.transfer(self._address, _CALIBRATE)
                measurement = self._measure_once()
            if measurement is None:
                raise self._calibration_lost()
            return measurement

    def is_reset(self) -> bool:
        """Check whether the calibration is gone, which reads 0 after power-up: one transaction.

        It is then written again before the next measurement.

        Returns:
            True when it is not as it was written; never before the first measurement.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            if not self._calibrated or self._read(CALIBRATION) == AS_SHUNT_VOLTAGE:
                return False
            self._calibrated = False
            return True

    def _measure_once(self) -> Measurement | None:
        """Convert and read both results; None when the calibration turns out to be missing."""
        self._bus.transfer(self._address, _START)
        bus_voltage = self._await_result()
        shunt = _signed(self._read(CURRENT))
        if not shunt and self._read(CALIBRATION) != AS_SHUNT_VOLTAGE:
            return None
        shunt_mv = shunt * SHUNT_STEP_MV
        return Measurement(
            bus_voltage_v=(bus_voltage >> 3) * BUS_STEP_V,
            shunt_voltage_mv=shunt_mv,
            current_ma=shunt_mv / self._shunt_ohm,
            overflow=bool(bus_voltage & MATH_OVERFLOW) or abs(shunt) >= HIGHEST_SHUNT_CODE,
        )

    def _await_result(self) -> int:
        """Wait for the end of the conversion; once more after the deadline, if we were held up.

        Returns:
            The bus voltage register as it was when the chip said so. It is not read again: reading
            it takes the flag away.
        """
        deadline = self._clock.monotonic() + 3 * CONVERSION_S
        self._clock.sleep(CONVERSION_S)
        while True:
            last_try = self._clock.monotonic() >= deadline
            bus_voltage = self._read(BUS_VOLTAGE)
            if bus_voltage & READY:
                return bus_voltage
            if last_try:
                raise NotReadyError(
                    "The current monitor does not finish measuring.",
                    hint="Switch the board off and on. If it stays so, another program may be "
                    "using the chip, or it is damaged.",
                    where=self.name,
                )
            self._clock.sleep(CONVERSION_S / 10)

    def _read(self, register: int) -> int:
        answer = self._bus.transfer(self._address, _POINT_AT[register], _WORD)
        return int.from_bytes(answer, "big")

    def _calibration_lost(self) -> NotReadyError:
        return NotReadyError(
            "The current monitor lost its calibration twice in a row; the results were thrown "
            "away.",
            hint="Its supply may be breaking down, or another program is using it.",
            where=self.name,
        )


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
