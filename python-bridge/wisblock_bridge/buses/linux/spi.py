"""A chip select of Linux, through spidev.

1. One ``transfer`` is one SPI_IOC_MESSAGE: the kernel holds the chip select from the first bit to
   the last.
2. All chip selects of one bus share one lock, so that a transfer is never cut in two by the other.
3. What the kernel reports leaves as ``BusError``; the words are in ``errno_faults``.
"""

from __future__ import annotations

import errno
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.buses.linux.device_names import real_path
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    import spidev

LONGEST_TRANSFER = 4096
"""Bytes that spidev's buffer takes (drivers/spi/spidev.c, bufsiz)."""

_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN, errno.EBADF})
_NAME = re.compile(r"spidev(\d+)\.(\d+)$")
_locks: dict[int, FairLock] = {}
_locks_guard = threading.Lock()


def lock_of(bus: int) -> FairLock:
    """Return the one lock of a bus.

    Args:
        bus: The kernel's number (0 for /dev/spidev0.1).

    Returns:
        Always the same one for the same bus.
    """
    with _locks_guard:
        return _locks.setdefault(bus, FairLock())


class LinuxSpiDevice:
    """One chip select, opened with the first transfer and again after it was away.

    Args:
        path: Its device file ("/dev/spidev0.0"), or a link to it.
        max_hz: Fastest clock that the device tolerates, Hz.
        mode: Clock polarity and phase, 0...3.
    """

    def __init__(self, path: str | Path, max_hz: int, mode: int = 0) -> None:
        self._path = Path(path)
        self._max_hz = max_hz
        self._mode = mode
        self._lock = lock_of(bus_of(self._path))
        self._device: spidev.SpiDev | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self._path)

    def transfer(self, data: bytes) -> bytes:
        """Select the device, exchange bytes, deselect it, as ``SpiDevice.transfer`` says.

        Args:
            data: What to send, 1...4096 bytes.

        Returns:
            What came meanwhile, as many bytes.

        Raises:
            BusError: As the kernel reports it, or ``unsupported`` for a transfer that is too long.
        """
        if not 1 <= len(data) <= LONGEST_TRANSFER:
            raise BusError(
                BusFault.UNSUPPORTED,
                f"{len(data)} bytes do not fit one transfer of 1 to {LONGEST_TRANSFER}.",
                hint="Split the transfer; nothing was sent.",
                where=self.name,
            )
        with self._lock:
            device = self._opened()
            try:
                return bytes(device.xfer2(data))
            except OSError as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Release the device; closing twice is allowed, and a later transfer opens it again."""
        with self._lock:
            self._close()

    def _opened(self) -> spidev.SpiDev:
        if self._device is not None:
            return self._device
        import spidev  # noqa: PLC0415  (rule 3 of the package: import time)

        device = spidev.SpiDev()
        try:
            device.open_path(str(self._path))
            device.mode = self._mode
            device.max_speed_hz = self._max_hz
        except OSError as error:
            _close_quietly(device)
            raise errno_faults.opening(error, self._path, errno_faults.SPI_DEVICE) from error
        self._device = device
        return device

    def _failed(self, error: OSError) -> BusError:
        if error.errno in _GONE or not self._path.exists():
            self._close()
            error = OSError(errno.ENODEV, error.strerror)
        return errno_faults.spi_transfer(error, self._path)

    def _close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            _close_quietly(device)


def bus_of(path: Path) -> int:
    """Return the number of the bus that a device file belongs to.

    Args:
        path: The device file or a link to it.

    Returns:
        The kernel's number; 0 when the name has none.
    """
    for candidate in (path, Path(real_path(path))):
        found = _NAME.search(candidate.name)
        if found:
            return int(found[1])
    return 0


def _close_quietly(device: spidev.SpiDev) -> None:
    try:
        device.close()
    except OSError:
        return  # the descriptor of a removed device may refuse; there is nothing left to give back
