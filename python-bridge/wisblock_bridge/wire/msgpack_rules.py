"""The protocol's rules for MessagePack, beyond what a decoder checks.

1. It walks over bytes and builds nothing: depth, text keys, no repeated keys, no extension types.
2. The time that one frame can take is bounded by ``MAX_ELEMENTS``.
3. It is used for unusual frames only, so it is written for readability, not speed.

Source: the MessagePack specification, section "Formats".
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from wisblock_bridge.errors import BadRequestError
from wisblock_bridge.wire.limits import MAX_DEPTH, MAX_ELEMENTS


class _Shape(Enum):
    SCALAR = auto()
    TEXT = auto()
    BYTES = auto()
    ARRAY = auto()
    MAP = auto()
    EXTENSION = auto()


class _Format(NamedTuple):
    """What a first byte announces.

    Attributes:
        shape: The kind of value.
        size: Bytes of a scalar; of anything else its length, where the first byte contains it.
        length_bytes: How many bytes after the first one contain that length instead.
    """

    shape: _Shape
    size: int
    length_bytes: int = 0


def _formats() -> tuple[_Format, ...]:
    table = [_Format(_Shape.EXTENSION, 0)] * 256
    for byte in (*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3):
        table[byte] = _Format(_Shape.SCALAR, 1)
    for first, sizes in ((0xCA, (5, 9)), (0xCC, (2, 3, 5, 9)), (0xD0, (2, 3, 5, 9))):
        for offset, size in enumerate(sizes):
            table[first + offset] = _Format(_Shape.SCALAR, size)
    for low_bits in range(0x10):
        table[0x80 | low_bits] = _Format(_Shape.MAP, low_bits)
        table[0x90 | low_bits] = _Format(_Shape.ARRAY, low_bits)
    for low_bits in range(0x20):
        table[0xA0 | low_bits] = _Format(_Shape.TEXT, low_bits)
    for first, shape, widths in (
        (0xC4, _Shape.BYTES, (1, 2, 4)),
        (0xD9, _Shape.TEXT, (1, 2, 4)),
        (0xDC, _Shape.ARRAY, (2, 4)),
        (0xDE, _Shape.MAP, (2, 4)),
    ):
        for offset, width in enumerate(widths):
            table[first + offset] = _Format(shape, 0, width)
    return tuple(table)


_FORMATS = _formats()


def examine(frame: bytes) -> None:
    """Check a whole frame against the protocol's rules.

    Raises:
        BadRequestError: A rule is broken; the message names it.
    """
    if _Walk(frame).over_value(0, 1) != len(frame):
        raise BadRequestError("There are bytes after the end of the map.")


def value_of_key(frame: bytes, key: bytes) -> bytes | None:
    """Return the value of a key in the outermost map, as far as the frame can be read.

    Args:
        frame: What came, well-formed or not.
        key: The key, encoded.

    Returns:
        The value, encoded; None when it cannot be found.
    """
    walk = _Walk(frame)
    try:
        shape, count, position = walk.head(0)
        if shape is not _Shape.MAP:
            return None
        for _ in range(count):
            value = walk.over_value(position, 2)
            behind = walk.over_value(value, 2)
            if frame[position:value] == key:
                return frame[value:behind]
            position = behind
    except BadRequestError:
        return None
    return None


class _Walk:
    """One way through one frame."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame
        self._elements = 0

    def head(self, position: int) -> tuple[_Shape, int, int]:
        """Read what a value is: its shape, its length, and where its content begins."""
        if position >= len(self._frame):
            raise BadRequestError("The frame ends too early.")
        shape, size, length_bytes = _FORMATS[self._frame[position]]
        if shape is _Shape.EXTENSION:
            raise BadRequestError("Extension types are not part of this protocol.")
        if shape is _Shape.SCALAR:
            return shape, size - 1, position + 1
        content = position + 1 + length_bytes
        if length_bytes:
            size = int.from_bytes(self._frame[position + 1 : content], "big")
        return shape, size, content

    def over_value(self, position: int, depth: int) -> int:
        """Walk over one value and return the position behind it."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise BadRequestError(f"The frame has more than {MAX_ELEMENTS} elements.")
        shape, length, position = self.head(position)
        if shape is _Shape.MAP or shape is _Shape.ARRAY:
            if depth > MAX_DEPTH:
                raise BadRequestError(f"The frame is nested deeper than {MAX_DEPTH} levels.")
            if shape is _Shape.MAP:
                return self._over_map(position, length, depth + 1)
            for _ in range(length):
                position = self.over_value(position, depth + 1)
            return position
        if position + length > len(self._frame):
            raise BadRequestError("The frame ends too early.")
        return position + length

    def _over_map(self, position: int, count: int, depth: int) -> int:
        seen: set[bytes] = set()
        for _ in range(count):
            shape, _length, content = self.head(position)
            if shape is not _Shape.TEXT:
                raise BadRequestError("The keys of a map are text.")
            value = self.over_value(position, depth)
            key = self._frame[content:value]
            if key in seen:
                text = key.decode(errors="replace")
                raise BadRequestError(f"The key {text!r} occurs twice.")
            seen.add(key)
            position = self.over_value(value, depth)
        return position
