"""``make module``: skeletons that are sound Python, and tests that fail until they are written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 300.0
MARK = "WRITE" + " THIS"
COPIED = ("docs", "flows", "node-red-nodes", "python-bridge", "scripts", "tests")
LEFT_OUT = shutil.ignore_patterns("node_modules", "__pycache__", ".*", "*.egg-info")


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def new_module(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(root, "scripts/new_module.py", *words)


def files(root: Path) -> dict[str, str]:
    return {
        str(each.relative_to(root)): each.read_text()
        for folder in COPIED
        for each in (root / folder).rglob("*")
        if each.suffix in {".py", ".md", ".json"}
    }


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, as a checkout is."""
    root = tmp_path_factory.mktemp("project")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=LEFT_OUT)
    for file in ("pyproject.toml", "package.json", "README.md"):
        shutil.copy(ROOT / file, root / file)
    return root


@pytest.fixture(scope="module")
def written(copied: Path) -> list[str]:
    """The files that were written for a module that nobody makes."""
    before = files(copied)
    finished = new_module(copied, "RAK98765", "XYZ9", "--address", "0x44")
    assert finished.returncode == 0, finished.stderr
    after = files(copied)
    assert {path: after[path] for path in before} == before
    found = sorted(set(after) - set(before))
    for path in found:
        assert path in finished.stdout
    return found


def test_everything_that_a_module_needs_is_written(copied: Path, written: list[str]) -> None:
    assert written == [
        "docs/modules/rak98765.md",
        "flows/sensors/RAK98765 read.json",
        "python-bridge/examples/rak98765_read.py",
        "python-bridge/examples/short/rak98765.py",
        "python-bridge/wisblock_bridge/chips/xyz9/__init__.py",
        "python-bridge/wisblock_bridge/chips/xyz9/driver.py",
        "python-bridge/wisblock_bridge/chips/xyz9/emulator.py",
        "python-bridge/wisblock_bridge/chips/xyz9/identify.py",
        "python-bridge/wisblock_bridge/modules/rak98765.py",
        "python-bridge/wisblock_bridge/modules/rak98765_emulated.py",
        "tests/chips/test_xyz9_driver.py",
        "tests/chips/test_xyz9_emulator.py",
        "tests/modules/test_rak98765.py",
    ]
    for path in written:
        text = (copied / path).read_text()
        assert "$" not in text, path
        if path.endswith(".json"):
            assert {node["type"] for node in json.loads(text)} >= {"wisblock-rak98765"}


def test_the_skeletons_are_sound(copied: Path, written: list[str]) -> None:
    python = [path for path in written if path.endswith(".py")]
    for words in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        finished = run(copied, "-m", *words, *python)
        assert finished.returncode == 0, finished.stdout + finished.stderr


def test_their_tests_fail_and_say_why(copied: Path, written: list[str]) -> None:
    tests = [path for path in written if path.startswith("tests/")]
    finished = run(copied, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", *tests)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    counted = re.search(r"^(\d+) failed in ", finished.stdout, flags=re.MULTILINE)
    assert counted, f"a test passes: {finished.stdout}"
    reasons = re.findall(rf"^.*(?:Error|Exception): .*{MARK}", finished.stdout, flags=re.MULTILINE)
    assert len(reasons) >= int(counted[1]) > 0, finished.stdout


def test_completeness_names_each_file(copied: Path, written: list[str]) -> None:
    test = "tests/project/test_completeness.py::test_no_skeleton_is_left"
    finished = run(copied, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    assert finished.returncode == 1
    unnamed = [path for path in written if path not in finished.stdout]
    assert not unnamed, finished.stdout


def test_nothing_is_overwritten(copied: Path, written: list[str]) -> None:
    before = files(copied)
    chip = copied / "python-bridge/wisblock_bridge/chips/xyz9"
    moved = chip.rename(copied / "aside")
    finished = new_module(copied, "RAK98765", "XYZ9")
    assert finished.returncode == 1
    assert "Nothing was written" in finished.stderr
    assert "docs/modules/rak98765.md" in finished.stderr
    assert not chip.exists()
    moved.rename(chip)
    assert files(copied) == before
    assert written


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("rak98764", "XYZ8"), "NAME must be like RAK1901"),
        (("RAK98764", "XYZ-8"), "CHIP must be in capitals and digits"),
        (("RAK98764", "INA219"), "There is a driver for the INA219 already"),
        (("RAK98764", "XYZ8", "--address", "0x78"), "ADDRESS must be 0x08 to 0x77"),
    ],
)
def test_what_cannot_be_is_refused(copied: Path, words: tuple[str, ...], reason: str) -> None:
    before = files(copied)
    finished = new_module(copied, *words)
    assert finished.returncode == 1
    assert reason in finished.stderr
    assert files(copied) == before
