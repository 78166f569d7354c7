"""The emulated RAK5802: an RS485 line with two of the documented units on it.

1. A unit does what the vendor's Arduino sketch does (rak5802_modbus_device.ino), with the answers
   of the library below it (libmodbus).
2. The checksum and the frames are typed again from the specification.
3. The line itself can be made to fail; the units cannot.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.uart import RESTING
from wisblock_bridge.module_api.emulated import DemoWave, EmulatedModule, Quantity, SlotPins, Value
from wisblock_bridge.modules.shared.emulated_serial import LineFaults, checked_bool, checked_bytes

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
    from wisblock_bridge.buses.uart import LineSettings
    from wisblock_bridge.clock import Clock

REFRESH_S = 5.0
"""The sketch reads its sensor this often."""

ANSWER_S = 0.005
"""From the end of a request to the beginning of the answer: 3.5 characters, and some work."""

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


class Refused(Exception):  # noqa: N818  (the unit's answer, not a failure)
    """The unit answers with an exception.

    Args:
        code: Which.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class EmulatedModbusUnit:
    """One unit: a coil that is its LED, and two holding registers with humidity and temperature.

    Args:
        unit: Its address.
        line: The line that it is on.
        humidity: Relative humidity around it, %.
        temperature: Temperature around it, °C.
        clock: Time.
    """

    COILS = 1
    HOLDING = 2

    def __init__(
        self,
        unit: int,
        line: EmulatedSerialLine,
        humidity: DemoWave,
        temperature: DemoWave,
        clock: Clock,
    ) -> None:
        self.unit = unit
        self.led = False
        self.humidity = humidity
        self.temperature = temperature
        self._line = line
        self._clock = clock
        self._registers = [0] * self.HOLDING
        self._next_refresh = -math.inf

    def hear(self, data: bytes, settings: LineSettings) -> None:
        """Hear a frame, and answer if it is for this unit and whole."""
        if settings != RESTING or len(data) < 4 or checksum(data[:-2]) != data[-2:]:  # noqa: PLR2004
            return
        if data[0] not in {self.unit, 0}:
            return
        self._refresh_if_due()
        function = data[1]
        try:
            answer = bytes([function]) + self._carry_out(function, data[2:-2])
        except Refused as refused:
            answer = bytes([function | 0x80, refused.code])
        if data[0] == self.unit:
            frame = bytes([self.unit]) + answer
            self._line.talk(frame + checksum(frame), RESTING, delay_s=ANSWER_S, speaker=self)

    def hear_break(self, duration_s: float) -> None:
        """Hear that the line was held low: no frame."""

    def quantities(self) -> list[Quantity]:
        """Return the quantities of this unit."""
        unit = self.unit
        return [
            Quantity(
                f"humidity_{unit}",
                "percent",
                0.0,
                100.0,
                1.0,
                self.humidity.get,
                self._set_humidity,
            ),
            Quantity(
                f"temperature_{unit}",
                "degree_celsius",
                -40.0,
                125.0,
                0.01,
                self.temperature.get,
                self._set_temperature,
            ),
            # What ``read_value`` measures where it begins: the humidity, as a plain number.
            Quantity(
                f"value_{unit}",
                "engineering",
                0.0,
                100.0,
                1.0,
                self.humidity.get,
                self._set_humidity,
            ),
            Quantity(f"led_{unit}", "none", 0, 1, 0, lambda: self.led),
        ]

    def _set_humidity(self, value: Value) -> None:
        self.humidity.set(value)
        self._refresh()

    def _set_temperature(self, value: Value) -> None:
        self.temperature.set(value)
        self._refresh()

    def _refresh_if_due(self) -> None:
        if self._clock.monotonic() >= self._next_refresh:
            self._refresh()

    def _refresh(self) -> None:
        """Read the sensor, as the sketch does every five seconds."""
        self._next_refresh = self._clock.monotonic() + REFRESH_S
        self._registers = [
            _unsigned(self.humidity.get()),
            _unsigned(self.temperature.get() * 100.0 + 1e-6),
        ]

    def _carry_out(  # noqa: C901, PLR0911  (a case for each function)
        self, function: int, data: bytes
    ) -> bytes:
        match function:
            case 1:
                self._range(data, self.COILS, 2000)
                return bytes([1, self.led])
            case 2 | 4:  # no such table was set up, so every address is beyond its end
                self._range(data, 0, 2000 if function == 2 else 125)  # noqa: PLR2004
            case 3:
                first, count = self._range(data, self.HOLDING, 125)
                chosen = self._registers[first : first + count]
                return bytes([2 * count]) + b"".join(each.to_bytes(2, "big") for each in chosen)
            case 5:
                self._known(data, self.COILS)
                if data[2:] not in {b"\x00\x00", b"\xff\x00"}:
                    raise Refused(ILLEGAL_VALUE)
                self.led = data[2] != 0
                return data
            case 6:
                self._registers[self._known(data, self.HOLDING)] = int.from_bytes(data[2:], "big")
                return data
            case 15:
                self._range(data[:4], self.COILS, 1968)
                self._sized(data, 1)
                self.led = bool(data[5] & 1)
                return data[:4]
            case 16:
                first, count = self._range(data[:4], self.HOLDING, 123)
                self._sized(data, 2 * count)
                for number in range(count):
                    at = 5 + 2 * number
                    self._registers[first + number] = int.from_bytes(data[at : at + 2], "big")
                return data[:4]
            case 22:
                return self._mask(data)
            case 23:
                return self._write_and_read(data)
            case _:
                pass
        raise Refused(ILLEGAL_FUNCTION)

    def _mask(self, data: bytes) -> bytes:
        if len(data) != 6:  # noqa: PLR2004  (an address and two masks)
            raise Refused(ILLEGAL_VALUE)
        at = self._known(data[:4], self.HOLDING)
        stay, new = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:], "big")
        self._registers[at] = self._registers[at] & stay | new & ~stay & 0xFFFF
        return data

    def _write_and_read(self, data: bytes) -> bytes:
        first, count = self._range(data[:4], self.HOLDING, 125)
        written = data[4:]
        begin, number = self._range(written[:4], self.HOLDING, 121)
        self._sized(written, 2 * number)
        for each in range(number):
            at = 5 + 2 * each
            self._registers[begin + each] = int.from_bytes(written[at : at + 2], "big")
        chosen = self._registers[first : first + count]
        return bytes([2 * count]) + b"".join(each.to_bytes(2, "big") for each in chosen)

    @staticmethod
    def _range(data: bytes, size: int, most: int) -> tuple[int, int]:
        if len(data) != 4:  # noqa: PLR2004  (an address and a count)
            raise Refused(ILLEGAL_VALUE)
        first, count = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
        if not 1 <= count <= most:
            raise Refused(ILLEGAL_VALUE)
        if first + count > size:
            raise Refused(ILLEGAL_ADDRESS)
        return first, count

    @staticmethod
    def _known(data: bytes, size: int) -> int:
        if len(data) != 4:  # noqa: PLR2004  (an address and a value)
            raise Refused(ILLEGAL_VALUE)
        address = int.from_bytes(data[:2], "big")
        if address >= size:
            raise Refused(ILLEGAL_ADDRESS)
        return address

    @staticmethod
    def _sized(data: bytes, size: int) -> None:
        if len(data) != 5 + size or data[4] != size:
            raise Refused(ILLEGAL_VALUE)


