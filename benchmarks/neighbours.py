"""What a slow neighbour costs: reads of a RAK5801 beside a module in the other slot that waits.

The figure is the 99th percentile of all reads beside the neighbour over that of all reads alone;
both take turns in one run, on one core.
"""

from __future__ import annotations

import json

from benchmarks.processes import bridge, node, pinned, running

NEIGHBOURS = {
    "modbus": "a Modbus unit that never answers",
    "radio": "a radio that listens",
}
TURN_MS = 2000


def rows(rounds: int) -> list[tuple[str, float, str, bool]]:
    """Measure beside each neighbour.

    Args:
        rounds: How many turns, at least three.

    Returns:
        What was measured, the ratio, the bar, and whether it is held.
    """
    found: list[tuple[str, float, str, bool]] = []
    for kind, words in NEIGHBOURS.items():
        alone: list[float] = []
        beside: list[float] = []
        with bridge() as (_, endpoint):
            reading = ("isolation.cjs", endpoint, str(TURN_MS))
            for _ in range(max(3, rounds // 2)):
                alone += json.loads(node(*reading))
                with running(pinned("node", "benchmarks/node/neighbour.cjs", endpoint, kind)):
                    beside += json.loads(node(*reading))
        ratio = _p99(beside) / _p99(alone)
        found.append((f"9 RAK5801 beside {words}, p99", ratio, "<= 1.5", ratio <= 1.5))
    return found


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]
