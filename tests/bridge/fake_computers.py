"""Computers, buses and chips that exist only for tests of discovery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.fake_clock import FakeClock

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.buses.linux.gpio_controllers import Controller
from wisblock_bridge.config import Config, load
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wisblock_bridge.boards.board import ControllerSpec
    from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
    from wisblock_bridge.buses.i2c import I2CBus, Read, Write

MODEL_OF_CM4 = "Raspberry Pi Compute Module 4 Rev 1.1"


class Chip:
    """A chip with registers of a byte, for what nobody has emulated."""

    def __init__(self, registers: Mapping[int, int]) -> None:
        self.registers = dict(registers)
        self.pointer = 0
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.pointer = data[0]

    def read(self, length: int) -> bytes:
        return bytes(self.registers.get(self.pointer + n, 0) for n in range(length))


class MissingBus:
    """A bus without a device file."""

    name = "i2c-1"

    def __init__(self) -> None:
        self.asked = 0

    def transfer(self, address: int, *messages: Write | Read) -> bytes:  # noqa: ARG002
        self.asked += 1
        raise BusError(BusFault.MISSING, "/dev/i2c-1 does not exist.", hint="Switch it on.")

    def close(self) -> None:
        pass


class FakeComputer:
    """A computer as a test wants it."""

    def __init__(
        self,
        bus: I2CBus | None = None,
        *,
        model: str = "",
        hat: str = "",
        labels: Mapping[str, int] | None = None,
        drivers: Mapping[int, str] | None = None,
        devices: Mapping[str, str] | None = None,
        holders: Mapping[int, str] | None = None,
    ) -> None:
        self._bus = bus or MissingBus()
        self._model = model
        self._hat = hat
        self._labels = labels or {}
        self.drivers = dict(drivers or {})
        self._devices = devices or {}
        self._holders = holders or {}

    def model(self) -> str:
        return self._model

    def hat(self) -> str:
        return self._hat

    def target(self, path: str) -> str | None:
        return self._devices.get(path)

    def holders(self, spec: ControllerSpec, i2c_number: int) -> Mapping[int, str]:
        assert i2c_number == 1
        return self._holders if set(spec.labels) & set(self._labels) else {}

    def bus(self, number: int) -> I2CBus:
        assert number == 1
        return self._bus

    def try_bus(self, number: int) -> None:
        assert number == 1
        if isinstance(self._bus, MissingBus):
            hint = "Put `dtparam=i2c_arm=on` into config.txt."
            raise BusError(BusFault.MISSING, "/dev/i2c-1 does not exist.", hint=hint)

    def controllers(self) -> Sequence[Controller]:
        return [
            Controller(Path(f"/dev/gpiochip{number}"), label, lines)
            for number, (label, lines) in enumerate(self._labels.items())
        ]

    def kernel_driver(self, number: int, address: int) -> str | None:
        assert number == 1
        return self.drivers.get(address)


def board_bus(key: str) -> EmulatedI2CBus:
    return EmulatedBoard(BOARDS[key], FakeClock()).bus


def configured(**board: str) -> Config:
    return load({f"--{name}": value for name, value in board.items()}, environment={})
