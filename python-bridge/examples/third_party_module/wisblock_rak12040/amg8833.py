"""AMG8833, an infrared array of 8 by 8 pixels: the driver.

It knows registers and temperatures, and nothing of the product that the chip is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

POWER_CONTROL, RESET, FRAME_RATE = 0x00, 0x01, 0x02
THERMISTOR, PIXELS = 0x0E, 0x80

NORMAL_MODE = 0x00
INITIAL_RESET = 0x3F
ONE_FRAME_PER_SECOND = 0x01
"""FRAME_RATE after power-up is 0, ten frames per second. With this value the noise is lower, and a
chip that was reset can be told from one that was not."""

PIXEL_STEP_C = 0.25
THERMISTOR_STEP_C = 0.0625
PIXEL_COUNT = 64
SIGN = 0x800
"""Bit 11 of each of the 12-bit values."""

SETTLE_S = 0.05
"""From power-up or normal mode to the first access, with what a reset needs."""


class AMG8833:
    """An infrared array.

    Args:
        bus: The bus that the chip is on.
        address: 7-bit address: 0x68, or 0x69 with AD_SELECT high.
        clock: Time, for what a reset needs.

    Source: Panasonic "Infrared Array Sensor Grid-EYE (AMG88)" datasheet and its "I2C communication
        interface" specification: register map, data formats, "Setup time".
    """

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self.name = f"AMG8833 0x{address:02x} on {bus.name}"

    def set_up(self) -> None:
        """Start the chip: normal mode, all flags and settings reset, one frame per second.

        Raises:
            BusError: The chip did not answer.
        """
        self._write(POWER_CONTROL, NORMAL_MODE)
        self._clock.sleep(SETTLE_S)
        self._write(RESET, INITIAL_RESET)
        self._clock.sleep(SETTLE_S)
        self._write(FRAME_RATE, ONE_FRAME_PER_SECOND)

    def is_reset(self) -> bool:
        """Return whether the chip has lost the frame rate that ``set_up`` wrote.

        Raises:
            BusError: The chip did not answer.
        """
        return self._read(FRAME_RATE, 1)[0] & 1 != ONE_FRAME_PER_SECOND

    def pixels_c(self) -> list[float]:
        """Return the temperatures of all pixels of the last frame, in °C, steps of 0.25.

        Returns:
            64 values, row by row.

        Raises:
            BusError: The chip did not answer.
        """
        data = self._read(PIXELS, 2 * PIXEL_COUNT)
        words = (_word(data, 2 * number) for number in range(PIXEL_COUNT))
        return [(word - 2 * SIGN if word & SIGN else word) * PIXEL_STEP_C for word in words]

    def thermistor_c(self) -> float:
        """Return the temperature of the chip itself, in °C, steps of 0.0625.

        Unlike a pixel it is a sign and a magnitude.

        Raises:
            BusError: The chip did not answer.
        """
        word = _word(self._read(THERMISTOR, 2), 0)
        magnitude_c = (word & (SIGN - 1)) * THERMISTOR_STEP_C
        return -magnitude_c if word & SIGN else magnitude_c

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, Write(bytes((register,))), Read(length))

    def _write(self, register: int, value: int) -> None:
        self._bus.transfer(self._address, Write(bytes((register, value))))


def _word(data: bytes, start: int) -> int:
    """Return a 12-bit value, low byte first; the four bits above it mean nothing."""
    return int.from_bytes(data[start : start + 2], "little") & 0xFFF
