"""Subscriptions for asyncio: events, or only their readings, for ``async for``.

1. A subscription begins when it is first waited for, or with ``async with``.
2. One that nobody refers to any more is ended.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Generic, Self, cast

from wisblock_bridge.client.results import Event, R_co, Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from wisblock_bridge.client.aio.connection import AsyncConnection, AsyncFeed
    from wisblock_bridge.client.observing import Observed


class AsyncSubscription(Generic[R_co]):
    """The events of one subscription: ``async for event in subscription``.

    Args:
        connection: The connection.
        wanted: Parameters of the method ``subscribe``.
        timeout_s: How long beginning and ending it may take, s.
        kind: The class of the results.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        wanted: Mapping[str, object],
        timeout_s: float,
        kind: type[R_co],
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._timeout_s = timeout_s
        self._kind = kind
        self._feed: AsyncFeed | None = None
        self._finalizer: weakref.finalize[..., AsyncSubscription[R_co]] | None = None
        self._closed = False

    async def start(self) -> Self:
        """Subscribe; nothing happens when that was done.

        Raises:
            RemoteError: The bridge refused, is not connected, or did not reply in time.
        """
        if self._feed is None and not self._closed:
            self._feed = feed = await self._begin()
            self._finalizer = weakref.finalize(self, self._connection.abandon, feed)
        return self

    async def _begin(self) -> AsyncFeed:
        return await self._connection.subscribe(self._wanted, self._timeout_s, self._kind)

    async def next(self, timeout_s: float | None = None) -> Event[R_co] | None:
        """Wait for the next event.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The event; None when the time is over or the subscription has ended.
        """
        await self.start()
        return None if self._feed is None else await self._feed.next(timeout_s)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event[R_co]:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def close(self) -> None:
        """End the subscription; closing twice is allowed."""
        self._closed = True
        feed, self._feed = self._feed, None
        if self._finalizer is not None:
            self._finalizer.detach()
        if feed is not None and not feed.closed:
            await self._connection.unsubscribe(feed, self._timeout_s)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncObserving(AsyncSubscription[Result]):
    """What an observer is told: ``async for observed in bridge.observe()``.

    Args:
        connection: The connection.
        wanted: Parameters of the method ``observe``.
        timeout_s: How long beginning and ending it may take, s.
    """

    def __init__(
        self, connection: AsyncConnection, wanted: Mapping[str, object], timeout_s: float
    ) -> None:
        super().__init__(connection, wanted, timeout_s, Result)

    async def _begin(self) -> AsyncFeed:
        return await self._connection.observe(self._wanted, self._timeout_s)

    async def next(self, timeout_s: float | None = None) -> Observed | None:
        """Wait for the next message.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The message; None when the time is over or it has ended.
        """
        return cast("Observed | None", await super().next(timeout_s))

    async def __anext__(self) -> Observed:
        return cast("Observed", await super().__anext__())


class AsyncReadings(Generic[R_co]):
    """The results of a subscription: ``async for value in bridge.rak5801(1).every(1.0).read()``.

    A failure is raised, once; whoever goes on gets the readings that come after it. ``events`` is
    the subscription itself, which gives failures as events.

    Args:
        events: The subscription.
    """

    def __init__(self, events: AsyncSubscription[R_co]) -> None:
        self.events = events

    async def next(self, timeout_s: float | None = None) -> R_co | None:
        """Wait for the next result.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The result; None when the time is over or the subscription has ended.

        Raises:
            RemoteError: The module failed, or the connection was lost.
        """
        event = await self.events.next(timeout_s)
        if event is None:
            return None
        if event.error is not None:
            raise event.error
        return event.result

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R_co:
        result = await self.next()
        if result is None:
            raise StopAsyncIteration
        return result

    async def close(self) -> None:
        """End the subscription; closing twice is allowed."""
        await self.events.close()

    async def __aenter__(self) -> Self:
        await self.events.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
