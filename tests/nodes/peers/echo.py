"""A libzmq peer that sends back what it receives: the other side of the transport tests.

1. Says ``READY <endpoint>`` once bound, and ``GOT <frame>`` for each message that begins with
   ``note:``.
2. Ends when its standard input closes, so that a crashed test leaves no process behind.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading

import zmq
from tests.nodes.peers.guarded import add_options, guard


def say(line: str) -> None:
    """Tell the test something."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def handle_router(socket: zmq.Socket[bytes]) -> None:
    """Echo one message of a ROUTER or DEALER socket; ``parts:N`` is answered with N frames."""
    identity, *frames = socket.recv_multipart()
    if frames[0].startswith(b"note:"):
        say(f"GOT {frames[0].decode()}")
    if frames[0].startswith(b"parts:"):
        frames = [b"part %d" % index for index in range(int(frames[0][6:]))]
    if frames[0].startswith(b"burst:"):
        for index in range(int(frames[0][6:])):
            socket.send_multipart([identity, b"%d" % index])
        return
    socket.send_multipart([identity, *frames])


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--type", choices=["ROUTER", "REP", "PUB"], default="ROUTER")
    parser.add_argument("--heartbeat-ms", type=int, default=0)
    parser.add_argument("--heartbeat-timeout-ms", type=int, default=1000)
    parser.add_argument("--heartbeat-ttl-ms", type=int, default=0)
    add_options(parser)
    arguments = parser.parse_args()

    def leave_with_parent() -> None:
        sys.stdin.read()
        os._exit(0)

    context = zmq.Context()
    socket = context.socket(getattr(zmq, arguments.type))
    socket.setsockopt(zmq.LINGER, 0)
    if arguments.heartbeat_ms:
        socket.setsockopt(zmq.HEARTBEAT_IVL, arguments.heartbeat_ms)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, arguments.heartbeat_timeout_ms)
        socket.setsockopt(zmq.HEARTBEAT_TTL, arguments.heartbeat_ttl_ms)
    socket.setsockopt(zmq.IPV6, 1)
    guard(socket, arguments)
    socket.bind(arguments.endpoint)
    say(f"READY {socket.getsockopt_string(zmq.LAST_ENDPOINT)}")
    threading.Thread(target=leave_with_parent, daemon=True).start()
    while True:
        if arguments.type == "PUB":
            threading.Event().wait()
        elif arguments.type == "REP":
            socket.send_multipart(socket.recv_multipart())
        else:
            handle_router(socket)


if __name__ == "__main__":
    main()
