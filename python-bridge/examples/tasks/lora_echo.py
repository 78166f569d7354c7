"""A LoRa echo: what comes in goes out again, with what was measured of it.

The duty cycle of the region is kept by the bridge: an answer that would exceed it waits.
"""

import sys

from wisblock_bridge.client import Bridge


def echo(packets: int = 0) -> None:
    """Answer every packet; without a number of packets, for ever."""
    with Bridge() as bridge:
        radio = bridge.rak13300(slot=1)
        radio.configure(region="EU868", frequency=868.1, spreading_factor=7)
        done = 0
        for event in radio.events("received"):
            if event.error is not None:
                print(event.error, file=sys.stderr)
                continue
            packet = event.result
            if packet.payload is None:
                continue
            answer = packet.payload + f" at {packet.rssi:.0f} dBm".encode()
            radio.send(payload=answer, when_full="queue")
            print(answer.decode("utf-8", "replace"), flush=True)
            done += 1
            if done == packets:
                break


if __name__ == "__main__":
    echo()
