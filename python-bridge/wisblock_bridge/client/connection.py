"""The connection to a bridge: one thread owns the socket and keeps the lease.

1. The only file of the client that knows ZeroMQ and MessagePack.
2. The thread renews the lease while the program computes or sleeps.
3. Nothing is queued while disconnected: requests fail at once, and none is sent twice.
4. All queues are bounded: requests in flight, and events, of which the oldest are dropped.
"""

from __future__ import annotations

import itertools
import logging
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

from wisblock_bridge import __version__
from wisblock_bridge.client.bridge_clock import BridgeClock
from wisblock_bridge.client.feed import Call, Feed
from wisblock_bridge.client.identity import keys_needed, turned_away, wrong_server_key
from wisblock_bridge.client.observing import ObservedFeed
from wisblock_bridge.client.results import (
    Event,
    OfflineError,
    RemoteError,
    ReplyTimeoutError,
    to_error,
    to_event,
)
from wisblock_bridge.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.endpoint import Endpoint
    from wisblock_bridge.keys import ClientKeys

LONGEST_NAME = 200
"""Characters: what a bridge takes in ``hello``; the rest of a name is cut off."""

log = logging.getLogger(__name__)

VERSION = 1
MAX_IN_FLIGHT = 256
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
LONGEST_START_MS = 2000
PINGS_PER_LEASE = 3
BURST = 64
GREET_AGAIN_S = 0.01
KNOCK_AGAIN_S = 2.0
"""Until a client that was turned away tries again: ZeroMQ itself gives up then."""

SHORTEST_SILENCE_S = 1.0
"""A bridge that answers within this is there, however short the lease."""

HANDSHAKE_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)

