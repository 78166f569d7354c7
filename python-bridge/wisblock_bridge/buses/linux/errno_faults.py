"""Error numbers of the kernel turned into faults, sentences and advice: the one place for it.

1. An ``OSError`` comes in, a ``BusError`` goes out; nobody above this file sees an error number.
2. The same number means different things to an open, an I2C transfer and a GPIO request, so each
   has its own function.
3. This file opens no device; what it must know (who holds an address or a line) it is given, or
   reads from sysfs.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.buses.linux.device_names import real_path
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSFS = Path("/sys")

# The kernel's own "not supported", which has no name in user space and must not leak, but sometimes
# does (include/linux/errno.h: ENOTSUPP).
ENOTSUPP = 524

_COMMON: dict[int, BusFault] = {
    errno.ENOENT: BusFault.MISSING,
    errno.ENODEV: BusFault.MISSING,
    errno.ESHUTDOWN: BusFault.MISSING,
    errno.EACCES: BusFault.PERMISSION,
    errno.EPERM: BusFault.PERMISSION,
    errno.EBUSY: BusFault.HELD,
    errno.ETIMEDOUT: BusFault.TIMEOUT,
    errno.EOPNOTSUPP: BusFault.UNSUPPORTED,
    errno.EINVAL: BusFault.UNSUPPORTED,
    errno.ENOTTY: BusFault.UNSUPPORTED,
    errno.ENOSYS: BusFault.UNSUPPORTED,
    ENOTSUPP: BusFault.UNSUPPORTED,
}

# ENXIO of an open is a device file without a device behind it.
_OPEN = _COMMON | {errno.ENXIO: BusFault.MISSING}

# A missing acknowledge is EREMOTEIO from i2c-bcm2835 and i2c-designware (the controllers of the
# Raspberry Pi 4 and 5) and ENXIO from most others (Documentation/i2c/fault-codes.rst).
_I2C = _COMMON | {errno.ENXIO: BusFault.NO_ACKNOWLEDGE, errno.EREMOTEIO: BusFault.NO_ACKNOWLEDGE}

# A request for edges on a line without interrupt is ENXIO (drivers/gpio/gpiolib-cdev.c,
# edge_detector_setup), EPERM is an attempt to set an input (linereq_set_values), and EREMOTEIO
# comes from the I2C transfer to the expander behind the line.
_GPIO = _COMMON | {
    errno.ENXIO: BusFault.UNSUPPORTED,
    errno.EPERM: BusFault.UNSUPPORTED,
    errno.EREMOTEIO: BusFault.NO_ACKNOWLEDGE,
}

# A port that was unplugged is EIO from read and write (drivers/tty/tty_io.c, hung_up_tty_read and
# its kin), EBADF where the descriptor was closed meanwhile; EAGAIN is another owner's lock.
_SERIAL = _COMMON | {
    errno.EIO: BusFault.MISSING,
    errno.ENXIO: BusFault.MISSING,
    errno.EBADF: BusFault.MISSING,
    errno.EAGAIN: BusFault.HELD,
}


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """What people must know about a kind of device file.

    Attributes:
        group: The Unix group that may open it on Raspberry Pi OS.
        absent: What to do when it does not exist.
    """

    group: str
    absent: str


I2C_ADAPTER = DeviceKind(
    group="i2c",
    absent="Put `dtparam=i2c_arm=on` into /boot/firmware/config.txt and restart the computer; "
    "in a container, hand the device in with `--device {path}`.",
)
GPIO_CHIP = DeviceKind(
    group="gpio",
    absent="`wisblock-bridge check` lists the GPIO controllers that are there. "
    "In a container, hand the device in with `--device {path}`.",
)
SERIAL_PORT = DeviceKind(
    group="dialout",
    absent="Is the adapter plugged in, and the board's USB hub up (`lsusb`)? /dev/serial/by-path "
    "lists what is there. In a container, hand the device in with `--device {path}`.",
)
SPI_DEVICE = DeviceKind(
    group="spi",
    absent="Put `dtparam=spi=on` into /boot/firmware/config.txt and restart the computer; a "
    "`dtoverlay` that gives this chip select to a driver of the kernel takes the file away. "
    "In a container, hand the device in with `--device {path}`.",
)


def opening(error: OSError, path: Path, kind: DeviceKind) -> BusError:
    """Explain why a device file could not be opened.

    Args:
        error: What the open raised.
        path: The device file.
        kind: Which kind of device it is.

    Returns:
        The error, to be raised.
    """
    match _fault(error, _OPEN):
        case BusFault.MISSING:
            fault, message = BusFault.MISSING, f"{path} does not exist."
            hint = kind.absent.format(path=path)
        case BusFault.PERMISSION:
            fault, message = BusFault.PERMISSION, f"This user may not open {path}."
            hint = _permission_hint(path, kind.group)
        case BusFault.HELD:
            fault, message = BusFault.HELD, f"{path} is in use by another program."
            hint = "Stop the other program; the bridge must be the only one that uses it."
        case _:
            fault, message = BusFault.IO, f"{path} could not be opened: {_words(error)}."
            hint = "The kernel log (`dmesg`) may tell more."
    return BusError(fault, message, hint=hint, where=path.name)


def i2c_transfer(
    error: OSError, address: int, bus_name: str, path: Path, *, sysfs: Path = SYSFS
) -> BusError:
    """Explain why an I2C transaction failed.

    Args:
        error: What the transfer raised.
        address: 7-bit address.
        bus_name: What people call the bus.
        path: Its device file.
        sysfs: Where sysfs is mounted.

    Returns:
        The error, to be raised.
    """
    where = f"0x{address:02x} on {bus_name}"
    match _fault(error, _I2C):
        case BusFault.NO_ACKNOWLEDGE:
            fault, message = BusFault.NO_ACKNOWLEDGE, "No answer."
            hint = (
                "Is the module plugged in, in this slot? `wisblock-bridge scan` shows what answers."
            )
        case BusFault.TIMEOUT:
            fault, message = BusFault.TIMEOUT, "The bus is stuck: a device holds a line low."
            hint = "Unplug modules one by one, or switch the board off and on."
        case BusFault.HELD:
            return address_held(address, bus_name, kernel_driver(address, path, sysfs=sysfs))
        case BusFault.MISSING:
            fault, message = BusFault.MISSING, f"{path} has gone: the adapter was removed."
            hint = I2C_ADAPTER.absent.format(path=path)
        case BusFault.PERMISSION:
            fault, message = BusFault.PERMISSION, f"This user may not use {path}."
            hint = _permission_hint(path, I2C_ADAPTER.group)
        case BusFault.UNSUPPORTED:
            fault, message = (
                BusFault.UNSUPPORTED,
                "The controller cannot carry out this transaction.",
            )
            hint = "The bridge needs a plain I2C controller; SMBus-only adapters do not do."
        case _:
            fault, message = BusFault.IO, f"The transfer broke off: {_words(error)}."
            hint = "Check cabling and supply; a second master on the bus has the same effect."
    return BusError(fault, message, hint=hint, where=where)


def address_held(address: int, bus_name: str, driver: str | None) -> BusError:
    """Say that the kernel owns an I2C address.

    Args:
        address: 7-bit address.
        bus_name: What people call the bus.
        driver: The kernel's driver, if known.

    Returns:
        The error, to be raised.
    """
    owner = f"the kernel's driver {driver}" if driver else "a driver of the kernel"
    return BusError(
        BusFault.HELD,
        f"The address is owned by {owner}.",
        hint="Two masters of one chip corrupt each other. Use the chip through the kernel, "
        "or take its `dtoverlay` line out of /boot/firmware/config.txt and restart the computer.",
        where=f"0x{address:02x} on {bus_name}",
    )


def kernel_driver(address: int, path: Path, *, sysfs: Path = SYSFS) -> str | None:
    """Find the kernel driver that is bound to an I2C address.

    Args:
        address: 7-bit address.
        path: The adapter's device file ("/dev/i2c-1"); a symbolic link is followed.
        sysfs: Where sysfs is mounted.

    Returns:
        The driver's name ("pca953x"), or None when the address is free or sysfs does not tell.
    """
    link = driver_link(address, path, sysfs=sysfs)
    if link is None:
        return None
    try:
        return Path(link).readlink().name
    except OSError:
        return None


def driver_link(address: int, path: Path, *, sysfs: Path = SYSFS) -> str | None:
    """Return where sysfs shows the kernel driver of an I2C address, while one is bound.

    Args:
        address: 7-bit address.
        path: The adapter's device file ("/dev/i2c-1"); a symbolic link is followed.
        sysfs: Where sysfs is mounted.

    Returns:
        The path of a link that exists while a driver is bound; None for an adapter without number.
    """
    number = adapter_number(path)
    if number is None:
        return None
    return f"{sysfs}/bus/i2c/devices/{number}-{address:04x}/driver"


def adapter_number(path: Path) -> int | None:
    """Return the kernel's number of an I2C adapter.

    Args:
        path: The adapter's device file or a symbolic link to it.

    Returns:
        The number, or None when the name has none.
    """
    for candidate in (path, Path(real_path(path))):
        prefix, _, number = candidate.name.partition("-")
        if prefix == "i2c" and number.isdecimal():
            return int(number)
    return None


def gpio_line(error: OSError, offset: int, chip_name: str, holder: str | None) -> BusError:
    """Explain why a line could not be claimed, read or driven.

    Args:
        error: What gpiod raised.
        offset: The line.
        chip_name: What people call the controller.
        holder: Consumer name from the line's info, None when unknown.

    Returns:
        The error, to be raised.
    """
    where = f"line {offset} of {chip_name}"
    match _fault(error, _GPIO):
        case BusFault.HELD:
            return line_held(offset, chip_name, holder)
        case BusFault.NO_ACKNOWLEDGE:
            fault, message = BusFault.NO_ACKNOWLEDGE, "The expander behind the line did not answer."
            hint = "`wisblock-bridge scan` shows what answers on the I2C bus."
        case BusFault.TIMEOUT:
            fault, message = (
                BusFault.TIMEOUT,
                "The expander behind the line did not answer in time.",
            )
            hint = "A device may hold the I2C bus low: unplug modules one by one."
        case BusFault.MISSING:
            fault, message = BusFault.MISSING, "The GPIO controller has gone: it was removed."
            hint = "It is looked for again with the next request."
        case BusFault.PERMISSION:
            fault, message = BusFault.PERMISSION, "This user may not use the line."
            hint = (
                "A security policy of this computer forbids it; `wisblock-bridge check` tells more."
            )
        case BusFault.UNSUPPORTED:
            fault, message = (
                BusFault.UNSUPPORTED,
                "The controller cannot do that with this line.",
            )
            hint = "An expander has no edges and fixed pull-ups; an input cannot be set."
        case _:
            fault, message = BusFault.IO, f"The line could not be used: {_words(error)}."
            hint = "The kernel log (`dmesg`) may tell more."
    return BusError(fault, message, hint=hint, where=where)


def spi_transfer(error: OSError, path: Path) -> BusError:
    """Explain why an SPI transfer failed.

    Args:
        error: What the transfer raised.
        path: The device file.

    Returns:
        The error, to be raised.
    """
    match _fault(error, _COMMON):
        case BusFault.MISSING:
            fault, message = BusFault.MISSING, f"{path} has gone: the device was removed."
            hint = SPI_DEVICE.absent.format(path=path)
        case BusFault.PERMISSION:
            fault, message = BusFault.PERMISSION, f"This user may not use {path}."
            hint = _permission_hint(path, SPI_DEVICE.group)
        case BusFault.TIMEOUT:
            fault, message = BusFault.TIMEOUT, "The SPI controller did not finish the transfer."
            hint = "The kernel log (`dmesg`) may tell more."
        case BusFault.UNSUPPORTED:
            fault, message = BusFault.UNSUPPORTED, "The SPI controller cannot do this transfer."
            hint = "Its clock or mode does not fit; the kernel log (`dmesg`) may tell more."
        case _:
            fault, message = BusFault.IO, f"The transfer broke off: {_words(error)}."
            hint = "The kernel log (`dmesg`) may tell more."
    return BusError(fault, message, hint=hint, where=str(path))


def line_held(offset: int, chip_name: str, holder: str | None) -> BusError:
    """Say that somebody else holds a line.

    Args:
        offset: The line.
        chip_name: What people call the controller.
        holder: Consumer name from the line's info, None when unknown.

    Returns:
        The error, to be raised.
    """
    who = f'"{holder}"' if holder else "another program or a driver of the kernel"
    if holder and holder.startswith("wisblock-bridge"):
        hint = "A second bridge is running: stop it."
    else:
        hint = "Stop the program that uses the line, or take its `dtoverlay` out of config.txt."
    return BusError(
        BusFault.HELD,
        f"The line is held by {who}.",
        hint=hint,
        where=f"line {offset} of {chip_name}",
    )


def serial_port(error: OSError, path: Path) -> BusError:
    """Explain why an open serial port could not be used.

    Args:
        error: What the access raised.
        path: The device file.

    Returns:
        The error, to be raised.
    """
    match _fault(error, _SERIAL):
        case BusFault.MISSING:
            fault, message = BusFault.MISSING, f"{path} has gone: the adapter was unplugged."
            hint = "It is looked for again with the next request."
        case BusFault.HELD:
            fault, message = BusFault.HELD, f"{path} is in use by another program."
            hint = "Stop the other program; the bridge must be the only one that uses it."
        case BusFault.TIMEOUT:
            fault, message = BusFault.TIMEOUT, f"{path} did not take the characters in time."
            hint = "Plug the adapter in again, or switch the board off and on."
        case BusFault.UNSUPPORTED:
            fault, message = BusFault.UNSUPPORTED, f"{path} cannot be set like that."
            hint = "Its driver does not know this baud rate, parity or line condition."
        case _:
            fault, message = BusFault.IO, f"{path} could not be used: {_words(error)}."
            hint = "The kernel log (`dmesg`) may tell more."
    return BusError(fault, message, hint=hint, where=path.name)


def port_moved(path: Path, place: str, now: Path | None, lasting: Path | None) -> BusError:
    """Say that the adapter that was behind a name is not there any more.

    Args:
        path: The name that is configured.
        place: The USB connection that the adapter was at ("1-1.2:1.0").
        now: The name that this adapter has now; None when it is not plugged in.
        lasting: A name of it that stays, below /dev/serial/by-path.

    Returns:
        The error, to be raised.
    """
    if now is None:
        message = f"{path} is another adapter now; the one at USB {place} is gone."
        hint = "Plug it in again at the same place, or release the module to take the other one."
    else:
        message = f"The adapter at USB {place} was {path} and is {now} now."
        hint = f"Set the serial port of the slot to a name that stays: {lasting or now}."
    return BusError(BusFault.MISSING, message, hint=hint, where=path.name)


def _fault(error: OSError, table: Mapping[int, BusFault]) -> BusFault:
    if error.errno is None:
        return BusFault.IO
    return table.get(error.errno, BusFault.IO)


def _permission_hint(path: Path, group: str) -> str:
    return (
        f"Let the user join the group {group} (`sudo usermod -aG {group} <user>`, log in again). "
        f"In a container, hand in the device (`--device {path}`) and the group (`--group-add`)."
    )


def _words(error: OSError) -> str:
    words = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
    return (words or "unknown reason").rstrip(".").lower()
