"""Timers: what a thread is to do later.

1. One thread uses it: the one that does the work.
2. It knows when, not what: an action's errors are the business of who carries it out.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wisblock_bridge.clock import Clock


FEW = 64
"""Timers among which nobody looks for those that were cancelled."""


@dataclass(slots=True, order=True)
class Timer:
    """One action to be carried out later.

    Attributes:
        due: Clock reading, s.
        number: Which came first, of two that are due at once.
        action: What to do; None when it was cancelled.
    """

    due: float
    number: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """Do not carry it out."""
        self.action = None


class TimerQueue:
    """The timers of one thread, in the order in which they are due.

    Args:
        clock: Time.

    Attributes:
        clock: The clock that it goes by.
        timers: What is to be done, the first due in front; for looking only.
    """

    def __init__(self, clock: Clock) -> None:
        self.timers: list[Timer] = []
        self.clock = clock
        self._numbers = itertools.count()
        self._most = FEW

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something later, as ``Timers.after`` says."""
        return self.at(self.clock.monotonic() + seconds, action)

    def at(self, due: float, action: Callable[[], None]) -> Timer:
        """Do something at a clock reading, s."""
        timer = Timer(due, next(self._numbers), action)
        heapq.heappush(self.timers, timer)
        if len(self.timers) > self._most:
            self._leave_out_cancelled()
        return timer

    @property
    def next_due(self) -> float | None:
        """Clock reading at which the next timer is due, s; None without any."""
        while self.timers and self.timers[0].action is None:
            heapq.heappop(self.timers)
        return self.timers[0].due if self.timers else None

    def due(self) -> Iterator[Callable[[], None]]:
        """Yield what is due by now, each action to be carried out before the next is taken."""
        now = self.clock.monotonic()
        while self.timers and self.timers[0].due <= now:
            action = heapq.heappop(self.timers).action
            if action is not None:
                yield action

    def _leave_out_cancelled(self) -> None:
        """Forget those that were cancelled: they may have been due in a day, and be many."""
        self.timers[:] = [timer for timer in self.timers if timer.action is not None]
        heapq.heapify(self.timers)
        self._most = max(FEW, 2 * len(self.timers))

    def clear(self) -> None:
        """Cancel all timers."""
        self.timers.clear()
