"""Count the pulses at the input of a RAK13001 for a second at a time.

    python rak13001_count_pulses.py --slot 1 --count 5

On a RAK6421 no pulse is missed. On a RAK7391 the input is looked at every 10 ms: a shorter pulse
can be missed, and 50 a second are the most. The bridge must be running: `wisblock-bridge serve`, or
without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Count until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Count the pulses at a RAK13001.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=5, help="how many seconds, 0 for no limit")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak13001(options.slot)
            for number in itertools.count(1):
                result = module.frequency(window_ms=1000)
                print(f"{result.pulses} pulses, {result.frequency:.2f} Hz", flush=True)
                if result.quality != "good":
                    print(f"({result.note})", file=sys.stderr)
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
