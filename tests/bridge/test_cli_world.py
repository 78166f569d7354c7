"""The emulated world from the command line, against a real bridge."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment, eventually
from tests.cases import for_each

from wisblock_bridge.cli import main
from wisblock_bridge.client import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "wisblock_bridge"]


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def world(served: BridgeProcess) -> Iterator[Bridge]:
    """A client beside the command line; both slots are empty, and nothing fails."""
    with Bridge(served.endpoint, name="beside") as bridge:
        for entry in bridge.status()["slots"]:  # type: ignore[attr-defined]
            bridge.release(entry["module"], entry["slot"], force=True)
        for slot in (1, 2):
            bridge.emulator.unplug(slot)
        yield bridge


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def emulator(capsys: pytest.CaptureFixture[str], served: BridgeProcess) -> Any:
    def command(*words: str) -> Outcome:
        try:
            code = main(["emulator", *words, "--endpoint", served.endpoint])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.mark.usefixtures("world")
def test_plugging_and_listing(emulator: Any) -> None:
    done = emulator("plug", "1", "rak5801")
    assert (done.code, done.out) == (0, "slot 1: RAK5801\n")
    listed = emulator("list")
    assert listed.out.splitlines()[0] == "slot 1: RAK5801"
    assert listed.out.splitlines()[1].split() == ["current", "12.00", "mA", "0...22", "mA"]
    assert listed.out.splitlines()[2:] == ["slot 2: empty"]
    assert emulator("unplug", "1").out == "slot 1: empty\n"
    shown = emulator("list", "--json").json
    assert shown == [
        {"slot": 1, "module": None, "quantities": []},
        {"slot": 2, "module": None, "quantities": []},
    ]


@pytest.mark.usefixtures("world")
def test_the_board_is_listed_when_it_is_asked_for(emulator: Any) -> None:
    listed = emulator("list", "board")
    assert listed.out.splitlines()[0] == "the board"
    assert any(line.split()[0] == "voltage_3" for line in listed.out.splitlines())
    assert any("let go" in line for line in listed.out.splitlines())


@pytest.mark.usefixtures("world")
def test_an_empty_slot_is_named(emulator: Any) -> None:
    listed = emulator("list", "2")
    assert listed.code == 1
    assert "slot 2 is empty" in listed.err


def test_setting_changes_what_is_measured(emulator: Any, world: Bridge) -> None:
    emulator("plug", "1", "RAK5801")
    done = emulator("set", "1", "current=7.5")
    assert (done.code, done.out.split()) == (0, ["current", "7.50", "mA"])
    assert world["RAK5801", 1].read(samples=4)["current"] == pytest.approx(7.5, abs=0.002)
    assert emulator("set", "1", "current=8", "--json").json == {"current": 8.0}


@for_each(
    ("module", "words", "quantity", "value"),
    [
        ("RAK12006", ["motion=yes"], "motion", True),
        ("RAK13600", ["tag=bcf024b5"], "tag", "bcf024b5"),
        ("RAK13600", ["tag="], "tag", ""),
        ("RAK13300", ["next_packet=lost"], "next_packet", "lost"),
        ("RAK13300", ["incoming=text:hello"], "incoming", b"hello"),
        ("RAK13300", ["path_loss=80", "incoming=0102"], "path_loss", 80.0),
        ("RAK13003", ["level_3=1"], "level_3", 1),
        ("RAK5802", ["line_fault=late"], "line_fault", "late"),
        ("RAK13600", ["exchanges_left=3"], "exchanges_left", 3),
    ],
)
def test_values_as_people_type_them(
    emulator: Any, world: Bridge, module: str, words: list[str], quantity: str, value: object
) -> None:
    world.emulator.unplug(2)
    emulator("plug", "2", module)
    done = emulator("set", "2", *words)
    assert done.code == 0, done.err
    assert world.emulator.get(2, quantity) == value


@for_each(
    ("words", "said"),
    [
        (["set", "1", "curent=7"], "Did you mean current?"),
        (["set", "1", "current"], "Write it like current=12."),
        (["set", "1", "current=much"], "is not a number"),
        (["plug", "1", "RAK5811"], "unplug it first"),
        (["plug", "2", "RAK5810"], "Did you mean RAK58"),
        (["fault", "1", "off", "--count", "3"], "off takes neither"),
    ],
)
def test_mistakes_are_explained(emulator: Any, world: Bridge, words: list[str], said: str) -> None:
    if all(each["module"] != "RAK5801" for each in world.status()["plugged"]):  # type: ignore[attr-defined]
        emulator("plug", "1", "RAK5801")
    wrong = emulator(*words)
    assert wrong.code == 1
    assert said in wrong.err
    as_json = emulator(*words, "--json")
    error = json.loads(as_json.err)["error"]
    assert (as_json.code, as_json.out) == (1, "")
    assert error["code"] in {"bad_params", "slot_conflict", "unknown_module"}


def test_nothing_is_set_when_one_of_several_is_wrong(emulator: Any, world: Bridge) -> None:
    emulator("plug", "1", "RAK16000")
    before = world.emulator.get(1, "voltage")
    assert emulator("set", "1", "voltage=3", "curent=4").code == 1
    assert world.emulator.get(1, "voltage") == before


@for_each(
    "words",
    [
        ["set", "3", "current=1"],
        ["fault", "1", "explode"],
        ["fault", "0x", "nack"],
        ["set", "1"],
        ["plug", "1"],
        ["nonsense"],
        ["fault", "1", "nack", "--count", "0"],
    ],
)
def test_wrong_usage_is_code_2(emulator: Any, words: list[str]) -> None:
    wrong = emulator(*words)
    assert wrong.code == 2
    assert "See `wisblock-bridge emulator" in wrong.err


def test_faults_are_switched_on_and_off(emulator: Any, world: Bridge) -> None:
    emulator("plug", "1", "RAK16001")
    done = emulator("fault", "1", "nack")
    assert (done.code, done.out) == (0, "slot 1 (0x48): nack, as asked for\n")
    assert any(each["fault"] == "nack" for each in world.status()["plugged"])  # type: ignore[attr-defined]
    assert emulator("fault", "1", "off").out == "slot 1 (0x48): works again\n"
    assert all(each["fault"] is None for each in world.status()["plugged"])  # type: ignore[attr-defined]
    assert emulator("fault", "0x48", "stuck", "--for", "1ms", "--json").json == {
        "addresses": [0x48],
        "kind": "stuck",
    }
    assert emulator("fault", "1", "power_cycle").code == 0
    emulator("unplug", "1")
    emulator("plug", "1", "RAK5802")
    assert "/dev/" in emulator("fault", "1", "nack", "--count", "1").out


def test_a_demo_moves_what_is_measured_and_puts_it_back(emulator: Any, world: Bridge) -> None:
    emulator("plug", "1", "RAK5801")
    emulator("plug", "2", "RAK12006")
    emulator("set", "1", "current=12")
    values: set[float] = set()
    motions: set[bool] = set()
    with subprocess.Popen(
        [*COMMAND, "emulator", "demo", "--period", "2s", "--endpoint", world.endpoint],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "current of slot 1, motion of slot 2" in process.stdout.readline()

        def moved() -> bool:
            values.add(world.emulator.get(1, "current"))  # type: ignore[arg-type]
            motions.add(world.emulator.get(2, "motion"))  # type: ignore[arg-type]
            return len(values) > 8 and len(motions) == 2

        eventually(moved, "both move")
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG_S) == 0, process.stderr.read()
        assert process.stderr.read() == ""
    assert all(4.0 <= each <= 20.0 for each in values), "no fault of the loop"
    assert world.emulator.get(1, "current") == 12.0
    assert world.emulator.get(2, "motion") is False


def test_a_demo_ends_by_itself_and_follows_what_is_plugged_in(emulator: Any, world: Bridge) -> None:
    started = time.monotonic()
    nothing = emulator("demo", "--for", "10s")
    assert (nothing.code, nothing.out) == (1, "")
    assert "emulator plug" in nothing.err
    assert time.monotonic() - started < 10.0
    emulator("plug", "1", "RAK13300")
    emulator("plug", "2", "RAK13600")
    done = emulator("demo", "--for", "1s", "--period", "1s", "--json")
    assert done.json == {"moving": ["rssi of slot 1", "incoming of slot 1", "tag of slot 2"]}
    assert world.emulator.get(1, "incoming") != b""
    assert world.emulator.get(2, "tag") == "dcaffd02"


def test_a_board_that_is_not_emulated_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "list", "--endpoint", "ipc:///tmp/wb-nobody/bridge.sock"]) == 3
    assert "No bridge" in capsys.readouterr().err
