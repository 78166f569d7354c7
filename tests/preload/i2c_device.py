"""The kernel's side of /dev/i2c-N, with an emulated bus below it.

1. It does what drivers/i2c/i2c-dev.c does with each ioctl, limits and error numbers included.
2. It records every message that went over the wire.
"""

from __future__ import annotations

import errno
import struct
import threading
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.buses.i2c import I2CBus

# include/uapi/linux/i2c.h and i2c-dev.h
I2C_M_RD = 0x0001


class Ioctl(IntEnum):
    """include/uapi/linux/i2c-dev.h."""

    RETRIES = 0x0701
    TIMEOUT = 0x0702
    SLAVE = 0x0703
    TENBIT = 0x0704
    FUNCS = 0x0705
    SLAVE_FORCE = 0x0706
    PEC = 0x0708
    SMBUS = 0x0720


FUNC_I2C, FUNC_SMBUS_EMUL = 0x00000001, 0x0EFF0008
MAX_MESSAGES, MAX_BYTES = 42, 8192

ERRNO_OF = {
    BusFault.NO_ACKNOWLEDGE: errno.EREMOTEIO,
    BusFault.IO: errno.EIO,
    BusFault.TIMEOUT: errno.ETIMEDOUT,
    BusFault.HELD: errno.EBUSY,
    BusFault.MISSING: errno.ENODEV,
    BusFault.PERMISSION: errno.EACCES,
    BusFault.UNSUPPORTED: errno.EOPNOTSUPP,
}


@dataclass(frozen=True)
class Message:
    """One message on the wire; those of one transaction are joined by repeated starts."""

    address: int
    direction: str
    data: bytes


class Failures:
    """Error numbers that the next operations fail with."""

    def __init__(self) -> None:
        self._planned: list[int] = []

    def plan(self, number: int, *, after: int = 0, count: int = 1) -> None:
        """Let operations succeed ``after`` times, then fail ``count`` times."""
        self._planned = [0] * after + [number] * count

    def next(self) -> None:
        """Fail now, if it is time."""
        number = self._planned.pop(0) if self._planned else 0
        if number:
            raise OSError(number, "planned by the test")


class Adapter:
    """An I2C adapter.

    Args:
        number: N of /dev/i2c-N.
        bus: What is connected.
        drivers: Addresses that a driver of the kernel owns.
        functions: What I2C_FUNCS answers.
        last_read_only: The limit of i2c-bcm2835: one read, as the last message.
    """

    def __init__(
        self,
        number: int,
        bus: I2CBus,
        drivers: Mapping[int, str] | None = None,
        *,
        functions: int = FUNC_I2C | FUNC_SMBUS_EMUL,
        last_read_only: bool = True,
    ) -> None:
        self.number = number
        self.bus = bus
        self.drivers = dict(drivers or {})
        self.functions = functions
        self.last_read_only = last_read_only
        self.failures = Failures()
        self.transactions: list[tuple[Message, ...]] = []
        self.opens = 0
        self._lock = threading.Lock()

    def open(self) -> AdapterFile:
        """Open the device file."""
        self.opens += 1
        return AdapterFile(self)

    def transfer(self, messages: list[tuple[int, int, int, bytes]]) -> bytes:
        """Carry out one I2C_RDWR: messages are (address, flags, length, data)."""
        if not 1 <= len(messages) <= MAX_MESSAGES or any(each[2] > MAX_BYTES for each in messages):
            raise OSError(errno.EINVAL, "too many messages or too many bytes")
        if self.last_read_only and any(flags & I2C_M_RD for _, flags, _, _ in messages[:-1]):
            raise OSError(errno.EOPNOTSUPP, "only one read message supported, has to be last")
        with self._lock:
            self.failures.next()
            address = messages[0][0]
            sent = [
                Read(length) if flags & I2C_M_RD else Write(data)
                for _, flags, length, data in messages
            ]
            try:
                answer = self.bus.transfer(address, *sent)
            except BusError as error:
                raise OSError(ERRNO_OF[error.fault], str(error)) from error
            record, taken = [], 0
            for each in sent:
                if isinstance(each, Read):
                    record.append(Message(address, "read", answer[taken : taken + each.length]))
                    taken += each.length
                else:
                    record.append(Message(address, "write", each.data))
            self.transactions.append(tuple(record))
            return answer


class AdapterFile:
    """One opening of the device file."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def ioctl_number(self, request: int, argument: int) -> tuple[int, bytes]:
        """Answer an ioctl whose argument is a number."""
        if request == Ioctl.FUNCS:
            return 0, struct.pack("<Q", self._adapter.functions)
        if request == Ioctl.SLAVE and argument in self._adapter.drivers:
            raise OSError(errno.EBUSY, "owned by a driver")
        if request == Ioctl.SMBUS:
            raise OSError(errno.EOPNOTSUPP, "SMBus commands are not emulated here")
        if request not in tuple(Ioctl):
            raise OSError(errno.ENOTTY, "no such ioctl")
        return 0, b""

    def ioctl_struct(self, _request: int, _data: bytes) -> tuple[int, bytes]:
        """Refuse: no ioctl of an adapter is of this form."""
        raise OSError(errno.ENOTTY, "no such ioctl")

    def i2c_rdwr(self, count: int, data: bytes) -> tuple[int, bytes]:
        """Unpack the messages of an I2C_RDWR and carry them out."""
        messages = []
        for _ in range(count):
            address, flags, length = struct.unpack_from("<HHH", data)
            size = 0 if flags & I2C_M_RD else length
            messages.append((address, flags, length, data[6 : 6 + size]))
            data = data[6 + size :]
        return count, self._adapter.transfer(messages)

    def close(self) -> None:
        """Do nothing: an adapter keeps nothing for a file."""
