"""The poll loop: one ROUTER socket, one mailbox, deadlines.

1. It never touches hardware and never waits for anybody but the poller.
2. It sleeps without a time-out as long as nobody is there and nothing is due.
3. A client that is slow, silent or hostile costs itself, not the others.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import zmq

from wisblock_bridge.runtime.claims import address_of_peer
from wisblock_bridge.server.outbox import Outbox, Sent
from wisblock_bridge.server.scanner import Scanned
from wisblock_bridge.server.undecodable import DELIMITED, SEVERAL_FRAMES
from wisblock_bridge.wire.roles import LOCAL

if TYPE_CHECKING:
    from wisblock_bridge.keys import ClientList, KeyPair
    from wisblock_bridge.runtime.sessions import Sessions
    from wisblock_bridge.server.curve import CurveAuthenticator
    from wisblock_bridge.server.dispatch import Dispatcher
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.threads.timers import TimerQueue

log = logging.getLogger(__name__)

LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024
"""Frames beyond the protocol's limit are still read, to be refused by id; beyond this the
connection is cut.
"""

SEND_HIGH_WATER_MARK = 64
"""Messages that ZeroMQ itself keeps for a slow client. With ROUTER_MANDATORY a full pipe is
reported instead of swallowed, and ``Outbox`` takes over, which counts bytes; with a mark of 0 a
client that never reads would take all memory."""

RECEIVE_HIGH_WATER_MARK = 0
"""None. libzmq ends the process (SIGABRT) when a connection hangs up whose messages it could not
hand over because of this mark, and something is left to be sent on it: the answer to a PING, or a
heartbeat of our own (``stream_engine_base.cpp``, issue 4364 of libzmq). Whoever holds outputs may
not end for that; so there is no mark, and no heartbeat: leases tell who is gone."""

KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 10, 5, 3
"""The kernel's own heartbeat notices a computer that was switched off, and frees its connection."""

BURST = 64
"""Frames handled before the workers' posts get their turn."""

SWITCH_INTERVAL_S = 0.0002
"""How long a worker waits for the interpreter's lock while this loop has no rest. Python's own 5 ms
would be most of what another client's request takes beside a client that floods; where nobody
floods, the loop sleeps and the lock is free."""

LAST_BURSTS = 100
"""Bursts that are still answered when the bridge stops, so that no client can keep it from it."""

LOCAL_THREAD, REMOTE_THREAD = 1, 2
"""Bits of ZeroMQ's I/O threads: handshakes of other computers cost those of this one nothing."""

_NOBLOCK = int(zmq.NOBLOCK)
_POLLIN = int(zmq.POLLIN)
_MORE_WITHOUT_WAITING = int(zmq.SNDMORE | zmq.NOBLOCK)


