"""The emulated RAK5811: a voltage at the terminal becomes 0.6 of it at AIN1 while IO1 is high.

1. Physics of the product only: divider, amplifier, supply switch.
2. The converter behind AIN1 is the board's.
"""

from __future__ import annotations

from wisblock_bridge.module_api.emulated import DemoWave, EmulatedModule, Quantity, SlotPins


class EmulatedRAK5811(EmulatedModule):
    """A RAK5811 with a voltage source on its input A1."""

    product = "RAK5811"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._voltage = DemoWave(2.5, 0.0, 5.0, pins.clock, demo_period_s)
        pins.analog("AIN1").connect(self._volts)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: the voltage at A1 in V (a converter step is 0.21 mV)."""
        return (
            Quantity("voltage", "volt", 0.0, 5.3, 0.00021, self._voltage.get, self._voltage.set),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        self.pins.analog("AIN1").connect(None)

    def _volts(self) -> float:
        if self.pins.wire("IO1").level() == 0:
            return 0.0  # the amplifier has no supply
        divided = self._voltage.get() * 1.5 / (1.0 + 1.5)
        return min(max(divided, 0.0), 5.6)  # single supply below, Zener clamp above