class EmulatedRAK5802(EmulatedModule):
    """A RAK5802 with two documented units on its line: 42, and its neighbour 43."""

    product = "RAK5802"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self.line = pins.serial
        self.units = tuple(
            EmulatedModbusUnit(
                unit,
                self.line,
                DemoWave(humidity, 30.0, 60.0, pins.clock, demo_period_s),
                DemoWave(temperature, 20.0, 30.0, pins.clock, demo_period_s),
                pins.clock,
            )
            for unit, humidity, temperature in ((42, 35.0, 25.65), (43, 51.0, 30.05))
        )
        for each in self.units:
            self.line.attach(each)
        self._faults = LineFaults(self.line)
        self._said = b""

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: both units, and the line between."""
        return (
            *(quantity for unit in self.units for quantity in unit.quantities()),
            self._faults.quantity(),
            Quantity("echo", "none", 0, 1, 0, lambda: self.line.echo, self._set_echo),
            Quantity("said", "none", 0, 0, 0, lambda: self._said, self._say, "packets"),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        for each in self.units:
            self.line.detach(each)
        self._faults.set("none")
        self.line.echo = False

    def _set_echo(self, value: Value) -> None:
        self.line.echo = checked_bool(value)

    def _say(self, value: Value) -> None:
        self._said = data = checked_bytes(value)
        self.line.talk(data, RESTING)


def checksum(data: bytes) -> bytes:
    """Compute the checksum of a frame, low byte first.

    Args:
        data: The frame without it.

    Returns:
        Two bytes (MODBUS over Serial Line 1.02, 6.2.2).
    """
    found = 0xFFFF
    for value in data:
        found ^= value
        for _ in range(8):
            found = found >> 1 ^ (0xA001 if found & 1 else 0)
    return found.to_bytes(2, "little")


def _unsigned(value: float) -> int:
    """Cut to a whole number of 16 bits; below zero the sketch's processor gives 0."""
    return min(max(int(value), 0), 0xFFFF)
