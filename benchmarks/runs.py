"""Sections one after the other; one that fails or hangs takes no other with it."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.words import about

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from benchmarks.figures import Failure, Figure, Row, Run
    from benchmarks.quiet import Look

PATIENCE = 5.0
"""A section that takes so many times what it should hangs."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End what is in the block with an error after a while.

    Args:
        seconds: How long it may take.
    """

    def late(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def measure(
    section: str, rows: Callable[[], list[Row]], limit_s: float | None = None
) -> list[Figure] | Failure:
    """Measure a section.

    Args:
        section: Its key.
        rows: What measures it.
        limit_s: How long it may take; by default a multiple of what it should.

    Returns:
        Its figures, or why there are none.
    """
    try:
        with limited(limit_s or PATIENCE * about(section).seconds + 30.0):
            return figures.from_rows(section, rows())
    except Exception as error:  # noqa: BLE001  (whatever went wrong is this section's result)
        return figures.Failure(section, _reason(error))


def run(sections: dict[str, Callable[[], list[Row]]], seen: Look) -> Run:
    """Measure sections one after the other, and print what comes.

    Args:
        sections: Key and what measures it.
        seen: How busy the computer was just before.

    Returns:
        Everything.
    """
    found = figures.Run(
        datetime.now(UTC).isoformat(timespec="seconds"),
        seen.load, seen.busy, seen.loop_ms, seen.quiet, {}, [], [],
    )  # fmt: skip
    print(f"{'what':58} {'measured':>10}  bar")
    for section, rows in sections.items():
        begin = time.monotonic()
        came = measure(section, rows)
        found.seconds[section] = round(time.monotonic() - begin, 1)
        if isinstance(came, figures.Failure):
            found.failures.append(came)
            print(f"{section} FAILED: {came.reason}", flush=True)
            continue
        found.figures.extend(came)
        above = ""
        for each in came:
            told = f": {each.detail}" if each.detail else ""
            end = "" if each.held else "   MISSED"
            below = above and each.name.startswith(f"{above}: ")
            name = f"  {each.name.removeprefix(above)[2:]}" if below else each.name
            above = above if below else each.name
            name = f"{section} {name}"[:58]
            print(f"{name:58} {each.value:10.3f}  {each.bar}{told}{end}", flush=True)
    return found


def _reason(error: Exception) -> str:
    said = str(error) or "no reason given"
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        printed = error.stderr if isinstance(error.stderr, str) else error.stderr.decode()
        lines = [line for line in printed.splitlines() if line.strip()]
        errors = [line.strip() for line in lines if "Error" in line]
        said = f"{said} {(errors or lines or [''])[-1].strip()}"
    return f"{type(error).__name__}: {said}"
