"""What is promised to be kept across restarts, and how it is told when that is impossible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.wire_client import RawClient

from wisblock_bridge.discovery.checkup import is_good
from wisblock_bridge.discovery.state import state_finding
from wisblock_bridge.runtime.state_store import StateFile, StateStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PROMISES: list[tuple[str, int | str, str, dict[str, Any]]] = [
    ("RAK5802", 1, "line", {"baud": 19200}),
    ("RAK13005", 2, "line", {"baud": 19200}),
    ("RAK13300", 1, "configure", {"region": "EU868"}),
    ("TPT29555", "board", "write", {"expander": "slots", "line": 10, "level": 0}),
]
"""Operations whose help says that what they set is kept; a line that was driven is, too, for the
bridge that comes after a killed one. What is calibrated stands in the tests of its module."""


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A directory that nobody can make, not even root: its parent is a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "state"


@pytest.mark.parametrize("place", ["writable", "nowhere"])
def test_a_result_says_that_nothing_could_be_kept(
    place: str, tmp_path: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writable = place == "writable"
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state" if writable else nowhere))
    with BridgeProcess("--board", "RAK7391") as served, RawClient(served.endpoint) as wire:
        for module, slot, operation, params in PROMISES:
            if slot != "board":
                wire.result("emulator.plug", slot=slot, module=module)
            result = wire.result(
                "invoke", module=module, slot=slot, operation=operation, params=params
            )
            note = result.get("note", "")
            if writable:
                assert (result["quality"], note) == ("good", ""), module
            else:
                assert result["quality"] == "uncertain", module
                assert "could not be kept: " in note
                assert str(nowhere) in note
                assert "Not a directory" in note
                assert "it is lost at the next restart" in note
            wire.result("release", module=module, slot=slot)
            if slot != "board":
                wire.result("emulator.unplug", slot=slot)


def test_an_emulated_board_that_forgets_on_purpose_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with BridgeProcess("--board", "RAK7391") as served, RawClient(served.endpoint) as wire:
        result = wire.result(
            "invoke", module="RAK5802", slot=1, operation="line", params={"baud": 19200}
        )
        assert (result["quality"], result.get("note", "")) == ("good", "")


def test_trouble_ends_when_it_can_be_written_again(nowhere: Path) -> None:
    notebook = StateFile(nowhere / "RAK5802-1.json")
    notebook.remember({"baud": 19200})
    assert "RAK5802-1.json cannot be written (Not a directory)" in notebook.problem
    assert notebook.recall() == {"baud": 19200}
    nowhere.parent.unlink()
    notebook.remember({"baud": 9600})
    assert notebook.problem == ""
    assert StateStore(nowhere).of_module("RAK5802", 1).recall() == {"baud": 9600}


def test_check_names_the_directory_and_leaves_nothing_behind(tmp_path: Path, nowhere: Path) -> None:
    good = tmp_path / "a" / "b"
    finding = state_finding(emulate=False, environment={"STATE_DIRECTORY": str(good)})
    assert (finding.state, str(good) in finding.detail) == ("ok", True)
    assert not good.parent.exists()
    finding = state_finding(emulate=False, environment={"STATE_DIRECTORY": str(nowhere)})
    assert not is_good([finding])
    assert f"{nowhere} cannot be written (Not a directory)" in finding.detail
    assert "STATE_DIRECTORY" in finding.advice
    finding = state_finding(emulate=False, environment={"HOME": str(tmp_path)})
    assert f"{tmp_path}/.local/state/wisblock-bridge can be written" in finding.detail


def test_check_of_an_emulated_board(nowhere: Path) -> None:
    assert state_finding(emulate=True, environment={"HOME": str(nowhere)}).state == "ok"
    told = {"STATE_DIRECTORY": str(nowhere)}
    assert state_finding(emulate=True, environment=told).state == "problem"
