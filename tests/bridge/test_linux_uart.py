"""The real pyserial on a pseudo-terminal: bytes that flow, and every way it can fail."""

from __future__ import annotations

import errno
import os
import select
import termios
import threading
from typing import TYPE_CHECKING, Any

import pytest
import serial

from wisblock_bridge.buses.linux import errno_faults, uart_timing
from wisblock_bridge.buses.linux.transport import LinuxTransport
from wisblock_bridge.buses.linux.uart import LinuxSerialPort, apply_settings, usb_place
from wisblock_bridge.buses.linux.uart_settings import _speed, is_mini_uart
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BusError, BusFault, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SETTINGS = LineSettings(115200)
HUB = "devices/platform/scb/fd500000.pcie/usb1/1-1"


class Pair:
    """A pseudo-terminal: the port's device file, and the far end of its cable."""

    def __init__(self) -> None:
        self.far, self._near = os.openpty()
        self.path = os.ttyname(self._near)
        self.tty = self.path.rsplit("/", 1)[1]
        self._pulled = False

    def pull(self) -> None:
        """Unplug it: what holds the near end sees a hang-up."""
        if not self._pulled:
            self._pulled = True
            os.close(self.far)
            os.close(self._near)

    def heard(self, length: int) -> bytes:
        """Take what the port has sent."""
        found = b""
        while len(found) < length:
            assert select.select([self.far], [], [], 30)[0], f"only {found!r} came"
            found += os.read(self.far, length - len(found))
        return found


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.pull()


@pytest.fixture
def port(pair: Pair) -> Iterator[LinuxSerialPort]:
    made = LinuxSerialPort(pair.path)
    made.configure(SETTINGS)
    yield made
    made.close()


def test_every_byte_arrives_both_ways(pair: Pair, port: LinuxSerialPort) -> None:
    every = bytes(range(256))
    port.write(every)
    assert pair.heard(256) == every
    os.write(pair.far, every)
    assert port.read(256, 30) == every


def test_reading_gives_what_there_is(pair: Pair, port: LinuxSerialPort) -> None:
    assert port.read(8, 0) == b""
    assert port.read(8, 0.01) == b""
    os.write(pair.far, b"abc")
    assert port.read(2, 30) == b"ab"
    assert port.read(8, 0.05) == b"c"


def test_reading_waits_for_the_last_byte(pair: Pair, port: LinuxSerialPort) -> None:
    os.write(pair.far, b"ab")
    later = threading.Timer(0.05, os.write, (pair.far, b"cd"))
    later.start()
    assert port.read(4, 30) == b"abcd"
    later.join()


def test_input_can_be_forgotten(pair: Pair, port: LinuxSerialPort) -> None:
    os.write(pair.far, b"old")
    assert port.descriptor is not None
    assert select.select([port.descriptor], [], [], 30)[0]
    port.discard_input()
    assert port.read(3, 0) == b""
    os.write(pair.far, b"new")
    assert port.read(3, 30) == b"new"


def test_the_descriptor_tells_that_something_has_come(pair: Pair, port: LinuxSerialPort) -> None:
    assert port.descriptor is not None
    assert not select.select([port.descriptor], [], [], 0)[0]
    os.write(pair.far, b"x")
    assert select.select([port.descriptor], [], [], 30)[0]
    port.close()
    assert port.descriptor is None


def test_the_line_is_set_as_asked(pair: Pair, port: LinuxSerialPort) -> None:
    port.configure(LineSettings(19200, stop_bits=2))
    _, _, flags, _, _, speed, _ = termios.tcgetattr(pair.far)
    assert speed == termios.B19200
    assert flags & termios.CSTOPB
    port.configure(LineSettings(9600))
    _, _, flags, _, _, speed, _ = termios.tcgetattr(pair.far)
    assert speed == termios.B9600
    assert not flags & termios.CSTOPB
    port.configure(LineSettings(6643))  # no constant of termios: what a LIN break is made with
    port.write(b"\0")
    assert pair.heard(1) == b"\0"


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (LineSettings(9600, "even"), (9600, 8, "E", 1)),
        (LineSettings(4800, "odd", 2, 7), (4800, 7, "O", 2)),
        (LineSettings(115200), (115200, 8, "N", 1)),
    ],
)
def test_what_pyserial_is_asked_for(
    settings: LineSettings, wanted: tuple[int, int, str, int]
) -> None:
    """A pseudo-terminal knows neither parity nor 7 bits, so a closed port is looked at."""
    closed = serial.Serial()
    apply_settings(closed, settings)
    assert (closed.baudrate, closed.bytesize, closed.parity, closed.stopbits) == wanted


