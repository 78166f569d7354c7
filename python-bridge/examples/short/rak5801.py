"""Measure the loop current once a second, three times."""

import itertools

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    for result in itertools.islice(bridge.rak5801(slot=1).every(1.0).read(), 3):
        print(f"{result.current:.2f} mA, loop {result.loop}")
