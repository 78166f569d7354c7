"""The lock of buses and shared chips: one at a time, first come first served."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.i2c import Write
from wisblock_bridge.buses.linux.i2c import LinuxI2CBus
from wisblock_bridge.buses.linux.spi import lock_of
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    import smbus2

LIMIT_S = 30.0


def await_waiting(lock: FairLock, number: int) -> None:
    """Wait until this many threads queue up."""
    deadline = time.monotonic() + LIMIT_S
    while len(lock._waiting) < number:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_whoever_waited_longest_is_next() -> None:
    lock, order = FairLock(), list[int]()

    def take(number: int) -> None:
        with lock:
            order.append(number)

    with ThreadPoolExecutor(5) as pool:
        with lock:
            jobs = []
            for number in range(5):
                jobs.append(pool.submit(take, number))
                await_waiting(lock, number + 1)
        for job in jobs:
            job.result(LIMIT_S)
    assert order == [0, 1, 2, 3, 4]


def test_who_takes_it_again_and_again_lets_others_in_between() -> None:
    lock, order = FairLock(), list[str]()

    def take_once() -> None:
        with lock:
            order.append("other")

    with ThreadPoolExecutor(1) as pool:
        with lock:
            job = pool.submit(take_once)
            await_waiting(lock, 1)
        for _ in range(100):
            with lock:
                order.append("greedy")
        job.result(LIMIT_S)
    assert order[0] == "other"


def test_never_two_at_once() -> None:
    lock, inside, most = FairLock(), 0, 0
    start = threading.Barrier(4)

    def work() -> None:
        nonlocal inside, most
        start.wait(LIMIT_S)
        for _ in range(500):
            with lock:
                inside += 1
                most = max(most, inside)
                inside -= 1

    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(work) for _ in range(4)]:
            job.result(LIMIT_S)
    assert (most, inside) == (1, 0)


def test_an_error_gives_the_turn_back() -> None:
    lock = FairLock()
    with pytest.raises(ValueError, match="inside"), lock:
        raise ValueError("inside")
    with lock:
        pass


class Recorder:
    """Stands for an adapter of the kernel, and records which addresses were served."""

    def __init__(self) -> None:
        self.served: list[int] = []

    def i2c_rdwr(self, message: smbus2.i2c_msg) -> None:
        self.served.append(int(message.addr))


class RecordedDevice:
    """A device on an emulated bus that records when it is served."""

    def __init__(self, address: int, recorder: Recorder) -> None:
        self._address = address
        self._recorder = recorder

    def write(self, data: bytes) -> None:
        assert data
        self._recorder.served.append(self._address)

    def read(self, length: int) -> bytes:
        return bytes(length)


@pytest.mark.parametrize("kind", ["linux", "emulated"])
def test_a_module_that_asks_again_and_again_leaves_the_bus_to_others(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that lets every transaction time out costs its neighbours one time-out, not all."""
    recorder = Recorder()
    bus: LinuxI2CBus | EmulatedI2CBus
    if kind == "linux":
        bus = LinuxI2CBus(1)
        monkeypatch.setattr(bus, "_opened", lambda: recorder)
        monkeypatch.setattr(bus, "_refuse_kernel_owned", lambda _: None)
    else:
        bus = EmulatedI2CBus("i2c-1", FakeClock())
        for address in (0x10, 0x11):
            bus.attach(address, RecordedDevice(address, recorder))
    neighbour = 0x10
    with ThreadPoolExecutor(1) as pool:
        with bus._lock:
            job = pool.submit(bus.transfer, neighbour, Write(b"\0"))
            await_waiting(bus._lock, 1)
        for _ in range(100):
            bus.transfer(0x11, Write(b"\0"))
        job.result(LIMIT_S)
    assert recorder.served == [neighbour, *[0x11] * 100]


def test_a_spi_bus_is_shared_in_turn() -> None:
    assert isinstance(lock_of(7), FairLock)
    assert lock_of(7) is lock_of(7)


def test_it_tells_that_somebody_waits() -> None:
    lock = FairLock()
    got = threading.Event()

    def wait() -> None:
        with lock:
            got.set()

    def contended() -> bool:
        return lock.contended

    assert not contended()
    with lock:
        assert not contended()
        thread = threading.Thread(target=wait)
        thread.start()
        while not contended():
            pass
        assert not got.is_set()
    thread.join(10)
    assert got.is_set()
    assert not contended()
