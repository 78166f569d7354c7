"""Watching the state of one input line, the same for every module that has one.

1. Where the kernel reports changes, they are taken from it with its time; elsewhere the line is
   looked at.
2. What a level means is the module's business: it packs the readings.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from wisblock_bridge.buses.gpio import Bias
from wisblock_bridge.module_api import DigitalLine, EventSource, Param, ReadingSpec, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import EdgeSource
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
        "How often to look, where the line has no interrupt.",
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
        self._candidate: int | None = None
        self._candidate_since = 0.0
        self._settled_at = settled_at
        self._told_unsettled = False
        self._edges: EdgeSource | None = None
        if line.has_edges:
            self._edges = line.edges(bias, debounce_ms)
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
            self._told = self._line.level()
            found = [self._pack(self._told, self._clock.timestamp_ms(), 0)]
        elif self._edges is None:
            found = self._look_at_level()
        else:
            found = self._take_changes(self._edges)
        return self._settle(found)

    def close(self) -> None:
        """Stop watching."""
        if self._edges is not None:
            self._edges.close()

    def _take_changes(self, edges: EdgeSource) -> list[Result]:
        changes = edges.read()
        if changes:
            self._told = changes[-1].level
        return [self._pack(each.level, each.timestamp_ms, each.missed) for each in changes]

    def _settle(self, found: list[Result]) -> list[Result]:
        """Report the last level again when it became certain and nothing else says so."""
        left_s = self._settled_at - self._clock.monotonic()
        if left_s > 0.0:
            self._told_unsettled = self._told_unsettled or bool(found)
        elif self._told_unsettled:
            self._told_unsettled = False
            if not found and self._told is not None:
                found = [self._pack(self._told, self._clock.timestamp_ms(), 0)]
        self.look_at = self._settled_at if left_s > 0.0 else None
        return found

    def _look_at_level(self) -> list[Result]:
        """Report a new level once it has been there for the debounce time."""
        level = self._line.level()
        now = self._clock.monotonic()
        if level == self._told:
            self._candidate = None
            return []
        if level != self._candidate:
            self._candidate, self._candidate_since = level, now
        if now - self._candidate_since < self._debounce_s:
            return []
        self._told, self._candidate = level, None
        return [self._pack(level, self._clock.timestamp_ms(), 0)]
