"""The connection to a bridge on an event loop.

1. Everything happens on the loop's thread, but for connecting, which may look up a name.
2. A task renews the lease and connects again; requests and events need none.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from wisblock_bridge.client.conversation import Conversation
from wisblock_bridge.client.durations import seconds
from wisblock_bridge.client.errors import ForbiddenError, RemoteError
from wisblock_bridge.client.feed import Call, Feed
from wisblock_bridge.client.link import Link, open_link
from wisblock_bridge.client.observing import as_observed, to_observed
from wisblock_bridge.client.results import Event, Result
from wisblock_bridge.threads.backoff import Backoff
from wisblock_bridge.wire.zmtp import ClientConnection, ProtocolError, encode_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.endpoint import Endpoint
    from wisblock_bridge.keys import ClientKeys

CONNECT_S = 4.0
RETRY_S = 0.05
LONGEST_RETRY_S = 2.0
KNOCK_AGAIN_S = 2.0
FAREWELL_S = 1.0
AWAITED_S = 0.1


class AsyncCall(Call):
    """A request whose outcome a task waits for."""

    __slots__ = ("settled",)

    def __init__(self, number: int, frame: bytes) -> None:
        super().__init__(number, frame)
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self) -> None:
        """Note that the outcome is there."""
        self.done = True
        if not self.settled.done():
            self.settled.set_result(None)


class AsyncFeed(Feed):
    """The events of one subscription, for tasks."""

    def __init__(self, params: Mapping[str, object], kind: type[Result] = Result) -> None:
        super().__init__(params, kind)
        self._news = asyncio.Event()

    def put(self, event: Event[Any]) -> None:
        """Keep an event; the oldest is dropped when there are too many."""
        self._keep(event)
        self._news.set()

    async def next(self, timeout_s: float | None) -> Event[Any] | None:
        """Wait for the next event.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The event; None when the time is over or the subscription has ended.
        """
        limit_s = None if timeout_s is None else seconds("timeout_s", timeout_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not self._events and not self.closed:
                    self._news.clear()
                    await self._news.wait()
        return self._pop()

    def close(self, *, forget: bool = False) -> None:
        """Wake waiting tasks; no more events arrive."""
        super().close(forget=forget)
        self._news.set()


class AsyncObservedFeed(AsyncFeed):
    """The events of one observer, for tasks."""

    METHOD: ClassVar[str] = "observe"

    def put(self, event: Event[Any]) -> None:
        """Keep an event, in the form of those that an observer is told."""
        super().put(as_observed(event))

    def accept(self, message: Mapping[str, object]) -> None:
        """Take a message as it came."""
        self.put(to_observed(message))


class _Stream(asyncio.Protocol):
    """The bytes of one connection."""

    def __init__(
        self,
        zmtp: ClientConnection,
        talk: Conversation,
        lost: Callable[[_Stream], None],
        stirred: Callable[[], None],
    ) -> None:
        self._zmtp = zmtp
        self._talk = talk
        self._lost = lost
        self._stirred = stirred
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (for type checkers)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None  # noqa: S101
        self._talk.last_heard = time.monotonic()
        try:
            messages = self._zmtp.receive_all(data)
        except ProtocolError:
            self.transport.abort()
            return
        answer = self._zmtp.bytes_to_send()
        if answer:
            self.transport.write(answer)
        for each in messages:
            if isinstance(each, bytes):
                self._talk.take(each)
        if self._talk.stirred:
            self._talk.stirred = False
            self._stirred()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's)
        self._lost(self)

    def send(self, frame: bytes) -> bool:
        """Send one message; give whether the connection is there."""
        if self.transport is None or self.transport.is_closing():
            return False
        self.transport.write(encode_header(len(frame)) + frame)
        self._talk.last_sent = time.monotonic()
        return True

    def end(self) -> None:
        """End the connection, after what was sent."""
        if self.transport is not None:
            self.transport.close()


class AsyncConnection:
    """One client's connection; open it before anything else.

    Args:
        endpoint: Where the bridge is.
        name: The name of the client.
        lease_ms: How long the bridge keeps outputs when nothing is heard, ms.
        keys: The keys; None for a connection without encryption.
    """

    def __init__(
        self, endpoint: Endpoint, name: str, lease_ms: int, keys: ClientKeys | None = None
    ) -> None:
        self.endpoint = endpoint
        self._keys = keys
        self._talk = Conversation(endpoint, name, lease_ms)
        self._stream: _Stream | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()

    @property
    def hello(self) -> Mapping[str, object]:
        """What the bridge said of itself."""
        return self._talk.hello

    async def open(self, timeout_s: float) -> None:
        """Connect; nothing happens when it is open.

        Raises:
            OfflineError: No bridge answers.
            RemoteError: The bridge refuses.
        """
        if self._talk.closed:
            raise self._talk.offline("This connection is closed; another bridge can be opened.")
        if self._keeping is None:
            self._loop = asyncio.get_running_loop()
            await self._establish(timeout_s)
            self._keeping = asyncio.create_task(self._keep(), name="wisblock-bridge")

    async def request(self, method: str, params: Mapping[str, object], timeout_s: float) -> object:
        """Send a request and wait for the reply.

        Raises:
            OfflineError: The bridge is not connected.
            ReplyTimeoutError: It did not reply in time.
            RemoteError: It refused, or the hardware failed.
        """
        call = self._talk.call(method, params, timeout_s, AsyncCall)
        return await self._perform(call, method, timeout_s)

    async def subscribe(
        self, params: Mapping[str, object], timeout_s: float, kind: type[Result] = Result
    ) -> AsyncFeed:
        """Subscribe to events; a task that is cancelled meanwhile leaves no subscription."""
        feed = AsyncFeed(params, kind)
        await self._begin(feed, timeout_s)
        return feed

    async def observe(self, params: Mapping[str, object], timeout_s: float) -> AsyncFeed:
        """Observe what others are told, as ``subscribe`` does for events."""
        feed = AsyncObservedFeed(params)
        await self._begin(feed, timeout_s)
        return feed

    async def _begin(self, feed: AsyncFeed, timeout_s: float) -> None:
        call = self._talk.call(feed.METHOD, feed.params, timeout_s, AsyncCall)
        call.on_result = lambda result: self._talk.begin(feed, result)

        def unwanted(result: object) -> None:
            self._talk.begin(feed, result)
            self._abandon(feed)

        await self._perform(call, feed.METHOD, timeout_s, unwanted)

    async def unsubscribe(self, feed: Feed, timeout_s: float) -> None:
        """End a subscription; a lost connection has ended it already."""
        number = self._talk.end(feed)
        if number is not None:
            with suppress(RemoteError):
                await self.request("unsubscribe", {"subscription": number}, timeout_s)

    def abandon(self, feed: Feed) -> None:
        """End a subscription that nobody refers to any more, from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and everything with it
                self._loop.call_soon_threadsafe(self._abandon, feed)

    async def close(self) -> None:
        """Send ``bye`` and end the connection; closing twice is allowed."""
        talk = self._talk
        if talk.closed:
            return
        if talk.online:
            with suppress(RemoteError):
                await self.request("bye", {}, FAREWELL_S)
        talk.closed = True
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
        self._end_stream()

    # -- inside -----------------------------------------------------------------------------------

    def _end_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.end()
        self._talk.lose("The connection was closed.")

    async def _perform(
        self,
        call: Call,
        method: str,
        timeout_s: float,
        unwanted: Callable[[object], None] | None = None,
    ) -> object:
        assert isinstance(call, AsyncCall)  # noqa: S101
        talk = self._talk
        if self._loop is None:
            raise talk.offline("This bridge is not open: use `async with`, or await its open().")
        if self._is_elsewhere():
            raise talk.offline("This bridge belongs to another event loop; open one on this loop.")
        talk.submit(call)
        try:
            if self._stream is None or not self._stream.send(call.frame):
                raise talk.offline("The bridge is not connected.")
            await self._settled(call, method, timeout_s)
        finally:
            talk.forget(call, unwanted)
        if call.error is not None:
            raise call.error
        return call.result

    def _is_elsewhere(self) -> bool:
        """Return whether the caller runs on another loop than the connection."""
        return self._loop is not None and self._loop is not asyncio.get_running_loop()

    async def _settled(self, call: AsyncCall, method: str, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await call.settled
        except TimeoutError:
            raise self._talk.late(method, timeout_s) from None

    def _abandon(self, feed: Feed) -> None:
        number = self._talk.end(feed)
        if number is not None and self._stream is not None:
            self._stream.send(
                self._talk.call("unsubscribe", {"subscription": number}, FAREWELL_S).frame
            )

    async def _establish(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        stream = await self._shake_hands(timeout_s)
        talk = self._talk
        try:
            call = talk.greeting(AsyncCall)
            assert isinstance(call, AsyncCall)  # noqa: S101
            try:
                stream.send(call.frame)
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await call.settled
            except TimeoutError:
                raise talk.offline(f"No bridge said hello within {timeout_s:g} s.") from None
            finally:
                talk.forget(call)
            talk.last_sent = talk.last_heard = time.monotonic()
            self._stream = stream
            again = talk.greeted(call)
        except BaseException:
            self._stream = None
            stream.end()
            raise
        for each in again:
            stream.send(each.frame)

    async def _shake_hands(self, timeout_s: float) -> _Stream:
        """Connect on a thread, and take what came of it to the loop."""
        unwanted = False
        opened: list[Link] = []

        def connect() -> None:
            link = open_link(self.endpoint, self._keys, timeout_s)
            opened.append(link)
            if unwanted:
                link.close()

        try:
            await asyncio.to_thread(connect)
        except asyncio.CancelledError:
            unwanted = True
            for link in opened:
                link.close()
            raise
        stream, zmtp = opened[0].detach()
        protocol = _Stream(zmtp, self._talk, self._on_lost, self._changed.set)
        loop = asyncio.get_running_loop()
        if stream.family == socket.AF_UNIX:
            await loop.create_unix_connection(lambda: protocol, sock=stream)
        else:
            await loop.create_connection(lambda: protocol, sock=stream)
        for each in opened[0].early:
            self._talk.take(each)
        return protocol

    def _on_lost(self, stream: _Stream) -> None:
        if self._stream is stream:
            self._stream = None
            self._talk.lose("The bridge disconnected.")
        elif self._stream is None:
            self._talk.lose("The bridge disconnected.")  # while it was greeted
        self._changed.set()

    async def _keep(self) -> None:
        """Renew the lease and connect again, until the connection is closed or its loop ends."""
        try:
            await self._keep_on()
        except (Exception, asyncio.CancelledError):
            if not self._talk.closed:
                self._talk.closed = True
                self._end_stream()
            raise

    async def _keep_on(self) -> None:
        talk = self._talk
        while True:
            stream = self._stream
            if stream is None:
                await self._connect_again()
                continue
            self._changed.clear()
            self._attend(stream)
            due_s = max(0.0, min(talk.ping_due(), talk.again_due()) - time.monotonic())
            if talk.awaits_ping:  # when it is answered, the next one is due
                due_s = min(due_s, AWAITED_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(due_s):
                    await self._changed.wait()
            if self._stream is stream and time.monotonic() >= talk.ping_due():
                answers = not talk.is_silent()
                if not talk.awaits_ping:
                    answers = stream.send(talk.ping().frame)
                if not answers:
                    self._stream = None
                    stream.end()
                    talk.lose("The bridge does not answer.")

    def _attend(self, stream: _Stream) -> None:
        """End subscriptions that nobody wants any more, and request again what was refused."""
        talk = self._talk
        while talk.abandoned:
            self._abandon(talk.abandoned.popleft())
        for each in talk.again():
            stream.send(each.frame)

    async def _connect_again(self) -> None:
        pauses = Backoff(RETRY_S, LONGEST_RETRY_S)
        while True:
            try:
                await self._establish(CONNECT_S)
            except ForbiddenError as error:
                self._talk.shut_out = error
                await asyncio.sleep(KNOCK_AGAIN_S)
            except RemoteError:
                await asyncio.sleep(pauses.next_s())
            else:
                return
