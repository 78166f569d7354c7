"""An NFC door: a card that is known opens it for three seconds.

The opener is a relay in slot 2. It opens by a pulse, which the bridge ends even if this program
does not live to see it.
"""

import sys

from wisblock_bridge.client import Bridge

KNOWN = {"dcaffd02": "Ada", "04a1b2c3d4e5f6": "Grace"}


def watch(cards: int = 0, open_ms: int = 3000) -> None:
    """Wait for cards; without a number of cards, for ever."""
    with (
        Bridge() as bridge,
        bridge.rak13007(slot=2) as opener,
        bridge.rak13600(slot=1).events("arrived") as arrivals,
    ):
        seen = 0
        for event in arrivals:
            if event.error is not None:
                print(event.error, file=sys.stderr)
                continue
            name = KNOWN.get(event.result.uid.hex())
            if name is None:
                print(f"unknown card {event.result.uid.hex()}", flush=True)
            else:
                opener.pulse(ms=open_ms)
                print(f"welcome, {name}", flush=True)
            seen += 1
            if seen == cards:
                break


if __name__ == "__main__":
    watch()
