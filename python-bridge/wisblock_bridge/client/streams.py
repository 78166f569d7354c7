"""Subscriptions of the Python client: events, or only their readings, to iterate over.

1. Events arrive in a feed; here they are taken from it.
2. A subscription that nobody refers to any more is ended.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Generic, Self

from wisblock_bridge.client.results import Event, R_co

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from wisblock_bridge.client.connection import Connection
    from wisblock_bridge.client.feed import Feed


class Subscription(Generic[R_co]):
    """The events of one subscription: iterate over it, or ask for the next one.

    Args:
        connection: The connection.
        feed: Where the events arrive.
        timeout_s: How long ending it may take, s.
        owner: What closes the connection when nobody refers to it any more.
    """

    def __init__(
        self, connection: Connection, feed: Feed, timeout_s: float, owner: object = None
    ) -> None:
        self._owner = owner
        self._connection = connection
        self._feed = feed
        self._timeout_s = timeout_s
        self._finalizer = weakref.finalize(self, connection.abandon, feed)

    def next(self, timeout_s: float | None = None) -> Event[R_co] | None:
        """Wait for the next event.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The event; None when the time is over or the subscription has ended.
        """
        return self._feed.take(timeout_s)

    def __iter__(self) -> Iterator[Event[R_co]]:
        while (event := self.next()) is not None:
            yield event

    def close(self) -> None:
        """End the subscription; closing twice is allowed."""
        self._finalizer.detach()
        if not self._feed.closed:
            self._connection.unsubscribe(self._feed, self._timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Readings(Generic[R_co]):
    """The results of a subscription: ``for value in bridge.rak5801(1).every(1.0).read()``.

    A failure is raised, once; whoever goes on with ``next`` or a new loop gets the readings that
    come after it. ``events`` is the subscription itself, which gives failures as events.

    Args:
        events: The subscription.
    """

    def __init__(self, events: Subscription[R_co]) -> None:
        self.events = events

    def next(self, timeout_s: float | None = None) -> R_co | None:
        """Wait for the next result.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The result; None when the time is over or the subscription has ended.

        Raises:
            RemoteError: The module failed, or the connection was lost.
        """
        event = self.events.next(timeout_s)
        if event is None:
            return None
        if event.error is not None:
            raise event.error
        return event.result

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> R_co:
        result = self.next()
        if result is None:
            raise StopIteration
        return result

    def close(self) -> None:
        """End the subscription; closing twice is allowed."""
        self.events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
