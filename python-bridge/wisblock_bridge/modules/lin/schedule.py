"""The schedule of a LIN master: which frame in which slot, over and over.

1. A table is lines of text, one for each slot; what is wrong with one is told by its number.
2. Slots follow the clock, so nothing drifts. A slot that comes late is not made up for: those after
   it are as far apart as ever.
3. It runs on the module's own thread, by timers; how a frame is sent is not its business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.modules.lin import frames
from wisblock_bridge.modules.lin.frames import Model, ModelOrAuto

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import TimerHandle, Timers

SHORTEST_MS = 1.0
LONGEST_MS = 60_000.0

FORM = '"20 ms send 0x01 00 FF" or "20 ms request 0x10 8", with "classic" or "enhanced" at the end'

_LINE = re.compile(
    r"(?P<ms>\d{1,9}(?:\.\d{1,9})?)\s*ms\s+(?P<verb>send|request)\s+"
    r"(?P<id>0x[0-9a-f]{1,8}|\d{1,9})(?:\s+(?P<rest>.*))?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of the table.

    Attributes:
        duration_s: How long until the next slot, s.
        identifier: 0 to 63.
        data: What is sent; None where it is asked for.
        length: Bytes of data.
        model: Which checksum.
    """

    duration_s: float
    identifier: int
    data: bytes | None
    length: int
    model: ModelOrAuto


def read_table(lines: Sequence[str]) -> tuple[Slot, ...]:
    """Read a table.

    Args:
        lines: One for each slot.

    Returns:
        The slots.

    Raises:
        BadParamsError: There is none, or one cannot be read; its number is in the message.
    """
    if not lines:
        raise BadParamsError(
            "The table is empty; at least one slot is wanted.",
            data={"param": "table", "allowed": FORM},
        )
    return tuple(_read_slot(number, line) for number, line in enumerate(lines, 1))


def _read_slot(number: int, line: str) -> Slot:
    def refuse(why: str) -> BadParamsError:
        return BadParamsError(
            f'Slot {number} of the table, "{line[:60]}", {why}.',
            hint=f"A slot is written like {FORM}.",
            data={"param": f"table[{number - 1}]", "allowed": FORM},
        )

    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise refuse("cannot be read")
    milliseconds, identifier = (
        float(found["ms"]),
        int(found["id"], 0 if "x" in found["id"].lower() else 10),
    )
    if not SHORTEST_MS <= milliseconds <= LONGEST_MS:
        raise refuse(f"lasts {milliseconds:g} ms; 1 to 60000 ms are possible")
    if identifier >= frames.IDENTIFIERS:
        raise refuse(f"has the identifier {found['id']}; 0 to 63 (0x3F) are possible")
    words = (found["rest"] or "").split()
    sends = found["verb"].lower() == "send"
    model: ModelOrAuto = "classic"
    if words and words[-1].lower() in get_args(Model if sends else ModelOrAuto):
        model = words.pop().lower()  # type: ignore[assignment]
    if sends:
        data = _read_data(words)
        if data is None or not 1 <= len(data) <= frames.MOST_DATA:
            raise refuse("wants 1 to 8 bytes in hexadecimal after the identifier")
        length = len(data)
    else:
        data = None
        if len(words) != 1 or words[0] not in {"1", "2", "3", "4", "5", "6", "7", "8"}:
            raise refuse("wants the length of the answer after the identifier, 1 to 8")
        length = int(words[0])
    if identifier in frames.DIAGNOSTIC and length != frames.MOST_DATA:
        raise refuse("is a diagnostic frame, which has 8 bytes")
    return Slot(milliseconds / 1000.0, identifier, data, length, model)


def _read_data(words: list[str]) -> bytes | None:
    try:
        return b"".join(bytes.fromhex(word) for word in words)
    except ValueError:
        return None


def check_durations(table: Sequence[Slot], baud: int) -> None:
    """Refuse slots that are shorter than their frames may be.

    Args:
        table: The slots.
        baud: Bits per second.

    Raises:
        BadParamsError: One is too short; its number is in the message.
    """
    for number, slot in enumerate(table, 1):
        needed_s = frames.longest_frame_s(slot.length, baud)
        if slot.duration_s < needed_s:
            raise BadParamsError(
                f"Slot {number} of the table lasts {slot.duration_s * 1000:g} ms; a frame of "
                f"{slot.length} bytes may take {needed_s * 1000:.1f} ms at {baud} baud.",
                hint="Give it more time, or set a higher baud rate if all nodes have it.",
                data={"param": f"table[{number - 1}]", "allowed": f"{needed_s * 1000:.1f} ms"},
            )


class Schedule:
    """Runs a table until it is ended.

    Args:
        clock: Time.
        timers: Of the module.
        carry_out: Sends or asks for the frame of a slot; it raises nothing and returns how long to
            pause before the next one beyond the slot's own duration, s.
    """

    def __init__(
        self, clock: Clock, timers: Timers, carry_out: Callable[[Slot, bytes | None], float]
    ) -> None:
        self.late = 0
        """Slots that began late, since the start of the table."""
        self.rounds = 0
        """Times that the table was gone through since its start."""
        self._clock = clock
        self._timers = timers
        self._carry_out = carry_out
        self._table: tuple[Slot, ...] = ()
        self._data: dict[int, bytes] = {}
        self._next = 0
        self._due = 0.0
        self._timer: TimerHandle | None = None

    @property
    def table(self) -> tuple[Slot, ...]:
        """The table that runs; empty when none does."""
        return self._table

    def begin(self, table: tuple[Slot, ...]) -> None:
        """Run a table instead of the one that ran, beginning at once.

        Args:
            table: At least one slot.
        """
        self.end()
        self._table, self._data, self._next = table, {}, 0
        self.late = self.rounds = 0
        self._due = self._clock.monotonic()
        self._timer = self._timers.after(0.0, self._at_its_time)

    def end(self) -> None:
        """End the table after the frame that is under way; nothing happens when none runs."""
        self._table = ()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def update(self, identifier: int, data: bytes) -> None:
        """Change what is sent from the next slot of an identifier on.

        Args:
            identifier: 0 to 63.
            data: As many bytes as the table has for it.

        Raises:
            BadParamsError: The table does not send this identifier, or with another length.
        """
        lengths = {
            each.length
            for each in self._table
            if each.data is not None and each.identifier == identifier
        }
        if not lengths:
            what = "no schedule runs" if not self._table else "the schedule does not send it"
            raise BadParamsError(
                f"The data of 0x{identifier:02X} cannot be changed: {what}.",
                data={"param": "id"},
            )
        if lengths != {len(data)}:
            raise BadParamsError(
                f"The schedule sends 0x{identifier:02X} with {lengths.pop()} bytes, not "
                f"{len(data)}.",
                data={"param": "data"},
            )
        self._data[identifier] = data

    def _at_its_time(self) -> None:
        self._timer = None
        slot = self._table[self._next]
        pause_s = self._carry_out(slot, self._data.get(slot.identifier, slot.data))
        if not self._table:
            return  # ended by what the frame brought about
        self._next = (self._next + 1) % len(self._table)
        self.rounds += self._next == 0
        now = self._clock.monotonic()
        self._due += slot.duration_s + pause_s
        if self._due < now:
            self.late += 1
            self._due = now
        self._timer = self._timers.after(self._due - now, self._at_its_time)
