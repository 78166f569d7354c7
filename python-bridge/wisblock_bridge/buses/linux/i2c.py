"""An I2C adapter of Linux, through smbus2 and the kernel's i2c-dev.

1. One ``transfer`` is one I2C_RDWR: the kernel holds the bus from the first start to the stop.
2. An address that a driver of the kernel owns is refused here, because the kernel itself does not
   refuse it.
3. What no controller of a Raspberry Pi can do is refused in words before anything is sent.

On 2: only I2C_SLAVE looks for a bound driver and answers EBUSY; I2C_RDWR carries its addresses in
the messages and is passed on unchecked (Linux, drivers/i2c/i2c-dev.c: i2cdev_ioctl,
i2cdev_ioctl_rdwr). A bridge that relied on EBUSY would become a second master of, say, an expander
whose latch the kernel has cached, and the two would undo each other.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write, check_transaction
from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    import smbus2

_GONE = frozenset({errno.ENODEV, errno.ESHUTDOWN, errno.EBADF})


class LinuxI2CBus:
    """One adapter, opened with the first transfer and again after it was away.

    Args:
        adapter: The kernel's number (1 for /dev/i2c-1) or the path of the device file.
        name: What people call the bus; the file's name when not given.
        sysfs: Where sysfs is mounted.
    """

    def __init__(
        self,
        adapter: int | str | Path,
        name: str | None = None,
        *,
        sysfs: Path = errno_faults.SYSFS,
    ) -> None:
        self._path = Path(f"/dev/i2c-{adapter}") if isinstance(adapter, int) else Path(adapter)
        self._name = name or self._path.name
        self._sysfs = sysfs
        self._lock = FairLock()
        self._bus: smbus2.SMBus | None = None
        self._driver_links: dict[int, str | None] = {}

    @property
    def name(self) -> str:
        """What people call the bus."""
        return self._name

    @property
    def path(self) -> Path:
        """The device file."""
        return self._path

    def open(self) -> None:
        """Open the device file now, to learn whether it can be; ``transfer`` does so automatically.

        Raises:
            BusError: The file is missing, not permitted, or no plain I2C adapter.
        """
        with self._lock:
            self._opened()

    def kernel_driver(self, address: int) -> str | None:
        """Return which driver of the kernel owns an address.

        Args:
            address: 7-bit address.

        Returns:
            The driver's name, or None when the address is free.
        """
        return errno_faults.kernel_driver(address, self._path, sysfs=self._sysfs)

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        """Carry out one transaction, as ``I2CBus.transfer`` says.

        Args:
            address: 7-bit address, 0x08...0x77.
            *messages: In order, joined by repeated starts; at most one read, as the last.

        Returns:
            The bytes that were read.

        Raises:
            BusError: As the kernel reports it, or ``held`` for an address that a driver of the
                kernel owns, or ``unsupported`` for a transaction that no controller can carry out.
        """
        check_transaction(self._name, address, messages)
        with self._lock:
            bus = self._opened()
            self._refuse_kernel_owned(address)
            parts = [_prepared(address, message) for message in messages]
            try:
                bus.i2c_rdwr(*parts)
            except OSError as error:
                raise self._failed(error, address) from error
            return bytes(parts[-1]) if isinstance(messages[-1], Read) else b""

    def close(self) -> None:
        """Release the adapter; closing twice is allowed, and a later transfer opens it again."""
        with self._lock:
            self._close()

    def _opened(self) -> smbus2.SMBus:
        if self._bus is not None:
            return self._bus
        import smbus2  # noqa: PLC0415  (rule 3 of the package: import time)

        bus = smbus2.SMBus()
        try:
            bus.open(str(self._path))
        except OSError as error:
            _close_quietly(bus)
            raise errno_faults.opening(error, self._path, errno_faults.I2C_ADAPTER) from error
        if not bus.funcs & smbus2.I2cFunc.I2C:
            _close_quietly(bus)
            raise BusError(
                BusFault.UNSUPPORTED,
                f"{self._path} is an SMBus-only adapter.",
                hint="The bridge needs a plain I2C controller.",
                where=self._name,
            )
        self._bus = bus
        self._driver_links.clear()
        return bus

    def _refuse_kernel_owned(self, address: int) -> None:
        # With each transaction: a driver may be bound at any time (an overlay, new_device). That
        # takes some 3 us, the shortest transaction at 100 kHz 200 us.
        if address not in self._driver_links:
            self._driver_links[address] = errno_faults.driver_link(
                address, self._path, sysfs=self._sysfs
            )
        link = self._driver_links[address]
        if link is None:
            return
        try:
            driver = os.readlink(link)  # noqa: PTH115  (a Path costs more than the call)
        except OSError:
            return
        raise errno_faults.address_held(address, self._name, Path(driver).name)

    def _failed(self, error: OSError, address: int) -> BusError:
        if error.errno in _GONE or not self._path.exists():
            self._close()
            error = OSError(errno.ENODEV, error.strerror)
        return errno_faults.i2c_transfer(error, address, self._name, self._path, sysfs=self._sysfs)

    def _close(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            _close_quietly(bus)


def _prepared(address: int, message: Write | Read) -> smbus2.i2c_msg:
    import smbus2  # noqa: PLC0415  (rule 3 of the package: import time)

    if isinstance(message, Read):
        return smbus2.i2c_msg.read(address, message.length)
    return smbus2.i2c_msg.write(address, message.data)


def _close_quietly(bus: smbus2.SMBus) -> None:
    try:
        bus.close()
    except OSError:
        # The descriptor of a removed adapter may refuse to be closed; there is nothing left to give
        # back.
        bus.fd = None
