"""Read the loop current of a RAK5801 and print it once a second.

    python rak5801_read.py --slot 1 --count 10

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
    parser = argparse.ArgumentParser(description="Read the loop current of a RAK5801.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many readings, 0 for no limit")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between readings")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak5801(options.slot)
            for number in itertools.count(1):
                result = module.read()
                print(f"{result.current:.2f} mA", flush=True)
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
