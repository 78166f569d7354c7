"""The terminals of the soak: what the bridge's own port meets there, also when it is pulled out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.modules.modbus_bench import whole
from tests.soak.serial_lines import UNIT, MarkedUnit, PseudoTerminal

from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
from wisblock_bridge.buses.linux.uart import LinuxSerialPort
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAME = whole(f"{UNIT:02x} 10 01 00 00 02 04 00 12 34 56")
ANSWER = whole(f"{UNIT:02x} 10 01 00 00 02")


@pytest.fixture
def line() -> EmulatedSerialLine:
    made = EmulatedSerialLine("/dev/ttyUSB0", SystemClock())
    made.attach(MarkedUnit(made, lambda _: None))
    return made


@pytest.fixture
def terminal(line: EmulatedSerialLine, tmp_path: Path) -> Iterator[PseudoTerminal]:
    made = PseudoTerminal(line, tmp_path / "ttyUSB0", threading.RLock())
    yield made
    made.close()


@pytest.fixture
def port(terminal: PseudoTerminal, tmp_path: Path) -> Iterator[LinuxSerialPort]:
    assert terminal.plugged
    made = LinuxSerialPort(tmp_path / "ttyUSB0")
    made.configure(LineSettings(9600))
    yield made
    made.close()


def test_a_unit_answers(port: LinuxSerialPort) -> None:
    port.write(FRAME)
    assert port.read(len(ANSWER), 30.0) == ANSWER


def test_what_is_sent_comes_back_at_its_own_speed(
    line: EmulatedSerialLine, terminal: PseudoTerminal, port: LinuxSerialPort
) -> None:
    line.echo = True
    port.configure(LineSettings(4800))
    port.write(b"\0")
    assert port.read(1, 30.0) == b"\0"
    assert terminal.settings == LineSettings(4800)


# Not beside other tests: whoever opens a terminal next is given the number of the one pulled out.
@pytest.mark.slow
def test_an_adapter_that_is_pulled_out_and_put_back(
    terminal: PseudoTerminal, port: LinuxSerialPort
) -> None:
    terminal.pull()
    with pytest.raises(BusError) as caught:
        port.write(FRAME)
    assert caught.value.fault is BusFault.MISSING
    terminal.put_back()
    port.write(FRAME)
    assert port.read(len(ANSWER), 30.0) == ANSWER
