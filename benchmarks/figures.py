"""One record for each figure, whatever section it is from, and how it goes into a file and back."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.words import about, of_figure

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Row = tuple[str, float, str, bool]

BAR = re.compile(r"(<=|>=|<|>)?\s*([0-9.]+)\b")


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured once.

    Attributes:
        section: Key of its section.
        name: Its name, the same in each run.
        unit: "ratio", "ms", ...
        value: The figure.
        bar: What it is held against, as words: "<= 1.5", or "(told)" where it only informs.
        detail: What belongs to this value only, such as the two times of a ratio.
        held: Whether the bar is held.
        meaning: What it means, in a sentence.
        compared_with: What the figure is a ratio to, or where its bar is from.
        method: How it was measured.
        load: What other programs on the computer do to it.
    """

    section: str
    name: str
    unit: str
    value: float
    bar: str
    detail: str
    held: bool
    meaning: str
    compared_with: str
    method: str
    load: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A section that could not be measured.

    Attributes:
        section: Its key.
        reason: Why.
    """

    section: str
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """All sections once.

    Attributes:
        date: When it began.
        load_before: The load average of one minute before it.
        busy_before: Share of the processors that others used just before it.
        loop_ms: The calibration loop before it, median.
        quiet: Whether the computer was quiet then.
        seconds: How long each section took.
        figures: What was measured.
        failures: What could not be.
    """

    date: str
    load_before: float
    busy_before: float
    loop_ms: float
    quiet: bool
    seconds: dict[str, float]
    figures: list[Figure]
    failures: list[Failure]


def from_rows(section: str, rows: Iterable[Row]) -> list[Figure]:
    """Make records of what a section returns.

    A name that begins with more than one space behind the letter belongs to the row above.

    Args:
        section: Its key.
        rows: Name, value, bar with what else there is to tell behind a colon, and whether it holds.

    Returns:
        The records.
    """
    found: list[Figure] = []
    above = ""
    for label, value, bar_and_detail, held in rows:
        words = label[len(section) :] if label.startswith(f"{section} ") else f" {label}"
        if words.startswith("   ") and above:
            name = f"{above}: {words.strip()}"
        else:
            name = above = words.strip()
        bar, _, detail = bar_and_detail.partition(": ")
        words_of_section, said = about(section), of_figure(section, name)
        figure = Figure(
            section, name, said.unit, float(value), bar, detail, held, said.meaning,
            said.compared_with or words_of_section.compared_with, words_of_section.method,
            words_of_section.load,
        )  # fmt: skip
        found.append(figure)
    return found


def holds(bar: str, value: float) -> bool:
    """Tell whether a value is within a bar.

    Args:
        bar: "<= 1.5", ">= 0.9 (aim 1)", "0", or words in parentheses, which anything holds.
        value: The value.
    """
    if bar.startswith("("):
        return True
    found = BAR.match(bar)
    if found is None:
        raise ValueError(f"{bar!r} is no bar: say <= 1.5, >= 0.9, 0 or (told).")
    sign, limit = found[1] or "==", float(found[2])
    return {
        "<=": value <= limit, ">=": value >= limit, "<": value < limit, ">": value > limit,
        "==": value == limit,
    }[sign]  # fmt: skip


def save(path: Path, machine: dict[str, str], runs: list[Run]) -> None:
    """Write runs into a file.

    Args:
        path: Which.
        machine: What they were measured on.
        runs: They.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "runs": [asdict(each) for each in runs]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> tuple[dict[str, str], list[Run]]:
    """Read what ``save`` wrote.

    Args:
        path: Which file.

    Returns:
        The machine and the runs.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    runs = [
        Run(
            **{
                **each,
                "figures": [Figure(**figure) for figure in each["figures"]],
                "failures": [Failure(**failure) for failure in each["failures"]],
            }
        )
        for each in content["runs"]
    ]
    return content["machine"], runs
