"""Measure voltage, current and power of a consumer."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    result = bridge.rak16000(slot=1).read(samples=4)
    print(f"{result.voltage:.2f} V, {result.current:.1f} mA, {result.power:.3f} W")
