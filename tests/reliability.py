"""``make reliability``: write docs/reliability.md from a run of the tests and of the soak test.

1. Nothing is tested here: the figures are those of pytest's report and of the soak's summary.
2. A failed test is listed; its figures count as tried and not as survived.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable

Map = dict[str, Any]

PAGE = """\
# Reliability report

Written by `make reliability`, which runs the Python tests and a soak test and adds up what they
report. Everything was done on emulated boards; nothing here was seen on a real one.

{count} tests were run with Python {python} on {computer}. {verdict}

## Faults, and what the user saw

Each fault is injected in the middle of an operation. It counts as survived when the user got a
documented error that names the place, and the next attempt worked. There is no error where a driver
repeats a transfer and succeeds, or where a fault cannot be noticed: SPI has no acknowledge.

{faults}

## Kills

A bridge or a client is killed while outputs are on. It counts when the outputs were then seen in
their safe state, on hardware that outlives the bridge.

{kills}

## Bad input

It counts as survived when it was rejected with a documented error and nothing reached the hardware.

{bad_input}

## Clients without access

{forged}

## Claims and releases

Clients use modules, release them, hold outputs, disconnect, and ask for slots that others use. It
counts when a client without a claim yielded, nobody else lost anything, and no output was left on
that nobody holds.

{claims}

## Soak test

`make soak MINUTES={minutes:g} SEED={seed}`: {steps} steps. Every reply, event, write and log line
was checked against [protocol.md](protocol.md); there was no violation.

| what | how many |
| --- | ---: |
{soak}
"""

LONGEST_WORDS = 260
"""What a user saw is cut here, in the table."""


@dataclass(slots=True)
class Row:
    """One line of a table.

    Attributes:
        what: What was done.
        tried: How often.
        survived: How often the test that did it passed.
        seen: What the user saw, in one case.
        seeds: Of what was random.
        tests: Where it is done.
    """

    what: str
    tried: int = 0
    survived: int = 0
    seen: str = ""
    seeds: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Tests:
    """What a report of pytest tells.

    Attributes:
        passed: How many tests passed.
        failed: Names of those that did not.
        tables: Kind to what to line.
    """

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    tables: dict[str, dict[str, Row]] = field(default_factory=dict)


def read(report: Path) -> Tests:
    """Add up a report.

    Args:
        report: What ``pytest --junitxml`` wrote.

    Returns:
        The sums.
    """
    found = Tests()
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  (our own file)
        if case.find("skipped") is not None:
            continue
        file = f"{case.get('classname', '').replace('.', '/')}.py"
        good = case.find("failure") is None and case.find("error") is None
        found.passed += good
        if not good:
            found.failed.append(f"{case.get('name')} in `{file}`")
        for each in case.iter("property"):
            if each.get("name") == "tally":
                _add(found.tables, json.loads(each.get("value", "{}")), file, good=good)
    return found


def _add(tables: dict[str, dict[str, Row]], facts: Map, file: str, *, good: bool) -> None:
    what = str(facts["what"])
    row = tables.setdefault(str(facts["kind"]), {}).setdefault(what, Row(what))
    row.tried += int(facts["tried"])
    row.survived += int(facts["tried"]) * good
    row.seen = row.seen or str(facts["seen"])
    row.tests.add(file)
    if facts["seed"]:
        row.seeds.add(str(facts["seed"]))


def page(tests: Tests, soak: Map) -> str:
    """Write the page.

    Args:
        tests: What the tests did.
        soak: What the soak did.

    Returns:
        Markdown.
    """
    failed = ", ".join(tests.failed)
    return PAGE.format(
        count=tests.passed + len(tests.failed),
        python=platform.python_version(),
        computer=f"{platform.system()} {platform.machine()}",
        verdict=f"**These failed:** {failed}." if failed else "All of them passed.",
        faults=_table(tests, "fault", "what failed", "survived", "what the user saw, for example"),
        kills=_table(tests, "kill", "what was killed", "outputs safe", "how it ended"),
        bad_input=_table(
            tests, "bad_input", "what was sent", "survived", "what the user saw, for example"
        ),
        forged=_table(tests, "forged", "what was tried", "kept out", "what was seen"),
        claims=_table(tests, "claim", "what was tried", "kept", "what was seen"),
        soak=_soak(soak),
        **{name: soak[name] for name in ("minutes", "seed", "steps")},
    )


def _table(tests: Tests, kind: str, what: str, survived: str, seen: str) -> str:
    rows = sorted(tests.tables.get(kind, {}).values(), key=lambda row: row.what)
    lines = [
        f"| {what} | tried | {survived} | {seen} | seed | tests |",
        "| --- | ---: | ---: | --- | --- | --- |",
    ]
    for row in rows:
        seeds = _listed(sorted(row.seeds))
        places = _listed(f"`{each}`" for each in sorted(row.tests))
        lines.append(
            f"| {row.what} | {row.tried} | {row.survived} | {_short(row.seen)} | {seeds} | "
            f"{places} |"
        )
    tried, good = sum(row.tried for row in rows), sum(row.survived for row in rows)
    return "\n".join([*lines, f"| **all** | **{tried}** | **{good}** | | | |"])


def _short(words: str) -> str:
    words = " ".join(words.replace("|", "/").split())
    return words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}…"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _soak(soak: Map) -> str:
    """Tell every figure of a soak's summary, one line each."""
    return "\n".join(
        f"| {key.replace('_', ' ')} | {value} |"
        for key, value in _flat(soak)
        if key not in {"minutes", "seed", "steps"}
    )


def _flat(facts: Map, prefix: str = "") -> Iterable[tuple[str, object]]:
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}: ")
        else:
            yield f"{prefix}{key}", value


def main() -> int:
    """Write the page.

    Returns:
        0 when nothing failed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("report", type=Path, help="what pytest --junitxml wrote")
    parser.add_argument("soak", type=Path, help="what the soak wrote with --summary")
    parser.add_argument("--out", type=Path, default=Path("docs/reliability.md"))
    options = parser.parse_args()
    tests = read(options.report)
    options.out.write_text(page(tests, json.loads(options.soak.read_text())))
    sys.stdout.write(f"{options.out}: {tests.passed} passed, {len(tests.failed)} failed\n")
    return 1 if tests.failed else 0


if __name__ == "__main__":
    sys.exit(main())
