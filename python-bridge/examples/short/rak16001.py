"""Measure all eight inputs."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    result = bridge.rak16001(slot=1).read_all()
    for number in range(8):
        print(f"input {number}: {result.number(f'voltage_{number}'):.3f} V")
