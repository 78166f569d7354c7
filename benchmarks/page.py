"""The page of several runs: docs/performance.md. Nothing is measured here, and nothing left out."""

from __future__ import annotations

import statistics
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import holds
from benchmarks.words import about, reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.figures import Figure, Run

WIDTH = 100

HEAD = """\
# Performance

Written by `make performance`, which measures everything {times} and puts together what came; `make
bench` measures it once. Everything was done on emulated boards and on the computer below: none of
it was seen on a Raspberry Pi. Ratios and counts are what carries over to another computer; times
do not.

A bar is what a figure has to keep; without one it only informs. Minimum, median and maximum are
those of the runs, and the median decides. Nothing is subtracted unless the figure says so.
"""

QUIET = (
    "Load and the processors' use by others are those just before each run; the loop always does "
    "the same work, so its time shows a computer that others slow down."
)

HIGHLIGHTS = (
    ("1", "round trip, median / raw echo",
     "A read from Node.js, down to a chip's driver, takes {} times as long as a raw ZeroMQ echo."),
    ("1", "throughput, 64 outstanding / raw echo",
     "Asked for 64 at once, the bridge reads {} times as often as ZeroMQ can echo."),
    ("2", "one python3 process per request / round trip",
     "An exec node that starts an interpreter for each reading takes {} times the bridge's time."),
    ("2", "HTTP POST / round trip",
     "An HTTP server that does nothing takes {} times the bridge's time."),
    ("2", "WebSocket / round trip",
     "A WebSocket server that does nothing takes {} times the bridge's time, with its defaults."),
    ("2", "WebSocket without compression / round trip",
     "Without compression it takes {} times the bridge's time."),
    ("2", "MQTT through a broker / round trip",
     "MQTT through a broker takes {} times the bridge's time."),
    ("2", "throughput, 64 outstanding / websockets server",
     "With 64 requests at once the bridge answers {} times as many as that WebSocket server."),
    ("2",
     "a byte read in Node.js's own process / round trip: with 390 us of a bus on both sides",
     "Reading a chip inside Node-RED takes at least {} times the bridge's time, at 100 kHz."),
    ("E", "RAK13001 on RAK7391, edge to message, median ms",
     "An edge at an input of a RAK13001 on a RAK7391 is at a client after {} ms."),
    ("N", "CPU of a module's node beyond that, us",
     "A message through a module's node costs Node-RED {} us more than through a function node."),
)  # fmt: skip
"""What is said on top, where it was measured."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One figure over all runs.

    Attributes:
        figures: It, run by run.
    """

    figures: tuple[Figure, ...]

    @property
    def any(self) -> Figure:
        """The record of the first run, for what is the same in all."""
        return self.figures[0]

    @property
    def values(self) -> list[float]:
        """The values, the smallest first."""
        return sorted(each.value for each in self.figures)

    @property
    def median(self) -> float:
        """The value that decides."""
        return statistics.median(self.values)

    @property
    def told(self) -> bool:
        """Whether there is no bar."""
        return self.any.bar.startswith("(")

    @property
    def held(self) -> bool:
        """Whether the median is within the bar."""
        return holds(self.any.bar, self.median)

    @property
    def shown(self) -> str:
        """The median, with as many digits as it takes to see on which side of the bar it is."""
        for digits in (3, 4, 5):
            text = number(self.median, digits)
            if holds(self.any.bar, float(text)) == self.held:
                return text
        return repr(self.median)

    @property
    def middle(self) -> Figure:
        """The record that is nearest to the median."""
        return min(self.figures, key=lambda each: abs(each.value - self.median))

    @property
    def result(self) -> str:
        """What came of the bar, in words."""
        if self.told:
            return ""
        missed = sum(not holds(each.bar, each.value) for each in self.figures)
        runs = len(self.figures)
        if self.held:
            return f"held, but missed in {missed} of {runs} runs" if missed else "held"
        return f"**missed**, in {missed} of {runs} runs"


def summaries(runs: Iterable[Run]) -> dict[str, list[Summary]]:
    """Put the runs together.

    Args:
        runs: They.

    Returns:
        For each section the figures, in the order in which they were measured.
    """
    found: dict[str, dict[str, list[Figure]]] = {}
    for run in runs:
        for each in run.figures:
            found.setdefault(each.section, {}).setdefault(each.name, []).append(each)
    return {
        section: [Summary(tuple(each)) for each in names.values()]
        for section, names in found.items()
    }


def write(machine: dict[str, str], runs: list[Run]) -> str:
    """Write the page.

    Args:
        machine: What was measured on.
        runs: What was measured.

    Returns:
        Markdown.
    """
    found = summaries(runs)
    times = "once" if len(runs) == 1 else f"{len(runs)} times"
    parts = [HEAD.format(times=times), in_short(found, runs), computer(machine, runs)]
    order = dict.fromkeys(key for run in runs for key in run.seconds)
    parts += [section(key, found.get(key, []), runs) for key in order]
    return "\n".join(parts)


