"""The emulated RAK12040: a wall, and something warm in front of it.

With it the module can be tried and tested on a computer without hardware.
"""

from __future__ import annotations

from wisblock_bridge.module_api.emulated import (
    DemoWave,
    EmulatedModule,
    Quantity,
    SlotPins,
)
from wisblock_rak12040.amg8833_emulated import EmulatedAMG8833

PIXELS_OF_THE_OBJECT = range(27, 29)
ALL_PIXELS = 64


class EmulatedRAK12040(EmulatedModule):
    """A RAK12040 that looks at a wall."""

    product = "RAK12040"

    def __init__(self, pins: SlotPins, swing_s: float = 0.0) -> None:
        super().__init__(pins, swing_s)
        self._object_c = DemoWave(36.5, 30.0, 38.0, pins.clock, swing_s)
        self._wall_c = DemoWave(21.0, 20.0, 22.0, pins.clock, swing_s)
        self._sensor_c = DemoWave(25.0, 24.0, 26.0, pins.clock, swing_s)
        self._address = pins.address("AMG8833", 0x68)
        self._chip = EmulatedAMG8833(self._pixels_c, self._sensor_c.get)
        pins.i2c.attach(self._address, self._chip)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return what can be set from outside, each with the name of the reading that shows it."""
        unit = "degree_celsius"
        return (
            Quantity("hottest", unit, 0.0, 80.0, 0.125, self._object_c.get, self._object_c.set),
            Quantity("coldest", unit, 0.0, 80.0, 0.125, self._wall_c.get, self._wall_c.set),
            Quantity("sensor", unit, -20.0, 80.0, 0.04, self._sensor_c.get, self._sensor_c.set),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        self.pins.i2c.detach(self._address)

    def power_cycle(self) -> bool:
        """Take the supply away for a moment."""
        self._chip.power_cycle()
        return True

    def _pixels_c(self) -> list[float]:
        wall_c, object_c = self._wall_c.get(), self._object_c.get()
        return [
            object_c if number in PIXELS_OF_THE_OBJECT else wall_c for number in range(ALL_PIXELS)
        ]
