"""Each operation of each module against the least that its data sheet allows (``minima``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bus_work import Workbench
from benchmarks.minima import MINIMA, Move

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bus_work import Work
    from benchmarks.minima import Minimum

    Row = tuple[str, float, str, bool]

LIMIT = 1.5
TAG = "ntag213:04112233445566"


def measured() -> Iterator[tuple[Minimum, Work]]:
    """Carry out every operation of the table, those of one module one after the other.

    Yields:
        The entry, and what the operation did.
    """
    benches: dict[tuple[str, str], Workbench] = {}
    for entry in MINIMA:
        place = entry.module, entry.board
        if place not in benches:
            benches[place] = Workbench(*place)
            if entry.module == "RAK13600":
                benches[place].board.set(1, "tag", TAG)
        bench = benches[place]
        for step in entry.before or (entry.step,):  # opens the module, too
            bench.perform(step, refused=entry.refused)
        yield entry, bench.perform(entry.step, refused=entry.refused)
    for bench in benches.values():
        bench.close()


def ratios(work: Work, least: Move) -> tuple[float, float, float]:
    """Compare what was done with the least.

    Args:
        work: What was done.
        least: What has to be.

    Returns:
        Transactions, bits and time over their least; 1 where both are nothing.
    """
    pairs = (
        (work.transactions, least.transactions),
        (work.bits, least.bits),
        (work.seconds, least.seconds),
    )
    transactions, bits, seconds = (
        done / needed if needed else float("inf") if done > 1e-9 else 1.0 for done, needed in pairs
    )
    return transactions, bits, seconds


def rows() -> list[Row]:
    """Compare every operation.

    Returns:
        Name, the largest of the three ratios, the figures, and whether it is held.
    """
    found: list[Row] = []
    for entry, work in measured():
        worst = max(ratios(work, entry.least))
        least = entry.least
        figures = (
            f"<= {LIMIT}: {work.transactions} of {least.transactions} transactions, {work.bits} of "
            f"{least.bits} bits, {work.seconds * 1e3:.2f} of {least.seconds * 1e3:.2f} ms "
            f"({entry.reason})"
        )
        params = ", ".join(f"{name}={value!r}" for name, value in entry.step.params.items())
        what = f"M {entry.module}.{entry.step.name}({params})"
        found.append((what, worst, figures, worst <= LIMIT))
    return found
