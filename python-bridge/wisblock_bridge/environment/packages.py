"""The Python packages that the bridge needs, and the error for a missing one.

1. The one list of them: ``check``, ``report`` and the errors of a running bridge read it.
2. A missing package is not a defect; it is reported with the commands that install it.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass

from wisblock_bridge.errors import BusError, BusFault


@dataclass(frozen=True, slots=True)
class Package:
    """One package.

    Attributes:
        name: What pip calls it.
        module: What Python imports.
        debian: What apt calls it; empty where Debian has none that is new enough.
        use: What it is needed for.
        hardware: It is not needed on an emulated board.
        core: The bridge cannot run without it.
    """

    name: str
    module: str
    debian: str
    use: str
    hardware: bool = False
    core: bool = False


PACKAGES = (
    Package("pyzmq", "zmq", "python3-zmq", "connections", core=True),
    Package("msgpack", "msgpack", "python3-msgpack", "the Python client", core=True),
    Package("msgspec", "msgspec", "python3-msgspec", "requests", core=True),
    Package("smbus2", "smbus2", "python3-smbus2", "the I2C bus", hardware=True),
    Package("gpiod", "gpiod", "python3-libgpiod", "GPIO lines", hardware=True),
    Package("pyserial", "serial", "python3-serial", "serial ports", hardware=True),
    Package("spidev", "spidev", "python3-spidev", "SPI", hardware=True),
    Package("pymodbus", "pymodbus", "", "Modbus (RAK5802)"),
)
_BY_MODULE = {each.module: each for each in PACKAGES}


class MissingPackageError(BusError):
    """A required package is not installed, or has the wrong version.

    Args:
        package: Which.
        reason: Python's error.
    """

    def __init__(self, package: Package, reason: str = "") -> None:
        super().__init__(
            BusFault.MISSING,
            f"The Python package {package.name} is missing; it is needed for {package.use}"
            f"{f' ({reason})' if reason else ''}.",
            hint=advice(package),
        )
        self.data["package"] = package.name


def advice(package: Package) -> str:
    """Return how to install a package."""
    pip = f"`{sys.prefix}/bin/pip install {package.name}`"
    if not package.debian:
        return f"Install it: {pip}. Then restart the bridge."
    return (
        f"Install it: {pip}, or `apt install {package.debian}` where the bridge runs on Debian's "
        "own Python. Then restart the bridge."
    )


def missing(error: BaseException) -> MissingPackageError | None:
    """Return the error for an import that failed.

    Returns:
        The error to report instead; None when it is not the import of a package in the list.
    """
    if not isinstance(error, ImportError):
        return None
    package = _BY_MODULE.get((error.name or "").partition(".")[0])
    if package is None:
        return None
    absent = isinstance(error, ModuleNotFoundError) and error.name == package.module
    return MissingPackageError(package, "" if absent else str(error))


def problem_of(package: Package) -> MissingPackageError | None:
    """Import a package, and return what is wrong with it.

    Returns:
        Why that fails; None when it can be used.
    """
    try:
        importlib.import_module(package.module)
    except ImportError as error:
        return MissingPackageError(package, "" if error.name == package.module else str(error))
    return None


def named(name: str) -> Package:
    """Return a package by its name on PyPI."""
    return next(each for each in PACKAGES if each.name == name)


def version(package: Package) -> str | None:
    """Return the installed version of a package.

    Returns:
        The version; None where none is registered, which a package of Debian may be without.
    """
    from importlib import metadata  # noqa: PLC0415  (a tenth of the time that a start takes)

    try:
        return metadata.version(package.name)
    except metadata.PackageNotFoundError:
        return None
