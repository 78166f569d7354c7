"""A Modbus poller: two units, each asked for humidity and temperature.

A unit that does not answer is told, and asked again in the next round.
"""

import sys
import time

from wisblock_bridge.client import Bridge, HardwareError

UNITS = (42, 43)


def poll(rounds: int = 0, interval_s: float = 5.0) -> None:
    """Ask every unit in turn; without a number of rounds, for ever."""
    with Bridge() as bridge:
        line = bridge.rak5802(slot=1)
        line.line(baud=9600, parity="none")
        done = 0
        while not rounds or done < rounds:
            for unit in UNITS:
                try:
                    humidity = line.read_value(unit=unit, address=0)
                    celsius = line.read_value(
                        unit=unit, address=1, number_type="int16", factor=0.01
                    )
                except HardwareError as error:
                    print(f"unit {unit}: {error}", file=sys.stderr)
                else:
                    print(
                        f"unit {unit}: {humidity.value:.0f} %, {celsius.value:.2f} °C", flush=True
                    )
            done += 1
            if not rounds or done < rounds:
                time.sleep(interval_s)


if __name__ == "__main__":
    poll()
