"""Time for tests: it passes only when somebody sleeps or the test says so.

1. Nobody ever waits for real time here.
2. Every sleep is written down, so that a test can ask for it.
"""

from __future__ import annotations

import threading


class FakeClock:
    """A clock that stands still between sleeps; safe to use from several threads.

    Args:
        start: First reading of ``monotonic``, s.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self._now

    def timestamp_ms(self) -> float:
        return 1_700_000_000_000.0 + self._now * 1000.0

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0.0
        with self._lock:
            self.sleeps.append(seconds)
            self._now += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass without anybody sleeping."""
        with self._lock:
            self._now += seconds


class GatedClock(FakeClock):
    """A clock on which the next sleep does not end before the test opens the gate.

    ``entered`` is set when somebody sleeps; ``gate`` lets the sleeper go.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.gate = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.entered.set()
        assert self.gate.wait(30), "the test never opened the gate"
        super().sleep(seconds)
