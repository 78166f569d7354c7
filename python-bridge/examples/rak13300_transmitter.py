"""Send a LoRa packet every 5 s with a RAK13300, as the vendor's transmitter.py does.

    python rak13300_transmitter.py --region EU868 --frequency 868.1 --slot 1 --count 10

Connect the antenna first. The region must be the one where you are; without one nothing is sent,
unless one was chosen before. With US915 the frequency can be left out: it is then the 915.0 MHz of
the vendor's programs, and their receivers hear this.

The bridge must be running: `wisblock-bridge serve`, or without hardware
`wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError

MESSAGE = b"HeLoRa World!\0"


def main() -> int:
    """Send until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Send LoRa packets with a RAK13300.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--region", help="where you are: EU868, US915, ...; else as configured")
    parser.add_argument("--frequency", type=float, help="centre of the channel, MHz")
    parser.add_argument("--count", type=int, default=0, help="how many packets, 0 for no limit")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between packets")
    options = parser.parse_args()
    settings = {"region": options.region, "preset": "python_example"}
    if options.frequency is not None:
        settings["frequency"] = options.frequency
    try:
        with Bridge() as bridge:
            radio = bridge.rak13300(options.slot)
            if options.region:
                radio.configure(**settings)
            for number in itertools.count():
                payload = MESSAGE + bytes([number % 256])
                begun = time.monotonic()
                result = radio.send(payload=payload, when_full="queue")
                taken_ms = (time.monotonic() - begun) * 1000.0
                text = MESSAGE.decode().rstrip("\0")
                print(f"{text}  {payload[-1]}", flush=True)
                if result.sent:
                    print(
                        f"Transmit time: {taken_ms:.2f} ms | "
                        f"Time on air: {result.number('time_on_air'):.2f} ms | "
                        f"Data rate: {len(payload) / taken_ms * 1000.0:.2f} byte/s",
                        flush=True,
                    )
                else:
                    print(
                        f"Waits {result.number('duty_wait') / 1000.0:.1f} s for air time",
                        flush=True,
                    )
                if number + 1 == options.count:
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
