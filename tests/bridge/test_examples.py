"""The example programs against a real bridge on an emulated board."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment

from wisblock_bridge.client import (
    Bridge,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = ROOT / "python-bridge/examples"


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def bridge(served: BridgeProcess) -> Iterator[Bridge]:
    with Bridge(served.endpoint, name="test") as connected:
        for slot in (1, 2):
            for module in ("RAK5801", "RAK5811"):
                connected.release(module, slot)
        yield connected


# -- examples -------------------------------------------------------------------------------------


def run_example(served: BridgeProcess, *words: str) -> list[str]:
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / words[0]), *words[1:]],
        env=environment(WISBLOCK_BRIDGE_ENDPOINT=served.endpoint),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_the_example_for_the_current_loop(bridge: Bridge, served: BridgeProcess) -> None:
    bridge["RAK5801", 1].read(samples=1)
    bridge.emulator.set(1, "current", 3.81)
    printed = run_example(
        served, "rak5801_read.py", "--slot", "1", "--count", "2", "--interval", "0"
    )
    assert printed == ["3.81 mA", "3.81 mA"]


def test_the_example_for_the_voltage_input(bridge: Bridge, served: BridgeProcess) -> None:
    bridge["RAK5811", 2].read(samples=1)
    bridge.emulator.set(2, "voltage", 1.25)
    assert run_example(served, "rak5811_read.py", "--slot", "2", "--count", "1") == ["1.25 V"]


def test_the_example_for_the_converter(bridge: Bridge, served: BridgeProcess) -> None:
    bridge.emulator.unplug(1)
    bridge.emulator.set("board", "voltage_1", 2.0)
    assert run_example(served, "adc_read.py", "--slot", "1", "--count", "1") == ["Reading: 2.00V"]
    bridge.emulator.plug(1, "RAK5801")


def test_the_example_for_the_expander(served: BridgeProcess) -> None:
    printed = run_example(served, "tpt29555_blink.py", "--count", "2", "--interval", "0")
    assert printed == ["line 7: 0", "line 7: 1"] * 2


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_without_a_bridge_ends_with_a_sentence(example: str, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / example), "--count", "1"],
        env=environment(WISBLOCK_BRIDGE_ENDPOINT=f"ipc://{tmp_path}/none"),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 1
    assert "wisblock-bridge serve" in finished.stderr
    assert "Traceback" not in finished.stderr
