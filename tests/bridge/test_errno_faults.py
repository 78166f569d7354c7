"""Every error number that Linux gives, read as the sentence a user gets."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tests.cases import for_each

from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.errors import BusError, BusFault, ErrorCode

I2C = Path("/dev/i2c-1")
CHIP = Path("/dev/gpiochip3")


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def in_words(error: BusError) -> str:
    return str(error)


@for_each(
    ("number", "fault", "words"),
    [
        (
            errno.ENOENT,
            BusFault.MISSING,
            (
                "i2c-1: /dev/i2c-1 does not exist. Put `dtparam=i2c_arm=on` into "
                "/boot/firmware/config.txt and restart the computer; in a container, hand "
                "the device in with `--device /dev/i2c-1`."
            ),
        ),
        (
            errno.EACCES,
            BusFault.PERMISSION,
            (
                "i2c-1: This user may not open /dev/i2c-1. Let the user join the group i2c "
                "(`sudo usermod -aG i2c <user>`, log in again). In a container, hand in the "
                "device (`--device /dev/i2c-1`) and the group (`--group-add`)."
            ),
        ),
        (
            errno.EBUSY,
            BusFault.HELD,
            (
                "i2c-1: /dev/i2c-1 is in use by another program. Stop the other program; the "
                "bridge must be the only one that uses it."
            ),
        ),
        (
            errno.EMFILE,
            BusFault.IO,
            (
                "i2c-1: /dev/i2c-1 could not be opened: too many open files. The kernel log "
                "(`dmesg`) may tell more."
            ),
        ),
    ],
)
def test_opening_an_adapter(number: int, fault: BusFault, words: str) -> None:
    error = errno_faults.opening(os_error(number), I2C, errno_faults.I2C_ADAPTER)
    assert (error.fault, in_words(error)) == (fault, words)


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ENXIO])
def test_a_device_file_without_device_is_missing(number: int) -> None:
    error = errno_faults.opening(os_error(number), I2C, errno_faults.I2C_ADAPTER)
    assert error.fault is BusFault.MISSING
    assert error.code is ErrorCode.NO_BUS


def test_eperm_of_an_open_is_a_permission() -> None:
    error = errno_faults.opening(os_error(errno.EPERM), I2C, errno_faults.I2C_ADAPTER)
    assert error.fault is BusFault.PERMISSION
    assert error.code is ErrorCode.NO_PERMISSION


def test_opening_a_chip_names_its_own_group_and_remedy() -> None:
    denied = errno_faults.opening(os_error(errno.EACCES), CHIP, errno_faults.GPIO_CHIP)
    assert "join the group gpio (`sudo usermod -aG gpio <user>`" in denied.hint
    absent = errno_faults.opening(os_error(errno.ENOENT), CHIP, errno_faults.GPIO_CHIP)
    assert in_words(absent) == (
        "gpiochip3: /dev/gpiochip3 does not exist. `wisblock-bridge check` lists the GPIO "
        "controllers that are there. In a container, hand the device in with "
        "`--device /dev/gpiochip3`."
    )


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (
            errno.EREMOTEIO,
            ErrorCode.NO_DEVICE,
            (
                "0x4b on i2c-1: No answer. Is the module plugged in, in this slot? "
                "`wisblock-bridge scan` shows what answers."
            ),
        ),
        (
            errno.ENXIO,
            ErrorCode.NO_DEVICE,
            (
                "0x4b on i2c-1: No answer. Is the module plugged in, in this slot? "
                "`wisblock-bridge scan` shows what answers."
            ),
        ),
        (
            errno.ETIMEDOUT,
            ErrorCode.TIMEOUT,
            (
                "0x4b on i2c-1: The bus is stuck: a device holds a line low. Unplug modules "
                "one by one, or switch the board off and on."
            ),
        ),
        (
            errno.EBUSY,
            ErrorCode.IN_USE,
            (
                "0x4b on i2c-1: The address is owned by a driver of the kernel. Two masters "
                "of one chip corrupt each other. Use the chip through the kernel, or take "
                "its `dtoverlay` line out of /boot/firmware/config.txt and restart the "
                "computer."
            ),
        ),
        (
            errno.ENODEV,
            ErrorCode.NO_BUS,
            (
                "0x4b on i2c-1: /dev/i2c-1 has gone: the adapter was removed. Put "
                "`dtparam=i2c_arm=on` into /boot/firmware/config.txt and restart the "
                "computer; in a container, hand the device in with `--device /dev/i2c-1`."
            ),
        ),
        (
            errno.EACCES,
            ErrorCode.NO_PERMISSION,
            (
                "0x4b on i2c-1: This user may not use /dev/i2c-1. Let the user join the "
                "group i2c (`sudo usermod -aG i2c <user>`, log in again). In a container, "
                "hand in the device (`--device /dev/i2c-1`) and the group (`--group-add`)."
            ),
        ),
        (
            errno.EOPNOTSUPP,
            ErrorCode.BUS_ERROR,
            (
                "0x4b on i2c-1: The controller cannot carry out this transaction. The bridge "
                "needs a plain I2C controller; SMBus-only adapters do not do."
            ),
        ),
        (
            errno.EIO,
            ErrorCode.BUS_ERROR,
            (
                "0x4b on i2c-1: The transfer broke off: input/output error. Check cabling "
                "and supply; a second master on the bus has the same effect."
            ),
        ),
    ],
)
def test_an_i2c_transfer(number: int, code: ErrorCode, words: str, tmp_path: Path) -> None:
    error = errno_faults.i2c_transfer(os_error(number), 0x4B, "i2c-1", I2C, sysfs=tmp_path)
    assert (error.code, in_words(error)) == (code, words)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.EAGAIN, BusFault.IO),
        (errno.EPROTO, BusFault.IO),
        (errno.EBADMSG, BusFault.IO),
        (errno.EOVERFLOW, BusFault.IO),
        (errno.EINVAL, BusFault.UNSUPPORTED),
        (errno.ENOTTY, BusFault.UNSUPPORTED),
        (524, BusFault.UNSUPPORTED),
        (errno.ENOENT, BusFault.MISSING),
        (errno.ESHUTDOWN, BusFault.MISSING),
        (errno.EPERM, BusFault.PERMISSION),
    ],
)
def test_the_other_numbers_of_a_transfer(number: int, fault: BusFault, tmp_path: Path) -> None:
    error = errno_faults.i2c_transfer(os_error(number), 0x4B, "i2c-1", I2C, sysfs=tmp_path)
    assert error.fault is fault
    assert "errno" not in str(error).lower()
    assert error.hint


def test_an_error_without_number_still_has_words(tmp_path: Path) -> None:
    error = errno_faults.i2c_transfer(OSError("wire cut"), 0x4B, "i2c-1", I2C, sysfs=tmp_path)
    assert error.message == "The transfer broke off: wire cut."
    nothing = errno_faults.i2c_transfer(OSError(), 0x4B, "i2c-1", I2C, sysfs=tmp_path)
    assert nothing.message == "The transfer broke off: unknown reason."


def bind(sysfs: Path, device: str, driver: str) -> None:
    folder = sysfs / "bus/i2c/devices" / device
    folder.mkdir(parents=True)
    (folder / "driver").symlink_to(f"../../../../bus/i2c/drivers/{driver}")


def test_busy_names_the_driver_that_sysfs_tells(tmp_path: Path) -> None:
    bind(tmp_path, "1-0026", "pca953x")
    error = errno_faults.i2c_transfer(os_error(errno.EBUSY), 0x26, "i2c-1", I2C, sysfs=tmp_path)
    assert error.message == "The address is owned by the kernel's driver pca953x."
    assert errno_faults.kernel_driver(0x27, I2C, sysfs=tmp_path) is None
    assert errno_faults.kernel_driver(0x26, Path("/dev/i2c-2"), sysfs=tmp_path) is None


def test_a_device_without_driver_is_free(tmp_path: Path) -> None:
    (tmp_path / "bus/i2c/devices/1-0026").mkdir(parents=True)
    assert errno_faults.kernel_driver(0x26, I2C, sysfs=tmp_path) is None


def test_the_adapter_behind_a_link_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / "i2c-7").touch()
    (tmp_path / "slots").symlink_to("i2c-7")
    assert errno_faults.adapter_number(tmp_path / "slots") == 7
    assert errno_faults.adapter_number(tmp_path / "nothing") is None
    bind(tmp_path, "7-0026", "pca953x")
    assert errno_faults.kernel_driver(0x26, tmp_path / "slots", sysfs=tmp_path) == "pca953x"


@for_each(
    ("number", "code", "words"),
    [
        (
            errno.EBUSY,
            ErrorCode.IN_USE,
            (
                'line 4 of 1-0026: The line is held by "relay daemon". Stop the program that '
                "uses the line, or take its `dtoverlay` out of config.txt."
            ),
        ),
        (
            errno.EREMOTEIO,
            ErrorCode.NO_DEVICE,
            (
                "line 4 of 1-0026: The expander behind the line did not answer. "
                "`wisblock-bridge scan` shows what answers on the I2C bus."
            ),
        ),
        (
            errno.ETIMEDOUT,
            ErrorCode.TIMEOUT,
            (
                "line 4 of 1-0026: The expander behind the line did not answer in time. A "
                "device may hold the I2C bus low: unplug modules one by one."
            ),
        ),
        (
            errno.ENODEV,
            ErrorCode.NO_BUS,
            (
                "line 4 of 1-0026: The GPIO controller has gone: it was removed. It is "
                "looked for again with the next request."
            ),
        ),
        (
            errno.EACCES,
            ErrorCode.NO_PERMISSION,
            (
                "line 4 of 1-0026: This user may not use the line. A security policy of this "
                "computer forbids it; `wisblock-bridge check` tells more."
            ),
        ),
        (
            errno.ENXIO,
            ErrorCode.BUS_ERROR,
            (
                "line 4 of 1-0026: The controller cannot do that with this line. An expander "
                "has no edges and fixed pull-ups; an input cannot be set."
            ),
        ),
        (
            errno.EIO,
            ErrorCode.BUS_ERROR,
            (
                "line 4 of 1-0026: The line could not be used: input/output error. The "
                "kernel log (`dmesg`) may tell more."
            ),
        ),
    ],
)
def test_a_line(number: int, code: ErrorCode, words: str) -> None:
    error = errno_faults.gpio_line(os_error(number), 4, "1-0026", "relay daemon")
    assert (error.code, in_words(error)) == (code, words)


@for_each("number", [errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, 524])
def test_what_a_line_cannot_do(number: int) -> None:
    assert errno_faults.gpio_line(os_error(number), 4, "1-0026", None).fault is BusFault.UNSUPPORTED


def test_a_holder_without_name_and_a_second_bridge() -> None:
    nameless = errno_faults.line_held(4, "1-0026", None)
    assert nameless.message == ("The line is held by another program or a driver of the kernel.")
    bridge = errno_faults.line_held(4, "1-0026", "wisblock-bridge 812")
    assert in_words(bridge) == (
        'line 4 of 1-0026: The line is held by "wisblock-bridge 812". '
        "A second bridge is running: stop it."
    )
