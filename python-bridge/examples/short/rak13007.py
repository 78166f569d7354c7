"""Switch a relay; it is off again when the block ends, however it ends."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.rak13007(slot=1) as relay:
    print("on" if relay.set(on=True).on else "off")
