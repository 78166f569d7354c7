"""Clients that are a burden: ``python -m benchmarks.peers.load KIND ENDPOINT`` until killed.

crowd: two hundred that each ask once a second. flood: one that offers 50 000 requests a second, to
a module of its own. deaf: one that asks for much and reads nothing. dropper: connections that come
and go.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any

import msgpack
import zmq

READ = {
    "module": "TPT29555", "slot": "board", "operation": "read",
    "params": {"expander": "slots", "line": 0},
}  # fmt: skip
CONVERT = {
    "module": "ADC", "slot": "board", "operation": "read", "params": {"channel": 1},
}  # fmt: skip
CROWD = 200
OFFERED_PER_S = 50_000
SLICE_S = 0.001


def packed(number: int, method: str, params: dict[str, Any]) -> bytes:
    """Write a request.

    Args:
        number: Its id.
        method: Its method.
        params: Its parameters.

    Returns:
        One frame.
    """
    request = {"v": 1, "id": number, "method": method, "params": params}
    frame: bytes = msgpack.packb(request)
    return frame


def dealer(context: zmq.Context[Any], endpoint: str, mark: int = 0) -> zmq.Socket[bytes]:
    """Connect.

    Args:
        context: ZeroMQ's.
        endpoint: The bridge.
        mark: How many messages this side keeps; 0 for any number.

    Returns:
        The socket.
    """
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVHWM, mark)
    socket.setsockopt(zmq.SNDHWM, 0 if mark != 1 else 1000)
    socket.connect(endpoint)
    return socket


def drained(socket: zmq.Socket[bytes]) -> int:
    """Take what has come.

    Args:
        socket: Of whom.

    Returns:
        How much it was.
    """
    taken = 0
    while True:
        try:
            socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            return taken
        taken += 1


def crowd(context: zmq.Context[Any], endpoint: str) -> None:
    """Be two hundred clients.

    Args:
        context: ZeroMQ's.
        endpoint: The bridge.
    """
    sockets = [dealer(context, endpoint) for _ in range(CROWD)]
    for number, socket in enumerate(sockets):
        socket.send(packed(0, "hello", {"client": f"crowd {number}"}))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    number = 0
    while True:
        for socket in sockets:
            number += 1
            socket.send(packed(number, "invoke", READ))
            drained(socket)
            time.sleep(1.0 / CROWD)


def flood(context: zmq.Context[Any], endpoint: str) -> None:
    """Offer far more than a client may have in flight.

    Args:
        context: ZeroMQ's.
        endpoint: The bridge.
    """
    socket = dealer(context, endpoint)
    frame = packed(1, "invoke", CONVERT)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    begun, sent = time.monotonic(), 0
    while True:
        wanted = int((time.monotonic() - begun) * OFFERED_PER_S)
        if wanted - sent > OFFERED_PER_S:  # not to be made up for: it is a rate, not a sum
            begun, sent, wanted = time.monotonic(), 0, 0
        while sent < wanted:
            socket.send(frame)
            sent += 1
        drained(socket)
        time.sleep(SLICE_S)


def deaf(context: zmq.Context[Any], endpoint: str) -> None:
    """Ask for much and read nothing.

    Args:
        context: ZeroMQ's.
        endpoint: The bridge.
    """
    socket = dealer(context, endpoint, 1)
    for number in range(20):
        socket.send(packed(number, "subscribe", {**READ, "every_ms": 20}))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    number = 100
    while True:
        number += 1
        with suppress(zmq.Again):
            socket.send(packed(number, "status", {}), zmq.NOBLOCK)
        time.sleep(0.005)


def dropper(context: zmq.Context[Any], endpoint: str) -> None:
    """Come and go.

    Args:
        context: ZeroMQ's.
        endpoint: The bridge.
    """
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        socket = dealer(context, endpoint)
        socket.send(packed(1, "hello", {"client": "dropper", "lease_ms": 500}))
        time.sleep(0.005)
        socket.close()


if __name__ == "__main__":
    {"crowd": crowd, "flood": flood, "deaf": deaf, "dropper": dropper}[sys.argv[1]](
        zmq.Context(), sys.argv[2]
    )