def test_a_line_that_the_port_cannot_do_leaves_it_as_it_was(
    pair: Pair, port: LinuxSerialPort
) -> None:
    with pytest.raises(BusError, match="cannot be set like that") as caught:
        port.configure(LineSettings(19200, "even"))
    assert caught.value.fault is BusFault.UNSUPPORTED
    port.write(b"still")
    assert pair.heard(5) == b"still"
    assert termios.tcgetattr(pair.far)[5] == termios.B115200


# -- what a port lacks, or drops without a word ---------------------------------------------------


@pytest.mark.parametrize("open_before", [False, True])
@pytest.mark.parametrize(
    ("dropped", "settings", "words"),
    [
        (termios.CSTOPB, LineSettings(9600, stop_bits=2), "stop bits 1 in place of 2"),
        (termios.PARENB, LineSettings(9600, "even"), "parity none in place of even"),
        (termios.PARODD, LineSettings(9600, "odd"), "parity even in place of odd"),
    ],
)
def test_a_setting_that_the_driver_drops_without_a_word_is_noticed(
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
    dropped: int,
    settings: LineSettings,
    words: str,
    *,
    open_before: bool,
) -> None:
    """As a driver may (termios(3)); the port stays as it was."""
    really, told = termios.tcsetattr, [0]
    read = termios.tcgetattr

    def drop(descriptor: int, when: int, attributes: list[Any]) -> None:
        told[0] = attributes[2] & ~dropped  # a pseudo-terminal has no parity: it is remembered here
        really(descriptor, when, [*attributes[:2], told[0] & ~termios.PARENB, *attributes[3:]])

    def look(descriptor: int) -> list[Any]:
        found = read(descriptor)
        if told[0]:
            found[2] = told[0]
        return found

    port = LinuxSerialPort(pair.path)
    if open_before:
        port.configure(LineSettings(9600))
    monkeypatch.setattr(termios, "tcsetattr", drop)
    monkeypatch.setattr(termios, "tcgetattr", look)
    with pytest.raises(BusError, match=f"cannot be set like that.*{words}") as caught:
        port.configure(settings)
    assert caught.value.fault is BusFault.UNSUPPORTED
    monkeypatch.undo()
    port.write(b"still")
    assert pair.heard(5) == b"still"
    port.close()


def test_a_speed_that_the_driver_makes_another_is_noticed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wisblock_bridge.buses.linux.uart_settings._speed", lambda _: 9600)
    port = LinuxSerialPort(pair.path)
    with pytest.raises(BusError, match="baud rate 9600 in place of 230400"):
        port.configure(LineSettings(230400))
    port.configure(LineSettings(9600))
    port.close()


@pytest.mark.parametrize(
    "baud",
    [300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 115200, 230400],
)
def test_every_speed_is_read_back_as_it_was_asked_for(
    port: LinuxSerialPort, pair: Pair, baud: int
) -> None:
    """14400 and 28800 are no constants of termios."""
    port.configure(LineSettings(baud))
    assert _speed(pair.far) == baud


def mini(folder: Path, tty: str, *, by: str) -> None:
    """Lay out sysfs as Linux does for a port of a Raspberry Pi."""
    device = folder / "devices/platform/soc/fe215040.serial"
    (device / "of_node").mkdir(parents=True)
    port = device / "fe215040.serial:0/fe215040.serial:0.0"  # since 6.5
    port.mkdir(parents=True)
    (folder / "class/tty" / tty).mkdir(parents=True)
    (folder / "class/tty" / tty / "device").symlink_to(port if by == "tree" else device)
    if by == "tree":
        (device / "of_node/compatible").write_bytes(b"brcm,bcm2835-aux-uart\0")
    else:
        driver = folder / "bus/platform/drivers" / by
        driver.mkdir(parents=True)
        (device / "driver").symlink_to(driver)


