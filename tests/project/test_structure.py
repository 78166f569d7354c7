"""The committed picture of the packages shows the imports as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = ROOT / "docs/architecture.svg"

LONG_S = 60.0


def structure(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts/structure.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


def figures(package: Path) -> dict[str, list[str]]:
    """The table that the script prints: words of each row after its name."""
    finished = structure("--package", str(package))
    assert finished.returncode == 0, finished.stderr
    rows = [re.split(r"\s{2,}", line.strip()) for line in finished.stdout.splitlines()]
    return {name: values for name, *values in rows}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Three units on three levels; the lowest is imported for types only."""
    files = {
        "__init__.py": '"""Root."""\n',
        "top/__init__.py": "",
        "top/first.py": "from small.middle import value\nfrom small import bottom\n",
        "middle.py": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n"
            "    from small.bottom import Kind\n"
            "class Long:\n"
            "    def value(self) -> 'Kind': ...\n"
            "def value() -> int:\n"
            "    return 1\n"
        ),
        "bottom.py": "class Kind: ...\n",
    }
    root = tmp_path / "small"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_picture_is_fresh(tmp_path: Path) -> None:
    again = tmp_path / "architecture.svg"
    finished = structure("--svg", str(again))
    assert finished.returncode == 0, finished.stderr
    assert again.read_text() == PICTURE.read_text(), (
        "draw it again: .venv/bin/python scripts/structure.py --svg docs/architecture.svg"
    )


def test_a_small_package_is_measured(package: Path) -> None:
    found = figures(package)
    assert found["packages"] == ["1"]
    assert found["import levels"] == ["2", "3"]
    assert found["arrows"] == ["2", "3"]
    assert found["cycles of units"] == ["0", "0"]
    assert found["files in the package root"] == ["3"]
    assert found["Python files"] == ["5"]
    assert found["longest file (lines)"] == ["7", "middle.py"]
    assert found["longest class (lines)"] == ["2", "middle.py: Long"]
    assert found["longest function (lines)"] == ["2", "middle.py: value"]


def test_a_chain_hides_the_arrow_that_it_implies(package: Path, tmp_path: Path) -> None:
    picture = tmp_path / "small.svg"
    assert structure("--package", str(package), "--svg", str(picture)).returncode == 0
    text = picture.read_text()
    assert "<title>top imports bottom, middle</title>" in text
    assert len(re.findall(r'class="arrow"', text)) == 1
    assert len(re.findall(r'class="arrow types"', text)) == 1


def test_a_cycle_is_counted_and_not_drawn(package: Path, tmp_path: Path) -> None:
    (package / "bottom.py").write_text("from small.top.first import value\nclass Kind: ...\n")
    found = figures(package)
    assert found["cycles of units"] == ["1", "1"]
    assert found["units in cycles"] == ["2", "3"]
    finished = structure("--package", str(package), "--svg", str(tmp_path / "small.svg"))
    assert finished.returncode == 1
    assert "cycle" in finished.stderr


def test_equal_lines_are_counted_once_per_second_place(package: Path) -> None:
    lines = "".join(f"value_{number} = {number}\n" for number in range(8))
    (package / "top/first.py").write_text(lines)
    assert figures(package)["duplicates of 6 or more lines"] == ["0"]
    (package / "middle.py").write_text("other = 1\n\n" + lines)
    assert figures(package)["duplicates of 6 or more lines"] == ["1"]
