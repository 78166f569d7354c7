"""Drive a pin, and read another one."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.rak13003(slot=1) as pins:
    pins.configure(pin=0, direction="output")
    pins.write(pin=0, level=1)
    pins.configure(pin=8, direction="input", pull_up=True)
    print(f"pin 8 is {pins.read(pin=8).level}")
