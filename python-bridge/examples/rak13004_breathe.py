"""Let an LED at a channel of a RAK13004 breathe: brighter, darker, and again.

    python rak13004_breathe.py --slot 1 --channel 0 --count 3

When the program ends, however it ends, the channel is off. The bridge must be running:
`wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError

FREQUENCY_HZ = 60
STEPS = 50
"""Of one way, dark to bright."""


def main() -> int:
    """Breathe until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Let an LED at a RAK13004 breathe.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--channel", type=int, default=0, help="0 to 15")
    parser.add_argument("--count", type=int, default=0, help="how many breaths, 0 for no limit")
    parser.add_argument("--seconds", type=float, default=4.0, help="duration of one breath")
    options = parser.parse_args()
    breath = [*range(STEPS + 1), *range(STEPS - 1, 0, -1)]
    try:
        with Bridge() as bridge:
            module = bridge.rak13004(options.slot)
            print(f"{module.frequency(hz=FREQUENCY_HZ).hz:.2f} Hz", flush=True)
            for number in itertools.count(1):
                for step in breath:
                    percent = 100.0 * step / STEPS
                    result = module.duty(channel=options.channel, percent=percent)
                    print(f"channel {options.channel}: {result.percent:.1f} %", flush=True)
                    if result.quality != "good":
                        print(f"({result.note})", file=sys.stderr)
                    time.sleep(options.seconds / len(breath))
                if number == options.count:
                    break
            module.off(channel=options.channel)
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
