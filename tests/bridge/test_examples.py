"""The example programs against a real bridge on an emulated board."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment, eventually

from wisblock_bridge.client import (
    Bridge,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tally import Tally

pytestmark = pytest.mark.slow

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
                connected.release(module, slot, force=True)
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


def test_the_examples_run_one_after_another_without_a_release(tally: Tally) -> None:
    """All in one slot: none may find the slot held by an earlier one."""
    tried = 0
    with BridgeProcess() as process, Bridge(process.endpoint) as watcher:
        for path in sorted(EXAMPLES.glob("*.py")):
            source = path.read_text(encoding="utf-8")
            words = ["--count", "1"]
            words += [*(["--slot", "1"] if '"--slot"' in source else [])]
            words += [*(["--interval", "0"] if '"--interval"' in source else [])]
            with subprocess.Popen(
                [sys.executable, str(path), *words],
                env=environment(WISBLOCK_BRIDGE_ENDPOINT=process.endpoint),
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            ) as example:  # fmt: skip
                module = path.name.partition("_")[0].upper()

                def is_used(name: str = module) -> bool:
                    slots = watcher.status()["slots"]
                    assert isinstance(slots, list)
                    return any(each["module"] == name and each["open"] for each in slots)

                def has_begun(one: subprocess.Popen[str] = example) -> bool:
                    return one.poll() is not None or is_used()

                eventually(has_begun, f"{path.name} uses its module")
                if example.poll() is None:
                    example.send_signal(signal.SIGINT)  # it waits for what never comes here
                _, told = example.communicate(timeout=LONG_S)
            assert "cannot be used there" not in told, path.name
            if "soldered on" in told:
                continue  # as delivered, this one has the address of a chip of the board
            assert "is held by" not in told, path.name
            assert is_used(), f"{path.name}: {told}"
            tried += 1
    assert tried > 20
    tally.add("claim", "claims and releases tried", tried)
