"""Print a greeting for each card on a RAK13600.

    python rak13600_greeting.py --slot 1 --name 04a1b2c3d4e580="Miss Green"

A card is greeted when it comes; laid back within five seconds it is not greeted again. The bridge
must be running: `wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import sys
import time
from datetime import datetime

from wisblock_bridge.client import Bridge, RemoteError

NAMES = {"bcf024b5": "Mr Brown", "dcaffd02": "Mrs Blair"}
QUIET_S = 5.0


def main() -> int:
    """Greet until --count greetings are printed or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Print a greeting for each card on a RAK13600.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--count", type=int, default=0, help="how many greetings, 0 for no limit")
    parser.add_argument("--name", action="append", default=[], help="<uid>=<name>, one more card")
    options = parser.parse_args()
    given = dict(each.split("=", 1) for each in options.name)
    names = NAMES | {uid.lower(): name for uid, name in given.items()}
    greeted: dict[str, float] = {}
    try:
        with Bridge() as bridge:
            module = bridge.rak13600(options.slot)
            print("Press Ctrl+C to exit!", flush=True)
            print(f"Found PN532 with firmware version: {module.firmware().version}", flush=True)
            print("Waiting for RFID/NFC card...", flush=True)
            number = 0
            with module.events("arrived") as events:
                for event in events:
                    if event.error is not None:
                        print(event.error, file=sys.stderr)
                        continue
                    uid = event.result.uid.hex()
                    now = time.monotonic()
                    if now - greeted.get(uid, -QUIET_S) < QUIET_S:
                        continue
                    greeted[uid] = now
                    name = names.get(uid)
                    words = f"Hello, {name}!" if name else f"Unregistered card 0x{uid}!"
                    print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {words}", flush=True)
                    number += 1
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
