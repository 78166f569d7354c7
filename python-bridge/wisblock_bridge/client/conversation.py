"""What a client and a bridge say to each other, without any I/O.

1. Requests become frames here; frames of the bridge end calls and fill feeds.
2. The only file of the client that knows MessagePack; threads and event loops are elsewhere.
3. Nothing is queued while disconnected: requests fail at once, and none is sent twice.
4. All queues are bounded: requests in flight, and events, of which the oldest are dropped.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from wisblock_bridge import __version__
from wisblock_bridge.client.bridge_clock import BridgeClock
from wisblock_bridge.client.errors import OfflineError, RemoteError, ReplyTimeoutError, error_of
from wisblock_bridge.client.feed import Call, Feed
from wisblock_bridge.client.refusals import Refusals
from wisblock_bridge.client.results import Event, to_error
from wisblock_bridge.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.endpoint import Endpoint

LONGEST_NAME = 200
"""Characters: what a bridge takes in ``hello``; the rest of a name is cut off."""

log = logging.getLogger(__name__)

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder().decode

VERSION = 1
MAX_IN_FLIGHT = 256
LONGEST_START_MS = 2000
PINGS_PER_LEASE = 3

SHORTEST_SILENCE_S = 1.0
"""A bridge that answers within this is there, however short the lease."""

SECOND_LOOK_S = 0.25


class Conversation:
    """One client's side.

    Args:
        endpoint: Where the bridge is.
        name: The name of the client.
        lease_ms: How long the bridge keeps outputs when nothing is heard, ms.
    """

    def __init__(self, endpoint: Endpoint, name: str, lease_ms: int) -> None:
        self.endpoint = endpoint
        self.hello: Mapping[str, object] = {}
        self.online = False
        self.closed = False
        self._ended = "This connection is closed."
        self.shut_out: RemoteError | None = None
        self.pending: dict[int, Call] = {}
        self.feeds: set[Feed] = set()
        self.abandoned: deque[Feed] = deque()
        """Whose subscriptions are to be ended, because nobody wants them any more."""
        self.stirred = False
        """Whether the connection has something to do about subscriptions."""
        self.last_sent = self.last_heard = 0.0
        # A program's file name need not be text; what is sent has to be.
        self._name = name.encode("utf-8", "replace").decode()[:LONGEST_NAME]
        self._lease_ms = lease_ms
        # Reentrant: a bridge that nobody refers to any more is closed by the garbage collector, in
        # whichever thread it runs.
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._feed_by_number: dict[int, Feed] = {}
        self._refusals = Refusals()
        self._token: str | None = None
        self._bridge_clock = BridgeClock()
        self._ping: Call | None = None
        self._ping_at = 0.0
        self._doubted = False

    # -- requests ---------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        params: Mapping[str, object],
        timeout_s: float,
        kind: type[Call] = Call,
    ) -> Call:
        """Make a request; it is not sent yet.

        Args:
            method: Name of the method.
            params: Its parameters.
            timeout_s: How long its caller waits, s.
            kind: The class of what is returned.

        Raises:
            BadParamsError: The parameters cannot be sent.
            ReplyTimeoutError: There is no time to wait in.
        """
        number = next(self._numbers)
        message: dict[str, object] = {"v": VERSION, "id": number, "method": method}
        if params:
            message["params"] = params
        if timeout_s <= 0.0:
            raise ReplyTimeoutError(
                f"There is no time left for {method}, so it was not sent.",
                hint="timeout_s is a number of seconds greater than 0.",
                where=self.endpoint.text,
            )
        # Half of the time for the queue, half for the work: nothing starts that no caller awaits.
        start_ms = max(1, min(LONGEST_START_MS, round(timeout_s * 500)))
        deadline_ms = self._bridge_clock.deadline_ms(start_ms)
        if deadline_ms is None:
            message["timeout_ms"] = start_ms
        else:
            message["deadline_ms"] = deadline_ms
        try:
            frame = encode(message)
        except (
            TypeError,
            ValueError,
            OverflowError,
            RecursionError,
            msgspec.MsgspecError,
        ) as error:
            raise error_of(
                ErrorCode.BAD_PARAMS,
                f"The parameters of {method} cannot be sent: {error}.",
                hint="Numbers, texts, bytes, lists and maps with text keys can.",
            ) from None
        return kind(number, frame)

    def submit(self, call: Call) -> None:
        """Note that a request is about to be sent.

        Raises:
            OfflineError: The bridge is not connected.
            BusyError: Too many are in flight.
        """
        with self._lock:
            if self.closed:
                raise self.offline(self._ended)
            if not self.online:
                raise self.shut_out or self.offline("The bridge is not connected.")
            if len(self.pending) >= MAX_IN_FLIGHT:
                raise error_of(
                    ErrorCode.BUSY,
                    f"{MAX_IN_FLIGHT} requests are waiting for replies already.",
                    hint="Use fewer threads, or send requests less often.",
                )
            self.pending[call.number] = call

    def forget(self, call: Call, unwanted: Callable[[object], None] | None = None) -> None:
        """Do not wait for a reply any more.

        Args:
            call: The request.
            unwanted: What to do with a result that comes nevertheless; None for nothing.
        """
        if unwanted is None or call.done:
            self.pending.pop(call.number, None)
        else:
            call.on_result = unwanted

    def late(self, method: str, timeout_s: float) -> ReplyTimeoutError:
        """Return the error for a reply that did not come in time."""
        return ReplyTimeoutError(
            f"The bridge did not reply to {method} within {timeout_s:g} s.",
            hint="It may still be carried out. Give long operations more time with timeout_s.",
            where=self.endpoint.text,
        )

    def offline(self, message: str) -> OfflineError:
        """Return the error for a bridge that is away."""
        return OfflineError(message, where=self.endpoint.text)

    # -- the connection's beginning, its end, and its lease ---------------------------------------

    def greeting(self, kind: type[Call] = Call) -> Call:
        """Make the first request of a connection, which resumes the session if there was one."""
        params: dict[str, object] = {
            "client": self._name,
            "version": __version__,
            "lease_ms": self._lease_ms,
        }
        if self._token is not None:
            params["resume"] = self._token
        call = self.call("hello", params, 4.0, kind)
        self.pending[call.number] = call
        return call

    def greeted(self, call: Call) -> list[Call]:
        """Begin to talk, now that the bridge has answered the greeting.

        Returns:
            Requests for the subscriptions that there were; they are to be sent.

        Raises:
            RemoteError: The bridge refused, or what answers is not a bridge.
        """
        if call.error is not None:
            raise call.error
        result = call.result
        if not isinstance(result, dict) or not isinstance(result.get("session"), str):
            raise RemoteError("What answers is not a bridge.", where=self.endpoint.text)
        with self._lock:
            self.hello = result
            self._bridge_clock.note(result)
            self._token = result["session"]
            self.shut_out = None
            self.online = True
            self._refusals.clear()
            feeds = tuple(self.feeds)
        return [self.subscription(feed) for feed in feeds]

    def subscription(self, feed: Feed) -> Call:
        """Make the request for a subscription that there was before the connection was lost."""
        call = self.call(feed.METHOD, feed.params, 4.0)
        call.on_result = lambda result: self.begin(feed, result)
        call.on_error = lambda error: self._refused(feed, error)
        self.pending[call.number] = call
        return call

    def again_due(self) -> float:
        """Return when a subscription that was refused is to be requested again, s."""
        return self._refusals.due

    def again(self) -> list[Call]:
        """Make the requests for subscriptions that were refused, as far as they are due."""
        now = time.monotonic()
        if now < self._refusals.due:
            return []
        with self._lock:
            feeds = self._refusals.take(now) if self.online else []
        return [self.subscription(feed) for feed in feeds]

    def _refused(self, feed: Feed, error: RemoteError) -> None:
        with self._lock:
            if feed.closed:
                return
            is_news = self._refusals.note(feed, error, time.monotonic())
            self.stirred = True
        if is_news:
            feed.put(Event("error", error=error))

    def lose(self, message: str) -> None:
        """End all that waits: the connection is gone."""
        with self._lock:
            was_online, self.online = self.online, False
            self._bridge_clock.forget()
            self._ping = None
            lost = list(self.pending.values())
            self.pending.clear()
            feeds = tuple(self.feeds)
            self._feed_by_number.clear()
            self._refusals.clear()
            for feed in feeds:
                feed.number = None
        for call in lost:
            call.on_error = None
            call.fail(self.offline(message))
        for feed in feeds:
            if was_online:
                feed.put(Event("error", error=self.offline(message)))
            if self.closed:
                feed.close()

    def orphan(self) -> None:
        """Note that this process was forked: the connection belongs to the one that opened it."""
        self._lock = threading.RLock()
        self.closed, self.online = True, False
        self._ended = "This connection belongs to another process; open a Bridge after the fork."

    @property
    def awaits_ping(self) -> bool:
        """Whether a ping has not been answered yet."""
        return self._ping is not None and not self._ping.done

    def ping_due(self) -> float:
        """Return when to renew the lease, or when to give up waiting for the answer to a ping."""
        lease_s = self._lease_ms / 1000.0
        if self.awaits_ping:
            return self._ping_at + max(SHORTEST_SILENCE_S, lease_s)
        return min(self.last_sent, self.last_heard) + lease_s / PINGS_PER_LEASE

    def ping(self) -> Call:
        """Make the request that renews the lease; one at a time, so that none pile up."""
        call = self.call("ping", {}, 4.0)
        call.on_result = self._bridge_clock.note
        self.pending[call.number] = call
        self._ping, self._ping_at, self._doubted = call, time.monotonic(), False
        return call

    def is_silent(self) -> bool:
        """Return whether the bridge has not answered the last ping in time.

        The answer may lie here unread, because this program was stopped or had no time: so it takes
        two looks with a moment between them.
        """
        if not self.awaits_ping:
            return False
        doubted, self._doubted = self._doubted, True
        if not doubted:
            self._ping_at += SECOND_LOOK_S
        return doubted

    # -- subscriptions ----------------------------------------------------------------------------

    def begin(self, feed: Feed, result: object) -> None:
        """Note the number of a subscription."""
        number = result.get("subscription") if isinstance(result, dict) else None
        if isinstance(number, int):
            with self._lock:
                feed.number = number
                self.feeds.add(feed)
                self._feed_by_number[number] = feed
                self._refusals.forget(feed)
                if feed.closed:  # while it was requested again
                    self.abandoned.append(feed)
                    self.stirred = True

    def end(self, feed: Feed) -> int | None:
        """Take no events for a feed any more.

        Returns:
            The number to unsubscribe; None when there is none.
        """
        with self._lock:
            number, feed.number = feed.number, None
            self.feeds.discard(feed)
            self._refusals.forget(feed)
            if number is not None:
                self._feed_by_number.pop(number, None)
            feed.closed = True  # under the lock: it may be granted at this moment
        feed.close(forget=True)
        return number

    # -- what the bridge says ---------------------------------------------------------------------

    def take(self, frame: bytes) -> None:
        """Take a message of the bridge."""
        try:
            message: Any = decode(frame)
        except (ValueError, msgspec.MsgspecError) as error:
            log.warning("a message of the bridge cannot be read: %s", error)
            return
        if not isinstance(message, dict):
            return
        reply_to = message.get("id")
        if reply_to is None or "event" in message:
            number = message.get("subscription")
            feed = self._feed_by_number.get(number) if isinstance(number, int) else None
            if feed is not None:
                feed.accept(message)
            return
        call = self.pending.pop(reply_to, None) if isinstance(reply_to, int) else None
        if call is None:
            return
        if message.get("ok") is True:
            call.succeed(message.get("result"))
        else:
            call.fail(to_error(message.get("error")))
