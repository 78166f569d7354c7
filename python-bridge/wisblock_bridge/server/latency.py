"""How long requests take: plain numbers that the poll loop counts, and that others only read.

1. Every set of labels is bounded: a method that this bridge does not have is "other".
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.clock import Clock

BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
OTHER = "other"


class Histogram:
    """How often something took how long.

    Args:
        bounds: Upper ends of the buckets, s.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum_s += seconds

    def as_metric(self) -> tuple[list[tuple[str, float]], float]:
        """Return cumulative buckets, and the sum."""
        total, rows = 0, []
        for bound, count in zip((*self._bounds, float("inf")), list(self._counts), strict=True):
            total += count
            rows.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        return rows, self._sum_s


class Latency:
    """How long requests took, and with which code they ended; kept by the poll loop.

    Args:
        clock: Time.
        methods: The methods that get a row of their own.
    """

    def __init__(self, clock: Clock, methods: Sequence[str]) -> None:
        self._now = clock.monotonic
        self.of_method = {name: Histogram(BUCKETS_S) for name in (*methods, OTHER)}
        self.codes: Counter[tuple[str, str]] = Counter()
        """Method and code to how often."""

    def observe(self, method: str, code: str, begun_at: float) -> None:
        """Count a request that is answered.

        Args:
            method: Its method.
            code: "ok", or the code of its error.
            begun_at: Clock reading at which it came, s.
        """
        if method not in self.of_method:
            method = OTHER
        self.of_method[method].observe(self._now() - begun_at)
        self.codes[method, code] += 1
