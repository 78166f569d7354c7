"""SPI through spidev: one lock for a bus, and the kernel's numbers in words."""

from __future__ import annotations

import errno
import os
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from wisblock_bridge.buses.linux.spi import LinuxSpiDevice, bus_of, lock_of
from wisblock_bridge.errors import BusError, BusFault


class FakeSpiDev:
    """spidev's class, without a kernel."""

    opened: list[FakeSpiDev] = []  # noqa: RUF012  (emptied for each test)
    refuse: dict[str, int] = {}  # noqa: RUF012
    busy = threading.Lock()

    def __init__(self) -> None:
        self.path = ""
        self.mode = self.max_speed_hz = -1
        self.closed = False
        self.fail = 0
        self.transfers: list[bytes] = []

    def open_path(self, path: str) -> None:
        if path in self.refuse:
            raise OSError(self.refuse[path], os.strerror(self.refuse[path]))
        self.path = path
        FakeSpiDev.opened.append(self)

    def xfer2(self, data: bytes) -> list[int]:
        assert FakeSpiDev.busy.acquire(blocking=False), "two transfers on one bus at once"
        try:
            if self.fail:
                raise OSError(self.fail, os.strerror(self.fail))
            self.transfers.append(bytes(data))
            return [each ^ 0xFF for each in data]
        finally:
            FakeSpiDev.busy.release()

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _spidev(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("spidev")
    module.SpiDev = FakeSpiDev
    monkeypatch.setitem(sys.modules, "spidev", module)
    monkeypatch.setattr(FakeSpiDev, "opened", [])
    monkeypatch.setattr(FakeSpiDev, "refuse", {})


def made(tmp_path: Path, name: str = "spidev0.0") -> LinuxSpiDevice:
    path = tmp_path / name
    path.touch()
    return LinuxSpiDevice(path, 2_000_000)


def test_a_transfer(tmp_path: Path) -> None:
    device = made(tmp_path)
    assert FakeSpiDev.opened == []
    assert device.transfer(b"\x0f\xf0") == b"\xf0\x0f"
    assert device.transfer(b"\x01") == b"\xfe"
    (opened,) = FakeSpiDev.opened
    assert (opened.path, opened.mode, opened.max_speed_hz) == (device.name, 0, 2_000_000)
    assert opened.transfers == [b"\x0f\xf0", b"\x01"]
    device.close()
    device.close()
    assert opened.closed


def test_after_a_close_it_is_opened_again(tmp_path: Path) -> None:
    device = made(tmp_path)
    device.transfer(b"x")
    device.close()
    device.transfer(b"x")
    assert len(FakeSpiDev.opened) == 2


@pytest.mark.parametrize("length", [0, 4097])
def test_lengths_that_do_not_fit(tmp_path: Path, length: int) -> None:
    with pytest.raises(BusError, match=f"{length} bytes") as caught:
        made(tmp_path).transfer(bytes(length))
    assert caught.value.fault is BusFault.UNSUPPORTED
    assert FakeSpiDev.opened == []


@pytest.mark.parametrize(
    ("number", "fault", "words"),
    [
        (errno.ENOENT, BusFault.MISSING, "dtparam=spi=on"),
        (errno.EACCES, BusFault.PERMISSION, "group spi"),
        (errno.EBUSY, BusFault.HELD, "only one"),
    ],
)
def test_what_an_open_says(tmp_path: Path, number: int, fault: BusFault, words: str) -> None:
    device = made(tmp_path)
    FakeSpiDev.refuse[device.name] = number
    with pytest.raises(BusError) as caught:
        device.transfer(b"x")
    assert caught.value.fault is fault
    assert words in caught.value.hint


@pytest.mark.parametrize(
    ("number", "fault", "opened_again"),
    [
        (errno.EIO, BusFault.IO, False),
        (errno.ETIMEDOUT, BusFault.TIMEOUT, False),
        (errno.EINVAL, BusFault.UNSUPPORTED, False),
        (errno.ESHUTDOWN, BusFault.MISSING, True),
    ],
)
def test_what_a_transfer_says(
    tmp_path: Path, number: int, fault: BusFault, *, opened_again: bool
) -> None:
    device = made(tmp_path)
    device.transfer(b"x")
    FakeSpiDev.opened[0].fail = number
    with pytest.raises(BusError) as caught:
        device.transfer(b"x")
    assert caught.value.fault is fault
    assert caught.value.where == device.name
    assert str(number) not in str(caught.value).replace(device.name, "")
    FakeSpiDev.opened[0].fail = 0
    assert device.transfer(b"\0") == b"\xff"
    assert (len(FakeSpiDev.opened) == 2) is opened_again


def test_a_link_is_followed_to_its_bus(tmp_path: Path) -> None:
    (tmp_path / "spidev7.1").touch()
    (tmp_path / "radio").symlink_to(tmp_path / "spidev7.1")
    assert bus_of(tmp_path / "radio") == 7
    assert bus_of(Path("/dev/spidev10.2")) == 10


def test_both_chip_selects_share_one_lock(tmp_path: Path) -> None:
    first, second = made(tmp_path, "spidev0.0"), made(tmp_path, "spidev0.1")
    assert lock_of(0) is lock_of(0)
    assert lock_of(0) is not lock_of(1)
    failed: list[AssertionError] = []

    def hammer(device: LinuxSpiDevice) -> None:
        try:
            for _ in range(300):
                device.transfer(b"abc")
        except AssertionError as error:
            failed.append(error)

    threads = [threading.Thread(target=hammer, args=(each,)) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert [len(each.transfers) for each in FakeSpiDev.opened] == [300, 300]
