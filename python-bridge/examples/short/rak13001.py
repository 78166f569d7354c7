"""Switch the relay on for as long as the block lasts, and look at the input."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.rak13001(slot=1) as module:
    module.set(on=True)
    print("voltage at the input" if module.input().active else "no voltage at the input")
