"""What the kernel can do so that a serial port waits no longer than its line.

1. Each of it is asked for and done without where a driver has none of it: the port works as before.
2. A port says itself when its last character has left; until then nobody spins.
"""

from __future__ import annotations

import array
import fcntl
import os
import select
import struct
import termios
import time
from contextlib import suppress

# include/uapi/asm-generic/ioctls.h, include/uapi/linux/tty_flags.h
TIOCGSERIAL, TIOCSSERIAL, TIOCSERGETLSR = 0x541E, 0x541F, 0x5459
TIOCSER_TEMT = 0x01
"""The transmitter is empty, its shift register too."""
ASYNC_LOW_LATENCY = 0x2000
FLAGS = 4
"""Place of the flags in struct serial_struct, in ints."""
SERIAL_STRUCT_INTS = 32
"""More than its 72 bytes on 64-bit computers."""

TCGETS2, TCSETS2 = 0x802C542A, 0x402C542B
"""The settings with the speed as a number, at once (asm-generic/ioctls.h)."""
TERMIOS2 = 44

LOOK_S = 0.0001
"""From look to look whether the last character has left: about one at 115200 baud."""


def hand_over_at_once(descriptor: int) -> bool:
    """Ask the driver to hand over what came without gathering it first.

    An FTDI adapter on USB gathers for 16 ms as delivered, and for 1 ms then.

    Args:
        descriptor: The open port.

    Returns:
        Whether its driver knows that and has done it.
    """
    state = array.array("i", [0] * SERIAL_STRUCT_INTS)
    try:
        fcntl.ioctl(descriptor, TIOCGSERIAL, state)
        if not state[FLAGS] & ASYNC_LOW_LATENCY:
            state[FLAGS] |= ASYNC_LOW_LATENCY
            fcntl.ioctl(descriptor, TIOCSSERIAL, state)
    except OSError:
        return False
    return True


def settings_of(descriptor: int) -> bytes | None:
    """Return all settings of a port as the kernel has them.

    Args:
        descriptor: The open port.

    Returns:
        Them, to be set again by ``set_again``; None where the kernel does not give them.
    """
    state = bytearray(TERMIOS2)
    with suppress(OSError):
        fcntl.ioctl(descriptor, TCGETS2, state)
        return bytes(state)
    return None


def set_again(descriptor: int, settings: bytes) -> None:
    """Set a port as it was once, in one system call.

    Args:
        descriptor: The open port.
        settings: What ``settings_of`` returned for this descriptor.

    Raises:
        OSError: The port has gone.
    """
    fcntl.ioctl(descriptor, TCSETS2, settings)


def send(descriptor: int, data: bytes, limit: float) -> None:
    """Hand bytes over to the driver.

    Args:
        descriptor: The open port, which does not block.
        data: The bytes.
        limit: Reading of the monotonic clock at which to give up.

    Raises:
        TimeoutError: The driver did not take them in time.
        OSError: The port has gone.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            left_s = limit - time.monotonic()
            if left_s <= 0:
                raise TimeoutError from None
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll(left_s * 1000.0)


def drain(descriptor: int, due: float, limit: float) -> None:
    """Wait until everything has left.

    ``tcdrain`` looks again after whole ticks of the kernel only, which are up to 10 ms: as long as
    a whole exchange at 115200 baud.

    Args:
        descriptor: The open port.
        due: Reading of the monotonic clock at which the last character should have left.
        limit: When to give up.

    Raises:
        TimeoutError: It did not leave in time.
        OSError: The port has gone.
        termios.error: The port has gone.
    """
    empty = _is_empty(descriptor)
    if empty is None:
        termios.tcdrain(descriptor)
        return
    while not empty:
        now = time.monotonic()
        if now >= limit:
            raise TimeoutError
        select.select([], [], [], max(due - now, LOOK_S))
        empty = _is_empty(descriptor)


def _is_empty(descriptor: int) -> bool | None:
    """Return whether the transmitter is empty; None where its driver does not say."""
    state = bytearray(4)
    with suppress(OSError):
        fcntl.ioctl(descriptor, TIOCSERGETLSR, state)
        return bool(struct.unpack("i", state)[0] & TIOCSER_TEMT)
    return None
