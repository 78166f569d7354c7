"""Blink an LED at a pin of a RAK13003: half a second on, half a second off, five times.

    python rak13003_blink.py --slot 1 --pin 0 --count 5

When the program ends, however it ends, the pin is an input again. The bridge must be running:
`wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Blink until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Blink a pin of a RAK13003.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument(
        "--pin", type=int, default=0, help="0 to 7: PA0 to PA7, 8 to 15: PB0 to PB7"
    )
    parser.add_argument("--count", type=int, default=5, help="how many blinks, 0 for no limit")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds on, and seconds off")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak13003(options.slot)
            for number in itertools.count(1):
                for level in (1, 0):
                    result = module.write(pin=options.pin, level=level)
                    print(f"pin {options.pin}: {result.level}", flush=True)
                    if result.quality != "good":
                        print(f"({result.note})", file=sys.stderr)
                    time.sleep(options.interval)
                if number == options.count:
                    break
            module.configure(pin=options.pin, direction="input")
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
