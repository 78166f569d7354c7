"""The connection to a bridge: the calling thread does the I/O, another one keeps the lease.

1. Who calls, sends; of those who wait, one receives for all, and hands over when it has its reply.
2. The connection's own thread renews the lease, connects again, and receives while nobody calls
   and events or the answer to a ping are expected. It never takes a reply from under a caller.
3. ``_receiving`` is the right to receive; ``Link`` has the lock for sending. A program that only
   calls never wakes the connection's own thread.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge.client.conversation import Conversation
from wisblock_bridge.client.errors import ForbiddenError, RemoteError
from wisblock_bridge.client.feed import Feed
from wisblock_bridge.client.link import Link, open_link
from wisblock_bridge.client.observing import ObservedFeed
from wisblock_bridge.client.results import Result
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.client.feed import Call
    from wisblock_bridge.endpoint import Endpoint
    from wisblock_bridge.keys import ClientKeys

log = logging.getLogger(__name__)

CONNECT_S = 4.0
"""How long an attempt to connect again may take."""

RETRY_S = 0.05
LONGEST_RETRY_S = 2.0
KNOCK_AGAIN_S = 2.0
"""Until a client that was turned away tries again: it may be listed at any time."""

LOOK_AGAIN_S = 0.05
AWAITED_S = 0.1
BURST = 64
FAREWELL_S = 1.0
JOIN_S = 5.0
ONLY_ITS_END = select.EPOLLRDHUP
ITS_MESSAGES = select.EPOLLRDHUP | select.EPOLLIN

_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
"""Those of this process, which a forked one must leave alone."""


class Connection:
    """One client's connection.

    Args:
        endpoint: Where the bridge is.
        name: The name of the client.
        lease_ms: How long the bridge keeps outputs when nothing is heard, ms.
        connect_timeout_s: How long the bridge may take to reply to ``hello``, s.
        keys: The keys; None for a connection without encryption.

    Raises:
        OfflineError: No bridge answers.
        RemoteError: The bridge refuses.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        name: str,
        lease_ms: int,
        connect_timeout_s: float,
        keys: ClientKeys | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._keys = keys
        self._talk = Conversation(endpoint, name, lease_ms)
        self._link: Link | None = None
        self._opening: Link | None = None
        self._lost: deque[Link] = deque()
        self._receiving = threading.Lock()
        self._listening = False
        self._stopping = False
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._wakeup)
        self._epoll = select.epoll()
        self._epoll.register(self._wakeup, select.EPOLLIN)
        self._establish(connect_timeout_s)
        _connections.add(self)
        self._thread = threading.Thread(target=self._run, name="wisblock-bridge", daemon=True)
        self._thread.start()

    @property
    def hello(self) -> Mapping[str, object]:
        """What the bridge said of itself."""
        return self._talk.hello

    def request(self, method: str, params: Mapping[str, object], timeout_s: float) -> object:
        """Send a request and wait for the reply.

        Args:
            method: Name of the method.
            params: Its parameters.
            timeout_s: How long to wait, s.

        Raises:
            OfflineError: The bridge is not connected.
            ReplyTimeoutError: It did not reply in time.
            RemoteError: It refused, or the hardware failed.
        """
        return self._perform(self._talk.call(method, params, timeout_s), method, timeout_s)

    def subscribe(
        self, params: Mapping[str, object], timeout_s: float, kind: type[Result] = Result
    ) -> Feed:
        """Subscribe to events.

        Args:
            params: Of the method ``subscribe``.
            timeout_s: How long to wait for the reply, s.
            kind: The class of their results.

        Returns:
            Where the events arrive.

        Raises:
            RemoteError: As for ``request``.
        """
        feed = Feed(params, kind)
        self._begin(feed, timeout_s)
        return feed

    def observe(self, params: Mapping[str, object], timeout_s: float) -> ObservedFeed:
        """Begin to observe, as ``subscribe`` begins a subscription.

        Args:
            params: Of the method ``observe``.
            timeout_s: How long to wait for the reply, s.
        """
        feed = ObservedFeed(params)
        self._begin(feed, timeout_s)
        return feed

    def _begin(self, feed: Feed, timeout_s: float) -> None:
        call = self._talk.call(feed.METHOD, feed.params, timeout_s)
        call.on_result = lambda result: self._talk.begin(feed, result)
        self._perform(call, feed.METHOD, timeout_s, lambda result: self._unwanted(feed, result))

    def _unwanted(self, feed: Feed, result: object) -> None:
        """End a subscription that began when its caller did not wait for it any more."""
        self._talk.begin(feed, result)
        self.abandon(feed)

    def unsubscribe(self, feed: Feed, timeout_s: float) -> None:
        """End a subscription; a lost connection has ended it already.

        Args:
            feed: Which.
            timeout_s: How long to wait for the reply, s.
        """
        number = self._talk.end(feed)
        if number is not None:
            with suppress(RemoteError):
                self.request("unsubscribe", {"subscription": number}, timeout_s)

    def abandon(self, feed: Feed) -> None:
        """End a subscription that nobody refers to any more, without waiting and without a lock."""
        self._talk.abandoned.append(feed)
        self._wake()

    def close(self) -> None:
        """Send ``bye`` and end the connection; closing twice is allowed."""
        if self._talk.closed:
            return
        if self._talk.online:
            try:
                with suppress(RemoteError):
                    self.request("bye", {}, FAREWELL_S)
            except BaseException:  # Ctrl-C: said all the same, or the lease would keep the modules
                link = self._link
                with suppress(OSError):
                    if link is not None:
                        link.send(self._talk.call("bye", {}, FAREWELL_S).frame)
                raise
        self._talk.closed = self._stopping = True
        opening = self._opening
        if opening is not None:
            opening.abort()
        self._wake()
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    # -- in the callers' threads ------------------------------------------------------------------

    def _perform(
        self,
        call: Call,
        method: str,
        timeout_s: float,
        unwanted: Callable[[object], None] | None = None,
    ) -> object:
        talk = self._talk
        talk.submit(call)
        deadline = time.monotonic() + timeout_s
        link = self._link
        try:
            if link is None or not self._send(link, call):
                raise talk.offline("The bridge is not connected.")
            while not call.done:
                if self._receiving.acquire(blocking=False):
                    try:
                        self._receive_for(call, deadline)
                    finally:
                        self._hand_over()
                else:
                    self._sleep_until(call, deadline)
                if time.monotonic() >= deadline and not call.done:
                    raise talk.late(method, timeout_s)
        finally:
            if not call.done:
                talk.forget(call, unwanted)
                self._rouse_another()
        if call.error is not None:
            raise call.error
        return call.result

    def _send(self, link: Link, call: Call) -> bool:
        try:
            link.send(call.frame)
        except OSError:
            self._lose(link, "The bridge disconnected.")
            return False
        self._talk.last_sent = time.monotonic()
        return True

    def _receive_for(self, call: Call, deadline: float) -> None:
        """Receive for everybody, until a call has its reply or its time is over."""
        if self._listening:
            self._listen(ONLY_ITS_END)
        while not call.done:
            link, left_s = self._link, deadline - time.monotonic()
            if link is None or left_s <= 0.0:
                return
            self._take_from(link, left_s)

    def _take_from(self, link: Link, timeout_s: float) -> bool:
        """Receive once; the right to do so is the caller's.

        Returns:
            Whether anything came.
        """
        try:
            messages = link.receive(timeout_s)
        except OSError:
            self._lose(link, "The bridge disconnected.")
            return False
        if messages is None:
            return False
        self._talk.last_heard = time.monotonic()
        for each in messages:
            self._talk.take(each)
        if self._talk.stirred:
            self._talk.stirred = False
            self._wake()
        return True

    def _hand_over(self) -> None:
        """Give up the right to receive, to another caller or to the connection's own thread."""
        if not self._listening and (self._talk.feeds or self._talk.awaits_ping):
            self._listen(ITS_MESSAGES)
        self._receiving.release()
        if self._talk.pending:
            self._rouse_another()

    def _rouse_another(self) -> None:
        if not self._receiving.locked():
            for each in list(self._talk.pending.values()):
                if each.wake is not None and not each.done:
                    each.rouse()
                    return

    def _sleep_until(self, call: Call, deadline: float) -> None:
        """Sleep while another thread receives, until it has our reply or hands over to us."""
        wake = call.wake
        if wake is None:
            wake = threading.Lock()
            wake.acquire()
            call.wake = wake
        # From here on we are woken: has everything happened a moment before?
        if call.done or not self._receiving.locked():
            return
        wake.acquire(timeout=max(0.0, deadline - time.monotonic()))

    # -- what both do -----------------------------------------------------------------------------

    def _listen(self, wanted: int) -> None:
        """Let the connection's own thread wake for messages, or only for the connection's end."""
        self._listening = wanted == ITS_MESSAGES
        link = self._link
        if link is not None:
            with suppress(OSError, ValueError):  # it is closed at this moment
                self._epoll.modify(link.stream, wanted)

    def _lose(self, link: Link, message: str) -> None:
        """End a connection, once; the own thread closes it and makes another one."""
        if self._link is link:
            self._link = None
            link.abort()
            self._lost.append(link)
            self._talk.lose(message)
            self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # it counts to 2**64 and is closed with this object
            os.eventfd_write(self._wakeup, 1)

    def _establish(self, timeout_s: float) -> None:
        """Connect, greet, and ask for the subscriptions that there were."""
        deadline = time.monotonic() + timeout_s
        link = open_link(self.endpoint, self._keys, timeout_s)
        self._opening = link
        try:
            call = self._hello(link, deadline, timeout_s)
            self._epoll.register(link.stream, ONLY_ITS_END)
            self._listening = False
            self._link = link
            again = self._talk.greeted(call)
        except BaseException:
            self._link = None
            link.close()
            raise
        finally:
            self._opening = None
        for each in again:
            self._send(link, each)
        if again and self._receiving.acquire(blocking=False):
            self._hand_over()

    def _hello(self, link: Link, deadline: float, timeout_s: float) -> Call:
        talk = self._talk
        call = talk.greeting()
        try:
            link.send(call.frame)
            for each in link.early:
                talk.take(each)
            while not call.done:
                left_s = deadline - time.monotonic()
                if left_s <= 0.0:
                    break
                for each in link.receive(left_s) or ():
                    talk.take(each)
        except OSError as error:
            raise talk.offline(f"The bridge hung up: {error}.") from None
        finally:
            talk.forget(call)
        if not call.done:
            raise talk.offline(f"No bridge said hello within {timeout_s:g} s.")
        talk.last_sent = talk.last_heard = time.monotonic()
        return call

    # -- in the connection's own thread -----------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._bury()
                link = self._link
                if link is None:
                    self._connect_again()
                else:
                    self._attend(link)
        except Exception:
            log.exception("the connection to %s failed", self.endpoint.text)
        finally:
            link, self._link = self._link, None
            if link is not None:
                link.abort()
                self._lost.append(link)
            self._talk.closed = True
            self._talk.lose("The connection was closed.")
            self._bury()
            self._epoll.close()

    def _bury(self) -> None:
        """Close the links that are lost, when nobody receives on them any more."""
        while self._lost:
            link = self._lost.popleft()
            with self._receiving:
                link.close()

    def _connect_again(self) -> None:
        pauses = Backoff(RETRY_S, LONGEST_RETRY_S)
        while not self._stopping:
            try:
                self._establish(CONNECT_S)
            except ForbiddenError as error:
                self._talk.shut_out = error
                self._pause(KNOCK_AGAIN_S)
            except RemoteError:
                self._pause(pauses.next_s())
            else:
                return

    def _pause(self, seconds: float) -> None:
        """Wait, unless the connection is closed meanwhile."""
        until = time.monotonic() + seconds
        while not self._stopping and (left_s := until - time.monotonic()) > 0.0:
            self._epoll.poll(left_s)
            self._clear_wakeup()
            self._end_abandoned(None)

    def _clear_wakeup(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wakeup)

    def _attend(self, link: Link) -> None:
        """Wait for the next thing to do, and do it."""
        talk = self._talk
        due_s = max(0.0, min(talk.ping_due(), talk.again_due()) - time.monotonic())
        if talk.awaits_ping:  # a caller may receive the answer, and then the next one is due
            due_s = min(due_s, AWAITED_S)
        if talk.awaits_ping and not self._listening:
            # Whoever receives now may hand over without having known of the ping.
            if self._receiving.acquire(blocking=False):
                self._hand_over()
            else:
                due_s = min(due_s, LOOK_AGAIN_S)
        ready = dict(self._epoll.poll(due_s))
        if self._wakeup in ready:
            self._clear_wakeup()
        self._end_abandoned(link)
        events = ready.get(link.stream.fileno())
        if events:
            self._drain(link, ends=bool(events & ~select.EPOLLIN))
        if self._link is link:
            for each in talk.again():
                self._send(link, each)
        if self._link is link and time.monotonic() >= talk.ping_due():
            self._ping(link)

    def _drain(self, link: Link, *, ends: bool) -> None:
        """Receive what is there, unless a caller does."""
        if not self._receiving.acquire(timeout=LOOK_AGAIN_S if ends else 0.0):
            return
        try:
            for _ in range(BURST):
                if self._link is not link or not self._take_from(link, 0.0):
                    break
            if self._listening and not (self._talk.feeds or self._talk.awaits_ping):
                self._listen(ONLY_ITS_END)
        finally:
            self._hand_over()

    def _ping(self, link: Link) -> None:
        """Renew the lease.

        A bridge that has not answered a ping for as long as the lease is away: this connection is
        given up and another one is made.
        """
        if not self._talk.awaits_ping:
            self._send(link, self._talk.ping())
        elif self._talk.is_silent():
            self._lose(link, "The bridge does not answer.")

    def _end_abandoned(self, link: Link | None) -> None:
        while self._talk.abandoned:
            number = self._talk.end(self._talk.abandoned.popleft())
            if number is not None and link is not None:
                self._send(
                    link, self._talk.call("unsubscribe", {"subscription": number}, FAREWELL_S)
                )


def _after_fork() -> None:
    """Leave the connections to the process that opened them."""
    for each in tuple(_connections):
        each._receiving = threading.Lock()  # noqa: SLF001  (whoever held it is not in this process)
        each._talk.orphan()  # noqa: SLF001


os.register_at_fork(after_in_child=_after_fork)
