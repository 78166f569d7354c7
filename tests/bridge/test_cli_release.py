"""What the command line says about who uses a module, and what it frees."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.test_cli import Outcome, at

from wisblock_bridge.cli import main
from wisblock_bridge.client import Bridge, RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator

RELAY = ("call", "RAK13001", "set", "--slot", "1")


@pytest.fixture(scope="module")
def process() -> Iterator[BridgeProcess]:
    with BridgeProcess() as made:
        yield made


@pytest.fixture
def served(process: BridgeProcess) -> Iterator[BridgeProcess]:
    yield process
    with Bridge(process.endpoint) as cleaner:
        for module in ("RAK13001", "RAK5801"):
            cleaner.release(module, 1, force=True)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], served: BridgeProcess) -> Any:
    def command(*words: str) -> Outcome:
        code = main([*words, *at(served)])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


def is_on(bridge: Bridge) -> object:
    return bridge["RAK13001", 1].state()["on"]


def test_a_command_says_that_its_output_is_safe_again(run: Any, served: BridgeProcess) -> None:
    told = run(*RELAY, "on=true")
    assert told.code == 0
    assert told.out.splitlines()[0] == "on  yes"
    assert told.err == (
        "The output is in its safe state again, because this command has ended; "
        "--hold leaves it as it is.\n"
    )
    with Bridge(served.endpoint) as bridge:
        assert is_on(bridge) is False, "and that is true at once"
    told = run(*RELAY, "on=true", "--json")
    assert told.json["readings"] == {"on": True}
    assert "safe state again" in told.err


def test_a_held_output_says_how_it_is_freed(run: Any, served: BridgeProcess) -> None:
    told = run(*RELAY, "on=true", "--hold")
    assert told.err == (
        "The output stays like this. "
        "`wisblock-bridge release RAK13001 --slot 1 --force` ends that.\n"
    )
    with Bridge(served.endpoint) as bridge:
        assert is_on(bridge) is True
    refused = run("call", "RAK5801", "read", "--slot", "1")
    assert refused.code == 1
    assert "held output relay of client" in refused.err
    assert f"process {os.getpid()}, user {os.getuid()}" in refused.err
    assert "wisblock-bridge release RAK13001 --slot 1 --force" in refused.err
    left = run("release", "RAK13001", "--slot", "1")
    assert left.code == 1
    assert "held output relay" in left.err
    assert run("release", "RAK13001", "--slot", "1", "--output", "relay").code == 1
    freed = run("release", "RAK13001", "--slot", "1", "--output", "relay", "--force")
    assert (freed.code, freed.out) == (0, "relay of RAK13001: safe\n")
    assert run("call", "RAK5801", "read", "--slot", "1").code == 0
    assert run("release", "RAK5801", "--slot", "1").out == "RAK5801 is released\n"


@pytest.mark.parametrize("words", [("set", "on=false"), ("state",), ("input",)])
def test_what_leaves_nothing_on_says_nothing(run: Any, words: tuple[str, ...]) -> None:
    for more in ((), ("--hold",)):
        told = run("call", "RAK13001", *words, "--slot", "1", *more)
        assert (told.code, told.err) == (0, "")


def test_what_others_use_is_released_by_force_only(run: Any, served: BridgeProcess) -> None:
    with Bridge(served.endpoint, name="flows\x1b[31m") as bridge:
        bridge["RAK13001", 1].set(on=True)
        shown = run("status").out
        assert re.search(
            rf"RAK13001 in slot 1 is used by flows\[31m \(process {os.getpid()}, user \d+\)", shown
        )
        kept = run("release", "RAK13001", "--slot", "1")
        assert kept.code == 1
        assert "RAK13001 stays in use: flows" in kept.err
        assert is_on(bridge) is True
        assert run("release", "RAK13001", "--slot", "1", "--force").code == 0
        assert is_on(bridge) is False
    shown = run("status").out
    assert "RAK13001 in slot 1 is idle: it yields to any module that needs its place" in shown


def test_the_client_releases_outputs_and_by_force(served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as one, Bridge(served.endpoint) as other:
        one["RAK13001", 1].set(on=True)
        other.release("RAK13001", 1, outputs=["relay"])
        assert is_on(one) is True
        one.release("RAK13001", 1, outputs=["relay"])
        assert is_on(one) is False
        with pytest.raises(RemoteError, match="has no output 'rely'"):
            one.release("RAK13001", 1, outputs=["rely"])
        one["RAK13001", 1].set(on=True)
        other.release("RAK13001", 1, force=True)
        assert other["RAK5801", 1].read(samples=1).emulated
