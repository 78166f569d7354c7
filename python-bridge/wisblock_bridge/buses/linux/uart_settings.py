"""Whether a serial port does what it was set to: what its hardware lacks, and what it did not take.

1. What a port lacks is known by the driver that the kernel names; where it names none, nothing is
   guessed.
2. A driver may drop a setting without a word (termios(3): tcsetattr succeeds if any of the changes
   was made), so what was set is read back.
"""

from __future__ import annotations

import array
import fcntl
import termios
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.buses.linux.device_names import real_path
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.buses.uart import LineSettings

MINI_UART = "bcm2835-aux-uart"
"""The driver of the Raspberry Pi's mini UART; also the end of its name in the device tree. It has
one stop bit and no parity (BCM2835 ARM Peripherals, 2.2)."""

TCGETS2 = 0x802C542A
"""Reads the settings with the speed as a number (asm-generic/ioctls.h)."""

TOLERANCE = 0.03
"""A port divides its clock by whole numbers; further off, characters are not understood."""

_SIZES = {7: termios.CS7, 8: termios.CS8}


def is_mini_uart(tty: str, sysfs: Path = errno_faults.SYSFS) -> bool:
    """Return whether a port is the mini UART of a Raspberry Pi.

    Args:
        tty: The kernel's name of the port ("ttyS0").
        sysfs: Where sysfs is mounted.

    Returns:
        True when the kernel says so; False also where it says nothing.
    """
    link = sysfs / "class" / "tty" / tty / "device"
    if not link.exists():
        return False
    return any(_driven_by_mini_uart(each) for each in _upwards(link, sysfs))


def _upwards(link: Path, sysfs: Path) -> Iterator[Path]:
    """Yield the port's device and those above it: since Linux 6.5 two belong to the tty."""
    device, top = Path(real_path(link)), Path(real_path(sysfs))
    while device not in {top, device.parent}:
        yield device
        device = device.parent


def _driven_by_mini_uart(device: Path) -> bool:
    if Path(real_path(device / "driver")).name == MINI_UART:
        return True
    with suppress(OSError):
        names = (device / "of_node" / "compatible").read_bytes().split(b"\0")
        return any(name.endswith(MINI_UART.encode()) for name in names)
    return False


def refuse_what_it_lacks(path: Path, settings: LineSettings, sysfs: Path) -> None:
    """Refuse what the hardware behind a port cannot do although its driver takes it.

    Args:
        path: The device file, or a link to it.
        settings: How characters are to be sent.
        sysfs: Where sysfs is mounted.

    Raises:
        BusError: It cannot (``unsupported``).
    """
    if settings.parity == "none" and settings.stop_bits == 1:
        return
    real = Path(real_path(path))
    if not is_mini_uart(real.name, sysfs):
        return
    lacks = "parity bit" if settings.parity != "none" else "second stop bit"
    raise BusError(
        BusFault.UNSUPPORTED,
        f"{path} is the mini UART of this Raspberry Pi ({real.name}), which has no {lacks}.",
        hint="Put `dtoverlay=miniuart-bt` (or `disable-bt`) into /boot/firmware/config.txt and "
        "restart the computer: then the full UART is on these pins.",
        where=path.name,
    )


def refuse_what_was_not_taken(descriptor: int, path: Path, settings: LineSettings) -> None:
    """Compare what a port is set to with what it was asked for.

    Args:
        descriptor: The open port.
        path: Its device file.
        settings: What was asked for.

    Raises:
        BusError: Its driver has dropped something (``unsupported``).
        OSError: The port has gone.
        termios.error: The port has gone.
    """
    flags = termios.tcgetattr(descriptor)[2]
    parity = ("odd" if flags & termios.PARODD else "even") if flags & termios.PARENB else "none"
    size = next((bits for bits, flag in _SIZES.items() if flags & termios.CSIZE == flag), 0)
    stop_bits = 2 if flags & termios.CSTOPB else 1
    baud = _speed(descriptor)
    wrong = [
        f"{name} {found} in place of {wanted}"
        for name, found, wanted in (
            ("parity", parity, settings.parity),
            ("data bits", size, settings.data_bits),
            ("stop bits", stop_bits, settings.stop_bits),
        )
        if found != wanted
    ]
    if baud is not None and abs(baud - settings.baud) > TOLERANCE * settings.baud:
        wrong.append(f"baud rate {baud} in place of {settings.baud}")
    if wrong:
        raise BusError(
            BusFault.UNSUPPORTED,
            f"{path} cannot be set like that: its driver made it {', '.join(wrong)}.",
            hint="Use a setting that this port has, or another port.",
            where=path.name,
        )


def _speed(descriptor: int) -> int | None:
    """Read the speed as a number; None where the driver does not tell it."""
    settings = array.array("I", [0] * 64)
    with suppress(OSError):
        fcntl.ioctl(descriptor, TCGETS2, settings)
        return settings[10] or None
    return None
