"""Many clients in one process, each with one request in flight, of two servers in turns.

Usage: ``python -m benchmarks.peers.many CLIENTS ROUNDS SLICE_MS METHOD A B``; METHOD is read or
ping, A and B are endpoints. Prints one JSON line: the answers per second of each slice.

The clients are plain sockets, so that most of what is measured is the servers' work.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time

import msgpack

READ = {
    "module": "TPT29555", "slot": "board", "operation": "read",
    "params": {"expander": "board", "line": 7},
}  # fmt: skip
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
READY = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


class Client:
    """One connection to a server.

    Args:
        endpoint: "ipc://…".
        request: What it asks, again and again.
    """

    def __init__(self, endpoint: str, request: bytes) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(endpoint.removeprefix("ipc://"))
        self.socket.sendall(GREETING)
        self._take(64)
        self.socket.sendall(READY)
        _, length = self._take(2)
        self._take(length)
        self._request = bytes((0, len(request))) + request

    def ask(self) -> None:
        """Send the request."""
        self.socket.sendall(self._request)

    def take_answer(self) -> None:
        """Read the answer, which is short."""
        _, length = self._take(2)
        self._take(length)

    def _take(self, count: int) -> bytes:
        taken = self.socket.recv(count)
        while len(taken) < count:
            more = self.socket.recv(count - len(taken))
            if not more:
                raise ConnectionError("the server hung up")
            taken += more
        return taken


class Crowd:
    """All clients of one server.

    Args:
        endpoint: Where it is.
        clients: How many.
        request: What they ask.
    """

    def __init__(self, endpoint: str, clients: int, request: bytes) -> None:
        self._selector = selectors.EpollSelector()
        self._clients = [Client(endpoint, request) for _ in range(clients)]
        for client in self._clients:
            self._selector.register(client.socket, selectors.EVENT_READ, client)

    def answers_per_s(self, seconds: float) -> float:
        """Ask for a while; whoever is answered asks again.

        Args:
            seconds: How long.

        Returns:
            The answers that came in a second.
        """
        for client in self._clients:
            client.ask()
        waiting, answers, begun = len(self._clients), 0, time.perf_counter()
        while waiting:
            for key, _ in self._selector.select():
                key.data.take_answer()
                answers += 1
                if time.perf_counter() - begun < seconds:
                    key.data.ask()
                else:
                    waiting -= 1
        return answers / (time.perf_counter() - begun)


def main() -> None:
    """Measure, as the command line says."""
    clients, rounds, slice_ms = map(int, sys.argv[1:4])
    method, a, b = sys.argv[4:7]
    params = READ if method == "read" else {}
    name = "invoke" if method == "read" else method
    request = msgpack.packb({"v": 1, "id": 1, "method": name, "params": params})
    crowds = {"a": Crowd(a, clients, request), "b": Crowd(b, clients, request)}
    for crowd in crowds.values():
        crowd.answers_per_s(slice_ms / 1e3)
    seen: dict[str, list[dict[str, float]]] = {"a": [], "b": []}
    for _ in range(rounds):
        for key, crowd in crowds.items():
            seen[key].append({"perSecond": crowd.answers_per_s(slice_ms / 1e3)})
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
