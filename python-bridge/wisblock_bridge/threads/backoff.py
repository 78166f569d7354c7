"""Pauses between attempts: each is twice the one before, up to a longest one.

1. It keeps the next pause and no timer: who waits, and on which thread, is the caller's business.
"""

from __future__ import annotations

LONGEST_S = 10.0
"""The longest pause, unless the first one is longer."""


class Backoff:
    """The pauses of one series of attempts.

    Args:
        first_s: The first pause, s.
        longest_s: What doubling stops at, s.
    """

    def __init__(self, first_s: float, longest_s: float = LONGEST_S) -> None:
        self._first_s = first_s
        self._longest_s = max(first_s, longest_s)
        self._next_s = first_s

    def next_s(self) -> float:
        """Return how long to wait before the next attempt, s, and double the pause after it."""
        pause_s = self._next_s
        self._next_s = min(2.0 * pause_s, self._longest_s)
        return pause_s

    def reset(self) -> None:
        """Begin with the first pause again, because an attempt succeeded."""
        self._next_s = self._first_s
