"""Names of devices while devices come and go: what udev does in the middle of a look."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.buses.linux.device_names import entries, real_path
from wisblock_bridge.buses.linux.gpio_controllers import list_controllers
from wisblock_bridge.buses.linux.spi import bus_of
from wisblock_bridge.buses.linux.transport import LinuxTransport
from wisblock_bridge.buses.linux.uart import LinuxSerialPort, usb_place
from wisblock_bridge.buses.linux.uart_settings import is_mini_uart
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.discovery.computer import LinuxComputer
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def vanishing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A link that is taken away after it was seen to be one, before it is followed."""
    link = tmp_path / "ttyUSB0"
    link.symlink_to(tmp_path / "port")
    follow = os.readlink

    def vanish(path: str, *, dir_fd: int | None = None) -> str:
        if str(path) == str(link):
            link.unlink(missing_ok=True)
        return follow(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "readlink", vanish)
    return link


def test_a_link_that_vanishes_while_it_is_followed_leads_to_itself(vanishing: Path) -> None:
    assert real_path(vanishing) == str(vanishing)


def test_a_link_that_never_stands_still_leads_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "port")

    def gone(*_: object, **__: object) -> str:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    monkeypatch.setattr(os, "readlink", gone)
    monkeypatch.setattr(os.path, "realpath", gone)
    assert real_path(link) == str(link)


def test_a_serial_port_that_vanishes_is_no_defect(vanishing: Path) -> None:
    assert LinuxTransport().serial_device(str(vanishing)) == str(vanishing)


def test_a_serial_port_that_vanishes_while_it_is_opened_is_missing(
    vanishing: Path, tmp_path: Path
) -> None:
    port = LinuxSerialPort(vanishing, sysfs=tmp_path / "sys", dev=tmp_path)
    with pytest.raises(BusError) as caught:
        port.configure(LineSettings(9600, parity="even"))
    assert caught.value.fault is BusFault.MISSING


@pytest.mark.parametrize("names", ["serial/by-path", "serial"])
def test_the_last_adapter_takes_its_folder_along(tmp_path: Path, names: str) -> None:
    (tmp_path / names).mkdir(parents=True)
    assert entries(tmp_path / names) == []
    (tmp_path / names).rmdir()
    assert entries(tmp_path / names) == []
    (tmp_path / "file").touch()
    assert entries(tmp_path / "file") == []


def test_whoever_else_follows_a_link_survives_that_it_vanishes(vanishing: Path) -> None:
    assert LinuxComputer().target(str(vanishing)) is None
    vanishing.symlink_to("elsewhere")
    assert bus_of(vanishing) == 0
    vanishing.symlink_to("elsewhere")
    assert errno_faults.adapter_number(vanishing) is None


def test_the_tree_of_devices_may_change_while_it_is_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "class" / "tty" / "ttyUSB0").mkdir(parents=True)
    (tmp_path / "class" / "tty" / "ttyUSB0" / "device").symlink_to(tmp_path)
    (tmp_path / "gpiochip0").symlink_to(tmp_path / "gpiochip1")

    def gone(*_: object, **__: object) -> str:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    monkeypatch.setattr(os, "readlink", gone)
    assert usb_place("ttyUSB0", tmp_path) is None
    assert not is_mini_uart("ttyUSB0", tmp_path)
    (found,) = list_controllers(dev=tmp_path)
    assert found.problem is not None
    assert found.problem.fault is BusFault.MISSING
