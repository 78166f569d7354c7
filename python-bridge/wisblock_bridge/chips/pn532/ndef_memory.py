"""NDEF messages in a card's memory: reading, and writing so that a card pulled away tells no lies.

1. The length is set to 0 first and to the new length last: until the end the card holds no message.
2. What was written is read back; an error in between says what was written and what was not.
3. What the bytes of the message mean is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532 import ndef_area
from wisblock_bridge.chips.pn532.status import CardError
from wisblock_bridge.errors import BridgeError, ForbiddenError, RemoteExceptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from wisblock_bridge.chips.pn532.card import Card


class Progress:
    """What was written so far, for the caller that has to report it.

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


class Memory:
    """The data area of a card, read as far as somebody asks.

    Args:
        card: The card.
        units: Its blocks or pages that hold NDEF, in order.
    """

    def __init__(self, card: Card, units: Sequence[int]) -> None:
        self._card = card
        self._units = units
        self._read: dict[int, bytes] = {}
        self.area = ndef_area.Area(self.byte, len(units) * card.unit, card.ndef_origin)

    def byte(self, offset: int) -> int:
        """Return a byte of the area."""
        return self.unit(offset // self._card.unit)[offset % self._card.unit]

    def unit(self, index: int) -> bytes:
        """Return a block or page of the area, by its place among them."""
        if index not in self._read:
            number = self._units[index]
            self._card.unlock_ndef(number, for_writing=False)
            self._read[index] = self._card.read(number)
        return self._read[index]

    def changed_only(self, change: Mapping[int, int]) -> dict[int, bytes]:
        """Carry out a change as ``changed`` does, and leave out what is so already."""
        before = dict(self._read)
        return {
            number: data
            for number, data in self.changed(change).items()
            if before.get(self._units.index(number)) != data
        }

    def changed(self, change: Mapping[int, int]) -> dict[int, bytes]:
        """Carry out a change in the copy, and tell which blocks or pages it touches.

        Args:
            change: Offsets and bytes.

        Returns:
            The card's blocks or pages, in the order of the area, and their new bytes.
        """
        size = self._card.unit
        touched: dict[int, bytearray] = {}
        for offset, value in change.items():
            index = offset // size
            touched.setdefault(index, bytearray(self.unit(index)))[offset % size] = value
        self._read.update((index, bytes(data)) for index, data in touched.items())
        return {self._units[index]: bytes(touched[index]) for index in sorted(touched)}


def read_message(card: Card) -> bytes | None:
    """Read the NDEF message of a card.

    Args:
        card: The card.

    Returns:
        The message, perhaps empty; None when the card is not formatted for NDEF.

    Raises:
        CardError: The card refused or was removed.
        RemoteExceptionError: What the card says of its memory does not fit it.
    """
    units = card.ndef_units()
    if not units:
        return None
    area = Memory(card, units).area
    found = area.message()
    return b"" if found is None else area.value(found)


def write_message(card: Card, make: Callable[[bytes], bytes]) -> Progress:
    """Write an NDEF message and read it back.

    Args:
        card: The card.
        make: Gives the message; it is given the one that stands there.

    Returns:
        What was written.

    Raises:
        RemoteExceptionError: The card is not formatted for NDEF, was taken away, refused, or did
            not keep what was written; ``data`` tells which blocks were written.
        ForbiddenError: The card says that it may not be written; nothing was.
        BadParamsError: The message is too long for the card.
    """
    units = card.ndef_units()
    if not units:
        raise RemoteExceptionError(
            "This card is not formatted for NDEF; nothing was written.",
            hint="Format it once with format_ndef, or with a telephone.",
        )
    memory = Memory(card, units)
    layout = memory.area.layout()
    old = memory.area.value(layout.message) if layout.message is not None else b""
    plan = ndef_area.plan(memory.area, layout, make(old), card.unit)
    begin = memory.changed_only(plan.first)
    steps = [memory.changed(each) for each in (plan.body, *plan.last, *plan.clean)]
    final = {number: data for step in steps for number, data in step.items()}
    refuse_locked(card, (*begin, *final))
    progress = Progress(card.unit_name, sorted(final))
    if len(final) > 1:
        # The unit with the length before the one with the tag, where these are two.
        _write(card, dict(reversed(begin.items())), progress, counts=())
    commit = {number for step in steps[1 : 1 + len(plan.last)] for number in step}
    steps[0] = {number: data for number, data in steps[0].items() if number not in commit}
    for at, step in enumerate(steps):
        again = {number for later in steps[at + 1 :] for number in later}
        _write(card, step, progress, counts=[each for each in step if each not in again])
    verify(card, final, progress, for_ndef=True)
    return progress


def refuse_locked(card: Card, numbers: Collection[int]) -> None:
    """Refuse what the card itself says may not be written, before anything is.

    Args:
        card: The card.
        numbers: Its blocks or pages.

    Raises:
        ForbiddenError: It says so.
    """
    reason = card.forbids(sorted(set(numbers)))
    if reason:
        raise ForbiddenError(
            f"This card may not be written: {reason}. Nothing was written.",
            hint="Use another card; what is locked for good cannot be unlocked.",
        )


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
        RemoteExceptionError: A block differs, or the card was removed.
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


def _write(
    card: Card, data: Mapping[int, bytes], progress: Progress, *, counts: Collection[int]
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
        if unit in counts:
            progress.written.append(unit)


def _listed(unit_name: str, units: object) -> str:
    assert isinstance(units, list)  # noqa: S101
    numbers = sorted(units)
    plural = "s" if len(numbers) > 1 else ""
    return f"{unit_name}{plural} {', '.join(map(str, numbers))}"
