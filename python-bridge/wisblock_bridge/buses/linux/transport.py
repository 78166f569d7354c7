"""Buses and line controllers as this Linux system offers them.

1. Nothing is opened before somebody needs it.
2. An expander that the kernel has bound is used through the kernel; one that it has not is left to
   the chip's driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.linux.device_names import real_path
from wisblock_bridge.buses.linux.gpio import LinuxLines
from wisblock_bridge.buses.linux.gpio_controllers import find_controller
from wisblock_bridge.buses.linux.i2c import LinuxI2CBus
from wisblock_bridge.buses.linux.spi import LinuxSpiDevice
from wisblock_bridge.buses.linux.uart import LinuxSerialPort

if TYPE_CHECKING:
    from wisblock_bridge.boards.board import ControllerSpec
    from wisblock_bridge.buses.gpio import LineController
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.buses.uart import SerialPort


class LinuxTransport:
    """The transport of a real board."""

    emulated = False

    def i2c(self, number: int) -> I2CBus:
        """Return an I2C bus, opened with its first transfer, as ``Transport.i2c`` says."""
        return LinuxI2CBus(number)

    def lines(self, spec: ControllerSpec, i2c_number: int) -> LineController | None:
        """Find a line controller by label or I2C parent, as ``Transport.lines`` says."""
        parent = None if spec.address is None else (i2c_number, spec.address)
        if find_controller(spec.labels, parent) is None:
            return None
        name = (
            None
            if spec.address is None
            else f"{spec.chip} 0x{spec.address:02x} on i2c-{i2c_number}"
        )
        return LinuxLines(spec.labels, name, i2c_parent=parent, has_edges=spec.address is None)

    def serial(self, path: str) -> SerialPort:
        """Return a serial port, opened at its first use, as ``Transport.serial`` says."""
        return LinuxSerialPort(path)

    def serial_device(self, path: str) -> str:
        """Return which device a path leads to, as ``Transport.serial_device`` says."""
        return real_path(path)

    def spi(self, path: str, max_hz: int) -> SpiDevice:
        """Return a chip select, opened with its first transfer, as ``Transport.spi`` says."""
        return LinuxSpiDevice(path, max_hz)

    def close(self) -> None:
        """Do nothing: buses and controllers are closed by who opened them."""
