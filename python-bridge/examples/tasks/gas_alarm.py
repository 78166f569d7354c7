"""A gas alarm: a fan runs while there is too much alcohol vapour, and for a while after.

The relay is in slot 2. There is no alert while the sensor warms up, three minutes by default. If
this program ends, however it ends, the fan stops: for a fan that is to go on, say
``on_loss="hold"``. This is not a safety device.
"""

import sys

from wisblock_bridge.client import Bridge

LIMIT_PPM = 200.0
AFTER_RUN_S = 30.0


def watch(rounds: int = 0, after_run_s: float = AFTER_RUN_S) -> None:
    """Follow the alert; without a number of rounds, for ever."""
    with (
        Bridge() as bridge,
        bridge.rak13007(slot=2) as fan,
        bridge.rak12009(slot=1).events("alert", threshold=LIMIT_PPM, poll_ms=200) as alerts,
    ):
        done = 0
        running = False
        while not rounds or done < rounds:
            event = alerts.next(after_run_s if running else None)
            if event is None:  # nothing for as long as the fan is to run on
                running = fan.set(on=False).on
                print("fan off", flush=True)
                done += 1
            elif event.error is not None:
                print(f"the sensor: {event.error}", file=sys.stderr)
            elif event.result.alert:
                running = fan.set(on=True).on
                print(f"{event.result.ppm:.0f} ppm: fan on", flush=True)


if __name__ == "__main__":
    watch()
