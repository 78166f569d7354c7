"""The loop of the bridge: connections, the mailbox of the workers, timers, signals.

It never touches hardware and never waits for anything but the selector. A client that is slow,
silent or hostile costs itself, not the others.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from wisblock_bridge.server.acceptor import Acceptor
from wisblock_bridge.server.outbox import Outbox, Sent
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

SWITCH_INTERVAL_S = 0.0002
"""How long a worker waits for the interpreter's lock while this loop has no rest. Python's own 5 ms
would be most of what another client's request takes beside a client that floods; where nobody
floods, the loop sleeps and the lock is free."""

LONGEST_SLEEP_S = 0.1
"""While anybody is connected, so that a time for which this process was stopped is noticed."""

STOPPED_S = 0.25
"""A turn that takes so much longer than it had to: what lies in the connections may be as old."""

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
        self._selector = selectors.DefaultSelector()
        self.outbox = Outbox(self._transmit, self._give_up, timer_queue)
        self._acceptor = Acceptor(
            self._selector, timer_queue, self.outbox.drop, lambda _identity: self.outbox.retry()
        )
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
            self.outbox.drop,
            lambda _identity: self.outbox.retry(),
        )
        made.listen(endpoints)
        self._remote, self._listed = made, listed

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
            self._mailbox.descriptor, read, lambda: self.receive_messages(dispatcher)
        )
        # What is to be done at a signal, its handler has done.
        self._selector.register(self._signals, read, lambda: os.read(self._signals, 512))
        self._turned_at = self._clock.monotonic()
        while not self._stopping:
            # Last of all: a worker that wakes earlier would only wait for the interpreter's lock.
            wait_s = self._wait_s()
            dispatcher.wake_workers()
            was_stopped = self._turn(wait_s)
            self._hand_over(dispatcher, all_of_it=was_stopped)
            if not was_stopped and self._was_stopped_at(self._clock.monotonic()):
                continue  # just now, within this turn: the next one reads before it judges
            # After what has come was handed over: a lease that was renewed in time has not ended.
            for action in self._timer_queue.due():
                action()

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
        was_stopped = wait_s is not None and self._was_stopped_at(now)
        if was_stopped:
            self._acceptor.note_stop(self._turned_at, now)
            # What came meanwhile, even where the wait had ended just before.
            ready = self._selector.select(0.0)
        self._turned_at = now
        for key, _ in ready:
            key.data()
        return was_stopped

    def _was_stopped_at(self, now: float) -> bool:
        """Return whether this turn has taken so long that this process was stopped, it seems."""
        return now - self._turned_at > LONGEST_SLEEP_S + STOPPED_S

    @property
    def _has_messages(self) -> bool:
        return self._acceptor.has_messages or (
            self._remote is not None and self._remote.has_messages
        )

    def _hand_over(self, dispatcher: Dispatcher, *, all_of_it: bool = False) -> None:
        """Hand what has come to the dispatcher, up to a burst or all of it."""
        if self._acceptor.has_messages:
            while self._hand_over_burst(dispatcher) and all_of_it:
                pass
        remote = self._remote
        if remote is not None and remote.has_messages:
            ends_at = self._clock.monotonic() + BURST_S
            for _ in range(BURST):
                if not self._hand_over_remote(dispatcher, remote):
                    break
                if self._clock.monotonic() > ends_at:
                    break

    def _hand_over_burst(self, dispatcher: Dispatcher) -> bool:
        """Hand over messages of this computer's programs; False when there are no more."""
        take, handle, has_left = self._acceptor.take, dispatcher.handle, self._acceptor.has_left
        monotonic = self._clock.monotonic
        ends_at = monotonic() + BURST_S
        for _ in range(BURST):
            found = take()
            if found is None:
                return False
            connection, message, received_at = found
            identity, frame, length = connection.identity, message, None
            if not isinstance(frame, bytes):
                frame, length = self._start_of(dispatcher, identity, frame)
            if not handle(
                identity,
                frame,
                LOCAL,
                connection.describe,
                length=length,
                received_at=received_at,
                has_left=partial(has_left, connection),
            ):
                break  # a flood that is being turned away: others get their turn
            if monotonic() > ends_at:
                break
        return self._acceptor.has_messages

    def _hand_over_remote(self, dispatcher: Dispatcher, remote: RemoteClients) -> bool:
        """Hand over one message of another computer; whether the next may follow at once."""
        found = remote.take()
        if found is None:
            return False
        identity, message = found
        if message.frames is not None:
            self._start_of(dispatcher, identity, message.frames)
        assert self._listed is not None  # noqa: S101
        peer = self._listed.find(message.key) or Peer(message.key, "", Role.NONE)
        return dispatcher.handle(
            identity,
            message.start,
            peer,
            lambda: message.address,
            length=message.length,
            received_at=message.received_at,
        )

    @staticmethod
    def _start_of(
        dispatcher: Dispatcher, identity: bytes, message: Oversized | SeveralFrames
    ) -> tuple[bytes, int | None]:
        """Return what there is of a message that is none, and its length."""
        if isinstance(message, Oversized):
            return message.start, message.length
        dispatcher.log_undecodable(identity, DELIMITED if message.delimited else SEVERAL_FRAMES)
        return b"", None

    def receive_messages(self, dispatcher: Dispatcher) -> None:
        """Hand over what workers have said.

        Args:
            dispatcher: Takes it.
        """
        messages = self._mailbox.take()
        while messages:
            message = messages.popleft()
            if type(message) is Scanned:
                dispatcher.receive_scan(message)
            else:
                dispatcher.receive(message)

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

    def close(self) -> None:
        """Close all connections, after a last attempt to send what waits."""
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
        return self._acceptor.send(identity, frame)

    def _give_up(self, identity: bytes) -> None:
        for session in self._sessions:
            if session.identity == identity:
                name = f"client {session.name}" if session.name else "unnamed client"
                log.warning("%s does not read its replies and was disconnected", name)
                if self._dispatcher is not None:
                    self._dispatcher.end_session(session)
        self._acceptor.cut(identity)
