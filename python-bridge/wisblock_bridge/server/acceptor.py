"""The connections of programs on this computer: accepted, read, written and cut off in the loop.

libzmq cannot serve them: a peer can make it end the process, cannot be cut off, and its limits
count messages, not bytes (docs/security.md). Here each connection costs what is written in this
file, and all of them together no more than that.

Everything is called by the loop's thread. Nothing here waits.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import resource
import select
import selectors
import socket
import struct
import sys
import termios
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from wisblock_bridge.endpoint import parse_endpoint
from wisblock_bridge.server.log_limit import LogLimit
from wisblock_bridge.server.message_ages import FULL_BYTES, FULL_MESSAGES, PAUSE_S
from wisblock_bridge.server.outbox import Sent
from wisblock_bridge.wire.limits import MAX_MESSAGE_BYTES
from wisblock_bridge.wire.zmtp import ProtocolError, ServerConnection, encode_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wisblock_bridge.threads.timers import Timer, TimerQueue
    from wisblock_bridge.wire.zmtp import Message

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
MAX_CONNECTIONS_PER_USER = 240
"""So that one user's programs, run wild, leave room for those of others."""

MAX_DISCARDED_BYTES = 16 * 1024 * 1024
"""Messages beyond the protocol's limit are still read, to be refused by their id, but not kept; a
peer that announces more than this is cut off."""

MAX_UNSENT_BYTES = 4 * 1024 * 1024
"""Of one peer: answers to PING that it does not read. Replies and events wait in ``Outbox``, which
has the same limit."""

MAX_RECEIVED_BYTES = 32 * 1024 * 1024
"""Of all peers together: what has come and was not handed over yet, parts of messages included."""

RESERVED_DESCRIPTORS = 32
"""Of those that the process may have, for buses, workers and files: no connection takes them."""

HANDSHAKE_S = 5.0
LISTEN_BACKLOG = 128

CHUNK_BYTES = 64 * 1024
TURN_BYTES = 1024 * 1024
"""How much of one connection is read, to find its end, before others get their turn."""

COPIED_BYTES = 4096
"""A shorter frame is copied behind its header, which takes less time than to send two pieces."""

GATHERED_BYTES = 16 * 1024
"""What one peer is to get is gathered up to this, to be sent with one system call."""

REST_S = 0.001
REFUSED_TURNS = 2
"""A peer that sends what is only refused rests for so long after so many turns (of eight messages
each): to refuse all that a flood brings would take most of a core."""

ACCEPTS_PER_TURN = 16
ACCEPT_AGAIN_S = 1.0
"""After the computer could not give a descriptor: those of other parts may have become free."""

_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PEER_CREDENTIALS = struct.Struct("iII")

_YES = Sent.YES  # looked up once: that of an enumeration's member takes time

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@dataclass(slots=True, eq=False)
class Connection:
    """One peer.

    Attributes:
        identity: The number that it has here; what it calls itself means nothing.
        address: Who it is, for people: "process 812, user 1000".
        user: Number of its user; None over TCP.
        protocol: Its side of the protocol.
        messages: What has come and was not handed over yet; with a clock reading where it may have
            come long ago (s).
        asks_whether_left: ``Acceptor.has_left`` of this one.
        has_left: The peer has hung up, or died; what it had sent before may still lie here.
        has_ended: Nothing more will come of it.
        kept_bytes: What of it is kept here and was not handed over, as last counted.
        gathered: What it is to get at the next ``flush``, with headers.
        gathered_bytes: How much that is.
        hangup: Reports that the peer has hung up, whatever lies in front of that.
        settles: It is read on although something waits, to find its end.
        refused_turns: How often it had to be turned away since it rested last.
        rests: Nothing of it is read or handed over for a moment.
        chunk_since: Since when what was read last may have waited, s; None for what is new.
        old_since: Clock reading since when what comes may have waited, s; None for what is new.
        old_bytes: How much of what comes is surely as old.
        old_total: How much of that was read.
        old_messages: How many messages were in it.
        old_until: Clock reading after which everything counts as new, s.
        read_at: When something was read last, s.
    """

    identity: bytes
    socket: socket.socket
    address: str
    user: int | None
    protocol: ServerConnection
    asks_whether_left: Callable[[], bool] = lambda: False
    handshake: Timer | None = None
    messages: deque[tuple[Message, float | None]] = field(default_factory=deque)
    message_bytes: int = 0
    kept_bytes: int = 0
    hangup: select.poll = field(default_factory=select.poll)
    gathered: list[bytes] = field(default_factory=list)
    gathered_bytes: int = 0
    unsent: deque[memoryview] = field(default_factory=deque)
    unsent_bytes: int = 0
    wants_writing: bool = False
    interest: int = _READ
    has_left: bool = False
    has_ended: bool = False
    settles: bool = False
    refused_turns: int = 0
    rests: bool = False
    chunk_since: float | None = None
    old_since: float | None = None
    old_bytes: int = 0
    old_total: int = 0
    old_messages: int = 0
    old_until: float = 0.0
    read_at: float = 0.0

    def describe(self) -> str:
        """Return who it is, for people."""
        return self.address

    @property
    def has_work(self) -> bool:
        """Whether something of it that was read waits to be handed over."""
        return True if self.messages else self.protocol.has_more


