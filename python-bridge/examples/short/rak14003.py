"""Show a level."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.rak14003(slot=1) as display:
    print(f"{display.bar(level=7).lit} LEDs")
