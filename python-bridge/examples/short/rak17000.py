"""Run a motor up and down; it coasts when the block ends, however it ends."""

import time

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.rak17000(slot=1) as motors:
    motors.drive(bridge="A", speed=60.0, ramp_ms=500)
    time.sleep(1.0)
    print(f"{motors.state(bridge='A').speed:.0f} %")
    motors.drive(bridge="A", speed=0.0, ramp_ms=500)
    time.sleep(0.6)
