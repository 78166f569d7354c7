"""What clients that are a burden cost the others, and how exact a lease is.

The bridge may use both cores, as on a board; whoever measures and whoever is the burden share one
of them, the burden giving way. (Were the bridge held on one core, the figure would tell how the
kernel shares that core out among the bridge's own threads.) The figure is the 99th percentile of an
expander's read beside the burden over that of the same read without: the median of many slices
each, which take turns in one run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import msgpack
import zmq

from benchmarks.processes import ROOT, bridge, running

if TYPE_CHECKING:
    Row = tuple[str, float, str, bool]

BURDENS = {
    "crowd": "200 clients that ask once a second",
    "flood": "a client that offers 50 000 requests/s",
    "deaf": "a client that never reads",
    "dropper": "200 connections/s opened and dropped",
}
OTHER_CORE = "1"
SLICES, SLICE_MS = 2, 250
LEASE_S = 1.0
LEASES = 5


class Asker:
    """A client in this process.

    Args:
        endpoint: The bridge.
    """

    def __init__(self, endpoint: str) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(endpoint)
        self._number = 0

    def ask(self, method: str, **params: Any) -> Any:  # noqa: ANN401  (whatever the method gives)
        """Ask and wait.

        Args:
            method: What.
            **params: Its parameters.

        Returns:
            The result.
        """
        self._number += 1
        request = {"v": 1, "id": self._number, "method": method, "params": params}
        self._socket.send(msgpack.packb(request))
        while True:
            reply = msgpack.unpackb(self._socket.recv())
            if reply.get("id") == self._number:
                return reply["result"]

    def close(self) -> None:
        """Cut the connection."""
        self._socket.close()


def rows(rounds: int) -> list[Row]:
    """Measure beside each burden.

    Args:
        rounds: How many turns, at least three.

    Returns:
        What was measured, the ratio, the bar, and whether it is held.
    """
    found: list[Row] = []
    for kind, words in BURDENS.items():
        alone: list[float] = []
        beside: list[float] = []
        with bridge(pin=False) as (_, endpoint):
            watcher = Asker(endpoint)
            offered = 0.0
            for _ in range(max(3, rounds // 2)):
                alone += _p99s(endpoint)
                command = ["taskset", "-c", OTHER_CORE, "nice", "-n", "19", sys.executable]
                with running([*command, "-m", "benchmarks.peers.load", kind, endpoint]):
                    time.sleep(0.3)
                    before, begun = watcher.ask("status")["counters"]["requests"], time.monotonic()
                    beside += _p99s(endpoint)
                    after = watcher.ask("status")["counters"]["requests"]
                    offered = max(offered, (after - before) / (time.monotonic() - begun))
            watcher.close()
        ratio = statistics.median(beside) / statistics.median(alone)
        found.append((f"L p99 beside {words}", ratio, "<= 3", ratio <= 3))
        if kind == "flood":
            found.append(("L   requests/s that the bridge took meanwhile", offered, "(told)", True))
    return [*found, lease()]


def lease() -> Row:
    """Measure when the output of a silent client becomes safe.

    Returns:
        The largest deviation from the lease, as a share of it.
    """
    line = {"module": "TPT29555", "slot": "board", "operation": "write"}
    worst = []
    with bridge() as (_, endpoint):
        watcher = Asker(endpoint)
        for _ in range(LEASES):
            client = Asker(endpoint)
            client.ask("hello", client="lease", lease_ms=int(LEASE_S * 1000))
            client.ask("invoke", **line, params={"expander": "board", "line": 7, "level": 0})
            silent = time.monotonic()
            while watcher.ask("emulator.get", slot="board", quantity="board_7")["value"] == 0:
                time.sleep(0.001)
            worst.append(abs(time.monotonic() - silent - LEASE_S) / LEASE_S)
            client.close()
        watcher.close()
    return ("L lease of 1 s, largest deviation", max(worst), "<= 0.1", max(worst) <= 0.1)


def _p99s(endpoint: str) -> list[float]:
    """Let another process read an expander for some slices, on the other core."""
    command = ["taskset", "-c", OTHER_CORE, "node", "benchmarks/node/slices.cjs", str(SLICES)]
    lane = ("bridge", endpoint)
    done = subprocess.run(
        [*command, str(SLICE_MS), *lane, *lane],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    slices = json.loads(done.stdout)
    return [each["p99"] for each in (*slices["a"], *slices["b"])]
