"""Many clients at full rate, and a polite one beside a flood, all on one core.

The clients are plain sockets in one process (``peers.many``), each with one request in flight, so
that most of what is compared is the servers' work. Echo and bridge take turns in one run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.processes import ROOT, bridge, fresh_endpoint, pinned, running, slices

if TYPE_CHECKING:
    Row = tuple[str, float, str, bool]

CROWDS = (32, 100)


def rows(rounds: int) -> list[Row]:
    """Measure.

    Args:
        rounds: How many turns.

    Returns:
        What was measured, the ratio, the bar, and whether it is held.
    """
    found: list[Row] = []
    echo = fresh_endpoint()
    with (
        bridge() as (_, endpoint),
        running(pinned(sys.executable, "-m", "benchmarks.peers.zeromq_echo", echo)),
    ):
        for clients in CROWDS:
            for method, words in (("read", "whole reads"), ("ping", "pings")):
                ratio = _throughput(clients, rounds, method, echo, endpoint)
                what = f"C {words} of {clients} clients / raw echo of as many"
                found.append((what, ratio, ">= 0.8", ratio >= 0.8))
    return [*found, polite(rounds)]


def polite(rounds: int) -> Row:
    """Measure a client with one request in flight beside one that offers 50 000 a second."""
    alone: list[float] = []
    beside: list[float] = []
    with bridge() as (_, endpoint):
        lane = ("bridge", endpoint)
        for _ in range(max(3, rounds // 2)):
            pair = slices(2, 250, lane, lane)
            alone += [each["p99"] for each in (*pair["a"], *pair["b"])]
            with running(pinned(sys.executable, "-m", "benchmarks.peers.load", "flood", endpoint)):
                pair = slices(2, 250, lane, lane)
                beside += [each["p99"] for each in (*pair["a"], *pair["b"])]
    ratio = statistics.median(beside) / statistics.median(alone)
    return ("C p99 beside a flood, all on one core / alone", ratio, "<= 3", ratio <= 3)


def _throughput(clients: int, rounds: int, method: str, echo: str, endpoint: str) -> float:
    command = [sys.executable, "-m", "benchmarks.peers.many"]
    options = [str(clients), str(rounds), "250", method, echo, endpoint]
    done = subprocess.run(
        pinned(*command, *options),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    seen: dict[str, list[dict[str, float]]] = json.loads(done.stdout)
    return statistics.median(
        b["perSecond"] / a["perSecond"] for a, b in zip(seen["a"], seen["b"], strict=True)
    )
