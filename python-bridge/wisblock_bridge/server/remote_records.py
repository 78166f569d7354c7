"""What the bridge and its process for remote clients say to each other over their socket pair."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections import deque

    from wisblock_bridge.wire.zmtp import SeveralFrames


_HEADER = struct.Struct(">IBB")
_MESSAGE = struct.Struct(">BBId")
KEY_BYTES = 40
"""A public key as text (Z85)."""

RECORDS_AT_ONCE = 64
"""Sent with one system call."""

MAX_RECORD_BYTES = 4 * 1024 * 1024
"""Larger than any request that is kept, and than any reply."""


class Kind(IntEnum):
    """What a record says.

    From the process: it serves, it cannot; a message came, one of several frames (its length is 1
    where it is delimited as a REQ socket does it, else 0); a client takes
    nothing now, takes something again, has gone; a key was refused; it is alive. To the process: a
    message.
    """

    SERVES = 1
    FAILED = 2
    MESSAGE = 3
    SEVERAL_FRAMES = 4
    FULL = 5
    WRITABLE = 6
    LEFT = 7
    REFUSED = 8
    SEND = 9
    ALIVE = 10


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        kind: What it says.
        identity: Which client it is about; empty for none.
        body: What belongs to it.
    """

    kind: Kind
    identity: bytes = b""
    body: bytes = b""

    def encode(self) -> bytes:
        """Return its bytes."""
        return (
            _HEADER.pack(len(self.identity) + len(self.body), self.kind, len(self.identity))
            + self.identity
            + self.body
        )


@dataclass(frozen=True, slots=True)
class RemoteMessage:
    """A message of a remote client.

    Attributes:
        key: The public key that its connection has proven.
        address: Its IP address.
        length: Its length, bytes.
        start: As much of it as is kept.
        received_at: Since when it may have waited, s; processes of one computer share this clock.
        frames: What it is where it has several frames; then nothing of it is kept.
    """

    key: str
    address: str
    length: int
    start: bytes
    received_at: float = 0.0
    frames: SeveralFrames | None = None

    def encode(self) -> bytes:
        """Return its bytes, the body of a record."""
        key, address = self.key.encode(), self.address.encode()[:255]
        head = _MESSAGE.pack(len(key), len(address), self.length, self.received_at)
        return head + key + address + self.start

    @classmethod
    def decode(cls, body: bytes) -> RemoteMessage:
        """Read it from the body of a record."""
        key, address, length, received_at = _MESSAGE.unpack_from(body)
        at = _MESSAGE.size
        return cls(
            body[at : at + key].decode(),
            body[at + key : at + key + address].decode(errors="replace"),
            length,
            body[at + key + address :],
            received_at,
        )


def send_records(pipe: socket.socket, unsent: deque[memoryview]) -> int:
    """Send what waits, many records with one system call.

    Args:
        pipe: Where to; it does not block.
        unsent: What is to be sent; what was sent is taken out.

    Returns:
        How many bytes were sent before the pipe was full.

    Raises:
        OSError: The other side has hung up.
    """
    total = 0
    while unsent:
        try:
            sent = pipe.sendmsg(tuple(islice(unsent, RECORDS_AT_ONCE)))
        except BlockingIOError:
            break
        total += sent
        while unsent and sent >= len(unsent[0]):
            sent -= len(unsent.popleft())
        if sent:
            unsent[0] = unsent[0][sent:]
    return total


class RecordReader:
    """Finds the records in a stream, however it is cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[Record]:
        """Take bytes.

        Args:
            data: What has come.

        Returns:
            The records that are complete now.

        Raises:
            ValueError: The other side does not speak as it should.
        """
        self._buffer += data
        found = []
        at = 0
        while len(self._buffer) - at >= _HEADER.size:
            length, kind, named = _HEADER.unpack_from(self._buffer, at)
            if length > MAX_RECORD_BYTES or named > length:
                raise ValueError("a record is longer than any can be")
            start, end = at + _HEADER.size, at + _HEADER.size + length
            if len(self._buffer) < end:
                break
            identity = bytes(self._buffer[start : start + named])
            found.append(Record(Kind(kind), identity, bytes(self._buffer[start + named : end])))
            at = end
        del self._buffer[:at]
        return found
