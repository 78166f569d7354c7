"""Read voltage, current and power of a RAK16000 and print them every 5 seconds.

    python rak16000_power.py --slot 1 --count 10

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
    parser = argparse.ArgumentParser(description="Read the current and power of a RAK16000.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many readings, 0 for no limit")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between readings")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak16000(options.slot)
            for number in itertools.count(1):
                result = module.read()
                print(f"Bus Voltage: {result.voltage:.3f} V")
                print(f"Bus Current: {result.current:.3f} mA")
                print(f"Power: {result.power:.3f} W")
                print(f"Shunt voltage: {result.shunt_voltage:.3f} mV", flush=True)
                print()
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
