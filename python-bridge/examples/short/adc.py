"""Measure the voltage at a slot's analog input."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    result = bridge.adc().read(channel=0, samples=4)
    print(f"{result.voltage:.3f} V")
