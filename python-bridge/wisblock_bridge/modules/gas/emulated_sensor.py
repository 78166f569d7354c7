"""What the emulated gas modules have in common: a heated sensor element behind a switched supply.

1. Physics only: the element's resistance, the divider of 10 kiloohm at 5 V, the enable pin.
2. Constants are typed again from the vendor's documents.
3. While the enable pin is low nobody answers; after 0.1 s without supply the converter has
   forgotten.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from wisblock_bridge.buses.emulated.i2c import NotAcknowledged
from wisblock_bridge.buses.emulated.wires import AnalogWire
from wisblock_bridge.chips.adc121c021.emulator import EmulatedADC121C021
from wisblock_bridge.module_api.emulated import DemoWave, Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_chip import EmulatedI2CModule

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.wires import Wire
    from wisblock_bridge.clock import Clock

FORGETS_S = 0.1
COLD_SHARE = 0.2
"""A cold element has so much of the resistance that it has when warm: it looks like gas."""


class SwitchedConverter:
    """A converter that answers while its supply is on.

    Args:
        inner: The chip.
        enable: The wire that switches the supply.
        clock: Time.
    """

    def __init__(self, inner: EmulatedADC121C021, enable: Wire, clock: Clock) -> None:
        self.inner = inner
        self.enable = enable
        self._clock = clock
        self._changed_at = clock.monotonic()
        self.end = enable.listen(self._switched)

    @property
    def on_s(self) -> float:
        """How long the supply has been on, s; 0 while it is off."""
        return self._clock.monotonic() - self._changed_at if self.enable.level() else 0.0

    def write(self, data: bytes) -> None:
        """Take bytes, as ``EmulatedI2CDevice.write`` says."""
        self._need_supply()
        self.inner.write(data)

    def read(self, length: int) -> bytes:
        """Return bytes, as ``EmulatedI2CDevice.read`` says."""
        self._need_supply()
        return self.inner.read(length)

    def power_cycle(self) -> None:
        """Take the supply away for a moment, whatever the enable pin says."""
        self.inner.power_cycle()

    def _need_supply(self) -> None:
        if self.enable.level() == 0:
            raise NotAcknowledged

    def _switched(self, level: int) -> None:
        now = self._clock.monotonic()
        if level and now - self._changed_at > FORGETS_S:
            self.inner.power_cycle()
        self._changed_at = now


class EmulatedGasSensor(EmulatedI2CModule):
    """Base of the emulated gas modules.

    Args:
        pins: The slot it is plugged into.
        demo_period_s: Period of the demo mode's slow changes; 0 for none.

    Attributes:
        r0_ohm: R0 of the element.
        slope: A in log10(Rs / R0) = A * log10(ppm) + B.
        intercept: B.
        range_ppm: Smallest and largest concentration that the element is made for.
        tolerance_ppm: What a step of the converter makes at the largest one.
    """

    chip = "ADC121C021"
    r0_ohm: ClassVar[float]
    slope: ClassVar[float]
    intercept: ClassVar[float]
    range_ppm: ClassVar[tuple[float, float]]
    tolerance_ppm: ClassVar[float]

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        low, high = self.range_ppm
        self._ppm = DemoWave(2 * low, low, high / 2, pins.clock, demo_period_s)
        self._time_constant_ms = DemoWave(0.0, 0.0, 0.0, pins.clock)
        self._broken = False
        analog = AnalogWire("load resistor")
        analog.connect(self._volts)
        self.converter = EmulatedADC121C021(analog, pins.clock, supply_v=5.0)
        self.supply = SwitchedConverter(self.converter, pins.wire("IO6"), pins.clock)
        self.connect(self.supply)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: gas, how slowly the element warms up, a broken one."""
        low, high = self.range_ppm
        return (
            Quantity(
                "ppm",
                "parts_per_million",
                low,
                high,
                self.tolerance_ppm,
                self._ppm.get,
                self._ppm.set,
            ),
            Quantity(
                "warming_time_constant",
                "millisecond",
                0.0,
                90_000.0,
                0.0,
                self._time_constant_ms.get,
                self._time_constant_ms.set,
            ),
            Quantity("broken", "none", 0, 1, 0, lambda: self._broken, self._break),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        super().unplug()
        self.supply.end()

    def _break(self, value: float | bool | str | bytes) -> None:  # noqa: FBT001
        if value not in (0, 1):
            raise ValueError("it must be true or false")
        self._broken = bool(value)

    def _volts(self) -> float:
        if self._broken:
            return 0.0
        logarithm = self.slope * math.log10(max(self._ppm.get(), 0.1)) + self.intercept
        resistance = self.r0_ohm * math.pow(10.0, logarithm) * self._warmth()
        return 5.0 * 10_000.0 / (resistance + 10_000.0)

    def _warmth(self) -> float:
        constant_s = self._time_constant_ms.get() / 1000.0
        if constant_s <= 0:
            return 1.0
        return 1.0 - (1.0 - COLD_SHARE) * math.exp(-self.supply.on_s / constant_s)
