"""Print whatever comes over the RS485 line of a RAK5802, and send something if asked to.

    python rak5802_serial_echo.py --slot 2 --send "hello"

Bytes that are no text are shown in hexadecimal. The bridge must be running:
`wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Print until --count lines are printed or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Listen to the RS485 line of a RAK5802.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=2, help="WisBlock slot")
    parser.add_argument("--send", default="", help="text to send first; its answer is printed")
    parser.add_argument("--count", type=int, default=0, help="how many lines, 0 for no limit")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            line = bridge.rak5802(options.slot)
            with line.events("received") as events:
                if options.send:
                    answer = line.transceive(data=options.send.encode())
                    print(as_text(answer.data), flush=True)
                for number, event in zip(itertools.count(1), events, strict=False):
                    if event.error is not None:
                        print(event.error, file=sys.stderr)
                        continue
                    print(as_text(event.result.data), flush=True)
                    if number == options.count:
                        break
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def as_text(data: bytes) -> str:
    """Show bytes as text, as far as they are some."""
    return data.decode("utf-8", errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
