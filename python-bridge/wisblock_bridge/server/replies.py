"""Answering requests: each reply on the connection that asked, each error counted.

1. It runs on the poll loop, and knows no socket: frames leave through ``Outbox``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.errors import BridgeError
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session, Sessions
    from wisblock_bridge.server.outbox import Outbox
    from wisblock_bridge.server.status import Counters


def stays() -> bool:
    """Return that a client is still there, where its connection does not tell."""
    return False


class Call(msgspec.Struct, gc=False):
    """A request that is not answered yet.

    ``place`` is what it is parked for; ``has_left`` tells whether its connection has ended, so
    that it may drive nothing: that is found out where it matters.
    ``begun_at`` is the clock reading at which it came, s.
    """

    session: Any
    identity: bytes
    request: messages.Request
    deadline: float
    place: Place | None = None
    has_left: Callable[[], bool] = stays
    begun_at: float = 0.0


class Replies:
    """The way of every reply.

    Args:
        sessions: The clients.
        outbox: The way out.
        counters: What is counted for the status.
    """

    def __init__(self, sessions: Sessions, outbox: Outbox, counters: Counters) -> None:
        self._sessions = sessions
        self._outbox = outbox
        self._counters = counters

    def succeed(self, call: Call, result: object) -> None:
        """Answer a request with its result."""
        latency = self._counters.latency
        if latency is not None:
            latency.observe(call.request.method, "ok", call.begun_at)
        self.send(call.session, call.identity, messages.encode_result(call.request.id, result))

    def fail(self, call: Call, error: BridgeError) -> None:
        """Answer a request with an error."""
        self._counters.count_error(error)
        latency = self._counters.latency
        if latency is not None:
            latency.observe(call.request.method, str(error.code), call.begun_at)
        self.send(call.session, call.identity, messages.encode_error(call.request.id, error))

    def send(self, session: Session, identity: bytes, frame: bytes) -> None:
        """Answer on the connection that asked, unless it belongs to another key by now."""
        current = session if session.superseded_by is None else session.current
        if current.identity == identity:
            if current.in_flight > 0:
                current.in_flight -= 1
        elif not self._sessions.may_hear(current, identity):
            return
        self._outbox.reply(identity, frame)
