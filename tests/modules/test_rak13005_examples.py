"""The example programs of the RAK13005 against a real bridge on an emulated board."""

from __future__ import annotations

import subprocess
import sys

from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment

EXAMPLES = ROOT / "python-bridge/examples"


def run(served: BridgeProcess, *words: str) -> tuple[list[str], str]:
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / words[0]), *words[1:]],
        env=environment(WISBLOCK_BRIDGE_ENDPOINT=served.endpoint),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines(), finished.stderr


def test_what_the_documented_programs_were_meant_to_print() -> None:
    with BridgeProcess() as served:
        heard, errors = run(served, "rak13005_echo.py", "--slot", "2", "--count", "2")
        assert heard == ["receive: 0 1 2 3 255 5 6 100"] * 2
        assert errors == ""
        words = ("--count", "2", "--interval", "0", "--ask", "35", "--length", "4")
        sent, errors = run(served, "rak13005_master.py", *words)
        assert sent == ["send: 00 55 c1 00 01 02 03 ff 05 06 64 8a", "answer: 4a 55 93 e5"] * 2
        assert errors == ""
        sent, errors = run(served, "rak13005_master.py", "--count", "1", "--ask", "36")
        assert len(sent) == 1
        assert "No node answered the identifier 0x24" in errors
