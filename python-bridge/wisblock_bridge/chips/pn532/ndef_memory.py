"""NDEF messages in a card's memory: reading, and writing so that a card pulled away tells no lies.

1. The length is set to 0 first and to the new length last: until the end the card holds no message.
2. What was written is read back; whoever is interrupted says what was written and what was not.
3. What the bytes of the message mean is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532 import ndef_area
from wisblock_bridge.chips.pn532.status import CardError
from wisblock_bridge.errors import BadParamsError, BridgeError, RemoteExceptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wisblock_bridge.chips.pn532.cards import Card

PROBE = 48
"""Bytes in which the TLV of a message begins, in all cards as they are sold."""


class Progress:
    """What was written so far, for whoever has to tell.

    Args:
        unit_name: "block" or "page".
        wanted: The blocks or pages that are to be written.
    """

    def __init__(self, unit_name: str, wanted: Sequence[int]) -> None:
        self.unit_name = unit_name
        self.wanted = tuple(wanted)
        self.written: list[int] = []
        self.writing: int | None = None

    @property
    def data(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "written": list(self.written),
            "uncertain": [] if self.writing is None else [self.writing],
            "not_written": [
                each for each in self.wanted if each not in {*self.written, self.writing}
            ],
        }

    def __str__(self) -> str:
        if not self.written and self.writing is None:
            return "Nothing was written."
        facts = self.data
        told = [
            f"{words}: {_listed(self.unit_name, facts[name])}"
            for name, words in (
                ("written", "written"),
                ("uncertain", "perhaps written"),
                ("not_written", "not written"),
            )
            if facts[name]
        ]
        text = "; ".join(told)
        return f"{text[:1].upper()}{text[1:]}."


def read_message(card: Card) -> bytes | None:
    """Read the NDEF message of a card.

    Args:
        card: The card.

    Returns:
        The message, perhaps empty; None when the card is not formatted for NDEF.

    Raises:
        CardError: The card refused or is gone.
    """
    units = card.ndef_units()
    if not units:
        return None
    area = _read(card, units, b"", PROBE)
    place = ndef_area.find(area)
    if place is None or place.end > len(units) * card.unit:
        return b""
    return _read(card, units, area, place.end)[place.value : place.end]


def write_message(card: Card, message: bytes) -> Progress:
    """Write an NDEF message and read it back.

    Args:
        card: The card.
        message: The message.

    Returns:
        What was written.

    Raises:
        RemoteExceptionError: The card is not formatted for NDEF, was taken away, refused, or did
            not keep what was written; ``data`` tells which blocks were written.
        BadParamsError: The message is too long for the card.
    """
    units = card.ndef_units()
    if not units:
        raise RemoteExceptionError(
            "This card is not formatted for NDEF; nothing was written.",
            hint="Format it once with a telephone (for example the application NFC Tools).",
        )
    size = card.unit
    area = _read(card, units, b"", PROBE)
    begin = ndef_area.beginning(area)
    packed = ndef_area.pack(message)
    room = len(units) * size - begin
    if len(packed) > room:
        raise BadParamsError(
            f"The message takes {len(packed)} bytes of the card, which has {room}.",
            data={"param": "records", "bytes": len(packed), "room": room},
        )
    first = begin // size
    image = area[first * size : begin] + packed
    image += bytes(-len(image) % size)
    final = {
        units[first + index]: image[index * size : (index + 1) * size]
        for index in range(len(image) // size)
    }
    length_unit = units[(begin + 1) // size]
    empty = bytearray(final[length_unit])
    empty[(begin + 1) % size] = 0
    progress = Progress(card.unit_name, sorted(final))
    if len(final) > 1:
        _write(card, {length_unit: bytes(empty)}, progress, counts=False)
    order = [unit for unit in final if unit != length_unit] + [length_unit]
    _write(card, {unit: final[unit] for unit in order}, progress)
    verify(card, final, progress, for_ndef=True)
    return progress


def write_unit(card: Card, unit: int, data: bytes) -> Progress:
    """Write one block or page that was unlocked; reading it back is left to the caller.

    Args:
        card: The card.
        unit: Block or page.
        data: Its bytes.

    Returns:
        What was written.

    Raises:
        RemoteExceptionError: As for ``write_message``.
    """
    progress = Progress(card.unit_name, (unit,))
    progress.writing = unit
    try:
        card.write(unit, data)
    except BridgeError as error:
        interrupt(error, progress, f"while {card.unit_name} {unit} was written")
        raise
    progress.writing = None
    progress.written.append(unit)
    return progress


def verify(
    card: Card, expected: Mapping[int, bytes], progress: Progress, *, for_ndef: bool
) -> None:
    """Read back what was written.

    Args:
        card: The card.
        expected: Block or page to its bytes.
        progress: What was written.
        for_ndef: Whether the blocks need the public keys first.

    Raises:
        RemoteExceptionError: A block differs, or the card is gone.
    """
    for unit, data in expected.items():
        try:
            if for_ndef:
                card.unlock_ndef(unit, for_writing=True)
            found = card.read(unit)
        except BridgeError as error:
            interrupt(error, progress, "when it was read back")
            raise
        if found != data:
            raise RemoteExceptionError(
                f"The card did not keep {card.unit_name} {unit}: it reads back differently. "
                f"{progress}",
                hint="The card may be write-protected or worn out.",
                data={**progress.data, "differs": unit},
            )


def interrupt(error: BridgeError, progress: Progress, when: str) -> None:
    """Add to an error what was written when it happened.

    Args:
        error: What went wrong; the reader's own keep their kind.
        progress: How far it had come.
        when: At what.
    """
    error.data.update(progress.data)
    if isinstance(error, CardError):
        error.tell(story=f"{when}. {progress}")
    else:
        error.message = f"{error.message} {progress}"


def _read(card: Card, units: Sequence[int], area: bytes, length: int) -> bytes:
    """Read on until so many bytes of the data area are there, or all of it."""
    read = bytearray(area)
    for unit in units[len(area) // card.unit :]:
        if len(read) >= length:
            break
        card.unlock_ndef(unit, for_writing=False)
        read += card.read(unit)
    return bytes(read)


def _write(
    card: Card, data: Mapping[int, bytes], progress: Progress, *, counts: bool = True
) -> None:
    for unit, content in data.items():
        try:
            card.unlock_ndef(unit, for_writing=True)
            progress.writing = unit
            card.write(unit, content)
        except BridgeError as error:
            interrupt(error, progress, f"while {card.unit_name} {unit} was written")
            raise
        progress.writing = None
        if counts:
            progress.written.append(unit)


def _listed(unit_name: str, units: object) -> str:
    assert isinstance(units, list)  # noqa: S101
    numbers = sorted(units)
    plural = "s" if len(numbers) > 1 else ""
    return f"{unit_name}{plural} {', '.join(map(str, numbers))}"
