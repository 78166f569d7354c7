"""The command line as programs use it: closed or full streams, and JSON where there are results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment
from tests.bridge.test_cli import COMMAND, at, run  # noqa: F401  (a fixture)

from wisblock_bridge.client import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


def shell(redirected: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell, with its streams redirected."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", *COMMAND, *words],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("list",),
        ("status",),
        ("call", "RAK5801", "read", "samples=1"),
        ("watch", "RAK5801", "read", "samples=1", "--count", "2", "--every", "20ms", "--json"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(
    served: BridgeProcess, words: tuple[str, ...], closed: str
) -> None:
    place = () if words[0].startswith("-") else at(served)
    finished = shell(closed, *words, *place)
    assert (finished.returncode, finished.stderr) == (0, "")
    if " " not in closed and not closed.startswith(">"):
        assert finished.stdout


def test_an_error_keeps_its_code_without_streams(served: BridgeProcess) -> None:
    assert shell(">&- 2>&-", "call", "RAK9", "read", *at(served)).returncode == 1
    assert shell("2>&-", "call", "RAK9").returncode == 2
    refused = shell(">&-", "call", "RAK9", "read", "--json", *at(served))
    assert refused.returncode == 1
    assert json.loads(refused.stderr)["error"]["code"] == "unknown_module"


@pytest.mark.parametrize("words", [("--version",), ("list",), ("catalogue",)], ids=" ".join)
def test_a_full_disk_is_an_error_in_words(words: tuple[str, ...]) -> None:
    finished = shell(">/dev/full", *words)
    assert finished.returncode == 1
    assert finished.stderr == "wisblock-bridge: No space left on device.\n"


def test_a_release_for_programs(run: Any, served: BridgeProcess) -> None:  # noqa: F811
    words = ("release", "RAK13001", "--slot", "1")
    with Bridge(served.endpoint, name="flows") as other:
        other.rak13001(1).set(on=True)
        kept = run(*words, "--json", *at(served))
        assert (kept.code, kept.out) == (1, "")
        error = json.loads(kept.err)["error"]
        assert error["code"] == "in_use"
        assert "flows" in error["message"]
        assert "--force" in error["hint"]
        done = run(*words, "--output", "relay", "--force", "--json", *at(served))
        assert done.json == {"module": "RAK13001", "slot": 1, "outputs": ["relay"]}
        done = run(*words, "--force", "--json", *at(served))
        assert (done.code, done.err) == (0, "")
        assert done.json == {"module": "RAK13001", "slot": 1, "outputs": []}


def test_the_catalogue_is_json_anyway(run: Any) -> None:  # noqa: F811
    assert run("catalogue", "--json").out == run("catalogue").out


def test_keys_for_programs(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WISBLOCK_BRIDGE_KEYS", str(tmp_path / "keys"))
    server = run("keys", "server", "--json").json["public_key"]
    made = run("keys", "add", "office", "--role", "read", "--json")
    assert (made.code, made.err) == (0, "")
    assert made.json.keys() == {"name", "role", "public_key", "server_key", "secret_key", "file"}
    assert (made.json["role"], made.json["server_key"]) == ("read", server)
    assert (tmp_path / made.json["file"]).read_text().count(made.json["secret_key"]) == 1
    public = made.json["public_key"]
    listed = {"name": "office", "role": "read", "public_key": public}
    assert run("keys", "list", "--json").json == [listed]
    changed = run("keys", "role", "office", "drive", "--json").json
    assert changed == listed | {"role": "drive"}
    assert run("keys", "remove", "office", "--json").json == changed
    own = run("keys", "add", "own", "--role", "admin", f"--public-key={public}", "--json").json
    assert own == {"name": "own", "role": "admin", "public_key": public, "server_key": server}


@pytest.mark.parametrize("text", ["0", "0ms", "0.0s"])
def test_no_time_is_wrong_usage(run: Any, text: str) -> None:  # noqa: F811
    for words in (("call", "RAK5801", "read"), ("watch", "RAK5801", "read")):
        refused = run(*words, "--timeout", text)
        assert refused.code == 2
        assert f"argument --timeout: '{text}' is too short" in refused.err


def test_a_program_whose_name_is_no_text_connects(served: BridgeProcess, tmp_path: Path) -> None:
    script = os.fsencode(tmp_path) + b"/me\xdfwerte.py"
    with open(script, "w") as file:  # noqa: PTH123  (pathlib has no bytes)
        file.write(
            "from wisblock_bridge.client import Bridge\n"
            f"with Bridge({served.endpoint!r}) as bridge:\n"
            "    print(*(each['client'] for each in bridge.status()['sessions']))\n"
        )
    finished = subprocess.run(
        [sys.executable, script],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.stderr == ""
    assert "me?werte.py" in finished.stdout