class Server:
    """The bridge's socket and its loop.

    Args:
        mailbox: Where workers post.
        sessions: The clients.
        timer_queue: What is to be done later.
        encrypted: Whether other computers may connect with keys, so that their handshakes get a
            thread of their own.
    """

    def __init__(
        self,
        mailbox: Mailbox[Any],
        sessions: Sessions,
        timer_queue: TimerQueue,
        *,
        encrypted: bool = False,
    ) -> None:
        self._mailbox = mailbox
        self._sessions = sessions
        self._timer_queue = timer_queue
        self._context = zmq.Context(io_threads=2 if encrypted else 1)
        self._authenticator: CurveAuthenticator | None = None
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 200)
        self._router.setsockopt(zmq.IPV6, 1)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._router.setsockopt(zmq.SNDHWM, SEND_HIGH_WATER_MARK)
        self._router.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE_BYTES)
        self._router.setsockopt(zmq.RCVHWM, RECEIVE_HIGH_WATER_MARK)
        self._router.setsockopt(zmq.TCP_KEEPALIVE, 1)
        self._router.setsockopt(zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S)
        self._router.setsockopt(zmq.TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S)
        self._router.setsockopt(zmq.TCP_KEEPALIVE_CNT, KEEPALIVE_PROBES)
        self._router.setsockopt(zmq.HANDSHAKE_IVL, 5000)
        self._router.setsockopt(zmq.AFFINITY, LOCAL_THREAD)
        self.outbox = Outbox(self._transmit, self._give_up, timer_queue)
        self._stopping = False
        self._signals, self._signal_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stops_at_signals = False
        self._dispatcher: Dispatcher | None = None

    def bind(self, endpoint: str, *, encrypted: bool = False) -> None:
        """Begin to listen.

        Args:
            endpoint: "ipc://…" or "tcp://…".
            encrypted: Encrypted, and open to listed keys only (see ``use_keys``). What is bound
                afterwards has to be so, too: ZeroMQ copies a socket's options when it binds.

        Raises:
            OSError: It is taken or not permitted.
        """
        if encrypted:
            assert self._authenticator is not None  # noqa: S101
            self._authenticator.protect(self._router)
            self._router.setsockopt(zmq.AFFINITY, REMOTE_THREAD)
        try:
            self._router.bind(endpoint)
        except zmq.ZMQError as error:
            raise OSError(error.errno, f"{endpoint}: {error.strerror}") from error

    def use_keys(self, pair: KeyPair, clients: ClientList) -> None:
        """Be ready to let keys in.

        Args:
            pair: The bridge's own keys.
            clients: Who may enter.
        """
        from wisblock_bridge.server.curve import CurveAuthenticator  # noqa: PLC0415  (takes 0.1 s)

        self._authenticator = CurveAuthenticator(self._context, pair, clients)

    @property
    def keys_refused(self) -> int:
        """Connections that were turned away because their key is not on the list."""
        return 0 if self._authenticator is None else self._authenticator.refusals

    def stop_at(self, *numbers: int) -> None:
        """Let signals end the loop; for the main thread, which has to be the loop's.

        The interpreter calls a signal handler once it runs again. It does not run while the loop
        sleeps in its poller, and a signal that comes just before the system call does not break
        that off. So the interpreter's own part, which runs at once, writes into a pipe at which the
        loop listens.

        Args:
            numbers: The signals.
        """
        self._stops_at_signals = True
        signal.set_wakeup_fd(self._signal_writer, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: self.stop())

    def stop(self) -> None:
        """Ask the loop to end; allowed in a signal handler."""
        self._stopping = True
        self._mailbox.wake()

    def run(self, dispatcher: Dispatcher) -> None:
        """Serve until stopped.

        Args:
            dispatcher: Takes frames and the workers' messages.
        """
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._mailbox.descriptor, zmq.POLLIN)
        poller.register(self._signals, zmq.POLLIN)
        self._dispatcher = dispatcher
        while not self._stopping:
            for action in self._timer_queue.due():
                action()
            wait_ms = self._wait_ms()
            # Last of all: a worker that wakes earlier would only wait for the interpreter's lock.
            dispatcher.wake_workers()
            for ready, _ in poller.poll(wait_ms):
                if ready is self._router:
                    self._receive_frames(dispatcher)
                elif ready == self._signals:
                    os.read(self._signals, 512)  # what is to be done, their handlers have done
                else:
                    self.receive_posts(dispatcher)
            if self.outbox.pending:
                self.outbox.retry()

    def _wait_ms(self) -> int | None:
        """Return how long there is nothing to do, rounded up; None without any timer."""
        due = self._timer_queue.next_due
        if due is None:
            return None
        return max(0, int((due - self._timer_queue.clock.monotonic()) * 1000) + 1)

    def receive_posts(self, dispatcher: Dispatcher) -> None:
        """Hand over what workers posted.

        Args:
            dispatcher: Takes it.
        """
        posts = self._mailbox.take()
        while posts:
            post = posts.popleft()
            if type(post) is Scanned:
                dispatcher.receive_scan(post)
            else:
                dispatcher.receive(post)

    def finish(self, dispatcher: Dispatcher) -> None:
        """Hand over what has arrived and send what waits, once the dispatcher refuses everything.

        Args:
            dispatcher: Takes it.
        """
        for _ in range(LAST_BURSTS):
            if not self._router.poll(0):
                break
            self._receive_frames(dispatcher)
        self.outbox.retry()

    def close(self) -> None:
        """Close the socket; what was handed over is given 0.2 s to leave."""
        self._router.close()
        if self._authenticator is not None:
            self._authenticator.close()
        self._context.term()
        self._mailbox.close()
        if self._stops_at_signals:
            signal.set_wakeup_fd(-1)
        os.close(self._signal_writer)
        os.close(self._signals)

    def _receive_frames(self, dispatcher: Dispatcher) -> None:
        """Take what is there, up to a burst.

        Frames are received one by one because the library's multi-part calls cost several times as
        much; whether more is there is asked only where a burst is under way, for the same reason.
        """
        router = self._router
        receive = router.recv
        authenticator = self._authenticator
        for _ in range(BURST):
            identity = receive(_NOBLOCK)
            message = receive(_NOBLOCK, copy=False)
            frame = message.bytes
            if message.more:  # exactly one frame belongs behind the routing id
                dispatcher.note_misfit(identity, SEVERAL_FRAMES if frame else DELIMITED)
            while message.more:
                message = receive(_NOBLOCK, copy=False)
                frame = b""
            peer = LOCAL if authenticator is None else authenticator.peer_of(message)
            if not dispatcher.handle(identity, frame, peer, partial(_address_of, message)):
                return
            if not int(router.getsockopt(zmq.EVENTS)) & _POLLIN:
                return

    def _transmit(self, identity: bytes, frame: bytes) -> Sent:
        try:
            self._router.send(identity, _MORE_WITHOUT_WAITING)
            self._router.send(frame, _NOBLOCK)
        except zmq.Again:
            return Sent.FULL
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return Sent.GONE
        return Sent.YES

    def _give_up(self, identity: bytes) -> None:
        for session in self._sessions:
            if session.identity == identity:
                name = f"client {session.name}" if session.name else "unnamed client"
                log.warning("%s does not read its replies and was disconnected", name)
                if self._dispatcher is not None:
                    self._dispatcher.end_session(session)


def _address_of(message: zmq.Frame) -> str:
    """Tell where a message came from; "" where ZeroMQ does not know."""
    try:
        return address_of_peer(str(message.get("Peer-Address")))
    except zmq.ZMQError:
        return ""
