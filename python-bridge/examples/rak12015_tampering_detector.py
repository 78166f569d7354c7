"""Print whether a RAK12015 is shaken, twice a second.

    python rak12015_tampering_detector.py --slot 1 --count 10

The bridge must be running: `wisblock-bridge serve`, or without hardware
`wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time
from datetime import datetime

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Read and print until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Print whether a RAK12015 is shaken.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many readings, 0 for no limit")
    parser.add_argument("--interval", type=float, default=0.25, help="seconds between readings")
    parser.add_argument("--threshold", type=float, default=0.1, help="volts that are an alert")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak12015(options.slot)
            for number in itertools.count(1):
                result = module.read(window_ms=250, threshold=options.threshold)
                if result.vibration:
                    now = datetime.now().astimezone().strftime("%Y%m%d %H:%M:%S")
                    print(f"{result.peak:.2f} -ALERT {now} - Vibration detected!", flush=True)
                else:
                    print(f"{result.peak:.2f} -All good", flush=True)
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
