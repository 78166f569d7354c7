"""A client written from the protocol's description alone.

1. Nothing of the bridge is imported here: what is known is ``docs/protocol.md``.
2. Waiting is for a condition, with an outer limit far beyond what a loaded computer needs.
3. Every message that comes in is held against the form that is promised.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self

import msgpack
import zmq

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

LIMIT_S = 60.0
"""Longer than anything takes; reaching it is a failure."""

Map = dict[str, Any]


class RawClient:
    """A DEALER that speaks the protocol, and nonsense when asked to.

    Args:
        endpoint: Where the bridge is.
        receive_high_water_mark: How many messages ZeroMQ keeps on this side.
        options: More options of the socket, keys for example.
    """

    def __init__(
        self,
        endpoint: str,
        receive_high_water_mark: int = 0,
        options: Mapping[int, int | bytes] | None = None,
    ) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, receive_high_water_mark)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 10)
        for option, value in (options or {}).items():
            self.socket.setsockopt(option, value)
        self.socket.connect(endpoint)
        self._ids = itertools.count(1)
        self.replies: dict[int | str, Map] = {}
        self.events: deque[Map] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cut the connection without a word."""
        self.socket.close()
        self._context.term()

    def send_frames(self, *frames: bytes) -> None:
        """Send anything."""
        self.socket.send_multipart(frames)

    def send(self, method: str, timeout_ms: int | None = None, **params: Any) -> int:
        """Send a request and return its id."""
        number = next(self._ids)
        request: Map = {"v": 1, "id": number, "method": method, "params": params}
        if timeout_ms is not None:
            request["timeout_ms"] = timeout_ms
        self.send_frames(msgpack.packb(request))
        return number

    def receive(self, within_s: float = LIMIT_S) -> Map | None:
        """Take one message, or None when none came in time."""
        if not self.socket.poll(int(within_s * 1000)):
            return None
        frames = self.socket.recv_multipart()
        assert len(frames) == 1, "one frame for each message"
        message: Map = msgpack.unpackb(frames[0])
        assert message["v"] == 1
        if "event" in message:
            self.events.append(message)
        else:
            assert set(message) == {"v", "id", "ok", "result" if message["ok"] else "error"}
            assert message["id"] not in self.replies, f"two replies to request {message['id']}"
            self.replies[message["id"]] = message
        return message

    def reply(self, request_id: int | str, within_s: float = LIMIT_S) -> Map:
        """Wait for the reply to a request."""
        end = time.monotonic() + within_s
        while request_id not in self.replies:
            message = self.receive(max(0.0, end - time.monotonic()))
            assert message is not None, f"no reply to request {request_id}"
        return self.replies.pop(request_id)

    def ask(self, method: str, timeout_ms: int | None = None, **params: Any) -> Map:
        """Send a request and wait for its reply."""
        return self.reply(self.send(method, timeout_ms, **params))

    def result(self, method: str, **params: Any) -> Any:
        """Ask for something that works."""
        reply = self.ask(method, **params)
        assert reply["ok"], reply
        return reply["result"]

    def error(self, method: str, timeout_ms: int | None = None, **params: Any) -> Map:
        """Ask for something that fails, and return the error."""
        reply = self.ask(method, timeout_ms, **params)
        assert not reply["ok"], reply
        error: Map = reply["error"]
        assert error["message"]
        return error

    def invoke(
        self, module: str, slot: int | str, operation: str, on_loss: str = "", **params: Any
    ) -> Map:
        """Invoke an operation that works, and return its result."""
        more = {"on_loss": on_loss} if on_loss else {}
        result: Map = self.result(
            "invoke", module=module, slot=slot, operation=operation, params=params, **more
        )
        return result

    def refused(self, module: str, slot: int | str, operation: str, **params: Any) -> Map:
        """Invoke an operation that fails, and return the error."""
        return self.error("invoke", module=module, slot=slot, operation=operation, params=params)

    def event(self, wanted: Callable[[Map], bool] = lambda _: True) -> Map:
        """Wait for an event; those before it are thrown away."""
        end = time.monotonic() + LIMIT_S
        while True:
            while self.events:
                event = self.events.popleft()
                if wanted(event):
                    return event
            assert self.receive(max(0.0, end - time.monotonic())) is not None, "no such event"

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Ask again and again until something is so."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, f"never: {what}"
            time.sleep(0.01)
