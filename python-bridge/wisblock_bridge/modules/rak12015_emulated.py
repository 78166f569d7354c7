"""The emulated RAK12015: a square wave at AIN1 while it is shaken.

1. Physics of the product only: rate and height of the pulses.
2. The converter behind AIN1 is the board's.
"""

from __future__ import annotations

from wisblock_bridge.module_api.emulated import DemoWave, EmulatedModule, Quantity, SlotPins


class EmulatedRAK12015(EmulatedModule):
    """A RAK12015 that somebody may shake."""

    product = "RAK12015"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._peak = DemoWave(
            0.0, -1.0, 1.0, pins.clock, demo_period_s
        )  # at rest half of the demo's time
        self._frequency = DemoWave(50.0, 50.0, 50.0, pins.clock)
        pins.analog("AIN1").connect(self._volts)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: height (0 is at rest) and rate of the pulses."""
        return (
            Quantity("peak", "volt", 0.0, 2.0, 0.000125, self._height, self._peak.set),
            # A computer that is busy looks too rarely for the fastest pulses, and misses some.
            Quantity(
                "frequency", "hertz", 1.0, 150.0, 30.0, self._frequency.get, self._frequency.set
            ),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        self.pins.analog("AIN1").connect(None)

    def _height(self) -> float:
        return max(self._peak.get(), 0.0)

    def _volts(self) -> float:
        phase = self.pins.clock.monotonic() * self._frequency.get() % 1.0
        return self._height() if phase < 0.5 else 0.0  # noqa: PLR2004  (a square wave)
