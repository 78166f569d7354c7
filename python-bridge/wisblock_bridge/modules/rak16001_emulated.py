"""The emulated RAK16001: eight voltages at eight terminals.

1. Physics of the product only: its reference of 3.0 V, and no dividers (they are not fitted).
2. The converter is the emulated chip; it knows nothing of products.
"""

from __future__ import annotations

from wisblock_bridge.buses.emulated.wires import AnalogWire
from wisblock_bridge.chips.ads7830.emulator import EmulatedADS7830
from wisblock_bridge.module_api.emulated import DemoWave, Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_chip import EmulatedI2CModule

RESTING_V = (1.25, 0.10, 0.33, 0.80, 1.50, 2.00, 2.50, 1.80)
"""Each input tells itself from the others, and input 1 is low enough for input 0 to be measured
against it (the converter wants it within 0.2 V of ground)."""


class EmulatedRAK16001(EmulatedI2CModule):
    """A RAK16001 with a voltage source at each input; in demo mode each varies by half."""

    product = "RAK16001"
    chip = "ADS7830"
    address = 0x48

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._voltages = [
            DemoWave(volts, volts * 0.5, min(volts * 1.5, 2.9), pins.clock, demo_period_s)
            for volts in RESTING_V
        ]
        wires = [AnalogWire(f"input {channel}") for channel in range(8)]
        for wire, voltage in zip(wires, self._voltages, strict=True):
            wire.connect(voltage.get)
        self.converter = EmulatedADS7830(wires, reference_v=3.0)
        self.connect(self.converter)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: a voltage at each input (a step is 11.7 mV)."""
        return tuple(
            Quantity(f"voltage_{channel}", "volt", 0.0, 2.98, 0.0118, voltage.get, voltage.set)
            for channel, voltage in enumerate(self._voltages)
        )
