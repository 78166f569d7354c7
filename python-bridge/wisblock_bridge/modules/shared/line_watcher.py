"""Watching the state of one input line, the same for every module that has one.

1. Where the kernel reports changes, they are taken from it with its time; elsewhere the expander
   is looked at, once for everybody (``shared_levels``).
2. Debouncing is done here for both: the kernel's own would hold for everybody who listens to the
   line, and counts as well.
3. What a level means is the module's business: it packs the readings.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from wisblock_bridge.buses.gpio import Bias
from wisblock_bridge.buses.shared_levels import LevelChange
from wisblock_bridge.module_api import DigitalLine, EventSource, Param, ReadingSpec, Result
from wisblock_bridge.modules.shared.timed_edges import TimedEdges

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.shared_levels import LevelReader
    from wisblock_bridge.clock import Clock

    Pack = Callable[[int, float, int], Result]

MISSED = ReadingSpec(
    "missed",
    "How many changes got lost before this one, where the kernel counts them.",
    kind="int",
    low=0,
    step=1,
    optional=True,
)

EARLY_S = 1e-3
"""So much before the end of the debounce time a look may confirm a level: looks come a little early
or late, and the change itself was before the look that saw it first."""

EXACT_S = 1e-6
"""The same where each change has its own time: what is left is how numbers are rounded."""

DebounceMs = Annotated[
    int,
    Param(
        "Changes that last less than this are not reported.",
        unit="millisecond",
        low=0,
        high=10_000,
    ),
]
PollMs = Annotated[
    int,
    Param(
        "How often to look, where the line has no interrupt. Every 10 ms takes 5 % of the I2C bus, "
        "for all lines of an expander and whoever looks at them together.",
        unit="millisecond",
        low=10,
        high=60_000,
    ),
]


class LineEvents(EventSource):
    """The watcher for changes of a line.

    Args:
        line: The line.
        pack: Makes readings of a level, a time (ms since 1970) and the changes missed before it.
        clock: Time of what is looked at.
        bias: Pull resistor wanted.
        debounce_ms: Changes that last less than this are not reported.
        poll_ms: How often to look where the kernel does not report changes.
        settled_at: Monotonic time from which on a level can be trusted, s. What was told before is
            told once more then, because nobody would ever hear that it is certain now.
    """

    looks_meanwhile = True

    def __init__(
        self,
        line: DigitalLine,
        pack: Pack,
        clock: Clock,
        *,
        bias: Bias = Bias.NONE,
        debounce_ms: float,
        poll_ms: float,
        settled_at: float = -math.inf,
    ) -> None:
        super().__init__(math.inf if line.has_edges else poll_ms / 1000.0)
        self._line = line
        self._pack = pack
        self._clock = clock
        self._debounce_s = debounce_ms / 1000.0
        self._told: int | None = None
        self._candidate: LevelChange | None = None
        self._settled_at = settled_at
        self._told_unsettled = False
        self._edges: EdgeSource | None = None
        self._reader: LevelReader | None = None
        self._missed = 0
        if line.has_edges:
            self._edges = line.edges(bias)
            self._timed = TimedEdges(self._edges, clock)
        else:
            line.listen(bias)

    @property
    def descriptor(self) -> int | None:
        """Readable when the kernel has seen a change."""
        return self._edges.descriptor if self._edges is not None else None

    def look(self) -> list[Result]:
        """Check once, or take what the kernel saw.

        Returns:
            At first the present level, afterwards each change; the present level again once it
            can be trusted.

        Raises:
            BusError: The line could not be read.
        """
        if self._told is None:
            found = [self._begin()]
        elif self._reader is not None:
            found = self._look_at_level(self._reader)
        else:
            assert self._edges is not None  # noqa: S101  (there is one or the other)
            found = self._take_changes()
        return self._settle(found)

    def close(self) -> None:
        """Stop watching."""
        if self._edges is not None:
            self._edges.close()
        if self._reader is not None:
            self._reader.close()

    def _begin(self) -> Result:
        if self._edges is not None:
            self._told, timestamp_ms = self._line.level(), self._clock.timestamp_ms()
        else:
            reader = self._reader = self._line.watch()
            self._told, timestamp_ms = int(reader.levels & reader.mask > 0), reader.timestamp_ms
        return self._pack(self._told, timestamp_ms, 0)

    def _take_changes(self) -> list[Result]:
        """Report what the kernel saw, or of that each level that lasted for the debounce time.

        A level that is not confirmed yet is looked at again when it would be.
        """
        changes = self._timed.read()
        if not self._debounce_s:
            if changes:
                self._told = changes[-1][0].level
            return [self._pack(each.level, each.timestamp_ms, each.missed) for each, _ in changes]
        found: list[Result] = []
        for edge, at_s in changes:
            found += self._confirmed(at_s, EXACT_S)
            self._missed += edge.missed
            self._candidate = None
            if edge.level != self._told:
                self._candidate = LevelChange(0, edge.level, at_s, at_s, edge.timestamp_ms)
        return found + self._confirmed(self._clock.monotonic(), EXACT_S)

    def _settle(self, found: list[Result]) -> list[Result]:
        """Report the last level again when it became certain and nothing else says so."""
        candidate = self._candidate
        self.look_at = None if candidate is None else candidate.seen_at + self._debounce_s
        left_s = self._settled_at - self._clock.monotonic()
        if left_s > 0.0:
            self._told_unsettled = self._told_unsettled or bool(found)
        elif self._told_unsettled:
            self._told_unsettled = False
            if not found and self._told is not None:
                found = [self._pack(self._told, self._clock.timestamp_ms(), 0)]
        if left_s > 0.0:
            self.look_at = min(self._settled_at, self.look_at or math.inf)
        return found

    def _look_at_level(self, reader: LevelReader) -> list[Result]:
        """Report each new level that lasted for the debounce time, counted from its own edge."""
        now = self._clock.monotonic()
        not_before = now - self.interval_s / 2
        if self._candidate is not None:
            not_before = max(not_before, min(now, self._candidate.seen_at + self._debounce_s))
        found: list[Result] = []
        for change in reader.look(not_before):
            found += self._confirmed(change.before)
            self._candidate = None if change.level == self._told else change
        found += self._confirmed(reader.seen_at)
        return found

    def _confirmed(self, until: float, early_s: float = EARLY_S) -> list[Result]:
        """Report the level that waits to be confirmed, if it was there for long enough.

        Args:
            until: Clock reading at which it was seen last, s.
            early_s: How much less is enough.
        """
        candidate = self._candidate
        if candidate is None or until - candidate.seen_at < self._debounce_s - early_s:
            return []
        self._told, self._candidate = candidate.level, None
        missed, self._missed = self._missed, 0
        return [self._pack(candidate.level, candidate.timestamp_ms, missed)]
