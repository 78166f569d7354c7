"""Where in a card's memory an NDEF message is: type, length, value.

1. Bytes of the card's data area in, places out, and what is to be written when; no card is asked
   here, bytes are fetched one by one from their source.
2. A TLV that does not fit the area is damage and told as such, never as nothing.
3. What is not known is skipped by its length, and kept.

Source: NFC Forum Type 2 Tag Technical Specification 1.1, sections 2.3 (TLV blocks) and 6.4.3 (the
order of writing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BadParamsError, RemoteExceptionError

if TYPE_CHECKING:
    from collections.abc import Callable

NULL, LOCKS, RESERVED, NDEF, PROPRIETARY, TERMINATOR = 0x00, 0x01, 0x02, 0x03, 0xFD, 0xFE
LONG_LENGTH = 0xFF
LONGEST_SHORT = 254
LONGEST = 0xFFFE
CONTROL_LENGTH = 3


@dataclass(frozen=True, slots=True)
class Tlv:
    """One TLV; places are counted in the bytes that TLVs can use.

    Attributes:
        kind: Its type.
        tag: Place of its first byte.
        value: Place of its value.
        length: Bytes of its value.
    """

    kind: int
    tag: int
    value: int
    length: int

    @property
    def end(self) -> int:
        """Place behind it."""
        return self.value + self.length


class Area:
    """The TLVs of a data area.

    Args:
        byte: Gives the byte at an offset of the area.
        size: Bytes of the area.
        origin: Address of its first byte on the card, for lock and memory control TLVs, which name
            areas that hold no TLVs; None for cards that know no such areas.
    """

    def __init__(self, byte: Callable[[int], int], size: int, origin: int | None = None) -> None:
        self._byte = byte
        self._origin = origin
        self._size = size
        self.places = list(range(size))
        """Offset of each place that TLVs can use."""

    def value(self, tlv: Tlv) -> bytes:
        """Return what a TLV holds."""
        return bytes(self._at(place) for place in range(tlv.value, tlv.end))

    def message(self) -> Tlv | None:
        """Find the first NDEF message.

        Returns:
            It, or None when there is none up to the end.

        Raises:
            RemoteExceptionError: A TLV before it, or it itself, does not fit the area.
        """
        place = 0
        while (found := self._next(place)) is not None:
            if found.kind == NDEF:
                return found
            place = found.end
        return None

    def layout(self) -> Layout:
        """Find everything that stands there.

        Returns:
            All TLVs and where they end.

        Raises:
            RemoteExceptionError: A TLV that is not a message does not fit the area.
        """
        before: list[Tlv] = []
        place = 0
        while True:
            try:
                found = self._next(place)
            except DamagedAreaError as error:
                if error.kind != NDEF:
                    raise
                return Layout(tuple(before), Tlv(NDEF, error.tag, error.tag + 2, 0), (), error.tag)
            if found is None:
                end = before[-1].end if before else 0
                return Layout(tuple(before), None, (), end)
            place = found.end
            if found.kind == NDEF:
                break
            before.append(found)
        after = self._behind(found)
        return Layout(tuple(before), found, after, after[-1].end if after else found.end)

    def _behind(self, message: Tlv) -> tuple[Tlv, ...]:
        """Find what stands behind the message; the rest of an interrupted one is nothing."""
        found: list[Tlv] = []
        try:
            while (tlv := self._next(found[-1].end if found else message.end)) is not None:
                found.append(tlv)
        except DamagedAreaError:
            if message.length:
                raise
            return ()
        if not message.length and any(not _is_specified(each) for each in found):
            return ()
        return tuple(found)

    def _next(self, place: int) -> Tlv | None:
        """Return the next TLV that is neither NULL nor the terminator, or None at the end."""
        while place < len(self.places) and self._at(place) == NULL:
            place += 1
        if place >= len(self.places) or self._at(place) == TERMINATOR:
            return None
        kind, value = self._at(place), place + 2
        if value > len(self.places):
            raise DamagedAreaError(kind, place, "its length is missing")
        length = self._at(place + 1)
        if length == LONG_LENGTH:
            value += 2
            if value > len(self.places):
                raise DamagedAreaError(kind, place, "its length is cut off")
            length = self._at(place + 2) << 8 | self._at(place + 3)
        tlv = Tlv(kind, place, value, length)
        if tlv.end > len(self.places):
            raise DamagedAreaError(kind, place, f"it says {length} bytes, has {len(self.places)}")
        if kind in {LOCKS, RESERVED} and length == CONTROL_LENGTH and self._origin is not None:
            self._leave_out(tlv, self._origin)
        return tlv

    def _leave_out(self, tlv: Tlv, origin: int) -> None:
        position, size, control = self.value(tlv)
        begin = ((position >> 4) << (control & 0x0F)) + (position & 0x0F) - origin
        count = size or 256
        if tlv.kind == LOCKS:
            count = (count + 7) // 8
        kept = self.places[: tlv.end]
        kept += [each for each in self.places[tlv.end :] if not begin <= each < begin + count]
        self.places = kept

    def _at(self, place: int) -> int:
        return self._byte(self.places[place])


class DamagedAreaError(RemoteExceptionError):
    """A TLV does not fit the card.

    Args:
        kind: Its type.
        tag: Place of its first byte.
        why: What is wrong, as part of a sentence.
    """

    def __init__(self, kind: int, tag: int, why: str) -> None:
        name = "NDEF message" if kind == NDEF else f"TLV of type 0x{kind:02x}"
        super().__init__(
            f"The card is damaged: the {name} at byte {tag} of its data area does not fit: {why}.",
            hint="Write a message again, or format the card with format_ndef and erase.",
            data={"tlv": kind, "byte": tag},
        )
        self.kind = kind
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands on a card.

    Attributes:
        before: TLVs before the message.
        message: The message, or None; one that does not fit the card counts as empty.
        after: TLVs behind it.
        end: Place behind everything.
    """

    before: tuple[Tlv, ...]
    message: Tlv | None
    after: tuple[Tlv, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a message is written so that the card never holds half of one.

    Attributes:
        first: Offsets and bytes that take the old message away.
        body: What is written next.
        last: What makes the new message valid, in this order.
        clean: What takes the rest of an old message away that stood elsewhere, in this order.
    """

    first: dict[int, int]
    body: dict[int, int]
    last: tuple[dict[int, int], ...]
    clean: tuple[dict[int, int], ...] = ()


def plan(area: Area, layout: Layout, message: bytes, unit: int) -> Plan:
    """Return how a message is to be written.

    Nothing behind it: its length is set to 0, then the message is written, then its length. With
    TLVs behind it, a length of 0 would make the old message's bytes look like TLVs, so the old
    message is made a proprietary TLV first; a new one that is longer goes behind everything.

    Args:
        area: The area.
        layout: What stands there.
        message: The NDEF message.
        unit: Bytes that are written at once.

    Returns:
        The plan.

    Raises:
        BadParamsError: It is too long.
    """
    old = layout.message
    packed = pack(message[:LONGEST])[:-1]
    needed = len(packed) + max(0, len(message) - LONGEST)
    room = len(area.places) - layout.end
    if old is not None and not layout.after:
        room = len(area.places) - old.tag
    gap = layout.after[0].tag - old.tag if old is not None and layout.after else 0
    if any(each.kind == NDEF for each in layout.after):
        room = (
            0  # behind the other messages it would not be the first, which is the one that counts
        )
    fits_gap = needed <= gap
    if not fits_gap and needed > room:
        raise BadParamsError(
            f"The message takes {needed} bytes of the card, which has {max(room, gap)}.",
            hint="Shorten it, or use a larger card.",
            data={"param": "records", "bytes": needed, "room": max(room, gap)},
        )
    start = old.tag if old is not None and (fits_gap or not layout.after) else layout.end
    content = packed
    if fits_gap:
        content += bytes(gap - len(packed))
    elif len(packed) < room:
        content += bytes((TERMINATOR,))
    places = area.places[start : start + len(content)]
    final = dict(zip(places, content, strict=True))
    tag, length = places[0], places[1]
    header = [length, tag] if tag // unit != length // unit else [tag]
    body = {at: each for at, each in final.items() if at not in (tag, length)}
    if old is None or not layout.after:
        empty = {tag: NDEF, length: 0}
        if len(places) > 2 and places[2] // unit == length // unit:  # noqa: PLR2004
            empty[places[2]] = TERMINATOR
        return Plan(empty, {**body, tag: NDEF}, ({length: final[length]},))
    hidden = {area.places[old.tag]: PROPRIETARY}
    commit = tuple({at: final[at]} for at in header)
    if header == [tag]:
        commit = ({tag: final[tag], length: final[length]},)
    if fits_gap:
        return Plan(hidden, body, commit)
    rest = area.places[old.tag : old.end]
    clean = (dict.fromkeys(rest[2:], NULL), {rest[1]: NULL}, {rest[0]: NULL})
    return Plan(hidden, body, commit, clean)


def pack(message: bytes) -> bytes:
    """Put a message into a TLV, with the terminator behind it.

    Args:
        message: The NDEF message.

    Returns:
        The bytes to be written.

    Raises:
        ValueError: It is longer than a length field can say.
    """
    if len(message) > LONGEST:
        raise ValueError(f"{len(message)} bytes are more than a card can hold")
    if len(message) > LONGEST_SHORT:
        header = bytes((NDEF, LONG_LENGTH)) + len(message).to_bytes(2, "big")
    else:
        header = bytes((NDEF, len(message)))
    return header + message + bytes((TERMINATOR,))


def _is_specified(tlv: Tlv) -> bool:
    if tlv.kind in {LOCKS, RESERVED}:
        return tlv.length == CONTROL_LENGTH
    return tlv.kind in {NDEF, PROPRIETARY}
