"""Send the documented frame over the LIN bus of a RAK13005, and ask a node for its data.

    python rak13005_master.py --slot 1 --count 3 --ask 16

The counterpart of the vendor's builder flow and Arduino master: identifier 1, the eight bytes
0 1 2 3 255 5 6 100, the classic checksum. With --ask a node that publishes that identifier is
requested, too. The bridge must be running: `wisblock-bridge serve`, or without hardware
`wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError

DATA = bytes([0, 1, 2, 3, 255, 5, 6, 100])


def main() -> int:
    """Send until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Act as the master of a LIN bus with a RAK13005.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--ask", type=int, default=0, help="identifier to request, 0 for none")
    parser.add_argument("--length", type=int, default=8, help="bytes of its answer")
    parser.add_argument("--count", type=int, default=0, help="how many rounds, 0 for no limit")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between rounds")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            bus = bridge.rak13005(options.slot)
            for number in itertools.count(1):
                try:
                    frame = bus.send(id=1, data=DATA).frame
                    print(f"send: {spell(frame)}", flush=True)
                    if options.ask:
                        answer = bus.request(id=options.ask, length=options.length, checksum="auto")
                        print(f"answer: {spell(answer.data)}", flush=True)
                except RemoteError as error:
                    if error.code == "offline":
                        raise
                    print(error, file=sys.stderr)  # a bus without supply now may have one later
                if number == options.count:
                    break
                time.sleep(options.interval)
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def spell(data: object) -> str:
    """Write bytes in hexadecimal."""
    return data.hex(" ") if isinstance(data, bytes) else str(data)


if __name__ == "__main__":
    sys.exit(main())
