"""The emulated RAK12009: an MQ-3 in alcohol vapour.

1. Constants of its element only, those of the vendor's example; the rest is in ``emulated_sensor``.
"""

from __future__ import annotations

from wisblock_bridge.modules.gas.emulated_sensor import EmulatedGasSensor


class EmulatedRAK12009(EmulatedGasSensor):
    """A RAK12009."""

    product = "RAK12009"
    address = 0x55
    r0_ohm = 16_100.0
    slope = -0.888
    intercept = 0.738
    range_ppm = (25.0, 500.0)
    tolerance_ppm = 3.0