@pytest.mark.parametrize("by", ["tree", "bcm2835-aux-uart"])
@pytest.mark.parametrize(
    ("settings", "lacks"),
    [
        (LineSettings(19200, "even"), "parity bit"),
        (LineSettings(19200, "odd"), "parity bit"),
        (LineSettings(19200, "none", 2), "second stop bit"),
    ],
)
def test_the_mini_uart_is_refused_what_it_does_not_have(
    pair: Pair, tmp_path: Path, settings: LineSettings, lacks: str, by: str
) -> None:
    mini(tmp_path / "sys", pair.tty, by=by)
    link = tmp_path / "serial0"
    link.symlink_to(pair.path)
    port = LinuxSerialPort(link, sysfs=tmp_path / "sys")
    for _ in range(2):  # at its first use, and set anew
        with pytest.raises(BusError) as caught:
            port.configure(settings)
        assert caught.value.fault is BusFault.UNSUPPORTED
        assert caught.value.message == (
            f"{link} is the mini UART of this Raspberry Pi ({pair.tty}), which has no {lacks}."
        )
        assert "dtoverlay=miniuart-bt" in caught.value.hint
        assert "disable-bt" in caught.value.hint
        port.configure(LineSettings(19200))
        port.write(b"fine")
        assert pair.heard(4) == b"fine"
    port.close()


def test_a_full_uart_and_a_port_that_nobody_knows_are_not_the_mini_uart(tmp_path: Path) -> None:
    mini(tmp_path, "ttyAMA0", by="uart-pl011")
    assert not is_mini_uart("ttyAMA0", tmp_path)
    assert not is_mini_uart("ttyS0", tmp_path)
    mini(tmp_path / "other", "ttyS0", by="bcm2835-aux-uart")
    assert is_mini_uart("ttyS0", tmp_path / "other")


def test_a_break_holds_up_nothing(pair: Pair, port: LinuxSerialPort) -> None:
    port.send_break(0.001)
    port.write(b"after")
    assert pair.heard(5) == b"after"


def test_it_is_opened_at_its_first_use_and_closed_twice(pair: Pair) -> None:
    port = LinuxSerialPort(pair.path)
    assert port.descriptor is None
    port.write(b"hello")
    assert pair.heard(5) == b"hello"
    port.close()
    port.close()
    port.write(b"again")
    assert pair.heard(5) == b"again"
    port.close()


def test_nobody_else_gets_it(pair: Pair, port: LinuxSerialPort) -> None:
    other = LinuxSerialPort(pair.path)
    with pytest.raises(BusError, match="is in use by another program") as caught:
        other.configure(SETTINGS)
    assert caught.value.fault is BusFault.HELD
    assert caught.value.code is ErrorCode.IN_USE
    port.close()
    other.configure(SETTINGS)
    other.close()


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    port = LinuxSerialPort(tmp_path / "ttyUSB7")
    with pytest.raises(BusError, match=r"ttyUSB7 does not exist\. Is the adapter") as caught:
        port.configure(SETTINGS)
    assert caught.value.code is ErrorCode.NO_BUS
    assert port.descriptor is None


def test_a_file_that_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB7").write_bytes(b"")
    with pytest.raises(BusError, match="cannot be set like that") as caught:
        LinuxSerialPort(tmp_path / "ttyUSB7").configure(SETTINGS)
    assert caught.value.fault is BusFault.UNSUPPORTED


@pytest.mark.parametrize("use", ["write", "read", "discard", "configure"])
def test_the_port_is_pulled_and_plugged_in_again(tmp_path: Path, use: str) -> None:
    first, second = Pair(), Pair()
    link = tmp_path / "by-path"
    link.symlink_to(first.path)
    port = LinuxSerialPort(link)
    port.configure(SETTINGS)
    first.pull()
    link.unlink()

    def discard() -> None:
        port.discard_input()
        port.read(1, 0)

    def configure() -> None:
        port.configure(LineSettings(19200))
        port.read(1, 0)

    uses: dict[str, Callable[[], object]] = {
        "write": lambda: port.write(b"x"),
        "read": lambda: port.read(1, 30),
        "discard": discard,
        "configure": configure,
    }
    with pytest.raises(BusError, match=r"has gone: the adapter was unplugged") as caught:
        uses[use]()
    assert caught.value.fault is BusFault.MISSING
    assert port.descriptor is None
    with pytest.raises(BusError, match="does not exist"):
        port.write(b"x")
    link.symlink_to(second.path)
    port.write(b"back")
    assert second.heard(4) == b"back"
    port.close()
    second.pull()


