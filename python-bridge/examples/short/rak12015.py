"""Measure for half a second whether something shakes."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    result = bridge.rak12015(slot=1).read(window_ms=500)
    print(f"peak {result.peak:.2f} V, {'shaking' if result.vibration else 'still'}")
