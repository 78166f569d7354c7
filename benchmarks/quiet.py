"""Whether the computer is quiet enough to measure on, and what it is."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT

MOST_LOAD, MOST_BUSY, MOST_SPREAD = 0.7, 0.1, 1.25
"""Load average of one minute; share of the processors that others use; the calibration loop's
ninth decile over its median."""

LOOK_S, PAUSE_S = 2.0, 5.0
LOOPS, TURNS = 60, 100_000


@dataclass(frozen=True, slots=True)
class Look:
    """How busy the computer is.

    Attributes:
        load: Average of one minute.
        busy: Share of all processors that is in use, this process not among it.
        loop_ms: Median of the calibration loop.
        spread: Its ninth decile over its median.
    """

    load: float
    busy: float
    loop_ms: float
    spread: float

    @property
    def quiet(self) -> bool:
        """Whether figures that are measured now are worth something."""
        return self.load <= MOST_LOAD and self.busy <= MOST_BUSY and self.spread <= MOST_SPREAD

    def __str__(self) -> str:
        return (
            f"load {self.load:.2f} (at most {MOST_LOAD}), {self.busy:.0%} busy (at most "
            f"{MOST_BUSY:.0%}), calibration loop {self.loop_ms:.2f} ms with a ninth decile of "
            f"{self.spread:.2f} times that (at most {MOST_SPREAD})"
        )


def look() -> Look:
    """Look at the load, the processors, and how evenly a loop runs."""
    load = os.getloadavg()[0]
    busy_before, all_before = _ticks()
    time.sleep(LOOK_S)
    busy_after, all_after = _ticks()
    busy = (busy_after - busy_before) / max(1, all_after - all_before)
    took = sorted(_loop_ms() for _ in range(LOOPS))
    middle = statistics.median(took)
    return Look(load, busy, middle, took[len(took) * 9 // 10] / middle)


def wait(minutes: float) -> Look:
    """Wait until the computer is quiet.

    Args:
        minutes: How long at most.

    Returns:
        The last look, which may be of a busy computer.
    """
    end = time.monotonic() + minutes * 60.0
    while not (seen := look()).quiet and time.monotonic() + PAUSE_S < end:
        print(f"waiting for a quiet computer: {seen}", flush=True)
        time.sleep(PAUSE_S)
    return seen


def machine() -> dict[str, str]:
    """Tell what is measured on, without its name."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.lower().startswith("model name")
        ),
        platform.machine(),
    )
    memory_kb = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
    return {
        "processor": f"{os.cpu_count()} cores, {model}",
        "memory": f"{memory_kb / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "Python": platform.python_version(),
        "Node.js": _said("node", "--version"),
        "commit": _said("git", "describe", "--always", "--dirty", "--abbrev=12"),
    }


def _said(*command: str) -> str:
    try:
        return subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _ticks() -> tuple[int, int]:
    """Count what the processors did: not idle, and altogether."""
    line = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0]
    fields = [int(each) for each in line.split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def _loop_ms() -> float:
    begin = time.perf_counter()
    total = 0
    for number in range(TURNS):
        total += number
    return (time.perf_counter() - begin) * 1e3
