"""The emulated RAK13003: an expander whose sixteen pins are the outside world.

1. The product's wiring only: interrupts on IO6 and IO5, pins on the header. Its reset pin is on
   a pin of the connector that is not emulated.
2. A pin that nobody holds from outside reads 0, where silicon would read anything.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.mcp23017.emulator import EmulatedMCP23017
from wisblock_bridge.module_api.emulated import Quantity, SlotPins, Value
from wisblock_bridge.modules.shared.emulated_chip import EmulatedI2CModule

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPT_PINS = ("IO6", "IO5")


class EmulatedRAK13003(EmulatedI2CModule):
    """A RAK13003 with a probe and a switch on every pin."""

    product = "RAK13003"
    chip = "MCP23017"
    address = 0x20

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self.wires = [Wire(f"RAK13003 pin {number}", pull=0) for number in range(16)]
        # Wires of its own between chip and slot, so that it can be unplugged.
        interrupts = (Wire("INTA"), Wire("INTB"))
        self.silicon = EmulatedMCP23017(self.wires, interrupts=interrupts)
        self.connect(self.silicon)
        self._plugs: list[Callable[[], object]] = []
        for own, pin in zip(interrupts, INTERRUPT_PINS, strict=True):
            self._join(own, pins.wire(pin))
            self._plugs.append(partial(pins.wire(pin).drive, self.product, None))

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: each pin, all of them, and which are driven.

        A pin is held from outside by 0 or 1, and let go by -1.
        """
        single = (
            Quantity(f"level_{number}", "none", 0, 1, 0, wire.level, _Outside(wire), "line")
            for number, wire in enumerate(self.wires)
        )
        return (
            Quantity("levels", "none", 0, 0xFFFF, 0, self._levels, self._hold_all, "number"),
            Quantity("directions", "none", 0, 0xFFFF, 0, self._directions),
            *single,
        )

    def unplug(self) -> None:
        """Leave the slot."""
        super().unplug()
        for pull_out in reversed(self._plugs):
            pull_out()

    def _join(self, source: Wire, target: Wire) -> None:
        """Let one wire drive another until it is unplugged."""
        target.drive(self.product, source.level())
        self._plugs.append(source.listen(lambda level: target.drive(self.product, level)))

    def _levels(self) -> int:
        return sum(wire.level() << number for number, wire in enumerate(self.wires))

    def _directions(self) -> int:
        name = self.silicon.name
        driven = (wire.driver_of(name) is not None for wire in self.wires)
        return sum(is_output << number for number, is_output in enumerate(driven))

    def _hold_all(self, value: Value) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0xFFFF:  # noqa: PLR2004
            raise ValueError("it must be a whole number 0...65535, bit n for pin n")
        for number, wire in enumerate(self.wires):
            wire.drive("outside", value >> number & 1)


class _Outside:
    """Something outside that holds a pin: 0, 1, or -1 for nothing."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __call__(self, value: Value) -> None:
        if isinstance(value, bool) or value not in (0, 1, -1):
            raise ValueError("it must be 0, 1 or -1 (let go)")
        self._wire.drive("outside", None if value == -1 else int(value))
