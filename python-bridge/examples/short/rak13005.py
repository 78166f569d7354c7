"""Ask a node on the LIN bus for its data."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    bus = bridge.rak13005(slot=1)
    answer = bus.request(id=16, length=8)
    print(answer.data.hex(" "))
