"""Read one input of the board's analog-to-digital converter and print it once a second.

    python adc_read.py --channel 0 --count 10
    python adc_read.py --slot 2

Channels 0 and 1 are AIN0 and AIN1 of slot 1, channels 2 and 3 those of slot 2. With --slot in place
of --channel, AIN1 of that slot is read. Address and type of the chip need not be known: the bridge
finds them.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Read and print until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Read the board's analog-to-digital converter.")
    parser.add_argument("--channel", type=int, choices=range(4), help="input, 0 to 3")
    parser.add_argument("--slot", type=int, choices=(1, 2), help="AIN1 of this slot")
    parser.add_argument("--count", type=int, default=0, help="how many readings, 0 for no limit")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between readings")
    options = parser.parse_args()
    channel = options.channel or 0
    if options.channel is None and options.slot is not None:
        channel = 2 * options.slot - 1
    try:
        with Bridge() as bridge:
            converter = bridge.adc()
            for number in itertools.count(1):
                result = converter.read(channel=channel)
                print(f"Reading: {result.voltage:.2f}V", flush=True)
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
