"""Turn a servo to its middle, and dim a lamp."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.rak13004(slot=1) as outputs:
    outputs.frequency(hz=50.0)
    print(f"servo: {outputs.servo(channel=0, angle=0.0).microseconds:.0f} µs")
    print(f"lamp: {outputs.duty(channel=1, percent=25.0).percent:.1f} %")
