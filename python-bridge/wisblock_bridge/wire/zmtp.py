"""A ZMTP 3.x connection, mechanism NULL, without any I/O: the server's side, and the client's.

Bytes that were received go in, messages and bytes to be sent come out; sockets, time and limits on
the sum of all connections are the listener's. Sources: RFC 23/ZMTP 3.0 and RFC 37/ZMTP 3.1
(https://rfc.zeromq.org/spec/37/), where "3.4 Framing" and "3.7 Null mechanism" are most of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

SIGNATURE_BYTES = 10
VERSION_BYTES = 2
GREETING_BYTES = 64
MECHANISM = slice(12, 32)

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)

MORE, LONG, COMMAND = 0x01, 0x02, 0x04
_RESERVED = 0xF8

MAX_COMMAND_BYTES = 4096
"""The longest that has a meaning is READY, with an identity of 255 bytes and a few properties."""

MAX_PING_CONTEXT_BYTES = 16

FRAMES_AT_ONCE = 64
"""The work of one call: 64 KiB can hold 20 000 frames, for which others would have to wait."""

PEER_TYPES = frozenset({b"DEALER", b"REQ", b"ROUTER"})
"""Socket types that may talk to a ROUTER (RFC 28/REQREP). The requests of a REQ cannot be answered,
because it puts an empty frame in front of them; its user is told so in the log."""


class ProtocolError(Exception):
    """The peer does not speak ZMTP 3 with the mechanism NULL, or breaks its rules.

    Args:
        reason: What is wrong, for the log.
    """


class MechanismError(ProtocolError):
    """The peer wants another mechanism than NULL."""


@dataclass(frozen=True, slots=True)
class Oversized:
    """A message that is longer than what is kept of it.

    Attributes:
        start: Its first bytes, as many as a message may have.
        length: Its real length, bytes.
    """

    start: bytes
    length: int


@dataclass(frozen=True, slots=True)
class SeveralFrames:
    """A message of several frames, whose contents are not kept.

    Attributes:
        delimited: The first frame is empty, as a REQ socket sends it.
    """

    delimited: bool


Message = bytes | Oversized | SeveralFrames


class _State(Enum):
    GREETING = auto()
    HANDSHAKE = auto()
    OPEN = auto()


class ServerConnection:
    """One connection, from its first byte on.

    After ``ProtocolError`` the connection is of no use any more and has to be closed.

    Args:
        max_message_bytes: Messages beyond this are reported as ``Oversized``.
        max_discarded_bytes: Messages beyond this break the protocol.

    Attributes:
        has_more: Whether more may be complete: ``receive`` is to be called again, with nothing.
        is_open: Whether the handshake is over.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_command",
        "_delimited",
        "_frames",
        "_last",
        "_length",
        "_max_discarded_bytes",
        "_max_message_bytes",
        "_missing",
        "_state",
        "_to_send",
        "has_more",
        "is_open",
    )

    READY = b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"ROUTER"
    PEERS = PEER_TYPES

    def __init__(self, max_message_bytes: int, max_discarded_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._max_discarded_bytes = max_discarded_bytes
        self._state = _State.GREETING
        self.is_open = False
        self._buffer = bytearray()
        self._to_send: deque[bytes] = deque((GREETING,))
        # The frame that is being received; `_missing` is None between two frames.
        self._missing: int | None = None
        self._length = 0
        self._body = bytearray()
        self._command = False
        self._last = True
        # The message that it belongs to.
        self._frames = 0
        self._delimited = False
        self.has_more = False

    @property
    def wants_to_send(self) -> bool:
        """Whether ``bytes_to_send`` has something."""
        return bool(self._to_send)

    @property
    def held_bytes(self) -> int:
        """How much was received and is not part of a message that was returned, bytes."""
        return len(self._buffer) + len(self._body)

    def bytes_to_send(self) -> bytes:
        """Take what the protocol itself has to send: greeting, READY, answers to PING.

        Returns:
            The bytes, which are forgotten here; empty when there are none.
        """
        if not self._to_send:
            return b""
        data = b"".join(self._to_send)
        self._to_send.clear()
        return data

    def receive(self, data: bytes) -> list[Message]:
        """Take bytes that the peer has sent, however they were cut.

        Args:
            data: The bytes; none to go on with those that are here (``has_more``).

        Returns:
            The messages that are complete now, in order, out of at most ``FRAMES_AT_ONCE`` frames.

        Raises:
            ProtocolError: The peer breaks the protocol. What is complete before that is lost with
                the connection.
        """
        messages: list[Message] = []
        buffer = self._buffer
        if self._missing is None and self.is_open and not self._frames:
            # Between two messages. By far the most frequent case, whole short requests, is not even
            # put into the buffer.
            if not buffer:
                behind = _take_short(data, messages)
                if behind == len(data):
                    return messages
                data = data[behind:]
            else:
                buffer += data
                data = b""
                del buffer[: _take_short(buffer, messages)]
        buffer += data
        if self._state is _State.GREETING and not self._read_greeting():
            return messages
        for _ in range(FRAMES_AT_ONCE - len(messages)):
            if not self._read_frame(messages):
                self.has_more = False
                return messages
        self.has_more = bool(buffer)
        return messages

    def _read_greeting(self) -> bool:
        buffer = self._buffer
        if not GREETING.startswith(buffer[:1]) or (
            len(buffer) >= SIGNATURE_BYTES and buffer[9] != GREETING[9]
        ):
            raise ProtocolError("it does not begin as ZMTP does")
        if len(buffer) > SIGNATURE_BYTES and buffer[10] < 3:  # noqa: PLR2004  (the version)
            raise ProtocolError("it speaks a version of ZMTP before 3.0")
        if len(buffer) < GREETING_BYTES:
            return False
        mechanism = bytes(buffer[MECHANISM]).rstrip(b"\0")
        if mechanism != b"NULL":
            raise MechanismError(
                f"it wants the mechanism {mechanism.decode('ascii', 'replace')}; here is no "
                "encryption"
            )
        del buffer[:GREETING_BYTES]
        self._state = _State.HANDSHAKE
        self._to_send.append(encode_command(b"READY", self.READY))
        return True

    def _read_frame(self, messages: list[Message]) -> bool:
        """Take one frame, or what is there of it, out of the buffer.

        Returns:
            Whether a frame was completed, so that there may be another one.
        """
        if self._missing is None and not self._read_header():
            return False
        assert self._missing is not None  # noqa: S101  (for type checkers)
        buffer = self._buffer
        taken = min(self._missing, len(buffer))
        wanted = self._keeps() - len(self._body)
        if wanted > 0:
            self._body += buffer[: min(taken, wanted)]
        del buffer[:taken]
        self._missing -= taken
        if self._missing:
            return False
        self._missing = None
        body, self._body = bytes(self._body), bytearray()
        if self._command:
            self._handle_command(body)
        elif self._last:
            messages.append(self._message(body))
            self._frames = 0
        else:
            self._frames += 1
            if self._frames == 1:
                self._delimited = not self._length
        return True

    def _read_header(self) -> bool:
        buffer = self._buffer
        if not buffer:
            return False
        flags = buffer[0]
        size = 9 if flags & LONG else 2
        if flags & _RESERVED or (flags & COMMAND and flags & MORE):
            raise ProtocolError(f"a frame has the flags 0x{flags:02x}")
        if len(buffer) < size:
            return False
        length = int.from_bytes(buffer[1:size], "big")
        self._command = bool(flags & COMMAND)
        if self._state is _State.HANDSHAKE and not self._command:
            raise ProtocolError("it sends a message before its handshake")
        if length > (MAX_COMMAND_BYTES if self._command else self._max_discarded_bytes):
            raise ProtocolError(f"a frame has {length} bytes")
        del buffer[:size]
        self._length = self._missing = length
        self._last = not flags & MORE
        return True

    def _keeps(self) -> int:
        """Return how many bytes of the present frame are of any use."""
        if self._command:
            return MAX_COMMAND_BYTES
        return self._max_message_bytes if self._last and not self._frames else 0

    def _message(self, body: bytes) -> Message:
        if self._frames:
            return SeveralFrames(delimited=self._delimited)
        return body if self._length == len(body) else Oversized(body, self._length)

    def _handle_command(self, body: bytes) -> None:
        if not body or len(body) < 1 + body[0]:
            raise ProtocolError("a command has no name")
        name, data = body[1 : 1 + body[0]], body[1 + body[0] :]
        if name == b"ERROR":
            raise ProtocolError("it refuses this connection")
        if self._state is _State.HANDSHAKE:
            if name != b"READY":
                raise ProtocolError("its handshake does not begin with READY")
            self._check_peer(data)
            self._state = _State.OPEN
            self.is_open = True
        elif name == b"PING":
            context = data[2 : 2 + MAX_PING_CONTEXT_BYTES]
            self._to_send.append(encode_command(b"PONG", context))
        # Other commands concern other socket types, or a version that is to come: RFC 37 has a peer
        # ignore what it does not know.

    def _check_peer(self, data: bytes) -> None:
        kind = properties(data).get(b"socket-type", b"")
        if kind not in self.PEERS:
            wanted = "DEALER" if b"DEALER" in self.PEERS else "ROUTER"
            raise ProtocolError(
                f"it is a {kind.decode('ascii', 'replace') or 'socket of no type'}, not a {wanted}"
            )


class ClientConnection(ServerConnection):
    """The same, seen from a client."""

    __slots__ = ()

    READY = b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER" + b"\x08Identity" + bytes(4)
    PEERS = frozenset({b"ROUTER"})

    def receive_all(self, data: bytes) -> list[Message]:
        """Take bytes of the bridge, and give every message that is complete: nobody else waits.

        Args:
            data: The bytes, one or more.

        Raises:
            ProtocolError: The peer breaks the protocol.
        """
        messages = self.receive(data)
        while self.has_more:
            messages += self.receive(b"")
        return messages


def _take_short(data: bytes | bytearray, messages: list[Message]) -> int:
    """Find the messages at the beginning that have one short frame, as nearly all requests do.

    They cost little here: nothing is copied but their contents, and nothing is remembered.

    Args:
        data: What begins with the first byte of a message.
        messages: Where they are added, up to ``FRAMES_AT_ONCE``.

    Returns:
        How many bytes they take.
    """
    at, last = 0, len(data) - 1
    while at < last and not data[at] and len(messages) < FRAMES_AT_ONCE:
        behind = at + 2 + data[at + 1]
        if behind > last + 1:
            break
        messages.append(bytes(data[at + 2 : behind]))
        at = behind
    return at


def properties(data: bytes) -> dict[bytes, bytes]:
    """Read the properties of a READY command.

    Args:
        data: What stands behind its name.

    Returns:
        Name in small letters to value.

    Raises:
        ProtocolError: They are cut short.
    """
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        start = at + 1 + data[at] + 4
        if start > len(data):
            raise ProtocolError("the properties of its READY are cut short")
        length = int.from_bytes(data[start - 4 : start], "big")
        if start + length > len(data):
            raise ProtocolError("the properties of its READY are cut short")
        found[data[at + 1 : start - 4].lower()] = data[start : start + length]
        at = start + length
    return found


def encode_header(length: int) -> bytes:
    """Build the header of a message of one frame.

    Args:
        length: Of its content, bytes.

    Returns:
        The bytes to send in front of the content.
    """
    return _SHORT_HEADERS[length] if length <= 0xFF else _header(0, length)  # noqa: PLR2004


def encode_command(name: bytes, data: bytes) -> bytes:
    """Build a command.

    Args:
        name: Its name, at most 255 bytes.
        data: What stands behind it.

    Returns:
        The bytes to send.
    """
    return _header(COMMAND, 1 + len(name) + len(data)) + bytes((len(name),)) + name + data


def _header(flags: int, length: int) -> bytes:
    if length <= 0xFF:  # noqa: PLR2004  (one byte)
        return bytes((flags, length))
    return bytes((flags | LONG,)) + length.to_bytes(8, "big")


_SHORT_HEADERS = tuple(_header(0, length) for length in range(0x100))
"""Nearly every message gets one of these."""
