"""What the command line prints fits the terminal, and is one row a line where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.cases import for_each

from wisblock_bridge.cli import main
from wisblock_bridge.client import Bridge
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = [
    ["list"],
    ["list", "RAK5802"],
    ["scan"],
    ["status"],
    ["emulator", "list"],
    ["emulator", "list", "board"],
    ["docs"],
]


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process, Bridge(process.endpoint, name="flows") as bridge:
        bridge["RAK5802", 1].read_holding_registers(unit=42)
        bridge["RAK13600", 2].present()
        yield process


@for_each("words", COMMANDS)
@for_each("columns", [30, 60, 100])
def test_it_fits(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    served: BridgeProcess,
    words: list[str],
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main([*words, "--endpoint", served.endpoint]) == 0
    narrow = capsys.readouterr().out
    assert narrow
    longest = max(narrow.splitlines(), key=len)
    # What has no space cannot be broken: an address on the web, a name of a device.
    assert len(longest) <= columns or len(longest.split()) == 1, longest
    monkeypatch.delenv("COLUMNS")
    assert main([*words, "--endpoint", served.endpoint]) == 0
    whole = capsys.readouterr().out
    if words in (["list"], ["docs"], ["emulator", "list"]):
        assert narrow.split() == whole.split(), "nothing is lost"


def test_without_a_terminal_a_module_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, served: BridgeProcess
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["list", "--endpoint", served.endpoint]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(registry.load().modules)
