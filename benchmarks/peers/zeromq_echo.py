"""The floor: a ROUTER socket that sends back what it gets, and nothing else."""

from __future__ import annotations

import sys

import zmq


def main(endpoint: str) -> None:
    """Echo until killed.

    Args:
        endpoint: Where to listen.
    """
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.bind(endpoint)
    print("ready", flush=True)
    while True:
        socket.send_multipart(socket.recv_multipart())


if __name__ == "__main__":
    main(sys.argv[1])
