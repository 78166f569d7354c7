"""The emulated RAK5801: a loop current becomes a voltage at AIN1 while IO1 is high.

1. Physics of the product only: shunt, gain, supply switch.
2. The converter behind AIN1 is the board's.
"""

from __future__ import annotations

from wisblock_bridge.module_api.emulated import DemoWave, EmulatedModule, Quantity, SlotPins


class EmulatedRAK5801(EmulatedModule):
    """A RAK5801 with a transmitter on its input A1."""

    product = "RAK5801"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._current_ma = DemoWave(12.0, 4.0, 20.0, pins.clock, demo_period_s)
        pins.analog("AIN1").connect(self._volts)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: the loop current (a converter step is 0.834 uA)."""
        return (
            Quantity(
                "current",
                "milliampere",
                0.0,
                22.0,
                0.000834,
                self._current_ma.get,
                self._current_ma.set,
            ),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        self.pins.analog("AIN1").connect(None)

    def _volts(self) -> float:
        if self.pins.wire("IO1").level() == 0:
            return 0.0  # the amplifier has no supply
        shunt_volts = 49.9 * self._current_ma.get() / 1000.0
        amplified = shunt_volts * (1 + 10_000 / 4_990)
        return min(max(amplified, 0.0), 5.6)  # single supply below, Zener clamp above
