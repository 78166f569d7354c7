"""Run a DC motor at a RAK17000 up and down, then the same in reverse.

    python rak17000_dc_motor.py --slot 2 --bridge A --count 1

When the program ends, however it ends, the motor coasts and the driver sleeps. The module needs the
SPI pins: put `dtparam=spi=off` into /boot/firmware/config.txt. The bridge must be running:
`wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Run until --count rounds are done or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Run a DC motor at a RAK17000.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--bridge", choices=("A", "B"), default="A", help="terminals of the motor")
    parser.add_argument("--count", type=int, default=0, help="how many rounds, 0 for no limit")
    parser.add_argument("--interval", type=float, default=2.02, help="seconds of a ramp")
    parser.add_argument("--rest", type=float, default=0.5, help="seconds between two ramps")
    options = parser.parse_args()
    ramp_ms = round(options.interval * 1000)
    try:
        with Bridge() as bridge:
            module = bridge.rak17000(options.slot)
            for number in itertools.count(1):
                for speed in (100.0, 0.0, -100.0, 0.0):
                    time.sleep(options.rest)
                    result = module.drive(bridge=options.bridge, speed=speed, ramp_ms=ramp_ms)
                    print(f"motor {options.bridge}: to {result.speed:.0f} %", flush=True)
                    time.sleep(options.interval)
                if number == options.count:
                    break
            module.stop()
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
