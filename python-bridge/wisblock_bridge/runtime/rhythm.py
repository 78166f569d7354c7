"""When a subscription is due: on a grid that all of them share.

1. Beats are the multiples of the interval on the clock, so equal intervals fall due together and
   nothing drifts.
2. A look serves the latest beat before it began. What came before that beat was missed, and is
   counted: nothing is made up for it.
"""

from __future__ import annotations

import math

SAME_TIME_S = 1e-6
"""Beats of different intervals that are the same moment differ by less, and so does a reading of
the clock from its beat: the errors of a division."""


class Rhythm:
    """The beats of one subscription.

    Args:
        interval_s: From beat to beat; infinity for none at all.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next: int | None = None

    @property
    def interval_s(self) -> float:
        """From beat to beat, s."""
        return self._interval_s

    @property
    def next_due(self) -> float:
        """Clock reading of the next beat, s; infinity before the first look."""
        return math.inf if self._next is None else self._next * self._interval_s

    def change(self, interval_s: float) -> None:
        """Change the interval; the beats begin again with the next look.

        Args:
            interval_s: From beat to beat.
        """
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            self._next = None

    def restart(self) -> None:
        """Begin again with the next look, without counting what was missed."""
        self._next = None

    def begin(self, now: float) -> int:
        """Note that a look begins, and return how many beats were missed before it.

        Args:
            now: Clock reading, s.
        """
        if math.isinf(self._interval_s):
            return 0
        beat = math.floor((now + SAME_TIME_S) / self._interval_s)
        if self._next is not None and beat < self._next:
            return 0  # between two beats: the next one is still to come
        missed = 0 if self._next is None else beat - self._next
        self._next = beat + 1
        return missed
