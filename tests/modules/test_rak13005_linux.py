"""RAK13005: the master over the real pyserial, on a pseudo-terminal with a bus at its far end."""

from __future__ import annotations

import os
import select
import termios
import threading
from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.buses.linux.uart import LinuxSerialPort
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BusError
from wisblock_bridge.modules.lin.master import Master

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.modules.lin.master import BreakMethod

ANSWER = bytes.fromhex("12 34 56 78 EA")


class Bus:
    """A bus at the far end of a port: what is sent comes back, and 0x10 is answered."""

    def __init__(self) -> None:
        self.far, self._near = os.openpty()
        self.path = os.ttyname(self._near)
        self.heard: list[tuple[int, int]] = []
        """Each byte, with the speed that the port had when it was taken."""
        self._stop_end, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begin to carry what is sent."""
        self._thread.start()

    def stop(self) -> None:
        """End the bus and its port."""
        os.write(self._stop, b"x")
        if self._thread.is_alive():
            self._thread.join(30)
        for each in (self.far, self._near, self._stop, self._stop_end):
            os.close(each)

    def _run(self) -> None:
        while self._stop_end not in (ready := select.select([self.far, self._stop_end], [], [])[0]):
            assert ready
            for value in os.read(self.far, 64):
                self.heard.append((value, termios.tcgetattr(self.far)[5]))
                os.write(self.far, bytes([value]))
                if [each for each, _ in self.heard[-2:]] == [0x55, 0x50]:
                    os.write(self.far, ANSWER)


@pytest.fixture
def bus() -> Iterator[Bus]:
    made = Bus()
    yield made
    made.stop()


def master(bus: Bus, method: BreakMethod) -> tuple[Master, LinuxSerialPort]:
    port = LinuxSerialPort(bus.path)
    made = Master(port, SystemClock(), lambda _: None)
    made.configure(9600, method)
    return made, port


@pytest.mark.parametrize("method", ["auto", "low_rate", "half_rate", "timed"])
def test_a_node_is_asked(bus: Bus, method: BreakMethod) -> None:
    bus.start()
    asked, port = master(bus, method)
    for _ in range(3):
        answer = asked.request(0x10, 4, "classic")
        assert (answer.data, answer.model) == (ANSWER[:4], "classic")
    asked.send(1, b"\x01", "enhanced")
    assert [value for value, _ in bus.heard[-4:]] == [0x55, 0xC1, 0x01, 0x3D]
    port.close()


def test_the_rate_is_lower_until_the_break_has_come_back(bus: Bus) -> None:
    bus.start()
    asked, port = master(bus, "half_rate")
    asked.send(1, b"\x01", "classic")
    assert bus.heard == [
        (0x00, termios.B4800),
        (0x55, termios.B9600),
        (0xC1, termios.B9600),
        (0x01, termios.B9600),
        (0xFE, termios.B9600),
    ]
    port.close()


def test_nothing_comes_back(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wisblock_bridge.modules.lin.master.GRACE_S", 0.01)
    asked, port = master(bus, "auto")
    with pytest.raises(BusError, match="The LIN bus is silent"):
        asked.request(0x10, 4, "classic")
    port.close()
