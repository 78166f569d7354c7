"""Read the concentration of a RAK12004 (combustible gas, smoke) and print it.

    python rak12004_read.py --slot 1 --count 10

With --calibrate the sensor is calibrated first: it has to be warm, and the air clean. The result is
kept by the bridge. This is not a safety device.

The bridge must be running: `wisblock-bridge serve`, or without hardware
`wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Read and print until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Read a RAK12004 (combustible gas, smoke).")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many readings, 0 for no limit")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between readings")
    parser.add_argument("--calibrate", action="store_true", help="the air is clean now")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak12004(options.slot)
            if options.calibrate:
                found = module.calibrate()
                print(f"R0: {found['r0']:.0f} ohm", flush=True)
            for number in itertools.count(1):
                result = module.read()
                print(f"ppm: {result.ppm:.2f}", flush=True)
                if result.quality != "good":
                    print(f"({result.note})", file=sys.stderr)
                if number == options.count:
                    break
                time.sleep(options.interval)
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
