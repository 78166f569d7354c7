"""NDEF messages: bytes to records and back, without losing a bit.

1. Pure functions. What a record means is the business of ``ndef_records``.
2. ``Record`` holds everything that the bytes of a record hold, except where in the message it
   stands: ``encode(decode(data)) == data`` for every message that ``decode`` accepts.
3. Whatever comes in, what comes out is records or a ``MessageError`` that says what is wrong.

Source: NFC Forum NDEF 1.0, section 3 (record layout, flags, type name formats, chunks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN, END, CHUNK, SHORT, WITH_ID = 0x80, 0x40, 0x20, 0x10, 0x08
FORMAT = 0x07

EMPTY, WELL_KNOWN, MEDIA, URI, EXTERNAL, UNKNOWN, UNCHANGED, RESERVED = range(8)
"""Type name formats."""

LONGEST_SHORT = 255


class MessageError(ValueError):
    """The bytes are not a message.

    Args:
        why: What is wrong, as part of a sentence.
        records: The records before the damage.
    """

    def __init__(self, why: str, records: Sequence[Record] = ()) -> None:
        super().__init__(why)
        self.records = tuple(records)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a payload, as it stands on the tag.

    Attributes:
        size: Bytes.
        long: Whether its length takes four bytes.
    """

    size: int
    long: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A record.

    Attributes:
        format: Type name format, 0...7.
        type: Its type.
        payload: What it holds; of a chunked record all of it.
        id: Its identifier, or None when it has no such field.
        long: Whether the length takes four bytes, of a chunked record that of its first chunk.
        chunks: The chunks after the first and the first itself, for a chunked record; else empty.
    """

    format: int
    type: bytes
    payload: bytes
    id: bytes | None = None
    long: bool = False
    chunks: tuple[Chunk, ...] = ()


def make(kind: int, type_: bytes, payload: bytes) -> Record:
    """Create a record as it is usually written: no identifier, one piece, the shortest length.

    Args:
        kind: Type name format.
        type_: Its type.
        payload: What it holds.
    """
    return Record(kind, type_, payload, long=len(payload) > LONGEST_SHORT)


def encode(records: Sequence[Record]) -> bytes:
    """Create the bytes of a message.

    Args:
        records: Its records.

    Returns:
        The message; empty when there are no records.

    Raises:
        ValueError: A field is longer than its length can say.
    """
    last = len(records) - 1
    return b"".join(
        _encoded(each, (BEGIN if number == 0 else 0), (END if number == last else 0))
        for number, each in enumerate(records)
    )


def _encoded(record: Record, begin: int, end: int) -> bytes:
    if not record.chunks:
        return _piece(record, begin | end | record.format, record.payload, long=record.long)
    made = b""
    at = 0
    for number, chunk in enumerate(record.chunks):
        content = record.payload[at : at + chunk.size]
        at += chunk.size
        more = CHUNK if number < len(record.chunks) - 1 else 0
        if number == 0:
            made += _piece(record, begin | more | record.format, content, long=chunk.long)
        else:
            rest = Record(UNCHANGED, b"", content)
            flags = more | (0 if more else end) | UNCHANGED
            made += _piece(rest, flags, content, long=chunk.long)
    return made


def _piece(record: Record, flags: int, content: bytes, *, long: bool) -> bytes:
    name = record.id if record.id is not None else b""
    if max(len(record.type), len(name)) > LONGEST_SHORT:
        raise ValueError("a type and an identifier have at most 255 bytes")
    if not long and len(content) > LONGEST_SHORT:
        raise ValueError(f"{len(content)} bytes need a long length")
    flags |= (0 if long else SHORT) | (WITH_ID if record.id is not None else 0)
    made = bytes((flags, len(record.type))) + len(content).to_bytes(4 if long else 1, "big")
    if record.id is not None:
        made += bytes((len(name),))
    return made + record.type + name + content


def decode(data: bytes) -> tuple[Record, ...]:
    """Read a message.

    Args:
        data: All of it.

    Returns:
        Its records, none when it is empty.

    Raises:
        MessageError: It is cut off, or its flags contradict each other.
    """
    records: list[Record] = []
    framer: list[tuple[Record, int]] = []
    at = 0
    while at < len(data):
        try:
            flags, record, at = _read_piece(data, at)
            _check_flags(flags, record, first=not records and not framer, inside=bool(framer))
        except MessageError as error:
            raise MessageError(str(error), records) from None
        framer.append((record, flags))
        if flags & CHUNK:
            continue
        records.append(_joined(framer))
        framer = []
        if flags & END:
            if at < len(data):
                raise MessageError(
                    f"{len(data) - at} bytes follow the record that says it is the last", records
                )
            return tuple(records)
    if data:
        what = "its last chunk is missing" if framer else "no record says that it is the last"
        raise MessageError(what, records)
    return ()


def _read_piece(data: bytes, at: int) -> tuple[int, Record, int]:
    begun = at
    flags = data[at]
    sizes = 1 + (1 if flags & SHORT else 4) + (1 if flags & WITH_ID else 0)
    head = data[at + 1 : at + 1 + sizes]
    if len(head) < sizes:
        raise MessageError(f"the record at byte {begun} is cut off")
    lengths = 2 if flags & SHORT else 5
    payload_length = int.from_bytes(head[1:lengths], "big")
    id_length = head[lengths] if flags & WITH_ID else 0
    at += 1 + sizes
    wanted = head[0] + id_length + payload_length
    if at + wanted > len(data):
        raise MessageError(
            f"the record at byte {begun} says {wanted} bytes, and {len(data) - at} follow"
        )
    type_ = data[at : at + head[0]]
    at += head[0]
    name = data[at : at + id_length] if flags & WITH_ID else None
    at += id_length
    payload = data[at : at + payload_length]
    record = Record(flags & FORMAT, type_, payload, name, not flags & SHORT)
    return flags, record, at + payload_length


def _check_flags(flags: int, record: Record, *, first: bool, inside: bool) -> None:
    if bool(flags & BEGIN) != first:
        raise MessageError(
            "its first record does not say that it is the first"
            if first
            else "a record in it says that it is the first"
        )
    if flags & CHUNK and flags & END:
        raise MessageError("a chunk that is not the last says that the message ends")
    if inside and (record.format != UNCHANGED or record.type or record.id is not None):
        raise MessageError("a chunked record is interrupted by another one")


def _joined(framer: Sequence[tuple[Record, int]]) -> Record:
    first = framer[0][0]
    if len(framer) == 1:
        return first
    return Record(
        first.format,
        first.type,
        b"".join(each.payload for each, _ in framer),
        first.id,
        first.long,
        tuple(Chunk(len(each.payload), each.long) for each, _ in framer),
    )
