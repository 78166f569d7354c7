"""The lines of one expander, read once for everybody who looks at the same time.

1. One transaction serves all lines and all readers, of whichever module and thread: who looks first
   reads, and the others take what that brought.
2. A change carries the time at which it was seen first, not the time of the look that reports it.
3. Nobody reads while nobody looks: there is no thread and no timer here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A line that changed its level between two readings.

    Attributes:
        line: Its number.
        level: The level after the change.
        before: Clock reading of the reading before it, which still found the other level, s.
        seen_at: Clock reading of the reading that found it, s.
        timestamp_ms: The same moment, milliseconds since 1970.
    """

    line: int
    level: int
    before: float
    seen_at: float
    timestamp_ms: float


class SharedLevels:
    """The levels of one expander and their readers; safe to use from several threads.

    Args:
        read: Reads lines, in as few transactions as it can: takes a mask of those that matter and
            returns a word whose bit n is the level of line n.
        clock: Time.
        kept: For a chip that keeps changes until it is read: returns, right after a reading, which
            lines had changed since the one before, if only for a moment, and their levels then.

    Attributes:
        sampled_at: Clock reading at which the last reading began, s; None before the first one.
        timestamp_ms: The same moment, milliseconds since 1970.
    """

    def __init__(
        self,
        read: Callable[[int], int],
        clock: Clock,
        kept: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self.sampled_at: float | None = None
        self.timestamp_ms = 0.0
        self._read = read
        self._kept = kept
        self._clock = clock
        self._lock = FairLock()
        self._readers: list[LevelReader] = []

    def join(self, mask: int) -> LevelReader:
        """Add a reader; the lines are read, and what they are now is where it begins.

        Args:
            mask: Bit n is 1 for each line n that matters to it.

        Raises:
            BusError: The expander did not answer.
        """
        with self._lock:
            reader = LevelReader(self, mask)
            self._readers.append(reader)
            try:
                reader.levels = self._sample_locked()
            except BaseException:
                self._readers.remove(reader)
                raise
            assert self.sampled_at is not None  # noqa: S101  (it was sampled just now)
            reader.seen_at = reader.taken_at = self.sampled_at
            reader.waiting.clear()
            return reader

    def refresh(self, reader: LevelReader, not_before: float) -> list[LevelChange]:
        """Return what changed for a reader since it looked last; read the lines if need be.

        Args:
            reader: Who looks.
            not_before: A reading of others serves as well if it began then or later, s.

        Raises:
            BusError: The expander did not answer.
        """
        with self._lock:
            known = self.sampled_at
            if known is None or known == reader.seen_at or known < not_before:
                self._sample_locked()
            reader.seen_at = reader.taken_at
            changes, reader.waiting = reader.waiting, []
            return changes

    def leave(self, reader: LevelReader) -> None:
        """Take a reader away; one that has left already is left alone.

        Args:
            reader: Which.
        """
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)

    def _sample_locked(self) -> int:
        mask = 0
        for reader in self._readers:
            mask |= reader.mask
        began, timestamp_ms = self._clock.monotonic(), self._clock.timestamp_ms()
        levels = self._read(mask)
        self.sampled_at, self.timestamp_ms = began, timestamp_ms
        flags, levels_then = self._kept()
        for reader in self._readers:
            if flags:
                reader.note(flags, levels_then, began, timestamp_ms)
            reader.take(levels, began, timestamp_ms)
        return levels


class LevelReader:
    """One who looks at some lines of an expander.

    Args:
        shared: The expander.
        mask: Bit n is 1 for each line n that matters.

    Attributes:
        mask: Which lines matter.
        levels: The levels as they were read last: bit n is line n.
        taken_at: Clock reading of the last reading that it was compared with, s.
        seen_at: The same of the last one whose changes were asked for, s.
        waiting: Changes that it has not taken yet.
    """

    def __init__(self, shared: SharedLevels, mask: int) -> None:
        self.mask = mask
        self.levels = 0
        self.taken_at = self.seen_at = 0.0
        self.waiting: list[LevelChange] = []
        self._shared = shared

    def take(self, levels: int, seen_at: float, timestamp_ms: float) -> None:
        """Compare a reading with the one before, and keep what changed.

        Args:
            levels: Bit n is the level of line n.
            seen_at: Clock reading of that reading, s.
            timestamp_ms: The same moment, milliseconds since 1970.
        """
        self.note(-1, levels, seen_at, timestamp_ms)
        self.taken_at = seen_at

    def note(self, lines: int, levels: int, seen_at: float, timestamp_ms: float) -> None:
        """Keep what changed, of some lines.

        Args:
            lines: Bit n is 1 for each such line n.
            levels: Bit n is the level of line n after the change.
            seen_at: Clock reading of the reading that brought it, s.
            timestamp_ms: The same moment, milliseconds since 1970.
        """
        changed = (levels ^ self.levels) & self.mask & lines
        self.levels = self.levels & ~lines | levels & lines
        while changed:
            line = (changed & -changed).bit_length() - 1
            changed &= changed - 1
            level = levels >> line & 1
            self.waiting.append(LevelChange(line, level, self.taken_at, seen_at, timestamp_ms))

    @property
    def timestamp_ms(self) -> float:
        """When the lines were read last, milliseconds since 1970."""
        return self._shared.timestamp_ms

    def look(self, not_before: float) -> list[LevelChange]:
        """Return what changed since the last look, as ``SharedLevels.refresh`` says."""
        return self._shared.refresh(self, not_before)

    def close(self) -> None:
        """Look no longer; closing twice is allowed."""
        self._shared.leave(self)
