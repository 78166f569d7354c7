"""What waits for the bridge: requests for replies, subscriptions for events.

1. Filled by whoever reads from the bridge, taken by those who wait; bounded.
2. No socket and no encoding.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from wisblock_bridge.client.durations import seconds
from wisblock_bridge.client.results import Result, to_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.client.errors import RemoteError
    from wisblock_bridge.client.results import Event

MAX_EVENTS = 1024
"""Kept of one subscription until the program takes them."""


class Call:
    """A request and its outcome.

    Args:
        number: Its id.
        frame: As it is sent.
    """

    __slots__ = ("done", "error", "frame", "number", "on_error", "on_result", "result", "wake")

    def __init__(self, number: int, frame: bytes) -> None:
        self.number = number
        self.frame = frame
        self.done = False
        self.result: object = None
        self.error: RemoteError | None = None
        self.on_result: Callable[[object], None] | None = None
        self.on_error: Callable[[RemoteError], None] | None = None
        self.wake: threading.Lock | None = None
        """Held while a thread sleeps until the outcome is there."""

    def succeed(self, result: object) -> None:
        """Set the result and wake the caller."""
        self.result = result
        if self.on_result is not None:
            self.on_result(result)
        self.settle()

    def fail(self, error: RemoteError) -> None:
        """Set the error and wake the caller."""
        self.error = error
        if self.on_error is not None:
            self.on_error(error)
        self.settle()

    def settle(self) -> None:
        """Note that the outcome is there."""
        self.done = True
        self.rouse()

    def rouse(self) -> None:
        """Wake the thread that sleeps, if there is one."""
        wake = self.wake
        if wake is not None and wake.locked():
            try:
                wake.release()
            except RuntimeError:  # another thread was quicker
                return


class Feed:
    """The events of one subscription, kept until they are taken.

    Args:
        params: Of the feed's method, to subscribe again after the connection was lost.
        kind: The class of the events' results.
    """

    METHOD: ClassVar[str] = "subscribe"
    """What begins it."""

    def __init__(self, params: Mapping[str, object], kind: type[Result] = Result) -> None:
        self.params = dict(params)
        self.kind = kind
        self.number: int | None = None
        self.closed = False
        self._events: deque[Event[Any]] = deque()
        self._lost = self._late = 0
        self._changed = threading.Condition()

    def accept(self, message: Mapping[str, object]) -> None:
        """Take a message of the bridge."""
        self.put(to_event(message, self.kind))

    def put(self, event: Event[Any]) -> None:
        """Keep an event; the oldest is dropped when there are too many."""
        with self._changed:
            self._keep(event)
            self._changed.notify()

    def _keep(self, event: Event[Any]) -> None:
        if len(self._events) >= MAX_EVENTS:
            dropped = self._events.popleft()
            self._lost += 1 + dropped.lost
            self._late += dropped.late
        self._events.append(event)

    def take(self, timeout_s: float | None) -> Event[Any] | None:
        """Wait for the next event.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The event; None when the time is over or the subscription has ended.
        """
        limit_s = None if timeout_s is None else seconds("timeout_s", timeout_s)
        with self._changed:
            self._changed.wait_for(lambda: self._events or self.closed, limit_s)
            return self._pop()

    def _pop(self) -> Event[Any] | None:
        if not self._events:
            return None
        event = self._events.popleft()
        lost, late = self._lost, self._late
        self._lost = self._late = 0
        if not lost:
            return event
        return replace(event, lost=event.lost + lost, late=event.late + late)

    def close(self, *, forget: bool = False) -> None:
        """Wake waiting callers; no more events arrive.

        Args:
            forget: Nor are those wanted that have not been taken.
        """
        with self._changed:
            self.closed = True
            if forget:
                self._events.clear()
            self._changed.notify_all()
