"""Time as a dependency that is passed in, so that tests need not wait.

1. Durations are measured with ``monotonic`` only; ``timestamp_ms`` is for people and for messages.
2. Nothing else in the project calls ``time.sleep`` or ``time.time``.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Protocol


class Clock(Protocol):
    """The time functions that drivers and the bridge use."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never going back."""
        ...

    def timestamp_ms(self) -> float:
        """Milliseconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Sleep at least this long."""
        ...


class SystemClock:
    """The clock of this computer; the time for which it was suspended counts."""

    monotonic = staticmethod(partial(time.clock_gettime, time.CLOCK_BOOTTIME))
    sleep = staticmethod(time.sleep)

    @staticmethod
    def timestamp_ms() -> float:
        """Milliseconds since 1970."""
        return time.time() * 1000.0
