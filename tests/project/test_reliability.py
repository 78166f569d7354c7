"""docs/reliability.md is made of what the tests and a soak test report, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.reliability import page, read

if TYPE_CHECKING:
    from pathlib import Path

REPORT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.bridge.test_a" name="one"><properties>
<property name="tally" value='{"kind": "fault", "what": "bus stuck", "tried": 7,
 "seen": "RAK5801 in slot 1: stuck | hard", "seed": ""}'/>
<property name="tally" value='{"kind": "bad_input", "what": "noise", "tried": 10000,
 "seen": "", "seed": "42"}'/></properties></testcase>
<testcase classname="tests.bridge.test_b" name="two[x]"><properties>
<property name="tally" value='{"kind": "fault", "what": "bus stuck", "tried": 5, "seen": "later",
 "seed": ""}'/></properties><failure message="no"/></testcase>
<testcase classname="tests.bridge.test_c" name="three"><skipped/></testcase>
</testsuite></testsuites>"""

CLAIMS = """<property name="tally" value='{"kind": "claim", "what": "claims and releases tried",
 "tried": 3, "seen": "", "seed": ""}'/>"""

SOAK = {"seed": 7, "minutes": 5.01, "steps": 900, "requests": {"sent": 12, "refused": {"busy": 2}}}


@pytest.fixture
def written(tmp_path: Path) -> str:
    report = tmp_path / "report.xml"
    report.write_text(REPORT.replace("</properties>", f"{CLAIMS}</properties>", 1))
    return page(read(report), SOAK)


def test_what_was_tried_and_what_survived(written: str) -> None:
    assert "2 tests were run" in written
    assert (
        "| bus stuck | 12 | 7 | RAK5801 in slot 1: stuck / hard |  | "
        "`tests/bridge/test_a.py`, `tests/bridge/test_b.py` |"
    ) in written
    assert "| claims and releases tried | 3 | 3 |  |  | `tests/bridge/test_a.py` |" in written
    assert "| noise | 10000 | 10000 |  | 42 | `tests/bridge/test_a.py` |" in written
    assert "| **all** | **12** | **7** | | | |" in written


def test_a_failure_is_named(written: str) -> None:
    assert "**These failed:** two[x] in `tests/bridge/test_b.py`." in written


def test_the_soak_is_told_with_its_seed(written: str) -> None:
    assert "`make soak MINUTES=5.01 SEED=7`: 900 steps." in written
    assert "| requests: sent | 12 |\n| requests: refused: busy | 2 |" in written
