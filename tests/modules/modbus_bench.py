"""A Modbus master on a line in memory, and a unit that says what a test wants."""

from __future__ import annotations

from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.modules.modbus.master import Master

SETTINGS = LineSettings(9600)


def of(text: str) -> bytes:
    return bytes.fromhex(text)


def crc(data: bytes) -> bytes:
    """Frame with checksum, typed from MODBUS over Serial Line 1.02, 6.2.2."""
    found = 0xFFFF
    for value in data:
        found ^= value
        for _ in range(8):
            found = found >> 1 ^ (0xA001 if found & 1 else 0)
    return data + found.to_bytes(2, "little")


def whole(text: str) -> bytes:
    return crc(of(text))


class Unhurried:
    """A port that says that all was sent before it was, as an adapter on USB does.

    What it takes is on the line at once; when a copy of it came back proves nothing.
    """

    def __init__(self, bench: UnitBench) -> None:
        self._port, self._line = bench.line.port, bench.line

    def write(self, data: bytes) -> None:
        self._line.transmit(bytes(data), self._port.settings)

    def __getattr__(self, name: str) -> object:
        return getattr(self._port, name)


class UnitBench:
    """Answers each request with the next of its answers: bytes, or bytes and how late, s.

    Args:
        echo: The line returns what is sent.
        paced: The port takes as long as the characters need.
    """

    def __init__(self, *, echo: bool = False, paced: bool = True) -> None:
        self.clock = FakeClock()
        self.line = EmulatedSerialLine("/dev/ttyUSB0", self.clock)
        self.line.echo = echo
        self.line.attach(self)
        self.answers: list[bytes | tuple[bytes, float]] = []
        self.heard: list[bytes] = []
        self.overheard: list[bytes] = []
        port = self.line.port if paced else Unhurried(self)
        self.master = Master(port, self.clock, self.overheard.append)  # type: ignore[arg-type]
        self.master.configure(SETTINGS)

    def hear(self, data: bytes, settings: LineSettings) -> None:
        assert settings == SETTINGS
        self.heard.append(data)
        if self.answers:
            answer = self.answers.pop(0)
            said, delay_s = answer if isinstance(answer, tuple) else (answer, 0.005)
            self.line.talk(said, SETTINGS, delay_s=delay_s, speaker=self)

    def hear_break(self, duration_s: float) -> None:
        raise AssertionError(duration_s)
