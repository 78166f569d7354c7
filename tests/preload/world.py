"""The files under /dev and /sys of a computer that does not exist.

1. Everything is real files in a directory; the preloaded library looks there instead of at the real
   places.
2. The tree has the shape of the real sysfs, with relative links, as far as smbus2, libgpiod and the
   bridge look.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.preload.gpio_device import Chip

if TYPE_CHECKING:
    from tests.preload.i2c_device import Adapter
    from tests.preload.spi_device import ChipSelect

GPIO_MAJOR, I2C_MAJOR, SPI_MAJOR = 254, 89, 153


class World:
    """Devices, the files that stand for them, and what is wrong with those.

    Args:
        directory: An empty directory for the tree.
    """

    def __init__(self, directory: Path) -> None:
        self.root = directory.resolve()
        self._devices: dict[str, Adapter | Chip | ChipSelect] = {}
        self._denied: dict[str, int] = {}
        self._stamps: dict[str, int] = {}
        for folder in (
            "dev",
            "sys/bus/i2c/devices",
            "sys/bus/i2c/drivers",
            "sys/bus/gpio/devices",
            "sys/class/i2c-dev",
            "sys/dev/char",
            "sys/devices/emulated",
        ):
            (self.root / folder).mkdir(parents=True)

    def add_adapter(self, adapter: Adapter) -> None:
        """Put an I2C adapter into the tree, with the drivers that own addresses on it."""
        number = adapter.number
        self._devices[f"/dev/i2c-{number}"] = adapter
        device = self.root / f"sys/devices/emulated/i2c-{number}"
        device.mkdir()
        self._link(f"sys/bus/i2c/devices/i2c-{number}", device)
        for address, driver in adapter.drivers.items():
            self.bind(number, address, driver)
        self.plug(f"/dev/i2c-{number}")

    def bind(self, number: int, address: int, driver: str) -> None:
        """Let a driver of the kernel own an address."""
        name = f"{number}-{address:04x}"
        device = self.root / f"sys/devices/emulated/i2c-{number}/{name}"
        folder = self.root / f"sys/bus/i2c/drivers/{driver}"
        device.mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        (device / "name").write_text(f"{driver}\n")
        self._link(f"sys/bus/i2c/devices/{name}", device)
        self._link(device.relative_to(self.root) / "driver", folder)

    def unbind(self, number: int, address: int) -> None:
        """Let the kernel's driver go from an address; its device stays."""
        (self.root / f"sys/devices/emulated/i2c-{number}/{number}-{address:04x}/driver").unlink()

    def add_chip(self, number: int, chip: Chip, parent: tuple[int, int] | None = None) -> None:
        """Put a GPIO chip into the tree; ``parent`` is bus and address of its expander."""
        chip.number = number
        self._devices[f"/dev/gpiochip{number}"] = chip
        place = "sys/devices/emulated"
        if parent is not None:
            place += f"/i2c-{parent[0]}/{parent[0]}-{parent[1]:04x}"
        device = self.root / place / f"gpiochip{number}"
        device.mkdir(parents=True)
        self._link(device.relative_to(self.root) / "subsystem", self.root / "sys/bus/gpio")
        self._link(f"sys/bus/gpio/devices/gpiochip{number}", device)
        self._link(f"sys/dev/char/{GPIO_MAJOR}:{number}", device)
        self.plug(f"/dev/gpiochip{number}")

    def add_chip_select(self, select: ChipSelect) -> None:
        """Put a chip select of an SPI bus into the tree."""
        self._devices[select.path] = select
        self.plug(select.path)

    def plug(self, path: str) -> None:
        """Let a device file appear (again)."""
        name = Path(path).name
        if name.startswith("i2c-"):
            numbers = f"{I2C_MAJOR}:{name.removeprefix('i2c-')}"
        elif name.startswith("spidev"):
            numbers = f"{SPI_MAJOR}:{name.rpartition('.')[2]}"
        else:
            numbers = f"{GPIO_MAJOR}:{name.removeprefix('gpiochip')}"
        (self.root / path.lstrip("/")).write_text(numbers)

    def unplug(self, path: str) -> None:
        """Let a device file vanish; whoever has it open is told that the device has gone."""
        (self.root / path.lstrip("/")).unlink()
        self._stamps[path] = self.stamp(path) + 1
        device = self._devices[path]
        if isinstance(device, Chip):
            for token in tuple(device.claims):
                device.release(token)

    def deny(self, path: str, number: int = errno.EACCES) -> None:
        """Refuse to open a device file, with EACCES or what is asked for."""
        self._denied[path] = number

    def allow(self, path: str) -> None:
        """Open a device file again."""
        self._denied.pop(path, None)

    def link(self, path: str, target: str) -> None:
        """Give a device file a second name, or a place in the tree to one of this computer."""
        (self.root / path.lstrip("/")).symlink_to(target)

    def exists(self, path: str) -> bool:
        """Tell whether a device file is there."""
        return (self.root / path.lstrip("/")).exists()

    def device(self, path: str) -> tuple[str, Adapter | Chip | ChipSelect]:
        """Find what a device file stands for, and its own name behind links.

        Raises:
            OSError: There is no such file, or it may not be opened.
        """
        real = os.path.realpath(self.root / path.lstrip("/"))
        name = "/" + str(Path(real).relative_to(self.root))
        if name not in self._devices or not self.exists(name):
            raise OSError(errno.ENOENT, "no such device file")
        if name in self._denied:
            raise OSError(self._denied[name], "planned by the test")
        return name, self._devices[name]

    def devices(self) -> tuple[Adapter | Chip | ChipSelect, ...]:
        """Tell all devices."""
        return tuple(self._devices.values())

    def stamp(self, path: str) -> int:
        """Tell how often a device file was taken away; who opened an earlier one has nothing."""
        return self._stamps.get(path, 0)

    def _link(self, path: str | Path, target: Path) -> None:
        link = self.root / path
        if link.is_symlink():
            link.unlink()
        link.symlink_to(os.path.relpath(target, link.parent))
