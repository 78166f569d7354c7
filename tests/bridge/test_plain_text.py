"""Untrusted text on terminals and in logs, and output in any encoding."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import ROOT, BridgeProcess, environment
from tests.cases import for_each

from wisblock_bridge.cli import check as check_command
from wisblock_bridge.cli import formatting, logs
from wisblock_bridge.cli.call import as_text
from wisblock_bridge.cli.complaints import complain
from wisblock_bridge.cli.query import chip_row, describe
from wisblock_bridge.cli.status import as_text as status_text
from wisblock_bridge.client import Bridge, Result
from wisblock_bridge.discovery.findings import Finding
from wisblock_bridge.errors import BridgeError, ConfigError
from wisblock_bridge.wire.plain_text import ESCAPE, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "wisblock_bridge"]
EVIL = "evil\x1b[31m\nroot  0 subscriptions\r\x9b2J\x7f\x00\u202eabc\u2066\u2028\u200f\ufeff"
ALLOWED = {"\n"}


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


def dangerous(text: str) -> list[str]:
    """Return the control and formatting characters, which a terminal would act on."""
    return [
        letter
        for letter in text
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in ALLOWED
    ]


def run(served: BridgeProcess, *words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *words, "--endpoint", served.endpoint],
        env=environment(**more),
        cwd=ROOT,
        capture_output=True,
        check=False,
    )


# -- one mechanism --------------------------------------------------------------------------------


def test_control_characters_are_escaped() -> None:
    assert dangerous(EVIL)
    assert dangerous(escaped(EVIL)) == []
    assert "\n" not in escaped(EVIL)
    assert escaped("\x1b[31m\n\x9b\u202e") == "\\x1b[31m\\n\\x9b\\u202e"
    for code in (*range(0x20), 0x7F, *range(0x80, 0xA0), 0xD800, 0xDFFF):
        assert dangerous(escaped(chr(code))) == []


@for_each("text", ["", "RAK5801 in slot 1", "Grüße, 12 °C", "日本語", "😀", "a\\nb"])
def test_letters_of_all_languages_are_kept(text: str) -> None:
    assert escaped(text) == text


def test_escaped_json_has_the_same_meaning() -> None:
    text = formatting.to_json({"name": EVIL})
    assert dangerous(text) == []
    assert json.loads(text) == {"name": EVIL}


def test_json_is_valid_in_an_encoding_without_the_letter() -> None:
    raw = formatting.to_json({"unit": "°C 😀"}).encode("ascii", ESCAPE)
    assert json.loads(raw) == {"unit": "°C 😀"}


# -- where untrusted text reaches a terminal -----------------------------------------------------


ERROR = {"message": EVIL, "code": "no_device"}
STATUS: dict[str, Any] = {
    "version": EVIL,
    "board": {"title": EVIL, "confidence": EVIL, "evidence": [EVIL]},
    "buses": [{"name": EVIL, "kind": EVIL, "failures": {EVIL: 1}}],
    "slots": [{"slot": EVIL, "module": EVIL, "errors": 1, "last_error": ERROR}],
    "sessions": [{"client": EVIL, "key": EVIL, "role": EVIL}],
    "counters": {EVIL: 1, "errors": {EVIL: 2}},
}
CHIP = {
    "bus": EVIL, "address": 1, "chip": EVIL, "modules": [EVIL], "confidence": EVIL, "note": EVIL,
    "warnings": [EVIL],
}  # fmt: skip
MODULE: dict[str, Any] = {
    "name": EVIL, "title": EVIL, "slots": [1], "summary": EVIL, "unconfirmed": [EVIL],
    "operations": [
        {"name": EVIL, "summary": EVIL, "params": [], "readings": [{"name": EVIL, "unit": EVIL}]}
    ],
}  # fmt: skip
READINGS = {"uid": EVIL, "records": [EVIL], EVIL: EVIL}


@for_each(
    "text",
    [
        status_text(STATUS),
        formatting.table([chip_row(CHIP)]),
        describe(MODULE, {}),
        as_text(Result(READINGS, quality="uncertain", note=EVIL), MODULE["operations"][0], {}),
        check_command.as_text([Finding(EVIL, "problem", EVIL, EVIL)]),
    ],
    ids=["status", "scan", "list", "call", "check"],
)
def test_commands_escape_untrusted_text(text: str) -> None:
    assert dangerous(text) == []
    assert "\\x1b[31m" in text
    assert not any(line.startswith("root") for line in text.splitlines())


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("error", [BridgeError(EVIL, hint=EVIL, where=EVIL), ConfigError(EVIL)])
def test_errors_are_escaped(
    error: Exception, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    complain(error, as_json=as_json)
    told = capsys.readouterr().err
    assert dangerous(told) == []
    assert told.count("\n") == 1


def test_a_client_name_cannot_control_a_terminal(served: BridgeProcess) -> None:
    name = "evil\x1b[31m\nroot  0 subscriptions"
    with Bridge(served.endpoint, name=name) as bridge:
        told = run(served, "status").stdout.decode()
        again = [each["client"] for each in bridge.status()["sessions"]]  # type: ignore[attr-defined]
    assert dangerous(told) == []
    assert re.search(r"^  evil\\x1b\[31m\\nroot  0 subscriptions ", told, re.MULTILINE)
    assert name in again  # nothing is lost for programs


def test_a_client_name_cannot_forge_a_log_line(tmp_path: Path) -> None:
    stream = (tmp_path / "log").open("w+", encoding="utf-8")
    root = logging.getLogger()
    former, level = list(root.handlers), root.level
    try:
        log_buffer = logs.set_up("info", stream)
        logging.getLogger("test").info("client %s is gone", EVIL)
        logging.getLogger("test").info("client %(name)s is gone", {"name": EVIL})
        logging.getLogger("test").warning("%s failed: %s", 7, BridgeError(EVIL))
        logging.getLogger("test").error("broken", exc_info=ValueError(EVIL))
    finally:
        for each in list(root.handlers):
            root.removeHandler(each)
        for each in former:
            root.addHandler(each)
        root.setLevel(level)
        logging.captureWarnings(capture=False)
    stream.seek(0)
    written = stream.read()
    stream.close()
    assert dangerous(written) == []
    assert not any(line.startswith("root") for line in written.split("\n")[:4])
    assert dangerous("".join(str(each["text"]) for each in log_buffer.lines())) == []


# -- output in any encoding -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoding", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0",
                 "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}]
)  # fmt: skip
@pytest.mark.parametrize(
    "words",
    [
        ("call", "RAK13004", "servo", "--slot", "1", "channel=0", "angle=10"),
        ("call", "RAK13004", "servo", "--slot", "1", "channel=0", "angle=10", "--json"),
        ("watch", "RAK13004", "state", "--slot", "1", "channel=0", "--count", "1"),
        ("list",),
        ("list", "RAK13004"),
        ("list", "--json"),
        ("status",),
        ("scan",),
        ("catalogue",),
        ("report",),
        ("call", "--help"),
    ],
    ids=lambda words: " ".join(words[:3]) + (" json" if "--json" in words else ""),
)
def test_no_command_fails_in_any_encoding(
    served: BridgeProcess, words: tuple[str, ...], encoding: dict[str, str]
) -> None:
    with Bridge(served.endpoint) as bridge:
        bridge.invoke("RAK13004", 1, "servo", {"channel": 0, "angle": 10})
        done = run(served, *words, **encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if "--json" in words or words == ("catalogue",):
        json.loads(done.stdout.decode("latin-1"))


# -- errors for programs --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("call", "RAK9999", "read"), "unknown_module", 1),
        (("call", "RAK5801", "nonsense"), "unknown_operation", 1),
        (("call", "RAK5801", "read", "samples=x"), "bad_params", 1),
        (("call", "RAK5801", "read", "samples=5000"), "bad_params", 1),
        (("list", "RAK9999"), "unknown_module", 1),
        (("call", "RAK5801", "read", "--slot", "7"), "usage", 2),
        (("status", "--endpoint", "http://x"), "configuration", 2),
        (("status", "--endpoint", "ipc:///tmp/wb-none/b"), "offline", 3),
        (("status", "--config", "/no/such/file"), "configuration", 2),
    ],
)
def test_errors_under_json_are_json(
    served: BridgeProcess, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    done = subprocess.run(
        [*COMMAND, *words, "--json", *([] if "--endpoint" in words else
                                       ["--endpoint", served.endpoint])],
        env=environment(), cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == exit_code
    assert done.stdout == b""
    error = json.loads(done.stderr)["error"]
    assert error["code"] == code
    assert error["message"]


# -- the width of the terminal --------------------------------------------------------------------


@pytest.mark.slow
@for_each("words", [("list",), ("list", "RAK5802"), ("scan",), ("status",)])
def test_nothing_is_wider_than_the_terminal(served: BridgeProcess, words: tuple[str, ...]) -> None:
    with Bridge(served.endpoint) as bridge:
        bridge.invoke("RAK5801", 1, "read")
        wide = run(served, *words).stdout.decode()
        assert max(map(len, wide.splitlines())) > 80 or words == ("status",)
        for width in (40, 80, 120):
            narrow = run(served, *words, COLUMNS=str(width)).stdout.decode()
            assert max(map(len, narrow.splitlines())) <= width, width
            if words != ("status",):
                assert "".join(narrow.split()) == "".join(wide.split()), width


def test_the_width_of_a_real_terminal_is_used(served: BridgeProcess) -> None:
    parent, child = pty.openpty()
    code = """if True:
        import sys, termios
        from wisblock_bridge.cli import main
        termios.tcsetwinsize(1, (24, 60))
        sys.exit(main(sys.argv[1:]))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code, "list", "--endpoint", served.endpoint],
        env={name: each for name, each in environment().items() if name != "COLUMNS"},
        cwd=ROOT,
        stdout=child,
    )
    os.close(child)
    told = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:
            break
        if not piece:
            break
        told += piece
    os.close(parent)
    assert process.wait(60) == 0
    assert max(map(len, told.decode().splitlines())) <= 60


def test_a_table_wraps_its_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("RAK5801", "slot 1,2", "one two three four five six seven eight nine ten eleven")]
    monkeypatch.setenv("COLUMNS", "50")
    assert formatting.table(rows) == (
        "RAK5801  slot 1,2  one two three four five six\n"
        "                   seven eight nine ten eleven\n"
    )
    monkeypatch.delenv("COLUMNS")
    assert formatting.table(rows).count("\n") == 1
