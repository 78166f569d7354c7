"""A serial port of Linux, through pyserial.

1. A port is opened at its first use, for the bridge alone, and again after it was away.
2. A name that leads to another USB adapter than before is refused, because the module behind it is
   another one; a port that was closed in good order may come back as anything.
3. Waiting is done here, on the descriptor; pyserial never waits.
4. A setting that the port does not have is an error, also where its driver says nothing; one that
   it was found to have is set again without asking, as a LIN break sets two in every frame.

On 1: pyserial's lock (flock) keeps out those who ask for it, TIOCEXCL everybody but root; both are
taken, because programs differ in which of the two they honour.
On 2: /dev/ttyUSB0 is whatever adapter was found first. A name below /dev/serial/by-path is a place,
so it cannot lead astray.
"""

from __future__ import annotations

import errno
import os
import re
import select
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.buses.linux import errno_faults, uart_timing
from wisblock_bridge.buses.linux.device_names import entries, real_path
from wisblock_bridge.buses.linux.uart_settings import (
    refuse_what_it_lacks,
    refuse_what_was_not_taken,
)
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Callable

    import serial

DEV = Path("/dev")
USB_INTERFACE = re.compile(r"\d+-\d+(?:\.\d+)*:\d+\.\d+")
"""The kernel's name of one interface of a device at one socket: bus, hub ports, interface."""

MOST_PROVEN = 16
"""Settings that are remembered; a line has one or two, a LIN break one more."""

GRACE_S = 2.0
"""What sending may take beyond the duration of the characters, for a busy USB."""

_PARITY = {"none": "N", "even": "E", "odd": "O"}


class LinuxSerialPort:
    """One serial port.

    Args:
        path: Its device file, or a link to it ("/dev/serial/by-path/...").
        sysfs: Where sysfs is mounted.
        dev: Where the device files are.
    """

    def __init__(
        self, path: str | Path, *, sysfs: Path = errno_faults.SYSFS, dev: Path = DEV
    ) -> None:
        self._path = Path(path)
        self._sysfs = sysfs
        self._dev = dev
        self._settings = LineSettings(9600)
        self._port: serial.Serial | None = None
        self._place: str | None = None
        self._proven: dict[LineSettings, bytes] = {}
        """Settings that the open port was found to have, as the kernel keeps them."""

    @property
    def name(self) -> str:
        """What people call it: the path that was configured."""
        return str(self._path)

    @property
    def descriptor(self) -> int | None:
        """Readable when bytes have come; None while the port is closed."""
        return None if self._port is None else int(self._port.fileno())

    def configure(self, settings: LineSettings) -> None:
        """Set baud rate and character format, as ``SerialPort.configure`` says."""
        former, self._settings = self._settings, settings
        try:
            if self._port is None:
                self._open()
            elif settings in self._proven:
                state = self._proven[settings]
                self._use(lambda port: uart_timing.set_again(port.fileno(), state))
            else:
                refuse_what_it_lacks(self._path, settings, self._sysfs)
                self._use(self._apply)
        except BusError:
            self._settings = former
            raise

    def _apply(self, port: serial.Serial) -> None:
        apply_settings(port, self._settings)
        try:
            refuse_what_was_not_taken(port.fileno(), self._path, self._settings)
        except BusError:
            self._shut()  # opened again, it is set as it was
            raise
        self._note_proven(port.fileno())

    def _note_proven(self, descriptor: int) -> None:
        state = uart_timing.settings_of(descriptor)
        if state is not None:
            if len(self._proven) >= MOST_PROVEN:
                self._proven.clear()
            self._proven[self._settings] = state

    def write(self, data: bytes) -> None:
        """Send bytes and wait until they have left, as ``SerialPort.write`` says."""
        line_s = len(data) * self._settings.character_s

        def send(port: serial.Serial) -> None:
            begin = time.monotonic()
            limit = begin + line_s + GRACE_S
            # pyserial would set the port again with every new time-out, to what it knows of it.
            uart_timing.send(port.fileno(), data, limit)
            uart_timing.drain(port.fileno(), begin + line_s, limit)

        self._use(send)

    def read(self, length: int, timeout_s: float) -> bytes:
        """Take up to this many bytes, as ``SerialPort.read`` says."""
        end = time.monotonic() + timeout_s

        def take(port: serial.Serial) -> bytes:
            taken = bytearray()
            while True:
                taken += port.read(length - len(taken))
                left_s = end - time.monotonic()
                if len(taken) == length or left_s <= 0:
                    return bytes(taken)
                _wait(port.fileno(), left_s)

        return self._use(take)

    def send_break(self, duration_s: float) -> None:
        """Hold the line low for a while, as ``SerialPort.send_break`` says."""

        def hold(port: serial.Serial) -> None:
            port.break_condition = True
            try:
                select.select([], [], [], duration_s)
            finally:
                port.break_condition = False

        self._use(hold)

    def discard_input(self) -> None:
        """Forget what has come so far, as ``SerialPort.discard_input`` says."""
        self._use(lambda port: port.reset_input_buffer())

    def close(self) -> None:
        """Release the port, and forget which adapter it was."""
        self._shut()
        self._place = None

    def _use(self, action: Callable[[serial.Serial], bytes | None]) -> bytes:
        port = self._port or self._open()
        try:
            return action(port) or b""
        except (OSError, ValueError, termios.error) as error:
            found = _as_os_error(error)
            failed = errno_faults.serial_port(found, self._path)
            if found.errno == errno.ETIMEDOUT:
                # What was reported as failed must not be sent once the port works again.
                with suppress(OSError, termios.error):
                    termios.tcflush(port.fileno(), termios.TCOFLUSH)
            else:
                self._shut()
            raise failed from error

    def _open(self) -> serial.Serial:
        place = self._usb_place()
        if self._place is not None and place != self._place:
            raise self._moved(self._place)
        refuse_what_it_lacks(self._path, self._settings, self._sysfs)
        import serial  # noqa: PLC0415  (rule 3 of the package: import time)

        port = serial.Serial()
        port.port = str(self._path)
        port.timeout = 0
        port.exclusive = True
        apply_settings(port, self._settings)
        try:
            port.open()
            termios.tcgetattr(port.fileno())
            _claim(port.fileno())
            refuse_what_was_not_taken(port.fileno(), self._path, self._settings)
        except BusError:
            port.close()
            raise
        except (OSError, ValueError, termios.error) as error:
            with suppress(OSError):
                port.close()
            raise self._not_opened(_as_os_error(error)) from error
        self._port, self._place = port, place
        uart_timing.hand_over_at_once(port.fileno())
        self._note_proven(port.fileno())
        return port

    def _not_opened(self, error: OSError) -> BusError:
        if error.errno == errno.EAGAIN:
            error = OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        if error.errno in {errno.EINVAL, errno.ENOTTY}:
            return errno_faults.serial_port(error, self._path)
        return errno_faults.opening(error, self._path, errno_faults.SERIAL_PORT)

    def _shut(self) -> None:
        port, self._port = self._port, None
        self._proven.clear()
        if port is not None:
            with suppress(OSError):
                port.close()

    # -- which adapter it is ----------------------------------------------------------------------

    def _usb_place(self) -> str | None:
        """Return where on USB the adapter behind the name is; None for other ports."""
        return usb_place(Path(real_path(self._path)).name, self._sysfs)

    def _moved(self, place: str) -> BusError:
        names = [each.name for each in entries(self._sysfs / "class" / "tty")]
        now = next((name for name in names if usb_place(name, self._sysfs) == place), None)
        if now is None and not self._path.exists():
            gone = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            return errno_faults.opening(gone, self._path, errno_faults.SERIAL_PORT)
        device = None if now is None else self._dev / now
        lasting = None
        if device is not None:
            links = entries(self._dev / "serial" / "by-path")
            real = real_path(device)
            lasting = next((link for link in links if real_path(link) == real), None)
        return errno_faults.port_moved(self._path, place, device, lasting)


