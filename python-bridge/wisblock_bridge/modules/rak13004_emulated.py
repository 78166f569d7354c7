"""The emulated RAK13004: a PWM chip behind an enable pin that is high by default.

1. The product's wiring only: OE on IO6 with a pull-up.
2. What a channel puts out is seen, not set; the chip also answers at the shared address 0x70, as
   the silicon does until that is switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pca9685.emulator import EmulatedAllCall, EmulatedPCA9685
from wisblock_bridge.module_api.emulated import Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_chip import EmulatedI2CModule

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED_ADDRESS = 0x70
STEP = 100.0 / 4096


class EmulatedRAK13004(EmulatedI2CModule):
    """A RAK13004 with an oscilloscope on every channel."""

    product = "RAK13004"
    chip = "PCA9685"
    address = 0x40

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self.silicon = EmulatedPCA9685(pins.clock)
        self.connect(self.silicon)
        self._output_enable = pins.wire("IO6")
        self._pull = self._output_enable.pull
        self._output_enable.pull = 1
        # Where something else is emulated at that address, it answers alone.
        self._shares = SHARED_ADDRESS not in pins.i2c.addresses
        if self._shares:
            pins.i2c.attach(SHARED_ADDRESS, EmulatedAllCall(self.silicon, SHARED_ADDRESS))

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: what comes out of each channel, frequency and enable."""
        found = [
            Quantity("hz", "hertz", 0.0, 1526.0, 0.1, lambda: self.silicon.frequency_hz),
            Quantity("on", "none", 0, 1, 0, lambda: self._output_enable.level() == 0),
        ]
        for number in range(16):
            percent, width = self._percent(number), self._microseconds(number)
            found.append(Quantity(f"percent_{number}", "percent", 0.0, 100.0, STEP, percent))
            found.append(
                Quantity(f"microseconds_{number}", "microsecond", 0.0, 41_700.0, 11.0, width)
            )
        return tuple(found)

    def unplug(self) -> None:
        """Leave the slot."""
        super().unplug()
        if self._shares:
            self.pins.i2c.detach(SHARED_ADDRESS)
        self._output_enable.pull = self._pull

    def share(self, channel: int) -> float:
        """Return which share of the time a pin of the header is high, 0...1."""
        return self.silicon.output(channel, self._output_enable.level()) or 0.0

    def _percent(self, channel: int) -> Callable[[], float]:
        return lambda: self.share(channel) * 100.0

    def _microseconds(self, channel: int) -> Callable[[], float]:
        def width() -> float:
            hertz = self.silicon.frequency_hz
            return self.share(channel) * 1e6 / hertz if hertz else 0.0

        return width