class Acceptor:
    """All connections of this computer's programs.

    Args:
        selector: The loop's; what is registered there has a function without arguments as its data,
            which the loop calls when the descriptor is ready.
        timer_queue: What is to be done later.
        left: Called with the identity of a peer that has gone or was cut off.
        writable: Called with the identity of a peer that takes something again.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        timer_queue: TimerQueue,
        left: Callable[[bytes], None],
        writable: Callable[[bytes], None],
    ) -> None:
        self._selector = selector
        self._timer_queue = timer_queue
        self._limit = LogLimit(timer_queue.clock)
        self._left = left
        self._writable = writable
        self._listeners: list[socket.socket] = []
        self._socket_files: list[Path] = []
        self._connections: dict[bytes, Connection] = {}
        self._of_user: Counter[int | None] = Counter()
        self._waiting: deque[Connection] = deque()
        """Those with messages that were not handed over yet, whose turn it is first."""
        self._to_flush: list[Connection] = []
        """Those for which something was gathered."""
        self._received_bytes = 0
        self._accepts_again: Timer | None = None
        self._number = 0
        self.refused = 0
        """Connections that were closed at once because there were too many."""
        self.cut_off = 0
        """Peers that broke the protocol, or a limit."""

    def __len__(self) -> int:
        return len(self._connections)

    # -- listening --------------------------------------------------------------------------------

    def listen(self, endpoint: str) -> None:
        """Begin to accept connections.

        Args:
            endpoint: "ipc://…", or "tcp://…" with an address of this computer. A socket file that
                is there is replaced: that nobody serves at it was checked before
                (``prepare_endpoint``).

        Raises:
            OSError: It is taken or not permitted.
        """
        where = parse_endpoint(endpoint)
        if where.transport == "ipc":
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            address: object = (
                str(where.path) if where.path is not None else "\0" + endpoint.partition("@")[2]
            )
        else:
            family, _, _, _, address = socket.getaddrinfo(
                where.host, where.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            made = socket.socket(family, socket.SOCK_STREAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.settimeout(0)
            if where.path is not None:
                where.path.unlink(missing_ok=True)  # of a bridge that was killed
            made.bind(address)  # type: ignore[arg-type]
            made.listen(LISTEN_BACKLOG)
        except OSError as error:
            made.close()
            raise OSError(error.errno, f"{endpoint}: {error.strerror}") from error
        self._listeners.append(made)
        if where.path is not None:
            self._socket_files.append(where.path)
        self._selector.register(made, _READ, partial(self._accept, made))

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                accepted, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._pause_accepting(error)
                    return
                continue  # that peer has gone already
            try:
                self._admit(accepted)
            except OSError:
                accepted.close()  # it has gone while it was greeted

    def _admit(self, accepted: socket.socket) -> None:
        accepted.settimeout(0)
        user, address = _who_is(accepted)
        if (
            len(self._connections) >= MAX_CONNECTIONS
            or (user is not None and self._of_user[user] >= MAX_CONNECTIONS_PER_USER)
            # The kernel gives the lowest number that is free.
            or accepted.fileno() >= _descriptor_limit() - RESERVED_DESCRIPTORS
        ):
            accepted.close()
            self.refused += 1
            if self._limit.allows():
                log.warning(
                    "%d programs are connected; further ones are refused (%s)",
                    len(self._connections), address,
                )  # fmt: skip
            return
        self._number += 1
        made = Connection(
            b"\0" + self._number.to_bytes(8, "big"),
            accepted,
            address,
            user,
            ServerConnection(MAX_MESSAGE_BYTES, MAX_DISCARDED_BYTES),
        )
        made.asks_whether_left = partial(self.has_left, made)
        made.hangup.register(accepted, select.POLLRDHUP)
        self._selector.register(accepted, _READ, partial(self._ready, made))
        self._connections[made.identity] = made
        self._of_user[user] += 1
        made.handshake = self._timer_queue.after(HANDSHAKE_S, partial(self._check_handshake, made))
        self._send_control(made)

    def _pause_accepting(self, error: OSError) -> None:
        if self._accepts_again is None:
            if self._limit.allows():
                log.warning(
                    "no connection can be accepted until a client leaves: %s; %d are connected",
                    error.strerror, len(self._connections),
                )  # fmt: skip
            for listener in self._listeners:
                self._selector.unregister(listener)
        else:
            self._accepts_again.cancel()
        self._accepts_again = self._timer_queue.after(ACCEPT_AGAIN_S, self._accept_again)

    def _accept_again(self) -> None:
        if self._accepts_again is None:
            return
        self._accepts_again.cancel()
        self._accepts_again = None
        for listener in self._listeners:
            self._selector.register(listener, _READ, partial(self._accept, listener))

    def _check_handshake(self, connection: Connection) -> None:
        if connection.identity in self._connections and not connection.protocol.is_open:
            self._break(connection, "it did not end its handshake in time")

    # -- reading ----------------------------------------------------------------------------------

    @property
    def has_messages(self) -> bool:
        """Whether messages may wait to be handed over."""
        return bool(self._waiting)

    @property
    def waiting(self) -> int:
        """How many peers have messages that wait to be handed over."""
        return len(self._waiting)

    def waiting_peers(self) -> list[bytes]:
        """Return the identities of the peers of whom a message was read and not handed over."""
        return [each.identity for each in self._connections.values() if each.messages]

    def has(self, identity: bytes) -> bool:
        """Return whether a peer is connected here."""
        return identity in self._connections

    def describe(self, identity: bytes) -> str:
        """Return who a peer is, for people; empty for none that is connected here."""
        connection = self._connections.get(identity)
        return "" if connection is None else connection.address

    def take(self) -> tuple[Connection, Message, float | None] | None:
        """Take the next message; those of several peers take turns.

        Returns:
            Who sent it, the message, and since when it may have waited (a clock reading in s, None
            for a message that has just come); None when there is none now. Where ``has_messages``
            is true all the same, a peer had sent much without any message in it, and others are to
            get their turn.
        """
        if not self._waiting:
            return None
        connection = self._waiting.popleft()
        if not connection.messages:
            if self._parse(connection, b"") and not connection.messages:
                self._go_on(connection)
            if not connection.messages:
                return None
        messages = connection.messages
        message, received_at = messages.popleft()
        size = len(message) if type(message) is bytes else _size(message)
        connection.message_bytes -= size
        connection.kept_bytes -= size
        self._received_bytes -= size
        if messages:
            self._waiting.append(connection)
        else:
            self._go_on(connection)
        return connection, message, received_at

    def rest(self, connection: Connection) -> None:
        """Let a peer rest that sends what is only refused: now and then, for a moment.

        One that has left does not rest: its end lies behind what it has sent.

        Args:
            connection: Whose message was refused last.
        """
        connection.refused_turns += 1
        if connection.refused_turns < REFUSED_TURNS or self.has_left(connection):
            return
        connection.refused_turns = 0
        connection.rests = True
        with suppress(ValueError):
            self._waiting.remove(connection)
        self._timer_queue.after(REST_S, partial(self._wake, connection))

    def _wake(self, connection: Connection) -> None:
        connection.rests = False
        if connection.identity in self._connections:
            self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """See to what is left of a connection, or to its next bytes."""
        if connection.has_work:
            self._waiting.append(connection)
        elif connection.has_ended:
            self._close(connection)
        else:
            if connection.old_since is not None:  # until now, it could not have sent more
                connection.read_at = self._timer_queue.clock.monotonic()
            if not connection.interest & _READ:
                self._set_interest(connection)

    def _ready(self, connection: Connection) -> None:
        if connection.wants_writing:
            self._write(connection)
        if connection.identity not in self._connections:
            return
        if (connection.has_work or connection.rests) and not connection.settles:
            self._set_interest(connection)  # nothing more is read before this was handed over
        else:
            self._read(connection)

    def has_left(self, connection: Connection) -> bool:
        """Return whether a peer has hung up, or died, whatever of it still waits here.

        Args:
            connection: The peer.
        """
        if connection.identity not in self._connections:
            return True
        connection.has_left = connection.has_left or bool(connection.hangup.poll(0))
        return connection.has_left

    def _read(self, connection: Connection) -> None:
        """Read what has come, and find its end if that is there."""
        taken, is_empty = 0, False
        while not is_empty and taken < TURN_BYTES:
            wanted = CHUNK_BYTES
            if connection.old_bytes:
                wanted = min(connection.old_bytes, wanted)
            try:
                data = connection.socket.recv(wanted)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._end(connection)
                break
            taken += len(data)
            is_empty = len(data) < wanted
            since = None
            if connection.old_since is not None:
                since = self._age_of(connection, connection.old_since, len(data))
            if not connection.has_work:  # else there is something before it, which is no newer
                connection.chunk_since = since
            if not self._parse(connection, data):
                return
        if not connection.settles or connection.kept_bytes > TURN_BYTES:
            self._offer(connection)

    def _offer(self, connection: Connection) -> None:
        """Let what was read be handed over."""
        connection.settles = False
        if connection.has_work and not connection.rests:
            self._waiting.append(connection)

    def settle(self) -> None:
        """Let what was read since a stop be handed over."""
        for connection in tuple(self._connections.values()):
            if connection.settles:
                self._offer(connection)

    def _parse(self, connection: Connection, data: bytes) -> bool:
        """Find messages in what was read.

        Args:
            connection: Whose.
            data: What comes next; none to go on with what is there.

        Returns:
            Whether the connection is still there.
        """
        protocol, since = connection.protocol, connection.chunk_since
        try:
            found = protocol.receive(data)
        except ProtocolError as error:
            self._break(connection, str(error))
            return False
        for message in found:
            connection.messages.append((message, since))
            connection.message_bytes += len(message) if type(message) is bytes else _size(message)
        connection.old_messages += len(found)
        if protocol.wants_to_send:
            self._send_control(connection)
            if connection.identity not in self._connections:
                return False
        kept = connection.message_bytes + protocol.held_bytes
        self._received_bytes += kept - connection.kept_bytes
        connection.kept_bytes = kept
        if self._received_bytes > MAX_RECEIVED_BYTES:
            most = max(self._connections.values(), key=lambda each: each.kept_bytes)
            self._break(most, "all clients together have sent more than can be kept")
            return connection.identity in self._connections
        return True

    def note_stop(self, since: float, now: float) -> bool:
        """Take note that this process was stopped: what waits in a connection may be as old.

        Where so much waits that the kernel may have had no room for more, the peer may have the
        rest in a queue of its own: what comes then counts as old, too, until the peer has paused,
        but not for longer than the stop has lasted (or such a pause).

        Args:
            since: Clock reading of the last turn before, s.
            now: Clock reading, s.

        Returns:
            Whether more may come at once, with the end behind it: over TCP the kernel has what a
            peer had sent before it died, but gives it only as there is room. ``settle`` is to be
            called when that had time to come; until then nothing of such a connection is handed
            over.
        """
        for connection in self._connections.values():
            if connection.has_work:  # read before the stop, or it would have been handed over
                if connection.chunk_since is None:
                    connection.chunk_since = since
                connection.messages = deque(
                    (message, since if received_at is None else received_at)
                    for message, received_at in connection.messages
                )
            waiting = _waiting_bytes(connection.socket)
            if not waiting:
                continue
            if not self._may_be_old(connection, now):
                connection.old_since = since
                connection.old_total = connection.old_messages = 0
            connection.old_bytes = waiting
            connection.old_until = now + max(now - since, PAUSE_S)
            if connection.user is None and waiting >= FULL_BYTES and not connection.has_work:
                connection.settles = True
        return any(connection.settles for connection in self._connections.values())

    def _age_of(self, connection: Connection, since: float, length: int) -> float | None:
        """Return since when bytes that were just read may have waited; None for new ones.

        Args:
            connection: Whose.
            since: Its ``old_since``.
            length: How many.
        """
        now = self._timer_queue.clock.monotonic()
        if not self._may_be_old(connection, now):
            connection.old_since = None
            return None
        connection.read_at = now
        if connection.old_bytes:
            connection.old_bytes -= length
            connection.old_total += length
        return since

    @staticmethod
    def _may_be_old(connection: Connection, now: float) -> bool:
        """Return whether what comes next may have waited through the stop noted last."""
        if connection.old_since is None or connection.old_bytes:
            return connection.old_since is not None
        was_full = connection.old_total >= FULL_BYTES or connection.old_messages >= FULL_MESSAGES
        has_paused = now - connection.read_at > PAUSE_S or now > connection.old_until
        return was_full and not has_paused

    # -- writing ----------------------------------------------------------------------------------

    def put(self, identity: bytes, frame: bytes) -> Sent:
        """Send a message at the next ``flush``, together with others; a long one is sent now.

        Args:
            identity: Which peer.
            frame: The message.

        Returns:
            As ``send``; what a peer turns out not to take at ``flush`` is kept until it does.
        """
        connection = self._connections.get(identity)
        if connection is None or connection.has_ended:
            return Sent.GONE
        if connection.unsent:
            return Sent.FULL
        size, gathered = len(frame), connection.gathered
        if size >= COPIED_BYTES:
            self._flush(connection)
            return self.send(identity, frame)
        if not gathered:
            self._to_flush.append(connection)
        gathered.append(encode_header(size))
        gathered.append(frame)
        connection.gathered_bytes += size
        if connection.gathered_bytes >= GATHERED_BYTES:
            return self._flush(connection)
        return _YES

    def flush(self) -> None:
        """Send what was gathered, each peer's in one piece."""
        if self._to_flush:
            connections, self._to_flush = self._to_flush, []
            for connection in connections:
                self._flush(connection)

    def _flush(self, connection: Connection) -> Sent:
        if not connection.gathered:
            return _YES  # of one that has gone, or for which it was too much to wait
        data = b"".join(connection.gathered)
        connection.gathered.clear()
        connection.gathered_bytes = 0
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end(connection)
            return Sent.GONE
        if sent < len(data):
            self._keep(connection, data[sent:])
        return _YES

    def send(self, identity: bytes, frame: bytes) -> Sent:
        """Send a message, if the peer takes it now.

        Args:
            identity: Which peer.
            frame: The message.

        Returns:
            ``YES`` when it was taken, or as much of it that the rest follows by itself; ``FULL``
            when the peer takes nothing now, and ``writable`` is called once it does; ``GONE`` when
            there is no such peer.
        """
        connection = self._connections.get(identity)
        if connection is None or connection.has_ended:
            return Sent.GONE
        if connection.unsent:
            return Sent.FULL
        header = encode_header(len(frame))
        try:
            if len(frame) < COPIED_BYTES:
                sent = connection.socket.send(header + frame)
            else:
                sent = connection.socket.sendmsg((header, frame))
        except BlockingIOError:
            connection.wants_writing = True
            self._set_interest(connection)
            return Sent.FULL
        except OSError:
            self._end(connection)
            return Sent.GONE
        if sent < len(header) + len(frame):
            self._keep(connection, (header + frame)[sent:])
        return Sent.YES

    def _send_control(self, connection: Connection) -> None:
        """Send what the protocol itself has to send."""
        data = connection.protocol.bytes_to_send()
        if not data:
            return
        self._flush(connection)  # what was to go out before it
        if connection.has_ended:
            return
        if not connection.unsent:
            try:
                data = data[connection.socket.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                self._end(connection)
                return
        if data:
            self._keep(connection, data)
            if connection.unsent_bytes > MAX_UNSENT_BYTES:
                self._break(connection, "it does not read what it asks for")

    def _keep(self, connection: Connection, data: bytes) -> None:
        connection.unsent.append(memoryview(data))
        connection.unsent_bytes += len(data)
        connection.wants_writing = True
        self._set_interest(connection)

    def _write(self, connection: Connection) -> None:
        unsent = connection.unsent
        try:
            while unsent:
                sent = connection.socket.send(unsent[0])
                connection.unsent_bytes -= sent
                if sent < len(unsent[0]):
                    unsent[0] = unsent[0][sent:]
                else:
                    unsent.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._end(connection)
            return
        connection.wants_writing = False
        self._writable(connection.identity)
        if connection.identity in self._connections:
            self._set_interest(connection)

    # -- the end ----------------------------------------------------------------------------------

    def cut(self, identity: bytes) -> None:
        """Cut a peer off; what it has sent and what it was to get is forgotten.

        Args:
            identity: Which.
        """
        connection = self._connections.get(identity)
        if connection is not None:
            self.cut_off += 1
            self._close(connection)

    def close(self) -> None:
        """Close everything, after a last attempt to send what waits."""
        for listener in self._listeners:
            if self._accepts_again is None:
                self._selector.unregister(listener)
            listener.close()
        self._listeners.clear()
        for path in self._socket_files:
            with suppress(OSError):
                path.unlink()
        if self._accepts_again is not None:
            self._accepts_again.cancel()
            self._accepts_again = None
        self.flush()
        for connection in tuple(self._connections.values()):
            with suppress(OSError):
                for data in connection.unsent:
                    if connection.socket.send(data) < len(data):
                        break  # nothing may follow a part of a frame
            self._close(connection)

    def _break(self, connection: Connection, reason: str) -> None:
        if self._limit.allows():
            log.info("the connection of %s was closed: %s", connection.address, reason)
        self.cut(connection.identity)

    def _end(self, connection: Connection) -> None:
        """Note that a peer has gone; what was read of it is still handed over."""
        connection.has_left = connection.has_ended = True
        if not connection.has_work:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        if self._connections.pop(connection.identity, None) is None:
            return
        self._of_user[connection.user] -= 1
        if not self._of_user[connection.user]:
            del self._of_user[connection.user]
        self._received_bytes -= connection.kept_bytes
        connection.kept_bytes = connection.message_bytes = 0
        connection.messages.clear()
        with suppress(ValueError):
            self._waiting.remove(connection)
        connection.unsent.clear()
        connection.gathered.clear()
        connection.asks_whether_left = _has_left  # which would keep itself, and all that was read
        if connection.interest:
            self._selector.unregister(connection.socket)
            connection.interest = 0
        connection.socket.close()
        if connection.handshake is not None:
            connection.handshake.cancel()
        self._accept_again()
        self._left(connection.identity)

    def _set_interest(self, connection: Connection) -> None:
        """Wait for what can be dealt with: to read, until messages wait here; to write what waits.

        A peer that sends one request after another never gets here: that takes no system call.
        """
        is_heard = not (connection.has_work or connection.rests)
        reads = (connection.settles or is_heard) and not connection.has_ended
        interest = (_READ if reads else 0) | (_WRITE if connection.wants_writing else 0)
        if interest == connection.interest:
            return
        if connection.interest:
            self._selector.unregister(connection.socket)
        connection.interest = interest
        if interest:  # without interest in anything it may not be registered
            self._selector.register(connection.socket, interest, partial(self._ready, connection))


def _has_left() -> bool:
    return True


def _descriptor_limit() -> int:
    """Return how many descriptors this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _waiting_bytes(connected: socket.socket) -> int:
    """Return how much the kernel holds that was not read yet."""
    found = fcntl.ioctl(connected, termios.FIONREAD, bytes(4))
    return int.from_bytes(found, sys.byteorder)


def _size(message: Message) -> int:
    if isinstance(message, bytes):
        return len(message)
    return len(getattr(message, "start", b""))


def _who_is(accepted: socket.socket) -> tuple[int | None, str]:
    """Return number of the user, and process and user (or address) for people."""
    if accepted.family == socket.AF_UNIX:
        size = _PEER_CREDENTIALS.size
        process, user, _ = _PEER_CREDENTIALS.unpack(
            accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        )
        return user, f"process {process}, user {user}"
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return None, str(accepted.getpeername()[0]).removeprefix("::ffff:")