START_HINT = (
    "Start it with `wisblock-bridge serve` (or `sudo systemctl start wisblock-bridge`); "
    "`wisblock-bridge check` reports what is missing."
)


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
        self.hello: Mapping[str, object] = {}
        self._name = name[:LONGEST_NAME]
        self._lease_ms = lease_ms
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._outbox: deque[Call] = deque()
        self._pending: dict[int, Call] = {}
        self._feeds: set[Feed] = set()
        self._feed_by_number: dict[int, Feed] = {}
        self._token: str | None = None
        self._online = False
        self._closing = False
        self._answered = threading.Event()
        self._refusal: RemoteError | None = None
        self._suspicion: RemoteError | None = None
        self._shut_out: RemoteError | None = None
        self._knock_at: float | None = None
        self._last_sent = 0.0
        self._greet_at: float | None = None
        self._bridge_clock = BridgeClock()
        self._last_ping: Call | None = None
        self._last_ping_at = 0.0
        self._last_heard = 0.0
        self._waker, self._wake_up = socket.socketpair()
        for end in (self._waker, self._wake_up):
            end.settimeout(0.0)
        self._context = zmq.Context(io_threads=1)
        self._dealer = self._make_dealer()
        self._monitor = self._dealer.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | HANDSHAKE_FAILED
        )
        self._dealer.connect(endpoint.text)
        self._thread = threading.Thread(target=self._run, name="wisblock-bridge", daemon=True)
        self._thread.start()
        self._await_hello(connect_timeout_s)

    def _await_hello(self, timeout_s: float) -> None:
        answered = self._answered.wait(timeout_s)
        refusal = self._refusal
        if refusal is None and answered:
            return
        self.close()
        raise (
            refusal
            or self._suspicion
            or self._offline(f"No bridge said hello within {timeout_s:g} s.")
        )

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
        call = self._call(method, params, timeout_s)
        self._submit(call)
        return self._wait(call, method, timeout_s)

    def subscribe(self, params: Mapping[str, object], timeout_s: float) -> Feed:
        """Subscribe to events.

        Args:
            params: Of the method ``subscribe``.
            timeout_s: How long to wait for the reply, s.

        Returns:
            Where the events arrive.

        Raises:
            RemoteError: As for ``request``.
        """
        feed = Feed(params)
        call = self._call("subscribe", feed.params, timeout_s)
        call.on_result = lambda result: self._begin(feed, result)
        self._submit(call)
        self._wait(call, "subscribe", timeout_s)
        return feed

    def observe(self, params: Mapping[str, object], timeout_s: float) -> ObservedFeed:
        """Begin to observe, as ``subscribe`` begins a subscription.

        Args:
            params: Of the method ``observe``.
            timeout_s: How long to wait for the reply, s.
        """
        feed = ObservedFeed(params)
        call = self._call("observe", feed.params, timeout_s)
        call.on_result = lambda result: self._begin(feed, result)
        self._submit(call)
        self._wait(call, "observe", timeout_s)
        return feed

    def unsubscribe(self, feed: Feed, timeout_s: float) -> None:
        """End a subscription; a lost connection has ended it already.

        Args:
            feed: Which.
            timeout_s: How long to wait for the reply, s.
        """
        with self._lock:
            number, feed.number = feed.number, None
            self._feeds.discard(feed)
            if number is not None:
                self._feed_by_number.pop(number, None)
        feed.close()
        if number is not None:
            with suppress(RemoteError):
                self.request("unsubscribe", {"subscription": number}, timeout_s)

    def close(self) -> None:
        """Send ``bye`` and end the connection; closing twice is allowed."""
        if self._closing:
            return
        if self._online:
            with suppress(RemoteError):
                self.request("bye", {}, 1.0)
        self._closing = True
        self._wake()
        if self._thread is not threading.current_thread():
            self._thread.join()

    # -- in the callers' threads ------------------------------------------------------------------

    def _call(self, method: str, params: Mapping[str, object], timeout_s: float) -> Call:
        number = next(self._numbers)
        message: dict[str, object] = {"v": VERSION, "id": number, "method": method}
        if params:
            message["params"] = params
        # Half of the time for the queue, half for the work: nothing starts that no caller awaits.
        start_ms = max(1, min(LONGEST_START_MS, round(timeout_s * 500)))
        deadline_ms = self._bridge_clock.deadline_ms(start_ms)
        if deadline_ms is None:
            message["timeout_ms"] = start_ms
        else:
            message["deadline_ms"] = deadline_ms
        try:
            frame = msgpack.packb(message, use_bin_type=True)
        except (TypeError, ValueError, OverflowError) as error:
            raise RemoteError(
                f"The parameters of {method} cannot be sent: {error}.",
                code=ErrorCode.BAD_PARAMS,
                hint="Numbers, texts, bytes, lists and maps with text keys can.",
            ) from None
        return Call(number, frame)

    def _submit(self, call: Call) -> None:
        with self._lock:
            if self._closing:
                raise self._offline("This connection is closed.")
            if not self._online:
                raise self._shut_out or self._offline("The bridge is not connected.")
            if len(self._pending) >= MAX_IN_FLIGHT:
                raise RemoteError(
                    f"{MAX_IN_FLIGHT} requests are waiting for replies already.",
                    code=ErrorCode.BUSY,
                    hint="Use fewer threads, or send requests less often.",
                )
            self._pending[call.number] = call
            self._outbox.append(call)
        self._wake()

    def _wait(self, call: Call, method: str, timeout_s: float) -> object:
        try:
            replied = call.done.wait(timeout_s)
        finally:
            with self._lock:
                self._pending.pop(call.number, None)
        if not replied and not call.done.is_set():
            raise ReplyTimeoutError(
                f"The bridge did not reply to {method} within {timeout_s:g} s.",
                hint="It may still be carried out. Give long operations more time with timeout_s.",
                where=self.endpoint.text,
            )
        if call.error is not None:
            raise call.error
        return call.result

    def _wake(self) -> None:
        with suppress(OSError):  # full: it is awake already; closed: nothing to wake
            self._waker.send(b"\0")

    def _offline(self, message: str) -> OfflineError:
        return OfflineError(message, hint=START_HINT, where=self.endpoint.text)

    # -- in the connection's own thread -----------------------------------------------------------

    def _make_dealer(self) -> zmq.Socket[bytes]:
        dealer = self._context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.IMMEDIATE, 1)
        dealer.setsockopt(zmq.IPV6, 1)
        dealer.setsockopt(zmq.RECONNECT_IVL, 100)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        dealer.setsockopt(zmq.RCVHWM, 0)  # with a mark, a bridge that hangs up can end this process
        dealer.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        if self._keys is not None:
            dealer.setsockopt(zmq.CURVE_SERVERKEY, self._keys.server.encode())
            dealer.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public.encode())
            dealer.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret.encode())
        return dealer

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:
            log.exception("the connection to %s failed", self.endpoint.text)
            self._refusal = RemoteError(f"The connection failed: {error}.", code="internal")
        finally:
            self._go_offline("The connection was closed.")
            self._answered.set()
            self._dealer.disable_monitor()
            self._monitor.close(linger=0)
            self._dealer.close(linger=0)
            self._context.term()
            self._waker.close()
            self._wake_up.close()

    def _serve(self) -> None:
        poller = zmq.Poller()
        for source in (self._dealer, self._monitor, self._wake_up):
            poller.register(source, zmq.POLLIN)
        while not self._closing:
            due = self._ping_due() if self._online else self._greet_at or self._knock_at
            wait_s = None if due is None else max(0.0, due - time.monotonic())
            ready = dict(poller.poll(None if wait_s is None else int(wait_s * 1000) + 1))
            if self._monitor in ready:
                self._watch_connection()
            if self._wake_up.fileno() in ready:
                with suppress(OSError):
                    self._wake_up.recv(4096)
            self._send_outbox()
            if self._dealer in ready:
                self._receive()
            now = time.monotonic()
            if self._greet_at is not None and now >= self._greet_at:
                self._greet()
            if self._knock_at is not None and now >= self._knock_at:
                self._knock_at = None
                self._connect_again()
            if self._online and now >= self._ping_due():
                self._ping()

    def _connect_again(self) -> None:
        with suppress(zmq.ZMQError):  # it is not connected any more
            self._dealer.disconnect(self.endpoint.text)
        self._dealer.connect(self.endpoint.text)

    @property
    def _awaits_ping(self) -> bool:
        return self._last_ping is not None and not self._last_ping.done.is_set()

    def _ping_due(self) -> float:
        """Return when to renew the lease, or when to give up waiting for the answer to a ping."""
        lease_s = self._lease_ms / 1000.0
        if self._awaits_ping:
            return self._last_ping_at + max(SHORTEST_SILENCE_S, lease_s)
        return min(self._last_sent, self._last_heard) + lease_s / PINGS_PER_LEASE

    def _ping(self) -> None:
        """Renew the lease; one ping at a time, so that none pile up without a reply.

        A bridge that has not answered one for as long as the lease is away: this connection is
        given up and another one is made.
        """
        if self._awaits_ping:
            self._go_offline("The bridge does not answer.")
            self._connect_again()
        else:
            self._last_ping, self._last_ping_at = self._own_call("ping", {}), time.monotonic()
            self._last_ping.on_result = self._bridge_clock.note
            self._send(self._last_ping)

    def _watch_connection(self) -> None:
        message = recv_monitor_message(self._monitor, zmq.NOBLOCK)
        if message["event"] == zmq.EVENT_DISCONNECTED:
            self._receive()  # what came before the end counts
            self._go_offline("The bridge disconnected.")
        elif message["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._shut_out = None
            self._greet()
        else:
            # A client that was accepted before keeps trying: it may be listed again at any time.
            if message["event"] == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._shut_out = turned_away(self.endpoint)
                self._knock_at = time.monotonic() + KNOCK_AGAIN_S
            if self._token is None and not self._answered.is_set():
                self._handshake_failed(message["event"], message["value"])

    def _handshake_failed(self, event: int, value: int) -> None:
        """Work out why the handshake failed; an uncertain reason is reported at the deadline."""
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self._refusal = turned_away(self.endpoint)
        elif self._keys is not None:
            self._suspicion = wrong_server_key(self.endpoint)
        elif value == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
            self._refusal = keys_needed(self.endpoint)
        elif event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL and self.endpoint.transport == "tcp":
            self._suspicion = keys_needed(self.endpoint)
        if self._refusal is not None:
            self._answered.set()

    def _greet(self) -> None:
        params: dict[str, object] = {
            "client": self._name,
            "version": __version__,
            "lease_ms": self._lease_ms,
        }
        if self._token is not None:
            params["resume"] = self._token
        call = self._own_call("hello", params)
        call.on_result = self._greeted
        self._send(call)
        # The socket may learn of its connection a moment after its monitor did.
        self._greet_at = time.monotonic() + GREET_AGAIN_S if call.done.is_set() else None

    def _greeted(self, result: object) -> None:
        if not isinstance(result, dict) or not isinstance(result.get("session"), str):
            self._refusal = RemoteError("What answers is not a bridge.", where=self.endpoint.text)
        else:
            self.hello = result
            self._bridge_clock.note(result)
            self._token = result["session"]
            self._online = True
            for feed in tuple(self._feeds):
                self._ask_anew(feed)
        self._answered.set()

    def _ask_anew(self, feed: Feed) -> None:
        method = "observe" if isinstance(feed, ObservedFeed) else "subscribe"
        call = self._own_call(method, feed.params)
        call.on_result = lambda result: self._begin(feed, result)
        self._send(call)

    def _begin(self, feed: Feed, result: object) -> None:
        number = result.get("subscription") if isinstance(result, dict) else None
        if isinstance(number, int):
            with self._lock:
                feed.number = number
                self._feeds.add(feed)
                self._feed_by_number[number] = feed

    def _own_call(self, method: str, params: Mapping[str, object]) -> Call:
        call = self._call(method, params, 4.0)
        with self._lock:
            self._pending[call.number] = call
        return call

    def _send_outbox(self) -> None:
        while self._outbox:
            self._send(self._outbox.popleft())

    def _send(self, call: Call) -> None:
        try:
            self._dealer.send(call.frame, zmq.NOBLOCK)
        except zmq.Again:
            with self._lock:
                self._pending.pop(call.number, None)
            call.fail(self._offline("The bridge is not connected."))
        else:
            self._last_sent = time.monotonic()

    def _receive(self) -> None:
        for _ in range(BURST):
            try:
                frames = self._dealer.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._last_heard = time.monotonic()
            try:
                message = msgpack.unpackb(frames[-1], raw=False)
            except (ValueError, msgpack.UnpackException) as error:
                log.warning("a message of the bridge cannot be read: %s", error)
                continue
            if isinstance(message, dict):
                self._take(message)

    def _take(self, message: Mapping[str, object]) -> None:
        number = message.get("subscription")
        if "event" in message and isinstance(number, int):
            feed = self._feed_by_number.get(number)
            if isinstance(feed, ObservedFeed):
                feed.accept(message)
                return
            if feed is not None:
                feed.put(to_event(message))
            return
        reply_to = message.get("id")
        with self._lock:
            call = self._pending.pop(reply_to, None) if isinstance(reply_to, int) else None
        if call is None:
            return
        if message.get("ok") is True:
            call.succeed(message.get("result"))
        else:
            call.fail(to_error(message.get("error")))
            if not self._answered.is_set():
                self._refusal = call.error
                self._answered.set()

    def _go_offline(self, message: str) -> None:
        with self._lock:
            was_online, self._online = self._online, False
            self._bridge_clock.forget()
            self._greet_at = None
            lost = list(self._pending.values())
            self._pending.clear()
            self._outbox.clear()
            feeds = tuple(self._feeds)
            self._feed_by_number.clear()
            for feed in feeds:
                feed.number = None
        for call in lost:
            call.fail(self._offline(message))
        for feed in feeds:
            if was_online:
                feed.put(Event("error", error=self._offline(message)))
            if self._closing:
                feed.close()
