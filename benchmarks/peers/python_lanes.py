"""Round trips of a Python program, in slices that take turns: raw echo, bare DEALER, our client.

The request of the bare DEALER and of the client is the same: to read a line of an expander.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import msgpack
import zmq

from wisblock_bridge.client import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable

READ = {
    "module": "TPT29555",
    "slot": "board",
    "operation": "read",
    "params": {"expander": "board", "line": 6},
}
WARM_UP = 300


def dealer(endpoint: str) -> zmq.Socket[bytes]:
    """Connect a DEALER."""
    made: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    made.setsockopt(zmq.LINGER, 0)
    made.connect(endpoint)
    return made


def echo_lane(endpoint: str) -> Callable[[], object]:
    """Send the bytes of a request to a raw echo, and get them back."""
    socket = dealer(endpoint)
    frame = msgpack.packb({"v": 1, "id": 1, "method": "invoke", "params": READ})

    def once() -> object:
        socket.send(frame)
        return socket.recv()

    return once


def bare_lane(endpoint: str) -> Callable[[], object]:
    """Ask the bridge with a DEALER, MessagePack, and nothing else."""
    socket = dealer(endpoint)
    number = 0

    def once() -> object:
        nonlocal number
        number += 1
        request = {"v": 1, "id": number, "method": "invoke", "params": READ}
        socket.send(msgpack.packb(request))
        reply: dict[str, Any] = msgpack.unpackb(socket.recv())
        assert reply["ok"], reply
        return reply["result"]

    return once


def client_lane(endpoint: str) -> Callable[[], object]:
    """Ask the bridge as a user's program does."""
    expander = Bridge(endpoint).tpt29555()
    return lambda: expander.read(expander="board", line=6).level


def slice_us(once: Callable[[], object], slice_s: float) -> float:
    """Go round for a while.

    Returns:
        The median round trip, microseconds.
    """
    took = []
    end = time.perf_counter() + slice_s
    now = time.perf_counter()
    while now < end:
        once()
        before, now = now, time.perf_counter()
        took.append(now - before)
    return statistics.median(took) * 1e6


def main(echo: str, bridge: str, rounds: int, slice_ms: int) -> None:
    """Measure, and print a list of slices for each lane."""
    lanes = {"echo": echo_lane(echo), "bare": bare_lane(bridge), "client": client_lane(bridge)}
    for once in lanes.values():
        for _ in range(WARM_UP):
            once()
    found: dict[str, list[float]] = {name: [] for name in lanes}
    for _ in range(rounds):
        for name, once in lanes.items():
            found[name].append(slice_us(once, slice_ms / 1000.0))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
