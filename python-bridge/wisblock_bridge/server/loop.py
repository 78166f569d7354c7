"""The loop of the bridge: connections, the mailbox of the workers, timers, signals.

It never touches hardware and never waits for anything but the selector. A client that is slow,
silent or hostile costs itself, not the others.
"""

from __future__ import annotations

import logging
import math
import os
import selectors
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from wisblock_bridge.server.acceptor import Acceptor
from wisblock_bridge.server.deaf_clients import DeafClients
from wisblock_bridge.server.message_ages import GAP_S
from wisblock_bridge.server.outbox import Outbox, Sent
from wisblock_bridge.server.poller import Poller
from wisblock_bridge.server.scanner import Scanned
from wisblock_bridge.server.undecodable import DELIMITED, SEVERAL_FRAMES
from wisblock_bridge.wire.roles import LOCAL, Peer, Role
from wisblock_bridge.wire.zmtp import Oversized, SeveralFrames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.keys import ClientList
    from wisblock_bridge.runtime.sessions import Sessions
    from wisblock_bridge.server.dispatch import Dispatcher
    from wisblock_bridge.server.remote import RemoteClients
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.threads.timers import TimerQueue

log = logging.getLogger(__name__)

BURST, BURST_S = 64, 0.001
"""Messages handled, and time spent on them, before the workers' messages get their turn."""

MESSAGES_S = 0.002
"""Time spent on the workers' messages before clients and timers get their turn: many fast
subscriptions can bring more than can be sent, without an end."""

SWITCH_INTERVAL_S = 0.0002
"""How long a worker waits for the interpreter's lock while this loop has no rest. Python's own 5 ms
would be most of what another client's request takes beside a client that floods; where nobody
floods, the loop sleeps and the lock is free."""

LONGEST_SLEEP_S = 0.1
"""While anybody is connected, so that a time for which this process was stopped is noticed."""

SETTLE_S = 0.05
"""After a stop, where the kernel may have the end of a connection only behind what it has no room
for: within a computer that comes as fast as it is read."""

LAST_BURSTS = 100
"""Bursts that are still answered when the bridge stops, so that no client can keep it from it."""


