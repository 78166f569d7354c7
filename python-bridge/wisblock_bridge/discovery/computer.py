"""The facts about this computer: name, buses, GPIO controllers, drivers of the kernel.

1. Everything here reads; nothing is claimed and nothing is changed.
2. Tests hand in a computer of their own: what needs these facts takes a ``Computer``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wisblock_bridge.boards.board import ControllerSpec
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.linux.gpio_controllers import Controller

DEVICE_TREE = Path("/proc/device-tree")


class Computer(Protocol):
    """The facts that a computer offers."""

    def model(self) -> str:
        """Return the name in the device tree ("Raspberry Pi Compute Module 4 Rev 1.1"), or ""."""
        ...

    def hat(self) -> str:
        """Return maker and product in the EEPROM of a HAT ("RAK 6421 Pi Hat"), or ""."""
        ...

    def target(self, path: str) -> str | None:
        """Return which device file a path leads to, or None when there is none."""
        ...

    def bus(self, number: int) -> I2CBus:
        """Return an I2C bus; whether it can be used shows with the first transfer."""
        ...

    def try_bus(self, number: int) -> None:
        """Open an I2C bus and close it again; raises ``BusError`` when it cannot be used."""
        ...

    def controllers(self) -> Sequence[Controller]:
        """List the GPIO controllers."""
        ...

    def kernel_driver(self, number: int, address: int) -> str | None:
        """Return which driver of the kernel owns an address on a bus, or None."""
        ...

    def holders(self, spec: ControllerSpec, i2c_number: int) -> Mapping[int, str]:
        """Return which lines of a controller are held, and by whom; empty without it."""
        ...


class LinuxComputer:
    """The computer that this process runs on."""

    def __init__(self, device_tree: Path = DEVICE_TREE) -> None:
        self._device_tree = device_tree

    def model(self) -> str:
        """Return the name in the device tree, or ""."""
        return self._text("model")

    def hat(self) -> str:
        """Return maker and product in the EEPROM of a HAT ("RAK 6421 Pi Hat"), or ""."""
        return f"{self._text('hat/vendor')} {self._text('hat/product')}".strip()

    def target(self, path: str) -> str | None:
        """Return which device file a path leads to, or None when there is none."""
        from wisblock_bridge.buses.linux.device_names import real_path  # noqa: PLC0415

        real = real_path(path)
        return real if os.path.exists(real) else None  # noqa: PTH110  (one call on a text)

    def bus(self, number: int) -> I2CBus:
        """Return an I2C bus."""
        from wisblock_bridge.buses.linux.i2c import LinuxI2CBus  # noqa: PLC0415  (start-up time)

        return LinuxI2CBus(number)

    def try_bus(self, number: int) -> None:
        """Open an I2C bus and close it again; raises ``BusError`` when it cannot be used."""
        from wisblock_bridge.buses.linux.i2c import LinuxI2CBus  # noqa: PLC0415  (start-up time)

        bus = LinuxI2CBus(number)
        try:
            bus.open()
        finally:
            bus.close()

    def controllers(self) -> Sequence[Controller]:
        """List the GPIO controllers; none where the library for them is missing."""
        from wisblock_bridge.buses.linux.gpio_controllers import (  # noqa: PLC0415  (start-up time)
            list_controllers,
        )

        try:
            return list_controllers()
        except ImportError:
            return ()

    def kernel_driver(self, number: int, address: int) -> str | None:
        """Return which driver of the kernel owns an address on a bus, or None."""
        from wisblock_bridge.buses.linux.errno_faults import kernel_driver  # noqa: PLC0415

        return kernel_driver(address, Path(f"/dev/i2c-{number}"))

    def holders(self, spec: ControllerSpec, i2c_number: int) -> Mapping[int, str]:
        """Return which lines of a controller are held, and by whom; empty without it."""
        from wisblock_bridge.buses.linux.gpio import LinuxLines  # noqa: PLC0415  (start-up time)

        parent = None if spec.address is None else (i2c_number, spec.address)
        lines = LinuxLines(spec.labels, None, i2c_parent=parent, has_edges=spec.address is None)
        try:
            return lines.held_elsewhere()
        except (BusError, ImportError):
            return {}
        finally:
            lines.close()

    def _text(self, name: str) -> str:
        try:
            return (self._device_tree / name).read_text(errors="replace").strip("\0\n ")
        except OSError:
            return ""
