"""Print when a RAK12006 detects motion, and when it ends.

    python rak12006_motion.py --slot 1 --count 10

The first line is the present state. If motion and rest are mixed up with your module, say
--active-high. The bridge must be running: `wisblock-bridge serve`, or without hardware
`wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Wait for motion until --count lines are printed or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Print when a RAK12006 detects motion.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many lines, 0 for no limit")
    parser.add_argument("--active-high", action="store_true", help="motion makes the line high")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak12006(options.slot)
            with module.events("motion", active_low=not options.active_high) as events:
                for number, event in zip(itertools.count(1), events, strict=False):
                    if event.error is not None:
                        print(event.error, file=sys.stderr)
                        continue
                    print("IR detected ..." if event.result.motion else "No motion.", flush=True)
                    if event.result.quality != "good":
                        print(f"({event.result.note})", file=sys.stderr)
                    if number == options.count:
                        break
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