class Server:
    """The bridge's connections and its loop.

    Args:
        mailbox: Where workers put their messages.
        sessions: The clients.
        timer_queue: What is to be done later.
    """

    def __init__(self, mailbox: Mailbox[Any], sessions: Sessions, timer_queue: TimerQueue) -> None:
        self._mailbox = mailbox
        self._sessions = sessions
        self._timer_queue = timer_queue
        self._clock = timer_queue.clock
        self._selector = Poller()
        self.outbox = Outbox(self._transmit, self._give_up, timer_queue)
        self._acceptor = Acceptor(
            self._selector,
            timer_queue,
            self._note_left,
            lambda _identity: self.outbox.retry(),
        )
        self.outbox.transmit = self._acceptor.put  # as long as nobody else can be meant
        self._deaf = DeafClients(timer_queue)
        self._remote: RemoteClients | None = None
        self._listed: ClientList | None = None
        self._stopping = False
        self._signals, self._signal_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stops_at_signals = False
        self._dispatcher: Dispatcher | None = None
        self._turned_at = self._clock.monotonic()

    def listen(self, endpoint: str) -> None:
        """Serve programs of this computer.

        Args:
            endpoint: "ipc://…", or "tcp://…" with an address of this computer.

        Raises:
            OSError: It is taken or not permitted.
        """
        self._acceptor.listen(endpoint)

    def listen_remote(self, endpoints: Sequence[str], listed: ClientList) -> None:
        """Serve programs of other computers, encrypted and for listed keys only.

        Args:
            endpoints: "tcp://…", one or several.
            listed: Whose keys may connect.

        Raises:
            OSError: It is taken or not permitted.
        """
        from wisblock_bridge.server.remote import RemoteClients  # noqa: PLC0415  (start-up time)

        made = RemoteClients(
            self._selector,
            self._timer_queue,
            listed.path.parent,
            self._note_left,
            lambda _identity: self.outbox.retry(),
        )
        made.listen(endpoints)
        self._remote, self._listed = made, listed
        self.outbox.transmit = self._transmit

    @property
    def keys_refused(self) -> int:
        """Connections that were turned away because their key is not on the list."""
        return 0 if self._remote is None else self._remote.keys_refused

    def stop_at(self, *numbers: int) -> None:
        """Let signals end the loop; for the main thread, which has to be the loop's.

        The interpreter calls a signal handler once it runs again. It does not run while the loop
        sleeps, and a signal that comes just before the system call does not break that off. So the
        interpreter's own part, which runs at once, writes into a pipe at which the loop listens.

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
        self._dispatcher = dispatcher
        read = selectors.EVENT_READ
        self._selector.register(
            self._mailbox.descriptor, read, lambda: self.receive_messages(dispatcher, MESSAGES_S)
        )
        # What is to be done at a signal, its handler has done.
        self._selector.register(self._signals, read, lambda: os.read(self._signals, 512))
        self._turned_at = self._clock.monotonic()
        looks_again = False
        while not self._stopping:
            # Last of all: a worker that wakes earlier would only wait for the interpreter's lock.
            wait_s = self._wait_s()
            self._flush()
            dispatcher.wake_workers()
            was_stopped = self._turn(wait_s)
            self._hand_over(dispatcher, first_of_each=was_stopped)
            # After what has come was read: a lease that was renewed in time has not ended. After
            # the first message of each client: it may be its hello on another connection.
            self._renew_waiting()
            looks_again = not looks_again and self._was_stopped(self._clock.monotonic())
            if looks_again:  # the stop came after the look
                continue
            for action in self._timer_queue.due():
                action()

    def _was_stopped(self, now: float) -> bool:
        """Return whether it is longer than usual since the loop has looked for messages."""
        return now - self._turned_at > LONGEST_SLEEP_S + GAP_S

    def _renew_waiting(self) -> None:
        """Renew the leases of those whose requests were read and wait for their turn."""
        due, now = self._timer_queue.next_due, self._clock.monotonic()
        if due is None or due > now or not self._has_messages:
            return
        for identity in self._acceptor.waiting_peers():
            self._sessions.renew(identity, now)
        if self._remote is not None:
            for identity in self._remote.waiting_clients():
                self._sessions.renew(identity, now)

    def _wait_s(self) -> float | None:
        """Return how long there is nothing to do; None for as long as nothing happens."""
        if self._has_messages:
            return 0.0
        due = self._timer_queue.next_due
        longest = LONGEST_SLEEP_S if len(self._acceptor) or self._remote is not None else None
        if due is None:
            return longest
        wait_s = max(0.0, due - self._clock.monotonic())
        return wait_s if longest is None else min(wait_s, longest)

    def _turn(self, wait_s: float | None) -> bool:
        """Wait, and do what the ready descriptors stand for.

        Returns:
            Whether this process seems to have been stopped meanwhile.
        """
        ready = self._selector.select(wait_s)
        now = self._clock.monotonic()
        was_stopped = wait_s is not None and self._was_stopped(now)
        if was_stopped:
            if self._acceptor.note_stop(self._turned_at, now):
                self._settle(now + SETTLE_S)
            # What came meanwhile, even where the wait had ended just before.
            ready = self._selector.select(0.0)
        self._turned_at = now
        for key, _ in ready:
            key.data()
        return was_stopped

    def _settle(self, end: float) -> None:
        """Read what the kernel still has of those whose connection was full, and hand over nothing.

        Args:
            end: Clock reading, s.
        """
        while (left_s := end - self._clock.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                key.data()
        self._acceptor.settle()

    @property
    def _has_messages(self) -> bool:
        return self._acceptor.has_messages or (
            self._remote is not None and self._remote.has_messages
        )

    def _hand_over(self, dispatcher: Dispatcher, *, first_of_each: bool = False) -> None:
        """Hand what has come to the dispatcher: a burst, or as many as serve everybody once."""
        left = self._acceptor.waiting if first_of_each else 1
        while left > 0 and self._acceptor.has_messages:
            taken = self._hand_over_burst(dispatcher)
            left -= taken or left
        remote = self._remote
        if remote is not None and remote.has_messages:
            self._hand_over_remote_burst(dispatcher, remote)

    def _hand_over_burst(self, dispatcher: Dispatcher) -> int:
        """Hand over messages of this computer's programs; returns how many had their turn."""
        take, handle = self._acceptor.take, dispatcher.handle
        monotonic = self._clock.monotonic
        now = monotonic()
        ends_at = now + BURST_S
        messages = 0
        # Asked before each: a stop in the middle makes the rest as old as itself.
        while messages < BURST and now < ends_at:
            messages += 1
            found = take()
            if found is None:
                break
            connection, message, received_at = found
            identity, frame, length = connection.identity, message, None
            if not isinstance(frame, bytes):
                frame, length = self._start_of(dispatcher, identity, frame)
            if not handle(
                identity,
                frame,
                LOCAL,
                connection.describe,
                now,
                length=length,
                received_at=received_at,
                has_left=connection.asks_whether_left,
            ):
                self._acceptor.rest(connection)
                break  # a flood that is being turned away: others get their turn
            now = monotonic()
        return messages

    def _hand_over_remote_burst(self, dispatcher: Dispatcher, remote: RemoteClients) -> None:
        """Hand over messages of other computers."""
        assert self._listed is not None  # noqa: S101
        ends_at = self._clock.monotonic() + BURST_S
        for _ in range(BURST):
            found = remote.take()
            if found is None:
                return
            identity, message = found
            if message.frames is not None:
                self._start_of(dispatcher, identity, message.frames)
            peer = self._listed.find(message.key) or Peer(message.key, "", Role.NONE)
            if not dispatcher.handle(
                identity,
                message.start,
                peer,
                partial(getattr, message, "address"),
                length=message.length,
                received_at=message.received_at,
            ):
                return
            if self._clock.monotonic() > ends_at:
                return

    @staticmethod
    def _start_of(
        dispatcher: Dispatcher, identity: bytes, message: Oversized | SeveralFrames
    ) -> tuple[bytes, int | None]:
        """Return what there is of a message that is none, and its length."""
        if isinstance(message, Oversized):
            return message.start, message.length
        dispatcher.log_undecodable(identity, DELIMITED if message.delimited else SEVERAL_FRAMES)
        return b"", None

    def receive_messages(self, dispatcher: Dispatcher, longest_s: float = math.inf) -> None:
        """Hand over what workers have said.

        Args:
            dispatcher: Takes it.
            longest_s: After this time the rest is left for the next turn.
        """
        messages, receive = self._mailbox.take(), dispatcher.receive
        ends_at = self._clock.monotonic() + longest_s
        while messages:
            for _ in range(min(BURST, len(messages))):
                message = messages.popleft()
                if type(message) is Scanned:
                    dispatcher.receive_scan(message)
                else:
                    receive(message)
            # Before what clients want next: these have waited longer.
            self._flush()
            if messages and self._clock.monotonic() >= ends_at:
                self._mailbox.wake()
                return

    def finish(self, dispatcher: Dispatcher) -> None:
        """Hand over what has arrived and send what waits, once the dispatcher refuses everything.

        Args:
            dispatcher: Takes it.
        """
        for _ in range(LAST_BURSTS):
            self._turn(0.0)
            if not self._has_messages:
                break
            self._hand_over(dispatcher)
        self.outbox.retry()
        self._flush()

    def _flush(self) -> None:
        """Send what was gathered."""
        self._acceptor.flush()
        if self._remote is not None:
            self._remote.flush()

    def close(self) -> None:
        """Close all connections, after a last attempt to send what waits."""
        self._deaf.write()
        self._acceptor.close()
        if self._remote is not None:
            self._remote.close()
        self._selector.close()
        self._mailbox.close()
        if self._stops_at_signals:
            signal.set_wakeup_fd(-1)
        os.close(self._signal_writer)
        os.close(self._signals)

    def _transmit(self, identity: bytes, frame: bytes) -> Sent:
        if self._remote is not None and not self._acceptor.has(identity):
            return self._remote.send(identity, frame)
        return self._acceptor.put(identity, frame)

    def _note_left(self, identity: bytes) -> None:
        self.outbox.drop(identity)
        if self._dispatcher is not None:
            self._dispatcher.connection_left(identity)

    def _give_up(self, identity: bytes) -> None:
        name = self._acceptor.describe(identity)
        for session in self._sessions:
            if session.identity == identity:
                name = session.name or name
                if self._dispatcher is not None:
                    self._dispatcher.end_session(session)
        self._deaf.note(name or "without a name")
        self._acceptor.cut(identity)
