"""Measure a voltage of 0 to 5 V, scaled to what it stands for."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    result = bridge.rak5811(slot=1).read(scale_low=0.0, scale_high=100.0)
    print(f"{result.voltage:.3f} V, which is {result.value:.1f} %")
