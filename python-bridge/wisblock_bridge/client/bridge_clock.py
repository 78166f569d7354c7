"""The clock of the bridge, as a client knows it from the replies to ``hello`` and ``ping``.

A request says until when it may start in the bridge's own clock. However long it lies in a queue on
the way, because either side was stopped, it is then not started late.
"""

from __future__ import annotations

import time
from collections import deque

LOOKS = 8
"""A reply that was under way for long makes the bridge's clock seem late; the best of so many
counts. More would not notice that one of the two clocks runs faster."""


class BridgeClock:
    """What is known of the bridge's clock."""

    def __init__(self) -> None:
        self._offsets_ms: deque[float] = deque(maxlen=LOOKS)
        self._offset_ms: float | None = None

    def note(self, result: object) -> None:
        """Take note of a result that came just now; one without ``clock_ms`` says nothing."""
        read_ms = result.get("clock_ms") if isinstance(result, dict) else None
        if isinstance(read_ms, int | float) and not isinstance(read_ms, bool):
            self._offsets_ms.append(read_ms - time.monotonic() * 1000.0)
            self._offset_ms = max(self._offsets_ms)

    def forget(self) -> None:
        """Forget everything: the next bridge has another clock."""
        self._offsets_ms.clear()
        self._offset_ms = None

    def deadline_ms(self, wait_ms: float) -> float | None:
        """Return a deadline in the bridge's clock, never later than meant, ms.

        Args:
            wait_ms: From now on, ms.

        Returns:
            The deadline; None while the clock is not known.
        """
        offset_ms = self._offset_ms
        return None if offset_ms is None else offset_ms + time.monotonic() * 1000.0 + wait_ms
