"""What the Linux port does so that a line need not wait; ioctls re-typed from the kernel.

include/uapi/asm-generic/ioctls.h: TIOCGSERIAL 0x541E, TIOCSSERIAL 0x541F, TIOCSERGETLSR 0x5459.
include/uapi/linux/tty_flags.h: ASYNC_LOW_LATENCY is bit 13; tty.h: TIOCSER_TEMT is 1.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
import time
import tty
from typing import TYPE_CHECKING, Any

import pytest

from wisblock_bridge.buses.linux import uart_timing
from wisblock_bridge.buses.linux.uart import LinuxSerialPort
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW, FAST = LineSettings(4800), LineSettings(9600)


class Driver:
    """A driver that knows what a pseudo-terminal's does not: flags, and an empty transmitter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.flags: int | None = 0
        self.full_for: int | None = None
        """Looks until the transmitter is empty; None where the driver does not say."""
        self.looks = self.drains = 0
        self._ioctl = fcntl.ioctl
        monkeypatch.setattr(fcntl, "ioctl", self.ioctl)
        monkeypatch.setattr(termios, "tcdrain", self.tcdrain)

    def tcdrain(self, descriptor: int) -> None:
        assert descriptor >= 0
        self.drains += 1

    def ioctl(self, descriptor: int, request: int, *arguments: Any) -> Any:
        if request in {0x541E, 0x541F}:
            if self.flags is None:
                raise OSError(errno.ENOTTY, "no")
            (state,) = arguments
            if request == 0x541E:
                state[4] = self.flags
            else:
                self.flags = state[4]
            return 0
        if request == 0x5459:
            if self.full_for is None:
                raise OSError(errno.ENOTTY, "no")
            self.looks += 1
            self.full_for -= 1
            arguments[0][:] = struct.pack("i", int(self.full_for < 0))
            return 0
        return self._ioctl(descriptor, request, *arguments)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    return Driver(monkeypatch)


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    far, near = os.openpty()
    tty.setraw(near)
    yield far, near
    os.close(far)
    os.close(near)


@pytest.fixture
def port(ends: tuple[int, int]) -> Iterator[LinuxSerialPort]:
    made = LinuxSerialPort(os.ttyname(ends[1]))
    yield made
    made.close()


@pytest.mark.parametrize(("before", "after"), [(0, 0x2000), (0x2000, 0x2000), (0x10, 0x2010)])
def test_an_adapter_is_asked_to_hand_over_at_once(
    driver: Driver, port: LinuxSerialPort, before: int, after: int
) -> None:
    driver.flags = before
    port.configure(FAST)
    assert driver.flags == after


def test_a_driver_without_that_flag_is_used_as_it_is(driver: Driver, port: LinuxSerialPort) -> None:
    driver.flags = None
    port.configure(FAST)
    port.write(b"abc")
    assert not uart_timing.hand_over_at_once(port.descriptor or -1)


def test_a_port_that_says_when_it_is_empty_is_not_drained(
    driver: Driver, port: LinuxSerialPort
) -> None:
    driver.full_for = 3
    port.configure(FAST)
    begin = time.monotonic()
    port.write(b"12345678")
    assert (driver.looks, driver.drains) == (4, 0)
    # 8 characters of 10 bits, and two more looks
    assert time.monotonic() - begin >= 80 / 9600


def test_one_that_does_not_say_is_drained(driver: Driver, port: LinuxSerialPort) -> None:
    port.configure(FAST)
    port.write(b"12345678")
    assert driver.drains == 1


def test_one_that_never_becomes_empty(
    driver: Driver, port: LinuxSerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wisblock_bridge.buses.linux.uart.GRACE_S", 0.05)
    driver.full_for = 1_000_000
    port.configure(FAST)
    with pytest.raises(BusError) as caught:
        port.write(b"1")
    assert caught.value.fault is BusFault.TIMEOUT
    assert port.descriptor is not None
    driver.full_for = 0
    port.write(b"1")


def test_a_driver_that_takes_nothing(
    port: LinuxSerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wisblock_bridge.buses.linux.uart.GRACE_S", 0.05)
    port.configure(LineSettings(230400))

    def fill() -> None:
        for _ in range(1000):
            port.write(bytes(512))  # nobody reads at the far end

    with pytest.raises(BusError) as caught:
        fill()
    assert caught.value.fault is BusFault.TIMEOUT


def test_rates_in_turn_are_what_the_kernel_has(
    ends: tuple[int, int], port: LinuxSerialPort
) -> None:
    """As a LIN break does it, with bytes in between."""
    speeds = []
    for settings in (FAST, SLOW, FAST, SLOW, LineSettings(6643), FAST):
        port.configure(settings)
        speeds.append(termios.tcgetattr(ends[0])[5])
        port.write(b"x")
        assert os.read(ends[0], 1) == b"x"
        speeds.append(termios.tcgetattr(ends[0])[5])
    named = {termios.B9600: 9600, termios.B4800: 4800}
    assert [named.get(each, 0) for each in speeds] == [
        9600, 9600, 4800, 4800, 9600, 9600, 4800, 4800, 0, 0, 9600, 9600,
    ]  # fmt: skip


def test_a_setting_that_was_proven_costs_one_system_call(
    port: LinuxSerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    port.configure(FAST)
    port.configure(SLOW)
    calls = 0
    ioctl, get, put = fcntl.ioctl, termios.tcgetattr, termios.tcsetattr

    def counted(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            return function(*arguments)

        return call

    for module, name, function in (
        (fcntl, "ioctl", ioctl), (termios, "tcgetattr", get), (termios, "tcsetattr", put),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, counted(function))
    for settings in (FAST, SLOW, FAST):
        port.configure(settings)
    assert calls == 3


def test_a_port_that_was_opened_again_proves_its_settings_again(
    ends: tuple[int, int], port: LinuxSerialPort
) -> None:
    port.configure(FAST)
    port.configure(SLOW)
    port.close()
    port.configure(FAST)
    port.configure(SLOW)
    assert termios.tcgetattr(ends[0])[5] == termios.B4800


def test_a_port_that_has_gone_is_said_at_a_proven_setting(
    port: LinuxSerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    port.configure(FAST)
    port.configure(SLOW)

    def gone(*_: object) -> None:
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(uart_timing, "set_again", gone)
    with pytest.raises(BusError) as caught:
        port.configure(FAST)
    assert caught.value.fault in {BusFault.MISSING, BusFault.IO}
    assert port.descriptor is None