def usb_place(tty: str, sysfs: Path = errno_faults.SYSFS) -> str | None:
    """Return where on USB a serial port is.

    Args:
        tty: The kernel's name of the port ("ttyUSB0").
        sysfs: Where sysfs is mounted.

    Returns:
        The interface ("1-1.2:1.0": bus 1, socket 2 of the hub at socket 1), or None when there is
        no such port or it is not on USB.
    """
    device = real_path(sysfs / "class" / "tty" / tty / "device")
    found = [part for part in Path(device).parts if USB_INTERFACE.fullmatch(part)]
    return found[-1] if found else None


def apply_settings(port: serial.Serial, settings: LineSettings) -> None:
    """Hand settings over to pyserial.

    Args:
        port: Its port, open or not.
        settings: How characters are to be sent.
    """
    wanted = {
        "baudrate": settings.baud,
        "bytesize": settings.data_bits,
        "parity": _PARITY[settings.parity],
        "stopbits": settings.stop_bits,
    }
    for name, value in wanted.items():
        if getattr(port, name) != value:  # each assignment is a system call
            setattr(port, name, value)


def _claim(descriptor: int) -> None:
    import fcntl  # noqa: PLC0415  (beside its only use)

    with suppress(OSError):  # a driver that does not know it is kept by the lock alone
        fcntl.ioctl(descriptor, termios.TIOCEXCL)


def _wait(descriptor: int, seconds: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(seconds * 1000.0)


def _as_os_error(error: OSError | ValueError | termios.error) -> OSError:
    """Find the error number, which pyserial leaves in the error it caught."""
    import serial  # noqa: PLC0415  (rule 3 of the package: import time)

    if isinstance(error, serial.SerialTimeoutException | TimeoutError):
        return OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    if isinstance(error, ValueError):  # a baud rate that the driver refuses
        return OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    seen: BaseException | None = error
    while seen is not None:
        number = seen.args[0] if isinstance(seen, termios.error) else getattr(seen, "errno", None)
        if isinstance(number, int):
            return OSError(number, os.strerror(number))
        seen = seen.__cause__ or seen.__context__
    # Nothing caught: a port that is ready to read and gives nothing was unplugged.
    return OSError(errno.EIO, os.strerror(errno.EIO))