def in_short(found: dict[str, list[Summary]], runs: list[Run]) -> str:
    """Write the summary.

    Args:
        found: The figures of each section.
        runs: What was measured.
    """
    every = [each for names in found.values() for each in names]
    bars = [each for each in every if not each.told]
    missed = [each for each in bars if not each.held]
    counted = sum(each.any.section == "M" for each in bars)
    single = f" ({counted} of these bars are for single operations on their bus)" if counted else ""
    by_name = {(each.any.section, each.any.name): each for each in every}
    lines = ["## In short", ""]
    lines += [
        f"* {words.format(number(by_name[key, name].median))}"
        for key, name, words in HIGHLIGHTS
        if (key, name) in by_name
    ]
    lines += [
        *([""] if len(lines) > 2 else []),
        f"{len(bars) - len(missed)} of {len(bars)} bars are held{single}.",
    ]
    if missed:
        lines += [
            "",
            "Missed:",
            "",
            "| figure | median | bar | why |",
            "| --- | ---: | --- | --- |",
        ]
    for each in missed:
        why = reason(each.any.section, each.any.name) or "not known"
        what = f"{about(each.any.section).title}: {each.any.name}"
        lines.append(row(what, each.shown, each.any.bar, why))
    lines += ["", *failures(runs)]
    return wrapped(lines)


def failures(runs: list[Run]) -> list[str]:
    """Say which sections could not be measured.

    Args:
        runs: What was measured.
    """
    reasons: dict[str, list[str]] = {}
    for run in runs:
        for each in run.failures:
            reasons.setdefault(each.section, []).append(each.reason)
    return [
        f"* **Could not be measured** in {len(said)} of {len(runs)} runs: {about(key).title}. "
        f"{plain(said[0])}"
        for key, said in reasons.items()
    ]


def computer(machine: dict[str, str], runs: list[Run]) -> str:
    """Write what was measured on, and how quiet it was.

    Args:
        machine: What was measured on.
        runs: What was measured.
    """
    lines = ["## The computer, and how quiet it was", "", "| | |", "| --- | --- |"]
    lines += [row(name, value) for name, value in machine.items()]
    lines += [
        "",
        QUIET,
        "",
        "| run | began | load | used by others | loop, ms | it took | |",
        "| ---: | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for index, run in enumerate(runs, 1):
        minutes = f"{sum(run.seconds.values()) / 60:.1f} min"
        state = "quiet" if run.quiet else "**busy: its figures are disturbed**"
        load, busy = f"{run.load_before:.2f}", f"{run.busy_before:.0%}"
        lines.append(row(str(index), run.date, load, busy, f"{run.loop_ms:.2f}", minutes, state))
    return wrapped([*lines, ""])


def section(key: str, found: list[Summary], runs: list[Run]) -> str:
    """Write a section.

    Args:
        key: Which.
        found: Its figures.
        runs: What was measured.
    """
    words = about(key)
    lines = [f"## {words.title}", "", words.method, ""]
    for label, said in (("Compared with", words.compared_with), ("Other load", words.load)):
        if said:
            lines += [f"{label}: {said}.", ""]
    reasons = [each.reason for run in runs for each in run.failures if each.section == key]
    if reasons:
        lines += [
            f"**Could not be measured** in {len(reasons)} of {len(runs)} runs: {plain(reasons[0])}",
            "",
        ]
    if found:
        lines += table(key, found, len(runs))
    return wrapped([*lines, ""])


def table(key: str, found: list[Summary], runs: int) -> list[str]:
    """Write the figures of a section.

    Args:
        key: Key of the section.
        found: They.
        runs: How many runs there were.
    """
    meanings = {each.any.meaning for each in found}
    once = len(meanings) == 1 and len(found) > 1
    lines = [*meanings, ""] if once else []
    lines += [
        "| figure | unit | minimum | median | maximum | bar | result | of the median run |",
        "| --- | --- | ---: | ---: | ---: | --- | --- | --- |",
    ]
    for each in found:
        figure, values = each.any, each.values
        says = [figure.name] if once or not figure.meaning else [figure.name, figure.meaning]
        if figure.compared_with and figure.compared_with != about(key).compared_with:
            says.append(f"Compared with: {figure.compared_with}.")
        if len(each.figures) < runs:
            says.append(f"Measured in {len(each.figures)} of {runs} runs.")
        lines.append(
            row(
                "<br>".join(says), figure.unit, number(values[0]), each.shown,
                number(values[-1]), figure.bar, each.result, each.middle.detail,
            )
        )  # fmt: skip
    return lines


def number(value: float, digits: int = 3) -> str:
    """Write a figure with three digits that count, or all of a large one.

    Args:
        value: The figure.
        digits: Another number of digits.
    """
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def row(*cells: str) -> str:
    """Write a row of a table."""
    return f"| {' | '.join(plain(each) for each in cells)} |"


def plain(text: str) -> str:
    """Keep text in its cell."""
    return " ".join(text.replace("|", "\\|").split())


def wrapped(lines: list[str]) -> str:
    """Break long lines, but not those of tables."""
    found: list[str] = []
    for line in lines:
        if line.startswith("|") or len(line) <= WIDTH:
            found.append(line)
        else:
            indent = "  " if line.startswith("* ") else ""
            found += textwrap.wrap(
                line, WIDTH, subsequent_indent=indent, break_long_words=False,
                break_on_hyphens=False,
            )  # fmt: skip
    return "\n".join(found)
