"""An emulated board with an I2C bus that breaks when told to, for the rack to stand on.

1. Everything but the I2C bus is the emulated board's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chips.transactions import Breaking

if TYPE_CHECKING:
    from wisblock_bridge.boards.board import ControllerSpec
    from wisblock_bridge.buses.gpio import LineController
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.buses.uart import SerialPort
    from wisblock_bridge.emulation.board import EmulatedBoard


class BreakingBoard:
    """A transport between the rack and an emulated board.

    Args:
        board: The emulated board.
    """

    emulated = True

    def __init__(self, board: EmulatedBoard) -> None:
        self.board = board
        self.bus = Breaking(board.bus)

    def i2c(self, number: int) -> Breaking:
        assert number == self.board.board.i2c_number
        return self.bus

    def lines(self, spec: ControllerSpec, i2c_number: int) -> LineController | None:
        return self.board.lines(spec, i2c_number)

    def serial(self, path: str) -> SerialPort:
        return self.board.serial(path)

    def serial_device(self, path: str) -> str:
        return self.board.serial_device(path)

    def spi(self, path: str, max_hz: int) -> SpiDevice:
        return self.board.spi(path, max_hz)

    def close(self) -> None:
        """Nothing to close."""
