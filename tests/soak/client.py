"""A client of a soak run: one DEALER, whose every word goes through the ledger.

1. It never waits: it sends, and takes what has come.
2. It can be slow, silent, rude or dead, as the step asks.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import msgpack
import zmq
from tests.soak.ledger import Asked, BrokenPromise

if TYPE_CHECKING:
    from tests.soak.ledger import Ledger, Map

_numbers = itertools.count(1)

GREETED = frozenset({"ok", "busy"})
ANY: frozenset[str] = frozenset()


class Client:
    """One client.

    Args:
        context: ZeroMQ's.
        endpoint: The bridge.
        ledger: Where everything is noted.
        lease_s: How long it may be silent.
        reads: Whether it takes what comes; one that does not keeps the smallest buffers.
        resume: The token of a session to take over.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        ledger: Ledger,
        lease_s: float,
        *,
        reads: bool = True,
        resume: str = "",
    ) -> None:
        self.number = next(_numbers)
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0 if reads else 1)
        self.socket.connect(endpoint)
        self.lease_s = lease_s
        self.reads = reads
        self.token = ""
        self._status: Map | None = None
        self._status_id = 0
        self._awaited: dict[int, Map | None] = {}
        self._ledger = ledger
        self._ids = itertools.count(1)
        self._last_sent = 0.0
        self._hello = 0
        params: Map = {"client": f"soak {self.number}", "lease_ms": round(lease_s * 1000)}
        if resume:
            params["resume"] = resume
        self._hello = self.ask("hello", params, allowed=GREETED)

    def ask(
        self,
        method: str,
        params: Map,
        *,
        timeout_ms: int | None = None,
        allowed: frozenset[str] = ANY,
        tag: int = 0,
        ends: int = 0,
        expects: Map | None = None,
    ) -> int:
        """Send a request; gives its id."""
        number = next(self._ids)
        request: Map = {"v": 1, "id": number, "method": method, "params": params}
        if timeout_ms is not None:
            request["timeout_ms"] = timeout_ms
        what = f"{method} {params.get('module', '')} {params.get('operation', '')}".strip()
        self.send(
            msgpack.packb(request),
            number,
            Asked(
                self.number, what, time.monotonic(),
                2.0 if timeout_ms is None else timeout_ms / 1000, allowed, tag,
                ends=ends, begins=method in {"subscribe", "observe"}, expects=expects,
            ),
        )  # fmt: skip
        return number

    def invoke(
        self,
        module: str,
        slot: int | str,
        operation: str,
        params: Map,
        *,
        timeout_ms: int | None = None,
        on_loss: str = "",
        tag: int = 0,
        allowed: frozenset[str] = ANY,
        expects: Map | None = None,
    ) -> int:
        """Ask for an operation."""
        more = {"on_loss": on_loss} if on_loss else {}
        whole = {"module": module, "slot": slot, "operation": operation, "params": params, **more}
        return self.ask(
            "invoke", whole, timeout_ms=timeout_ms, tag=tag, allowed=allowed, expects=expects
        )

    def await_reply(self, number: int) -> int:
        """Keep the reply to a request that was just sent; gives its id."""
        self._awaited[number] = None
        return number

    def reply(self, number: int) -> Map | None:
        """Give a reply that was to be kept, once it has come."""
        return self._awaited.get(number)

    def send(self, frame: bytes, number: int | str | None, asked: Asked | None) -> None:
        """Send any frame; it is a request if it has an id."""
        if asked is not None and number is not None:
            self._ledger.ask(number, asked)
        self._last_sent = time.monotonic()
        self.socket.send(frame)

    def send_frames(self, *frames: bytes) -> None:
        """Send what is no request."""
        self._last_sent = time.monotonic()
        self.socket.send_multipart(frames)

    def keep(self, now: float) -> None:
        """Renew the lease when it is time."""
        if now - self._last_sent > self.lease_s / 4:
            self.ask("ping", {}, allowed=GREETED)

    def take(self, most: int = 2000) -> int:
        """Take what has come; gives how much."""
        taken = 0
        while taken < most:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            taken += 1
            if len(frames) != 1:
                raise BrokenPromise(f"a message of {len(frames)} frames")
            message: dict[str, Any] = msgpack.unpackb(frames[0])
            if message.get("v") != 1:
                raise BrokenPromise(f"a message of another version: {message!r:.200}")
            if "event" in message:
                self._ledger.event(self.number, message)
                continue
            self._ledger.answer(self.number, message)
            if message["id"] in self._awaited:
                self._awaited[message["id"]] = message
            if message["id"] == self._hello and message["ok"]:
                self.token = message["result"]["session"]
            elif message["id"] == self._status_id:
                self._status = message.get("result")
                self._status_id = 0
        return taken

    def status(self) -> Map | None:
        """Give the newest status that has come, and ask for the next one."""
        if not self._status_id:
            self._status_id = self.ask("status", {})
        found, self._status = self._status, None
        return found

    def close(self, now: float) -> None:
        """Cut the connection without a word."""
        self.socket.close()
        self._ledger.part(self.number, now + self.lease_s + 10.0)
