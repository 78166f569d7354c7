"""Finding GPIO controllers: by label, or by the I2C address of the expander behind them.

1. The number in /dev/gpiochipN means nothing: it changes with kernel, overlays and their order.
2. This file opens a controller to read its label, and closes it again; it claims no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.buses.linux.device_names import real_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.errors import BusError

DEV = Path("/dev")

GPIOD_ERRORS = (OSError, ValueError, NotImplementedError, RuntimeError)
"""What gpiod raises: it turns EINVAL into ``ValueError``, EOPNOTSUPP into ``NotImplementedError``
and other numbers into ``OSError`` (libgpiod, bindings/python/gpiod/ext/common.c)."""


def as_os_error(error: Exception) -> OSError:
    """Give an error of gpiod the form that all other errors of the kernel have.

    Args:
        error: One of ``GPIOD_ERRORS``.

    Returns:
        The same, as an ``OSError`` with its number where it has one.
    """
    if isinstance(error, OSError):
        return error
    if len(error.args) > 1 and isinstance(error.args[0], int):
        return OSError(*error.args[:2])
    return OSError(str(error))


@dataclass(frozen=True, slots=True)
class Controller:
    """A GPIO controller that is there.

    Attributes:
        path: Its device file.
        label: The label its driver gave it; empty when it could not be opened.
        line_count: Number of lines; 0 when it could not be opened.
        problem: Why it could not be opened.
    """

    path: Path
    label: str
    line_count: int
    problem: BusError | None = None


def list_controllers(*, dev: Path = DEV) -> tuple[Controller, ...]:
    """List the GPIO controllers of this computer.

    Args:
        dev: Where the device files are.

    Returns:
        One entry per controller, by number; a second name for one of them (Raspberry Pi OS links
        /dev/gpiochip4 to gpiochip0 on a Raspberry Pi 5) is left out.
    """
    try:
        names = _chip_names(dev)
    except OSError:
        return ()
    names.sort(key=lambda name: (len(name), name))
    paths: dict[str, Path] = {}
    for name in names:
        paths.setdefault(real_path(dev / name), dev / name)
    return tuple(_inspected(path) for path in paths.values())


def find_controller(
    labels: Sequence[str],
    i2c_parent: tuple[int, int] | None = None,
    *,
    dev: Path = DEV,
    sysfs: Path = errno_faults.SYSFS,
) -> Path | None:
    """Find a GPIO controller by what it is.

    A label counts only when exactly one controller has it: kernels before 5.8 call every expander
    of a kind alike ("pca9555"), later ones by its place ("1-0026").

    Args:
        labels: The labels it may have, the best first.
        i2c_parent: I2C bus number and address of the expander behind it, for kernels whose labels
            do not tell.
        dev: Where the device files are.
        sysfs: Where sysfs is mounted.

    Returns:
        Its device file, or None when no such controller is there.

    Raises:
        BusError: ``permission`` when it was not found but some controllers could not be looked
            into.
    """
    controllers = list_controllers(dev=dev)
    for label in labels:
        bearers = [each.path for each in controllers if each.label == label]
        if len(bearers) == 1:
            return bearers[0]
    if i2c_parent is not None:
        bus, address = i2c_parent
        device = sysfs / f"bus/i2c/devices/{bus}-{address:04x}"
        try:
            names = _chip_names(device)
        except OSError:
            names = []
        for each in controllers:
            if each.path.name in names:
                return each.path
    for each in controllers:
        if each.problem is not None:
            raise each.problem
    return None


def _chip_names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.name.startswith("gpiochip")]


def _inspected(path: Path) -> Controller:
    import gpiod  # noqa: PLC0415  (rule 3 of the package: import time)

    try:
        with gpiod.Chip(str(path)) as chip:
            info = chip.get_info()
            return Controller(path, info.label, info.num_lines)
    except GPIOD_ERRORS as error:
        problem = errno_faults.opening(as_os_error(error), path, errno_faults.GPIO_CHIP)
        return Controller(path, "", 0, problem)
