"""A limit on lines of the log that others can cause."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock

LINES, PERIOD_S = 10, 60.0


class LogLimit:
    """At most ``LINES`` lines within ``PERIOD_S``, whatever number of clients there is.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: deque[float] = deque()

    def allows(self) -> bool:
        """Return whether one more line may be written now; it counts as written then."""
        now = self._clock.monotonic()
        while self._written and now - self._written[0] >= PERIOD_S:
            self._written.popleft()
        if len(self._written) >= LINES:
            return False
        self._written.append(now)
        return True
