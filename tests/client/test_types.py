"""What type checkers say of programs that use the Python client.

1. Right programs are clean under ``mypy --strict`` and pyright, the examples among them.
2. Wrong ones are refused in the line that is wrong, and in no other.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    Checker: TypeAlias = Callable[..., set[tuple[str, int]]]

pytestmark = pytest.mark.slow

FOLDER = ROOT / "python-bridge/examples"
EXAMPLES = [
    *FOLDER.glob("*.py"),
    *(FOLDER / "short").glob("*.py"),
    *(FOLDER / "tasks").glob("*.py"),
]
LONG_S = 300.0

START = """\
from typing import Literal, assert_type

from wisblock_bridge.client import AsyncBridge, Bridge, Event, Result, Subscription
from wisblock_bridge.testing import emulated_bridge

def log(one: Result, event: Event, subscription: Subscription) -> None: ...

with Bridge() as bridge, emulated_bridge(slot1="RAK5801") as board:
"""

RIGHT = """\
    assert_type(bridge.rak5801(slot=1).read(samples=8).current, float)
    assert_type(bridge["RAK5801", 1].read().current, float)
    assert_type(bridge["RAK5801", 1].read()["current"], float)
    assert_type(bridge["ADC"].read(channel=0)["voltage"], float)
    assert_type(bridge.rak5801(1).read().value, float | None)
    assert_type(bridge.rak13007(1, on_loss="hold").set(on=True).on, bool)
    assert_type(bridge.rak5801(1).read().timestamp, float)
    result = bridge.rak5801(1).read()
    print([result[name] for name in result], result.quality, result.note)
    print(result.readings | {"extra": 1}, dict(result.items()), dict(bridge.rak13007(1).state()))
    for value in bridge.rak5801(1).every(1.0).read(samples=4):
        assert_type(value.current, float)
    for event in bridge.rak5801(1).every(1.0, samples=4, deadband=0.1):
        assert_type(event.result.current, float)
    with bridge.rak12006(2).events("motion", active_low=False) as motions:
        for motion in motions:
            assert_type(motion.result.motion, bool)
            assert_type(motion.result["motion"], bool)
            log(result, motion, motions)
    for arrival in bridge.rak13600(1).events("arrived"):
        assert_type(arrival.result.uid, bytes)
    board.slot1.current = 12.0
    assert_type(board.plug(2, "RAK13007").contact, bool)
    assert_type(bridge["RAK99999", 1].measure(depth=3), Result)


async def main() -> None:
    async with AsyncBridge() as bridge:
        assert_type((await bridge.rak5801(slot=1).read(samples=8)).current, float)
        assert_type((await bridge["RAK5801", 1].read())["current"], float)
        async for value in bridge.rak5801(1).every(1.0).read(samples=4):
            assert_type(value.current, float)
        async with bridge.rak12006(2).events("motion") as motions:
            async for motion in motions:
                assert_type(motion.result.motion, bool)
        assert_type(await bridge["RAK99999", 1].measure(depth=3), Result)
"""

ASYNC = "\n\nasync def main(bridge: AsyncBridge) -> None:\n"

WRONG = {
    "an operation": "    bridge.rak5801(1).raed()",
    "a parameter": "    bridge.rak5801(1).read(sampels=8)",
    "a reading": "    print(bridge.rak5801(1).read().curent)",
    "an item": '    print(bridge.rak5801(1).read()["curent"])',
    "a module": "    bridge.rak5810(1).read()",
    "a slot": "    bridge.rak5801(3).read()",
    "a type": '    bridge.rak5801(1).read(samples="8")',
    "a choice": '    bridge.rak5802(1).line(parity="uneven")',
    "an event": '    bridge.rak12006(1).events("motoin")',
    "what is missing": "    bridge.rak13007(1).set()",
    "by name": '    bridge["RAK5801", 1].raed()',
    "of an interval": "    bridge.rak5801(1).every(1.0).calibrate()",
    "a quantity": "    board.slot1.curent = 12.0",
    "what a quantity is": '    board.slot1.current = "12 mA"',
    "what is only seen": "    board.slot2.contact = True",
    "what cannot be plugged": '    board.plug(1, "RAK5810")',
    "a measured value": "    bridge.rak5801(1).read().current = 4.0",
    "what a number is": "    print(bridge.rak5801(1).read().current.upper())",
}

WRONG_AWAITED = {
    "an operation": "    await bridge.rak5801(1).raed()",
    "a reading": "    print((await bridge.rak5801(1).read()).curent)",
    "what was not awaited": "    print(bridge.rak5801(1).read().current)",
}


def mypy(folder: Path, *files: Path) -> set[tuple[str, int]]:
    finished = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir",
         str(ROOT / ".run/mypy-examples"), *map(str, files)],
        cwd=folder,
        env={"MYPYPATH": str(ROOT / "python-bridge"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )  # fmt: skip
    assert finished.returncode in {0, 1}, finished.stderr
    found = re.findall(r"^(?:.*/)?([\w.]+):(\d+): error", finished.stdout, flags=re.MULTILINE)
    assert bool(found) == bool(finished.returncode), finished.stdout
    return {(name, int(line)) for name, line in found}


def pyright(folder: Path, *files: Path) -> set[tuple[str, int]]:
    settings = {"extraPaths": [str(ROOT / "python-bridge")], "typeCheckingMode": "standard"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    finished = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable,
         "--project", str(folder / "pyrightconfig.json"), *map(str, files)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )  # fmt: skip
    assert finished.returncode in {0, 1}, finished.stdout + finished.stderr
    told = json.loads(finished.stdout)
    assert told["summary"]["filesAnalyzed"] >= len(files)
    return {
        (each["file"].rsplit("/", 1)[-1], each["range"]["start"]["line"] + 1)
        for each in told["generalDiagnostics"]
        if each["severity"] == "error"
    }


CHECKERS = [mypy, pyright]


def copies(folder: Path) -> list[Path]:
    """The examples, under a folder of their own: pyright looks at what lies in its project."""
    made = []
    for each in EXAMPLES:
        made.append(folder / each.name)
        made[-1].write_text(each.read_text(encoding="utf-8"), encoding="utf-8")
    return made


@for_each("checker", CHECKERS, ids=["mypy", "pyright"])
def test_every_example_is_clean(checker: Checker, tmp_path: Path) -> None:
    files = copies(tmp_path)
    assert len(files) > 50
    assert checker(tmp_path, *files) == set()


@for_each("checker", CHECKERS, ids=["mypy", "pyright"])
def test_right_programs_are_clean_and_wrong_ones_refused_in_their_line(
    checker: Checker, tmp_path: Path
) -> None:
    files, expected = [tmp_path / "right.py"], set()
    for number, wrong in enumerate(WRONG_AWAITED.values()):
        path = tmp_path / f"wrong_async_{number}.py"
        path.write_text(f"{START}    bridge.status(){ASYNC}{wrong}\n")
        files.append(path)
        expected.add((path.name, (START + ASYNC).count("\n") + 1))
    files[0].write_text(START + RIGHT)
    for number, wrong in enumerate(WRONG.values()):
        path = tmp_path / f"wrong_{number}.py"
        path.write_text(f"{START}    bridge.rak5801(1).read()\n{wrong}\n    bridge.status()\n")
        files.append(path)
        expected.add((path.name, START.count("\n") + 2))
    assert len(expected) > 10
    assert checker(tmp_path, *files) == expected
