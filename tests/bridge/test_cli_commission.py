"""``wisblock-bridge commission``: every point is asked, outputs end safe, answers are written."""

from __future__ import annotations

import io
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import ROOT, BridgeProcess

from wisblock_bridge import cli
from wisblock_bridge.boards import BOARDS
from wisblock_bridge.cli import commission_steps
from wisblock_bridge.client import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CATALOGUE = json.loads((ROOT / "node-red-nodes/catalogue.json").read_text())
MODULES = {each["name"]: each for each in CATALOGUE["modules"]}


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def commission(
    served: BridgeProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Run it with these lines typed; returns what it printed, its report and the configuration."""
    monkeypatch.setattr(commission_steps, "HOLD_S", 0.0)
    config = tmp_path / "wisblock-bridge.toml"

    def run(module: str, *typed: str, slot: str = "1") -> tuple[str, str, str]:
        out = tmp_path / f"{module}.md"
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        config.touch()
        words = ["commission", module, "--slot", slot, "--out", str(out), "--config", str(config)]
        assert cli.main([*words, "--endpoint", served.endpoint]) == 0
        with Bridge(served.endpoint) as bridge:
            if slot != "board":
                bridge.release(module, 1, force=True)
            bridge.release("TPT29555", "board", force=True)
        return capsys.readouterr().out, out.read_text(), config.read_text()

    return run


def answers(report: str) -> dict[str, str]:
    """Statement to answer."""
    return dict(
        re.findall(
            r"^## \d+\. (.*?)\n.*?^\* answer: \*\*(.*?)\*\*", report, re.MULTILINE | re.DOTALL
        )
    )


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_point_of_every_module_is_asked(commission: Any, name: str) -> None:
    slot = str(MODULES[name]["slots"][0])
    _, report, _ = commission(name, slot=slot)
    asked = answers(report)
    for statement in (*BOARDS["rak7391-c"].unconfirmed, *MODULES[name]["unconfirmed"]):
        assert asked[statement] == "not tried"
    assert "emulated: this says nothing" in report


def test_every_step_is_about_something() -> None:
    """A statement that was reworded would silently lose its measurement."""
    statements = {name: module["unconfirmed"] for name, module in MODULES.items()}
    statements["board"] = [each for board in BOARDS.values() for each in board.unconfirmed]
    for step in commission_steps.STEPS:
        assert any(re.search(step.about, each) for each in statements[step.product]), step


def test_a_relay_clicks_and_ends_off(
    commission: Any, served: BridgeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(_: float) -> None:
        with Bridge(served.endpoint) as bridge:
            seen.append(bridge.invoke("RAK13007", 1, "state").readings["on"])

    monkeypatch.setattr(commission_steps, "wait", look)
    _, report, _ = commission("RAK13007", "s", "s", "s", "y")
    assert seen[-1] is True
    assert list(answers(report).values())[-1] == "yes"


@pytest.mark.parametrize(
    ("typed", "answer"), [("12.0", "yes"), ("12,05", "yes"), ("13", "no"), ("s", "not tried")]
)
def test_a_loop_current_is_compared(commission: Any, typed: str, answer: str) -> None:
    _, report, _ = commission("RAK5801", "s", "s", "s", typed)
    assert list(answers(report).values())[-1] == answer


def test_the_address_that_answers_is_written(commission: Any, served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as bridge:
        bridge.emulator.unplug(1)
        bridge.emulator.plug(1, "RAK16001")
        try:
            _, report, config = commission("RAK16001", "s", "s", "s", "y", "s", "y")
        finally:
            bridge.emulator.unplug(1)
    assert "ADS7830 answers at 0x" in report
    written = tomllib.loads(config)["slot"][0]
    assert written["number"] == 1
    assert written["module"] == "RAK16001"
    assert re.fullmatch(r"0x4[8a]", written["addresses"]["ADS7830"])


def test_other_wiring_is_written_only_when_wanted(commission: Any) -> None:
    out, _, config = commission("RAK16000", "s", "n", "s", "n")
    assert "[board.slot2.lines]" in out
    assert config == ""
    _, _, config = commission("RAK16000", "s", "n", "s", "y")
    written = tomllib.loads(config)
    assert written["board"]["slot2"]["lines"]["IO4"] == "board:12"
    assert written["slot"] == [{"number": 1, "module": "RAK16000"}]


def test_a_file_that_contradicts_is_left_alone(commission: Any, tmp_path: Path) -> None:
    config = tmp_path / "wisblock-bridge.toml"
    before = '# mine\n[[slot]]\nnumber = 1\nmodule = "RAK5811"\n'
    config.write_text(before)
    out, _, after = commission("RAK16000", "s", "s", "s", "y")
    assert after == before
    assert "contradicts" in out


def test_unclear_answers_are_asked_again_and_words_are_kept(commission: Any) -> None:
    out, report, _ = commission("RAK16000", "perhaps", "n only IO1")
    assert "begin with y, n or s" in out
    assert "**no** (only IO1)" in report


def test_the_report_goes_to_the_projects_form(commission: Any) -> None:
    out, _, _ = commission("RAK16000")
    issues = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Issues"]
    assert f"{issues}/new?template=works-on-my-board.yml" in out
