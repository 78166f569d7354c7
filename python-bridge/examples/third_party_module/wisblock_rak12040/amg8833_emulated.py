"""AMG8833, an infrared array of 8 by 8 pixels: the emulator.

Its constants are typed from the datasheet and never imported from the driver, so that an error in
one of them cannot agree with itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FRAME_RATE_REGISTER = 0x02
RESET_REGISTER, INITIAL_RESET_CODE = 0x01, 0x3F
WRITABLE = range(0x0E)
THERMISTOR_LOW, THERMISTOR_HIGH = 0x0E, 0x0F
FIRST_PIXEL, END_OF_PIXELS = 0x80, 0x100


class EmulatedAMG8833:
    """An infrared array in memory; each read takes the temperatures of that moment.

    Args:
        pixels_c: Returns the 64 temperatures in front of the sensor, °C.
        thermistor_c: Returns the temperature of the chip, °C.
    """

    def __init__(
        self, pixels_c: Callable[[], Sequence[float]], thermistor_c: Callable[[], float]
    ) -> None:
        self._pixels_c = pixels_c
        self._thermistor_c = thermistor_c
        self._pointer = 0
        self._settings = dict.fromkeys(WRITABLE, 0)

    def power_cycle(self) -> None:
        """Take the supply away and bring it back."""
        self._pointer = 0
        self._settings = dict.fromkeys(WRITABLE, 0)

    def write(self, data: bytes) -> None:
        """Take a register number, and perhaps values for it and those that follow."""
        if not data:
            return
        self._pointer = data[0]
        for number, value in enumerate(data[1:], self._pointer):
            if number == RESET_REGISTER and value == INITIAL_RESET_CODE:
                self._settings = dict.fromkeys(WRITABLE, 0)
            elif number == FRAME_RATE_REGISTER:
                self._settings[number] = value & 1
            elif number in WRITABLE and number != RESET_REGISTER:
                self._settings[number] = value

    def read(self, length: int) -> bytes:
        """Return the registers from the one that was named."""
        memory = self._memory()
        found = bytes(memory[(self._pointer + number) % 256] for number in range(length))
        self._pointer = (self._pointer + length) % 256
        return found

    def _memory(self) -> bytearray:
        memory = bytearray(256)
        for number, value in self._settings.items():
            memory[number] = value
        sixteenths = round(self._thermistor_c() * 16)
        word = min(abs(sixteenths), 0x7FF) | (0x800 if sixteenths < 0 else 0)
        memory[THERMISTOR_LOW : THERMISTOR_HIGH + 1] = word.to_bytes(2, "little")
        quarters = (min(max(round(each * 4), -0x800), 0x7FF) for each in self._pixels_c())
        memory[FIRST_PIXEL:END_OF_PIXELS] = b"".join(
            (each & 0xFFF).to_bytes(2, "little") for each in quarters
        )
        return memory
