"""The protocol's rules for MessagePack, beyond what a decoder checks.

1. It walks over bytes and builds nothing: depth, text keys, no repeated keys, no extension types.
2. The time that one frame can take is bounded by ``MAX_ELEMENTS``: some milliseconds. A length is
   held against the bytes that are there before anything of its contents is looked at.
3. It is used for unusual frames only.

Source: the MessagePack specification, section "Formats".
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from wisblock_bridge.errors import BadRequestError
from wisblock_bridge.wire.limits import MAX_DEPTH, MAX_ELEMENTS


class Shape(Enum):
    """The kinds of values that a first byte can announce."""

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
        size: Bytes behind the first one, of a scalar; of anything else its length, where the first
            byte contains it.
        length_bytes: How many bytes after the first one contain that length instead.
    """

    shape: Shape
    size: int
    length_bytes: int = 0


def _formats() -> tuple[_Format, ...]:
    table = [_Format(Shape.EXTENSION, 0)] * 256
    for byte in (*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3):
        table[byte] = _Format(Shape.SCALAR, 0)
    for first, sizes in ((0xCA, (4, 8)), (0xCC, (1, 2, 4, 8)), (0xD0, (1, 2, 4, 8))):
        for offset, size in enumerate(sizes):
            table[first + offset] = _Format(Shape.SCALAR, size)
    for low_bits in range(0x10):
        table[0x80 | low_bits] = _Format(Shape.MAP, low_bits)
        table[0x90 | low_bits] = _Format(Shape.ARRAY, low_bits)
    for low_bits in range(0x20):
        table[0xA0 | low_bits] = _Format(Shape.TEXT, low_bits)
    for first, shape, widths in (
        (0xC4, Shape.BYTES, (1, 2, 4)),
        (0xD9, Shape.TEXT, (1, 2, 4)),
        (0xDC, Shape.ARRAY, (2, 4)),
        (0xDE, Shape.MAP, (2, 4)),
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


def head(encoded: bytes) -> tuple[Shape, int, int]:
    """Read what a value is, from its first bytes.

    Args:
        encoded: The value.

    Returns:
        Its shape; its length as it was announced: bytes, or members of a list or map; where its
        content begins.

    Raises:
        BadRequestError: It is cut short, or an extension type.
    """
    return _Walk(encoded).head(0)


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
        if shape is not Shape.MAP:
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
        self._left = MAX_ELEMENTS

    def head(self, position: int) -> tuple[Shape, int, int]:
        """Read what a value is: its shape, its length, and where its content begins."""
        if position >= len(self._frame):
            raise BadRequestError(_TOO_EARLY)
        shape, length, length_bytes = _FORMATS[self._frame[position]]
        if shape is Shape.EXTENSION:
            raise BadRequestError(_EXTENSION)
        content = position + 1 + length_bytes
        if length_bytes:
            length = int.from_bytes(self._frame[position + 1 : content], "big")
        return shape, length, content

    def over_value(self, position: int, depth: int) -> int:  # noqa: C901, PLR0912  (calls cost time)
        """Walk over one value and return the position behind it.

        Args:
            position: Where it begins.
            depth: The level that it is at.
        """
        frame, size, formats = self._frame, len(self._frame), _FORMATS
        text, map_, array = Shape.TEXT, Shape.MAP, Shape.ARRAY
        around: list[tuple[int, set[bytes] | None]] = []
        # Of the map or list at hand; in a map, an even rest begins a key.
        missing = 1
        keys: set[bytes] | None = None
        for left in range(self._left, 0, -1):
            if position >= size:
                raise BadRequestError(_TOO_EARLY)
            shape, length, length_bytes = formats[frame[position]]
            if shape is Shape.EXTENSION:
                raise BadRequestError(_EXTENSION)
            content = position + 1 + length_bytes
            if length_bytes:
                length = int.from_bytes(frame[position + 1 : content], "big")
            is_key = keys is not None and not missing & 1
            if is_key and shape is not text:
                raise BadRequestError("The keys of a map are text.")
            missing -= 1
            position = content
            if shape is map_ or shape is array:
                if depth + len(around) > MAX_DEPTH:
                    raise BadRequestError(f"The frame is nested deeper than {MAX_DEPTH} levels.")
                if length:
                    around.append((missing, keys))
                    missing, keys = (2 * length, set()) if shape is map_ else (length, None)
            else:
                position += length
                if is_key:
                    _note_key(keys, frame[content:position])
            if missing > size - position or position > size:  # each takes a byte at least
                raise BadRequestError(_TOO_EARLY)
            while not missing:
                if not around:
                    self._left = left - 1
                    return position
                missing, keys = around.pop()
        raise BadRequestError(f"The frame has more than {MAX_ELEMENTS} elements.")


_EXTENSION = "Extension types are not part of this protocol."
_TOO_EARLY = "The frame ends too early."


def _note_key(keys: set[bytes] | None, key: bytes) -> None:
    """Refuse a key that its map has already."""
    assert keys is not None  # noqa: S101  (for type checkers)
    if key in keys:
        raise BadRequestError(f"The key {key.decode(errors='replace')!r} occurs twice.")
    keys.add(key)
