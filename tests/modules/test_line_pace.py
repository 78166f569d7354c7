"""Modbus and LIN use their line: in memory nothing but characters and silences takes time.

MODBUS over Serial Line 1.02, 2.5.1.1: 3.5 characters of silence between frames, 1.75 ms above 19200
baud. A unit answers after as long a silence here. LIN 2.2A: a break of 13 bits and a delimiter.
"""

from __future__ import annotations

import pytest
from tests.fake_clock import FakeClock
from tests.modules.modbus_bench import crc

from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.modules.lin.master import Master as LinMaster
from wisblock_bridge.modules.modbus import frames
from wisblock_bridge.modules.modbus.master import Master


class Units:
    """Units that answer a read of one register after the shortest silence allowed."""

    def __init__(self, line: EmulatedSerialLine, quiet_s: float) -> None:
        self._line = line
        self._quiet_s = quiet_s

    def hear(self, data: bytes, settings: LineSettings) -> None:
        answer = crc(bytes((data[0], 3, 2, 0, data[0])))
        self._line.talk(answer, settings, delay_s=self._quiet_s, speaker=self)

    def hear_break(self, duration_s: float) -> None:
        raise AssertionError(duration_s)


@pytest.mark.parametrize("thought", [0.0, 0.5])
@pytest.mark.parametrize(
    ("baud", "quiet_s"), [(9600, 35 / 9600), (19200, 35 / 19200), (115200, 0.00175)]
)
def test_two_units_in_turn(
    baud: int, quiet_s: float, thought: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it takes to understand a reply falls into the silence that has to be kept anyway.

    Each look at what came takes half a character here, so that the line stays ahead.
    """
    clock = FakeClock()
    line = EmulatedSerialLine("/dev/ttyUSB0", clock)
    line.attach(Units(line, quiet_s))
    master = Master(line.port, clock, lambda _: None)
    master.configure(LineSettings(baud))
    master.echo.set("off")
    requests = [frames.read("holding_registers", unit, 0, 1) for unit in (1, 2)]
    master.ask(requests[0], 1.0, 0)
    search = frames.search

    def thorough(data: bytes, request: frames.Request) -> frames.Search:
        clock.advance(thought * 10 / baud)
        return search(data, request)

    monkeypatch.setattr(frames, "search", thorough)
    begin, count = clock.monotonic(), 50
    for number in range(count):
        reply = master.ask(requests[number % 2], 1.0, 0)
        assert list(reply.registers) == [1 + number % 2]
    each_s = (clock.monotonic() - begin) / count
    least_s = 15 * 10 / baud + 2 * quiet_s
    assert each_s - least_s < 0.25 * 10 / baud
    assert least_s / each_s >= 0.98


class Node:
    """A transceiver that hears itself, and a node that answers every header at once."""

    def __init__(self, line: EmulatedSerialLine) -> None:
        self._line = line

    def hear(self, data: bytes, settings: LineSettings) -> None:
        if len(data) == 2 and data[0] == 0x55:
            # Eight bytes and the classic checksum: 1 + 2 + ... + 8 = 36, inverted.
            self._line.talk(bytes(range(1, 9)) + b"\xdb", settings, speaker=self)

    def hear_break(self, duration_s: float) -> None:
        assert duration_s > 0


@pytest.mark.parametrize("baud", [9600, 19200])
def test_two_identifiers_in_turn(baud: int) -> None:
    clock = FakeClock()
    line = EmulatedSerialLine("/dev/ttyUSB0", clock)
    line.echo = True
    line.attach(Node(line))
    master = LinMaster(line.port, clock, lambda _: None)
    master.configure(baud, "auto")
    master.request(1, 8, "classic")
    begin, count = clock.monotonic(), 50
    for number in range(count):
        assert master.request(1 + number % 2, 8, "classic").data == bytes(range(1, 9))
    each_s = (clock.monotonic() - begin) / count
    least_s = (10 / 0.692 + 10 * (2 + 9)) / baud
    assert least_s / each_s >= 0.98
