"""One slot of a small emulated board, for products with an enable pin and one analog input.

1. Real drivers on emulated chips: an expander for the lines, a converter for the input.
2. Nothing of the products' numbers is here; those are typed in their tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chips.transactions import Breaking
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
from wisblock_bridge.chips.sgm58031 import SGM58031
from wisblock_bridge.chips.sgm58031.emulator import EmulatedSGM58031
from wisblock_bridge.chips.tpt29555 import TPT29555
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555
from wisblock_bridge.errors import BusFault
from wisblock_bridge.module_api import AnalogInput, DigitalLine, TimerHandle

if TYPE_CHECKING:
    from collections.abc import Callable


class NoTimers:
    """These products put nothing off."""

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        raise AssertionError(f"{action} was put off by {seconds} s")


class AnalogSlot:
    """Slot 1: IO1 and IO4 on lines 1 and 4, AIN1 on input 1.

    Args:
        supply_v: Supply of the converter, V; a higher one than the board's lets inputs go beyond.
    """

    slot: int | str = 1

    def address(self, chip: str, delivered: int) -> int:
        raise AssertionError(f"these products have no chip, such as {chip} at {delivered}")

    def __init__(self, supply_v: float = 3.3) -> None:
        self.clock = FakeClock()
        self.i2c = EmulatedI2CBus("i2c-1", self.clock)
        self.serial = EmulatedSerialLine("/dev/ttyUSB0", self.clock)
        self.wires = [Wire(f"line {number}") for number in range(16)]
        self.inputs = [AnalogWire(f"AIN{number}") for number in range(4)]
        self.expander = EmulatedTPT29555(self.wires, "expander")
        self.silicon = EmulatedSGM58031(self.inputs, self.clock, supply_v)
        self.i2c.attach(0x26, self.expander)
        self.i2c.attach(0x4B, self.silicon)
        self.bus = Breaking(self.i2c)
        self.lines = TPT29555(self.bus, 0x26, self.clock)
        self.parts: dict[str, object] = {
            "enable": DigitalLine(self.lines, 1, "IO1"),
            "channel_0": DigitalLine(self.lines, 4, "IO4"),
            "channel_1": AnalogInput(SGM58031(self.bus, 0x4B, self.clock), 1, "AIN1"),
        }

    def restart(self) -> None:
        """Switch the board off and on; nothing fails any more, and somebody drives IO4 low."""
        self.bus.break_at(None, BusFault.IO, delivered=False)
        self.expander.power_cycle()
        self.silicon.power_cycle()
        self.lines.close()
        self.expander.write(bytes.fromhex("02 EF"))
        self.expander.write(bytes.fromhex("06 EF"))

    def wire(self, pin: str) -> Wire:
        return self.wires[int(pin.removeprefix("IO"))]

    def analog(self, pin: str) -> AnalogWire:
        return self.inputs[int(pin.removeprefix("AIN"))]

    def drives(self, pin: str) -> int | None:
        """What the expander puts on a pin; None when it only listens."""
        return self.wire(pin).driver_of("expander")
