"""Turn a stepper motor at a RAK17000 forward and back.

    python rak17000_stepper_motor.py --slot 2 --steps 400 --mode half --count 1

When the program ends, however it ends, the windings are free and the driver sleeps. The module
needs the SPI pins: put `dtparam=spi=off` into /boot/firmware/config.txt. The bridge must be
running: `wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Turn until --count rounds are done or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Turn a stepper motor at a RAK17000.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--steps", type=int, default=2404, help="steps forward, and steps back")
    parser.add_argument("--rate", type=float, default=142.857, help="steps per second")
    parser.add_argument("--mode", choices=("full", "half", "wave"), default="wave", help="phases")
    parser.add_argument("--count", type=int, default=1, help="how many rounds, 0 for no limit")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            module = bridge.rak17000(options.slot)
            with module.events("done") as ends:
                ends.next()  # reports the last move before this program
                for number in itertools.count(1):
                    for steps in (options.steps, -options.steps):
                        module.step(steps=steps, rate=options.rate, mode=options.mode)
                        end = ends.next()
                        if end is None or end.error is not None:
                            print(end.error if end else "The bridge disconnected.", file=sys.stderr)
                            return 1
                        print(f"{end.result.steps} steps", flush=True)
                        if end.result.quality != "good":
                            print(f"({end.result.note})", file=sys.stderr)
                        time.sleep(0.2)
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
