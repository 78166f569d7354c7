"""A motor with a soft stop: it runs until Ctrl-C or the end, and then slows down.

If the program is killed, nobody slows the motor down: it coasts, because the bridge notices. The
watchdog is for the case that this program lives on and hangs.
"""

import time

from wisblock_bridge.client import Bridge

RAMP_MS = 800


def run(seconds: float, speed: float = 70.0) -> None:
    """Run a motor for a while."""
    with Bridge() as bridge, bridge.rak17000(slot=1) as motors:
        try:
            motors.drive(bridge="A", speed=speed, ramp_ms=RAMP_MS)
            end = time.monotonic() + seconds
            time.sleep(RAMP_MS / 1000.0)
            while time.monotonic() < end:
                motors.drive(bridge="A", speed=speed, watchdog_ms=2000)
                time.sleep(0.1)
            print(f"running at {motors.state(bridge='A').speed:.0f} %", flush=True)
        finally:
            motors.drive(bridge="A", speed=0.0, ramp_ms=RAMP_MS)
            time.sleep(RAMP_MS / 1000.0)
            print(f"stopped: {motors.state(bridge='A').speed:.0f} %", flush=True)


if __name__ == "__main__":
    run(5.0)
