"""docs/performance.md: records, words and page, with made-up figures; nothing is timed."""

from __future__ import annotations

import ast
import json
import re
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks import __main__ as command
from benchmarks import figures, page, quiet, runs, words
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Row, Run

SOURCES = [
    each
    for each in (ROOT / "benchmarks").glob("*.py")
    if each.name not in {"words.py", "page.py", "figures.py"}
]
KEYS = command.chosen(None, 1)
QUIET = quiet.Look(0.1, 0.01, 2.5, 1.02)
MACHINE = {"processor": "2 cores", "commit": "0123456789ab"}


def overlap(one: str, other: str) -> bool:
    """Whether some name matches both patterns, in which only the asterisk is special."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


def names_in_the_code() -> Iterator[tuple[str, str]]:
    """Section and name, or a pattern of names, of every figure that a section can return.

    Names stand first in a row of four, in a variable called what, or in a table of names.
    """
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            places: list[ast.expr] = []
            if isinstance(node, ast.Tuple) and len(node.elts) == 4:
                places = node.elts[:1]
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "what":
                places = [node.value]
            elif isinstance(node, ast.Dict):
                places = node.values
            for text in filter(None, map(_text, places)):
                found = re.fullmatch(r"(\S)( +)(\S.*)", text)
                if found and found[1] in KEYS:
                    yield found[1], f"*: {found[3]}" if len(found[2]) > 1 else found[3]


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.JoinedStr):
        parts = node.values
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "*" for each in parts)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def one_run(rows: dict[str, list[Row]], look: quiet.Look = QUIET) -> Run:
    return runs.run({key: partial(list, each) for key, each in rows.items()}, look)


def five(*values: float, bar: str = "<= 1.55 (aim 1.3)", held: bool = True) -> list[Run]:
    return [
        one_run({"1": [("1 round trip, median / raw echo", value, bar, held)]}) for value in values
    ]


def test_every_section_and_figure_has_words_and_no_words_are_left_over() -> None:
    names = set(names_in_the_code())
    assert set(words.SECTIONS) == set(KEYS)
    assert len(names) > 40
    patterns = {(key, each) for key, about in words.SECTIONS.items() for each in about.figures}
    without = [
        name for name in names
        if not any(key == name[0] and overlap(each, name[1]) for key, each in patterns)
    ]  # fmt: skip
    assert not without
    assert [pattern for pattern in patterns if not _exists(pattern, names)] == []
    for about in words.SECTIONS.values():
        assert about.method.endswith(".")
        assert all(said.unit and said.meaning.endswith(".") for said in about.figures.values())


def test_reasons_and_the_summary_name_only_figures_that_exist() -> None:
    names = set(names_in_the_code())
    assert [each for each in words.REASONS if not _exists(each, names)] == []
    assert [each[:2] for each in page.HIGHLIGHTS if not _exists(each[:2], names)] == []
    assert not _exists(("1", "round trip, made up"), names)


def _exists(pattern: tuple[str, str], names: set[tuple[str, str]]) -> bool:
    return any(pattern[0] == key and overlap(pattern[1], name) for key, name in names)


def test_a_row_becomes_a_record_with_everything_that_belongs_to_it() -> None:
    rows: list[Row] = [
        ("P 8 x RAK5801 at 1 Hz, delivered / asked", 0.98, ">= 0.99: 79 of 80", False),
        ("P   told as late, beats", 1, "(for information)", True),
        ("P 4 in each slot, delivered / asked", 1.0, ">= 0.99", True),
        ("P   told as late, beats", 0, "(for information)", True),
    ]
    found = figures.from_rows("P", rows)
    assert len({each.name for each in found}) == 4
    first, second = found[:2]
    assert (first.section, first.value, first.bar, first.detail) == (
        "P",
        0.98,
        ">= 0.99",
        "79 of 80",
    )
    assert first.unit == "ratio"
    assert first.compared_with == "what was asked for"
    assert "ten seconds" in first.method
    assert first.load
    assert not first.held
    assert second.name == "8 x RAK5801 at 1 Hz, delivered / asked: told as late, beats"
    assert second.unit == "beats"


@pytest.mark.parametrize(
    ("bar", "within", "beyond"),
    [
        ("<= 1.55 (aim 1.3)", 1.55, 1.551), (">= 3", 3.0, 2.99), ("< 0.015", 0.0149, 0.015),
        ("0", 0.0, 1.0),
    ],
)  # fmt: skip
def test_a_bar_in_words_is_a_bar(bar: str, within: float, beyond: float) -> None:
    assert figures.holds(bar, within)
    assert not figures.holds(bar, beyond)
    assert figures.holds("(told)", beyond)


def test_a_bar_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no bar"):
        figures.holds("fast", 1.0)


def test_a_missed_median_is_said_with_its_reason_and_the_spread() -> None:
    text = page.write(MACHINE, five(1.4, 1.7, 1.6, 1.9, 1.5))
    assert "0 of 1 bars are held." in text
    assert "| 1.4 | 1.6 | 1.9 | <= 1.55 (aim 1.3) | **missed**, in 3 of 5 runs |" in text
    assert text.count(" ".join(words.WAKE_UPS.split())) == 1
    assert "0123456789ab" in text


def test_a_bar_that_single_runs_miss_is_held_and_they_are_counted() -> None:
    text = page.write(MACHINE, five(1.2, 1.3, 1.7, 1.3, 1.2))
    assert "1 of 1 bars are held." in text
    assert "held, but missed in 1 of 5 runs" in text
    assert "Missed:" not in text


def test_a_narrow_miss_has_the_digits_that_show_it() -> None:
    assert "| 1.553 | <= 1.55 (aim 1.3) |" in page.write(MACHINE, five(1.5529))


def test_a_missed_figure_without_a_reason_says_that() -> None:
    rows: list[Row] = [("5 replies lost or doubled", 2, "0: of 20000", False)]
    assert "| 2 | 0 | not known |" in page.write(MACHINE, [one_run({"5": rows})])


def test_a_busy_run_is_marked() -> None:
    rows: list[Row] = [("5 replies lost or doubled", 0, "0", True)]
    busy = quiet.Look(3.2, 0.8, 4.0, 1.5)
    text = page.write(MACHINE, [one_run({"5": rows}), one_run({"5": rows}, busy)])
    assert text.count("| quiet |") == 1
    assert text.count("**busy: its figures are disturbed**") == 1


def test_a_section_that_fails_takes_no_other_with_it() -> None:
    def broken() -> list[Row]:
        raise FileNotFoundError("The MQTT broker is missing.")

    good: list[Row] = [("5 replies lost or doubled", 0, "0", True)]
    found = runs.run({"2": broken, "5": lambda: good}, QUIET)
    assert [each.section for each in found.figures] == ["5"]
    assert found.failures == [
        figures.Failure("2", "FileNotFoundError: The MQTT broker is missing.")
    ]
    text = page.write(MACHINE, [found])
    assert text.count("**Could not be measured** in 1 of 1 runs") == 2


def test_a_section_that_hangs_is_ended() -> None:
    def hanging() -> list[Row]:
        time.sleep(30)
        return []

    came = runs.measure("5", hanging, limit_s=0.05)
    assert came == figures.Failure("5", "TimeoutError: not done after 0.05 s")


def test_runs_survive_their_file(tmp_path: Path) -> None:
    file = tmp_path / "folder/figures.json"
    written = five(1.2, 1.3)
    figures.save(file, MACHINE, written)
    assert figures.load(file) == (MACHINE, written)
    record = json.loads(file.read_text())["runs"][0]["figures"][0]
    assert record["compared_with"]
    assert record["unit"] == "ratio"


def test_the_command_writes_the_page_and_counts_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sections(_only: str | None, rounds: int) -> dict[str, object]:
        assert rounds == 7  # of each of several runs
        return {"5": lambda: [("5 replies lost or doubled", 0, "0", True)], "N": lambda: 1 / 0}

    monkeypatch.setattr(command, "chosen", sections)
    monkeypatch.setattr(quiet, "wait", lambda _minutes: QUIET)
    out, kept = tmp_path / "page.md", tmp_path / "figures.json"
    monkeypatch.setattr(
        "sys.argv", ["benchmarks", "--runs", "5", "--out", str(out), "--json", str(kept)]
    )
    assert command.main() == 1
    text = out.read_text()
    assert "measures everything 5 times" in text
    assert "ZeroDivisionError" in text
    monkeypatch.setattr("sys.argv", ["benchmarks", "--from", str(kept), "--out", str(out)])
    assert command.main() == 1
    assert out.read_text() == text


def test_a_busy_computer_gets_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quiet, "wait", lambda _minutes: quiet.Look(3.2, 0.8, 4.0, 1.5))
    out = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "M", "--out", str(out)])
    assert command.main() == 2
    assert not out.exists()
    assert "load 3.20" in capsys.readouterr().out


def test_a_later_run_on_a_busy_computer_is_marked_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([QUIET, quiet.Look(3.2, 0.8, 4.0, 1.5)])
    monkeypatch.setattr(quiet, "wait", lambda _minutes: next(looks))
    rows: list[Row] = [("5 replies lost or doubled", 0, "0", True)]
    monkeypatch.setattr(command, "chosen", lambda _only, _rounds: {"5": lambda: rows})
    out = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["benchmarks", "--runs", "2", "--out", str(out)])
    assert command.main() == 0
    assert out.read_text().count("**busy: its figures are disturbed**") == 1


def test_the_delivered_bars_are_understood() -> None:
    for node in (node for source in SOURCES for node in ast.walk(ast.parse(source.read_text()))):
        if isinstance(node, ast.Constant) and re.match(r"[<>]=? ?[0-9]", str(node.value)):
            figures.holds(str(node.value).partition(": ")[0], 1.0)


def test_what_is_measured_on_is_told_without_the_name_of_the_computer() -> None:
    told = quiet.machine()
    assert {"processor", "system", "Python", "Node.js", "commit"} <= set(told)
    name = Path("/proc/sys/kernel/hostname").read_text().strip()
    assert name not in " ".join(told.values())
