"""Finding frames in what was heard, however it was chopped up.

1. Every byte that is put in comes out again, in exactly one segment; nothing is dropped.
2. What comes out does not depend on how the bytes were handed over, only on the bytes and on where
   there was silence.
3. It knows no time: the caller says when the line was silent.

A serial port tells a break as a zero, some of them none or two, so a header is found with or
without. The length of a frame is nowhere in it: where it is not known, a frame ends where a
checksum fits and a header or silence follows, or after eight bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.modules.lin import frames

if TYPE_CHECKING:
    from wisblock_bridge.modules.lin.frames import Model, ModelOrAuto

MOST_NOISE = 64
"""Bytes without a header are reported in segments of this size."""

MOST_ZEROS = 2
LONGEST_HEADER = MOST_ZEROS + 2

WAKE_UPS = frozenset({0x00, 0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC})
"""What a port makes of a single dominant pulse of some bits."""

ANY_LENGTH = tuple(range(1, frames.MOST_DATA + 1))


class Kind(StrEnum):
    """What a segment is."""

    FRAME = "frame"
    """A whole frame."""
    HEADER = "header"
    """A header that nobody answered."""
    SHORT = "short"
    """The answer broke off."""
    WRONG_CHECKSUM = "wrong_checksum"
    """No checksum fits: it is damaged, or it broke off."""
    WRONG_PARITY = "wrong_parity"
    """The parity of the identifier is wrong."""
    WAKE_UP = "wake_up"
    """A node asks for the bus to be woken up."""
    NOISE = "noise"
    """No header."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of what was heard.

    Attributes:
        kind: What it is.
        raw: All its bytes, the zero of the break included.
        identifier: 0 to 63; None without header.
        data: The data of a frame, or what there is of it; without the checksum in a whole frame.
        model: The checksum of a whole frame.
        open_end: Silence ended it; more of it may come, if the silence was none.
    """

    kind: Kind
    raw: bytes
    identifier: int | None = None
    data: bytes = b""
    model: Model | None = None
    open_end: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.kind in {Kind.FRAME, Kind.WAKE_UP}


@dataclass(frozen=True, slots=True)
class _Header:
    length: int
    protected: int


class Framer:
    """Takes bytes and gives segments.

    Args:
        only: The identifier that ``length`` is about; None for all.
        length: How many bytes of data its frames have; None to find out.
        model: Which checksum its frames have.
    """

    def __init__(
        self, only: int | None = None, length: int | None = None, model: ModelOrAuto = "auto"
    ) -> None:
        self._only = only
        self._length = length
        self._model: ModelOrAuto = model
        self._buffer = bytearray()

    @property
    def waiting(self) -> bool:
        """Whether bytes wait for more, or for silence."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Segment]:
        """Put bytes in.

        Args:
            data: What was heard.

        Returns:
            The segments that are complete now.
        """
        self._buffer += data
        return self._all(silent=False)

    def silence(self) -> list[Segment]:
        """Say that it was silent: what was begun does not go on.

        Returns:
            The segments that this completes; nothing is left.
        """
        return self._all(silent=True)

    def _all(self, *, silent: bool) -> list[Segment]:
        found: list[Segment] = []
        while (segment := self._next(bytes(self._buffer), silent=silent)) is not None:
            del self._buffer[: len(segment.raw)]
            found.append(segment)
        return found

    def _next(self, data: bytes, *, silent: bool) -> Segment | None:
        for at in range(min(len(data), MOST_NOISE)):
            header = _header_at(data, at)
            if isinstance(header, _Header):
                return _noise(data[:at]) if at else self._framed(data, header, silent=silent)
            if header is not None and not silent:
                return None
        if silent and data:
            return _noise(data[:MOST_NOISE], open_end=len(data) <= MOST_NOISE)
        return _noise(data[:MOST_NOISE]) if len(data) >= MOST_NOISE else None

    def _framed(self, data: bytes, header: _Header, *, silent: bool) -> Segment | None:
        identifier, body = header.protected & 0x3F, data[header.length :]
        lengths, models = self._expected(header.protected)
        most = lengths[-1] + 1
        for end in range(2, min(len(body), most) + 1):
            model = frames.fitting(body[:end], header.protected, models)
            if model is None or end - 1 not in lengths:
                continue
            follows = None if end == most else _header_at(body, end)
            if follows == "undecided" and not silent and end < most:
                return None
            if isinstance(follows, _Header) and follows.length == LONGEST_HEADER:
                # Of two zeros the first may be the checksum and the break a single one, as usual.
                longer = frames.fitting(body[: end + 1], header.protected, models)
                if longer is not None and end in lengths:
                    end, model = end + 1, longer  # noqa: PLW2901
            if end == most or isinstance(follows, _Header) or (silent and end == len(body)):
                raw = data[: header.length + end]
                return Segment(Kind.FRAME, raw, identifier, body[: end - 1], model)
        if len(body) < most + LONGEST_HEADER - 1 and not silent:
            return None
        return self._damaged(data, header, most, known=len(lengths) == 1)

    def _damaged(self, data: bytes, header: _Header, most: int, *, known: bool) -> Segment:
        """Cut off what is no whole frame, at the next header if there is one."""
        identifier, body = header.protected & 0x3F, data[header.length :]
        end = min(len(body), most)
        cut = next((at for at in range(end) if _is_sure(body, at)), None)
        if cut is not None:
            end = cut
        if not frames.is_protected(header.protected):
            kind = Kind.WRONG_PARITY
        elif end == 0:
            kind = Kind.HEADER
        elif end < most and (known or end == 1):
            kind = Kind.SHORT
        else:
            kind = Kind.WRONG_CHECKSUM
        raw = data[: header.length + end]
        open_end = cut is None and end == len(body) and end < most
        return Segment(kind, raw, identifier, body[:end], open_end=open_end)

    def _expected(self, protected: int) -> tuple[tuple[int, ...], tuple[Model, ...]]:
        identifier = protected & 0x3F
        if not frames.is_protected(protected):
            return ANY_LENGTH, ()
        if identifier in frames.DIAGNOSTIC:
            return (frames.MOST_DATA,), ("classic",)
        if self._only not in {None, identifier}:
            return ANY_LENGTH, frames.models(identifier, "auto")
        lengths = ANY_LENGTH if self._length is None else (self._length,)
        return lengths, frames.models(identifier, self._model)


def _header_at(data: bytes, at: int) -> _Header | Literal["undecided"] | None:
    """Look for a header at a place: there, not there, or "undecided" for want of bytes.

    With a break before it a header is one even if its parity is wrong; without, a sync and a right
    parity are wanted.
    """
    zeros = 0
    while zeros < MOST_ZEROS and at + zeros < len(data) and data[at + zeros] == 0:
        zeros += 1
    rest = data[at + zeros : at + zeros + 2]
    if rest[:1] not in {b"", bytes([frames.SYNC])}:
        return None
    if len(rest) < 2:  # noqa: PLR2004  (sync and identifier)
        return "undecided"
    if zeros or frames.is_protected(rest[1]):
        return _Header(zeros + 2, rest[1])
    return None


def _is_sure(data: bytes, at: int) -> bool:
    """Whether a header is there beyond doubt: a break, a sync and a right parity."""
    found = _header_at(data, at)
    return isinstance(found, _Header) and found.length > 2 and frames.is_protected(found.protected)  # noqa: PLR2004


def _noise(raw: bytes, *, open_end: bool = False) -> Segment:
    is_pulse = len(raw) == 1 and raw[0] in WAKE_UPS
    return Segment(Kind.WAKE_UP if is_pulse else Kind.NOISE, raw, open_end=open_end)
