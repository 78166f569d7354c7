"""The emulated RAK14003: an expander that sinks the current of ten LEDs.

1. The product's wiring only: LED n hangs on pin n, lit when low; reset on IO4.
2. Which LEDs are lit is seen, not set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.mcp23017.emulator import EmulatedMCP23017
from wisblock_bridge.module_api.emulated import Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_chip import EmulatedI2CModule

if TYPE_CHECKING:
    from collections.abc import Callable


class EmulatedRAK14003(EmulatedI2CModule):
    """A RAK14003 that somebody looks at."""

    product = "RAK14003"
    chip = "MCP23017"
    address = 0x24

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        # A dark LED pulls its pin up; pins 10 to 15 lead nowhere.
        self.wires = [Wire(f"RAK14003 pin {number}", pull=1) for number in range(16)]
        # A wire of its own between chip and slot, so that it can be unplugged.
        reset, io4 = Wire("RESET"), pins.wire("IO4")
        self.silicon = EmulatedMCP23017(self.wires, reset=reset)
        self.connect(self.silicon)
        reset.drive(self.product, io4.level())
        self._pull_out = io4.listen(lambda level: reset.drive(self.product, level))

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: which LEDs are lit, together, counted and one by one."""
        return (
            Quantity("mask", "none", 0, 0x3FF, 0, self.mask),
            Quantity("lit", "none", 0, 10, 0, lambda: self.mask().bit_count()),
            *(Quantity(f"on_{led}", "none", 0, 1, 0, self._looker(led)) for led in range(10)),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        super().unplug()
        self._pull_out()

    def mask(self) -> int:
        """Return which LEDs are lit; bit n is LED n."""
        return sum(1 << led for led in range(10) if self.wires[led].level() == 0)

    def _looker(self, led: int) -> Callable[[], bool]:
        return lambda: self.wires[led].level() == 0
