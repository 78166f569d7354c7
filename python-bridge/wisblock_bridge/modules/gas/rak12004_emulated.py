"""The emulated RAK12004: an MQ-2 in smoke.

1. Constants of its element only, those of the vendor's example; the rest is in ``emulated_sensor``.
"""

from __future__ import annotations

from wisblock_bridge.modules.gas.emulated_sensor import EmulatedGasSensor


class EmulatedRAK12004(EmulatedGasSensor):
    """A RAK12004."""

    product = "RAK12004"
    address = 0x51
    r0_ohm = 11_200.0
    slope = -0.399
    intercept = 1.45
    range_ppm = (300.0, 10_000.0)
    tolerance_ppm = 30.0
