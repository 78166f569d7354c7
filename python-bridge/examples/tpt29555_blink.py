"""Blink a line of an expander; by default one of the two LEDs on a RAK7391.

    python tpt29555_blink.py --count 5
    python tpt29555_blink.py --slot 1 --line 4

Lines 6 and 7 of the board's expander are LEDs, lit when low. With --slot, line n is pin IOn of that
slot: take one that no module uses. When the program ends, however it ends, the line is an input
again and the LED is dark.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Toggle until --count blinks are done or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Blink a line of an expander.")
    parser.add_argument("--slot", type=int, choices=(1, 2), help="a pin of this slot, not an LED")
    parser.add_argument("--line", type=int, default=7, help="LED 6 or 7, or n of pin IOn")
    parser.add_argument("--count", type=int, default=0, help="how many blinks, 0 for no limit")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds on, and seconds off")
    options = parser.parse_args()
    place = {"expander": "board", "line": options.line}
    if options.slot is not None:
        place = {"expander": "slots", "line": 8 * (options.slot - 1) + options.line}
    try:
        with Bridge() as bridge:
            expander = bridge.tpt29555()
            for number in itertools.count(1):
                for level in (0, 1):
                    result = expander.write(**place, level=level)
                    print(f"line {options.line}: {result.level}", flush=True)
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
