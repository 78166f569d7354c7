"""Commands find the bridge of ``make run`` from its checkout, and no other one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import BridgeProcess, environment

from wisblock_bridge.cli.checkout import running_bridge

if TYPE_CHECKING:
    from pathlib import Path


def noted(folder: Path, endpoint: str) -> Path:
    note = folder / ".run" / "endpoint"
    note.parent.mkdir()
    note.write_text(endpoint + "\n")
    note.chmod(0o600)
    return note


def status(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wisblock_bridge", "status", *arguments],
        cwd=folder, env=environment(XDG_RUNTIME_DIR=str(folder), **variables),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_command_in_the_checkout_finds_the_bridge(tmp_path: Path) -> None:
    below = tmp_path / "flows" / "interface"
    below.mkdir(parents=True)
    with BridgeProcess() as bridge:
        noted(tmp_path, bridge.endpoint)
        assert "RAK7391" in status(tmp_path).stdout
        assert status(below).returncode == 0
        elsewhere = f"ipc://{tmp_path}/other.sock"
        assert status(tmp_path, "--endpoint", elsewhere).returncode != 0, "what is said counts"
        assert status(tmp_path, WISBLOCK_BRIDGE_ENDPOINT=elsewhere).returncode != 0
    refused = status(tmp_path)
    assert refused.returncode != 0, "it has ended: the usual endpoint counts again"
    assert bridge.endpoint not in refused.stderr


def test_a_note_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    with BridgeProcess() as bridge:
        note = noted(tmp_path, bridge.endpoint)
        assert running_bridge(tmp_path) == bridge.endpoint
        note.chmod(0o666)
        assert running_bridge(tmp_path) is None
        if os.getuid() == 0:
            note.chmod(0o600)
            os.chown(note, 1, 1)
            assert running_bridge(tmp_path) is None


@pytest.mark.parametrize("text", ["", "\xff", "nonsense", "ipc://", "tcp://0.0.0.0:1"])
def test_a_note_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    noted(tmp_path, "").write_bytes(text.encode("latin-1"))
    assert running_bridge(tmp_path) is None
