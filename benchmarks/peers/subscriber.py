"""A client with subscriptions at 1 Hz that does nothing with them."""

from __future__ import annotations

import sys
import time

import msgpack
import zmq


def main(endpoint: str, count: int) -> None:
    """Subscribe and listen until killed.

    Args:
        endpoint: The bridge.
        count: Number of subscriptions.
    """
    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(endpoint)
    for number in range(count):
        params = {"expander": "slots", "line": number % 16}
        request = {"module": "TPT29555", "slot": "board", "operation": "read", "params": params}
        socket.send(
            msgpack.packb(
                {
                    "v": 1,
                    "id": number,
                    "method": "subscribe",
                    "params": {**request, "every_ms": 1000},
                }
            )
        )
        time.sleep(0.05)
    last = 0.0
    while True:
        socket.recv()
        if time.monotonic() - last > 1.0:
            last = time.monotonic()
            socket.send(msgpack.packb({"v": 1, "id": 0, "method": "ping"}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
