"""What an I2C bus is to a chip driver.

1. One ``transfer`` is one uninterrupted bus transaction (repeated starts inside, one stop at the
   end).
2. A bus is locked for one transfer only, never over a wait; sequences are the chip's business.
3. Failures leave as ``BusError`` with a kind; nobody above ever sees an errno.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wisblock_bridge.errors import BusError, BusFault

LOWEST_ADDRESS = 0x08
HIGHEST_ADDRESS = 0x77

# include/uapi/linux/i2c-dev.h, I2C_RDWR_IOCTL_MAX_MSGS
MAX_MESSAGES = 42
# drivers/i2c/i2c-dev.c, i2cdev_ioctl_rdwr: longer messages are EINVAL. (Controllers alone would
# take up to 65535.)
MAX_MESSAGE_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes from the controller to the device.

    Attributes:
        data: The bytes after the address byte.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """Bytes from the device to the controller.

    Attributes:
        length: Number of bytes to read, 1 or more.
    """

    length: int


class I2CBus(Protocol):
    """One I2C adapter, shared by every chip on it."""

    @property
    def name(self) -> str:
        """What people call the bus, for example "i2c-1"."""
        ...

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        """Carry out one transaction with one device.

        Args:
            address: 7-bit address, 0x08...0x77.
            *messages: In order, joined by repeated starts.

        Returns:
            The bytes of all ``Read`` messages, joined.

        Raises:
            BusError: No acknowledge, time-out, address held by the kernel, device file missing or
                not permitted.
        """
        ...

    def close(self) -> None:
        """Release the adapter; closing twice is allowed."""
        ...


def check_transaction(name: str, address: int, messages: tuple[Write | Read, ...]) -> None:
    """Refuse what the controllers of the supported boards cannot do.

    The BCM2711 (Raspberry Pi 4, Compute Module 4) takes any number of writes but only one read, and
    that as the last message (drivers/i2c/busses/i2c-bcm2835.c, bcm2835_i2c_xfer: "only one read
    message supported, has to be last"). The RP1 of the Raspberry Pi 5 has no such limit
    (i2c-designware-master.c); the rule is kept for it nevertheless, so that a driver that works on
    one board works on the other.

    Args:
        name: What people call the bus.
        address: 7-bit address, 0x08...0x77.
        messages: The transaction.

    Raises:
        ValueError: No device can have that address.
        BusError: Fault ``unsupported``; nothing was sent.
    """
    if not LOWEST_ADDRESS <= address <= HIGHEST_ADDRESS:
        raise ValueError(f"0x{address:02x} is not a 7-bit device address")
    problem = _problem(messages)
    if problem:
        raise BusError(
            BusFault.UNSUPPORTED,
            problem,
            hint="Split the transaction; nothing was sent.",
            where=f"0x{address:02x} on {name}",
        )


def _problem(messages: tuple[Write | Read, ...]) -> str:
    """Return what a controller could not do, or "" for nothing."""
    if not messages:
        return "A transaction needs at least one message."
    if len(messages) > MAX_MESSAGES:
        return f"{len(messages)} messages are more than the {MAX_MESSAGES} the kernel takes."
    for position, message in enumerate(messages, 1):
        if type(message) is Write:
            length = len(message.data)
        else:
            assert isinstance(message, Read)  # noqa: S101  (a union of two)
            length = message.length
            if position < len(messages):
                return "A read must be the last message: the controller cannot go on after one."
            if length < 1:
                return "A read of no bytes cannot be sent."
        if length > MAX_MESSAGE_BYTES:
            return f"{length} bytes are more than the {MAX_MESSAGE_BYTES} one message takes."
    return ""
