"""Print the frames of one identifier that are heard on the LIN bus of a RAK13005.

    python rak13005_echo.py --slot 2 --id 1 --length 8

What the vendor's `rak13005_echo.py` was meant to print: the data in decimal, or what is wrong. The
bridge must be running: `wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys

from wisblock_bridge.client import Bridge, RemoteError

WRONG = {
    "wrong_parity": "error: invalid data parity",
    "wrong_checksum": "error: invalid data checksum",
    "short": "not enough data!",
}


def main() -> int:
    """Print until --count frames are printed or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Listen to the LIN bus of a RAK13005.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=2, help="WisBlock slot")
    parser.add_argument("--id", type=int, default=1, help="identifier to listen for")
    parser.add_argument("--length", type=int, default=8, help="bytes of data of its frames")
    parser.add_argument("--count", type=int, default=0, help="how many lines, 0 for no limit")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            bus = bridge.rak13005(options.slot)
            with bus.events("frame", id=options.id, length=options.length) as events:
                for number, event in zip(itertools.count(1), events, strict=False):
                    if event.error is not None:
                        print(event.error, file=sys.stderr)
                        continue
                    kind, data = str(event.result.kind), event.result.data
                    if kind in {"frame", "answer"} and isinstance(data, bytes):
                        print("receive:", *data, flush=True)
                    else:
                        print(WRONG.get(kind, kind), event.result.note, flush=True)
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
