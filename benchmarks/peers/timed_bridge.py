"""A bridge on an emulated board whose I2C bus takes the time that a real one takes at 100 kHz.

The emulated chips answer at once; here each transaction keeps the bus for as long as its bits last
(nine for each byte and address, one for each start and the stop). What the conversions of the
emulated converters take, they take anyway.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from benchmarks.bus_work import I2C_BIT_S, bits
from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.cli import main
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import Read, Write

bus_lock = FairLock()
transfer = EmulatedI2CBus.transfer


def timed_transfer(self: EmulatedI2CBus, address: int, *messages: Write | Read) -> bytes:
    """Carry out one transaction and keep the bus for as long as it lasts."""
    with bus_lock:
        begin = time.perf_counter()
        try:
            return transfer(self, address, *messages)
        finally:
            left_s = bits(messages) * I2C_BIT_S - (time.perf_counter() - begin)
            if left_s > 0.0:
                time.sleep(left_s)


if __name__ == "__main__":
    EmulatedI2CBus.transfer = timed_transfer  # type: ignore[method-assign]
    sys.exit(main())
