"""Switch the relay of a RAK13001, five seconds off, five seconds on, and read its input.

    python rak13001_toggle.py --slot 1 --count 3

When the program ends, however it ends, the relay is off. The input is active with 12 to 24 V DC at
K1 and K2. The bridge must be running: `wisblock-bridge serve`, or without hardware
`wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Switch until --count rounds are done or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Switch the relay of a RAK13001.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many rounds, 0 for no limit")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds off, and seconds on")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak13001(options.slot)
            for number in itertools.count(1):
                for on in (False, True):
                    relay = "relay on" if module.set(on=on).on else "relay off"
                    voltage = "voltage" if module.input().active else "no voltage"
                    print(f"{relay}, {voltage} at the input", flush=True)
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
