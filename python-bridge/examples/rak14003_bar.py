"""Let the bar of a RAK14003 grow and shrink like a level meter, from its green end.

    python rak14003_bar.py --slot 1 --count 3

When the program ends, however it ends, the LEDs are dark. At most eight LEDs are lit at once: the
module's expander allows no more, so a bar of 9 or 10 is dark at its beginning. The bridge must be
running: `wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Grow and shrink until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Show a level on a RAK14003.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many times, 0 for no limit")
    parser.add_argument("--interval", type=float, default=0.2, help="seconds between two levels")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak14003(options.slot)
            for number in itertools.count(1):
                for level in (*range(11), *range(9, -1, -1)):
                    result = module.bar(level=level, start="green")
                    # LED 0, the red end, is the last digit of the mask: the bar grows to the right.
                    picture = f"{int(result.number('mask')):010b}".replace("1", "#")
                    print(f"level {level:2}: {picture.replace('0', '.')}", flush=True)
                    time.sleep(options.interval)
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
