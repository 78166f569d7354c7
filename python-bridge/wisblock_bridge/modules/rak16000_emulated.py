"""The emulated RAK16000: a supply, a load, and the current monitor between them.

1. Physics of the product only: the shunt of 0.1 ohm.
2. The monitor is the emulated chip; it knows nothing of products.
"""

from __future__ import annotations

from wisblock_bridge.chips.ina219.emulator import EmulatedINA219
from wisblock_bridge.module_api.emulated import DemoWave, Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_chip import EmulatedI2CModule


class EmulatedRAK16000(EmulatedI2CModule):
    """A RAK16000 between a supply and a load."""

    product = "RAK16000"
    chip = "INA219"
    address = 0x41

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._voltage = DemoWave(12.0, 11.0, 13.0, pins.clock, demo_period_s)
        self._current_ma = DemoWave(500.0, 100.0, 900.0, pins.clock, demo_period_s)
        self.monitor = EmulatedINA219(
            lambda: self._current_ma.get() / 1000.0, self._voltage.get, pins.clock, shunt_ohm=0.1
        )
        self.connect(self.monitor)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: voltage at the load and current through the shunt."""
        return (
            Quantity("voltage", "volt", 0.0, 26.0, 0.004, self._voltage.get, self._voltage.set),
            Quantity(
                "current",
                "milliampere",
                -3150.0,
                3150.0,
                0.2,
                self._current_ma.get,
                self._current_ma.set,
            ),
        )