def test_a_port_that_takes_nothing_any_more(
    pair: Pair, port: LinuxSerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wisblock_bridge.buses.linux.uart.GRACE_S", 0.05)

    def fill() -> None:
        for _ in range(64):  # nobody reads at the far end, so its buffer fills up
            port.write(bytes(4096))

    with pytest.raises(BusError, match="did not take the characters in time") as caught:
        fill()
    assert caught.value.fault is BusFault.TIMEOUT
    assert os.read(pair.far, 1) == b"\0"


def test_what_did_not_leave_in_time_is_not_sent_later(
    pair: Pair, port: LinuxSerialPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that was reported as failed must not be carried out once the port works again."""
    flushed: list[tuple[int, int]] = []
    flush = termios.tcflush

    def noted(descriptor: int, queue: int) -> None:
        flushed.append((descriptor, queue))
        flush(descriptor, queue)

    def held_up(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(termios, "tcflush", noted)
    with monkeypatch.context() as hung:
        hung.setattr(uart_timing, "drain", held_up)
        with pytest.raises(BusError) as caught:
            port.write(b"late")
    assert caught.value.fault is BusFault.TIMEOUT
    assert flushed == [(port.descriptor, termios.TCOFLUSH)]
    os.set_blocking(pair.far, False)
    while select.select([pair.far], [], [], 0)[0]:
        os.read(pair.far, 4096)
    port.write(b"now")
    assert pair.heard(3) == b"now"


class Computer:
    """A made-up sysfs and /dev with adapters at USB sockets; the ports are pseudo-terminals.

    The kernel's name of a port is the last part of its path, here the number of the terminal.
    """

    def __init__(self, folder: Path) -> None:
        self.sysfs = folder / "sys"
        self.dev = folder / "dev"
        (self.sysfs / "class" / "tty").mkdir(parents=True)
        (self.dev / "serial" / "by-path").mkdir(parents=True)

    def plug(self, name: str, socket: str, pair: Pair) -> None:
        tty = pair.tty
        device = self.sysfs / HUB / socket / f"{socket}:1.0" / tty
        device.mkdir(parents=True)
        (self.sysfs / "class" / "tty" / tty).mkdir()
        (self.sysfs / "class" / "tty" / tty / "device").symlink_to(device)
        for link in (name, tty, f"serial/by-path/platform-usb-{socket}"):
            (self.dev / link).symlink_to(pair.path)

    def unplug(self, name: str, socket: str, pair: Pair) -> None:
        tty = pair.tty
        (self.sysfs / "class" / "tty" / tty / "device").unlink()
        (self.sysfs / "class" / "tty" / tty).rmdir()
        (self.sysfs / HUB / socket / f"{socket}:1.0" / tty).rmdir()
        for link in (name, tty, f"serial/by-path/platform-usb-{socket}"):
            (self.dev / link).unlink()

    def port(self, name: str) -> LinuxSerialPort:
        return LinuxSerialPort(self.dev / name, sysfs=self.sysfs, dev=self.dev)


class Moved:
    """Two adapters; the port of the first is open when it is pulled."""

    def __init__(self, folder: Path) -> None:
        self.computer = Computer(folder)
        self.pairs = [Pair(), Pair(), Pair()]
        self.computer.plug("ttyUSB0", "1-1.2", self.pairs[0])
        self.computer.plug("ttyUSB1", "1-1.3", self.pairs[1])
        self.port = self.computer.port("ttyUSB0")
        self.port.configure(SETTINGS)
        self.pairs[0].pull()
        self.computer.unplug("ttyUSB0", "1-1.2", self.pairs[0])
        with pytest.raises(BusError, match="has gone"):
            self.port.write(b"x")


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Moved]:
    made = Moved(tmp_path)
    yield made
    made.port.close()
    for pair in made.pairs:
        pair.pull()


def test_a_port_that_comes_back_under_another_name_is_told(moved: Moved) -> None:
    with pytest.raises(BusError, match="ttyUSB0 does not exist"):
        moved.port.write(b"x")
    moved.computer.plug("ttyUSB2", "1-1.2", moved.pairs[2])
    with pytest.raises(BusError) as caught:
        moved.port.write(b"x")
    dev = moved.computer.dev
    assert str(caught.value) == (
        f"ttyUSB0: The adapter at USB 1-1.2:1.0 was {dev}/ttyUSB0 and is "
        f"{dev}/{moved.pairs[2].tty} now. Set the serial port of the slot to a name that stays: "
        f"{dev}/serial/by-path/platform-usb-1-1.2."
    )
    assert caught.value.code is ErrorCode.NO_BUS


def test_another_adapter_under_the_same_name_is_refused(moved: Moved) -> None:
    """It would be the module of the other slot that is spoken to."""
    moved.computer.unplug("ttyUSB1", "1-1.3", moved.pairs[1])
    moved.computer.plug("ttyUSB0", "1-1.3", moved.pairs[1])
    with pytest.raises(BusError, match=r"another adapter now; the one at USB 1-1\.2:1\.0 is gone"):
        moved.port.write(b"x")
    assert not select.select([moved.pairs[1].far], [], [], 0)[0]
    moved.port.close()  # in good order: it may be anything afterwards
    moved.port.write(b"yes")
    assert moved.pairs[1].heard(3) == b"yes"


def test_the_same_adapter_under_the_same_name_is_taken(moved: Moved) -> None:
    moved.computer.plug("ttyUSB0", "1-1.2", moved.pairs[2])
    moved.port.write(b"back")
    assert moved.pairs[2].heard(4) == b"back"


def test_a_name_by_path_cannot_lead_astray(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    first, second = Pair(), Pair()
    computer.plug("ttyUSB0", "1-1.2", first)
    port = computer.port("serial/by-path/platform-usb-1-1.2")
    port.configure(SETTINGS)
    first.pull()
    computer.unplug("ttyUSB0", "1-1.2", first)
    with pytest.raises(BusError, match="has gone"):
        port.write(b"x")
    computer.plug("ttyUSB5", "1-1.2", second)
    port.write(b"found")
    assert second.heard(5) == b"found"
    port.close()
    second.pull()


@pytest.mark.parametrize(
    ("device", "place"),
    [
        (f"{HUB}/1-1.2/1-1.2:1.0/ttyUSB0", "1-1.2:1.0"),
        (f"{HUB}/1-1.4/1-1.4.1/1-1.4.1:1.3/ttyUSB4", "1-1.4.1:1.3"),
        ("devices/platform/soc/fe201000.serial", None),
    ],
)
def test_where_on_usb_a_port_is(tmp_path: Path, device: str, place: str | None) -> None:
    (tmp_path / device).mkdir(parents=True)
    (tmp_path / "class/tty/tty0").mkdir(parents=True)
    (tmp_path / "class/tty/tty0/device").symlink_to(tmp_path / device)
    assert usb_place("tty0", tmp_path) == place
    assert usb_place("tty9", tmp_path) is None


def test_two_names_of_one_port_are_one_device(pair: Pair, tmp_path: Path) -> None:
    link = tmp_path / "by-path"
    link.symlink_to(pair.path)
    transport = LinuxTransport()
    assert transport.serial_device(str(link)) == pair.path
    assert transport.serial(str(link)).name == str(link)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.EIO, BusFault.MISSING),
        (errno.ENODEV, BusFault.MISSING),
        (errno.ENXIO, BusFault.MISSING),
        (errno.EAGAIN, BusFault.HELD),
        (errno.EBUSY, BusFault.HELD),
        (errno.ETIMEDOUT, BusFault.TIMEOUT),
        (errno.EINVAL, BusFault.UNSUPPORTED),
        (errno.ENOMEM, BusFault.IO),
    ],
)
def test_error_numbers_in_words(tmp_path: Path, number: int, fault: BusFault) -> None:
    error = errno_faults.serial_port(OSError(number, os.strerror(number)), tmp_path / "ttyUSB0")
    assert error.fault is fault
    assert error.where == "ttyUSB0"
    assert error.hint
    assert str(number) not in str(error).replace(str(tmp_path), "")
