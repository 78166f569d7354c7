"""Versions, error codes and methods are the same in the code and in the documents."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.paths import ROOT

import wisblock_bridge
from wisblock_bridge.errors import BridgeError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCKS = {"package-lock.json"}

PROMISED = {
    "bad_request", "bad_params", "unknown_method", "unknown_module", "unknown_operation",
    "unsupported_version", "expired", "busy", "slot_conflict", "in_use", "forbidden",
    "no_device", "bus_error", "timeout", "checksum", "wrong_chip", "not_ready", "out_of_range",
    "remote_exception", "no_bus", "no_permission", "internal", "closing", "offline",
    "timeout_reply", "aborted",
}  # fmt: skip
"""Stable for the life of protocol version 1: nothing is taken away or renamed."""

METHODS = (
    "hello", "ping", "bye", "catalogue", "status", "log", "invoke", "subscribe", "unsubscribe",
    "scan", "release", "observe", "emulator.list", "emulator.get", "emulator.set", "emulator.plug",
    "emulator.unplug", "emulator.fault",
)  # fmt: skip

# Written in pieces, so that this file does not find itself.
NOTES = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
PLACES = re.compile(
    "|".join(
        (
            r"(?<![\w.])/wo" + r"rk/",
            r"\bsha" + r"red/(?:facts|hooks|design|protocol|modules|craft|users)\b",
            r"\bfac" + r"ts/[\w-]+\.md",
            r"\bfa" + r"rm-\w+",
            r"\bbr" + r"ief/(?:brief|seams)\b",
        )
    )
)


def tracked_texts() -> Iterator[tuple[Path, str]]:
    """Yield all text files that are, or are about to be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.name not in LOCKS:
            try:
                yield path, path.read_text()
            except UnicodeDecodeError:
                continue


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="an unpacked archive has no list of files")
def test_forbidden_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path, text in tracked_texts()
        for number, line in enumerate(text.split("\n"), 1)
        for forbidden in (NOTES, PLACES)
        for match in forbidden.finditer(line)
    ]
    assert not found, "\n".join(found)


def test_versions_are_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    package = json.loads((ROOT / "package.json").read_text())["version"]
    assert wisblock_bridge.__version__ == project == package
    assert re.fullmatch(r"\d+\.\d+\.\d+", project)


def test_error_codes_are_those_that_were_promised() -> None:
    assert {str(code) for code in ErrorCode} == PROMISED


def test_every_code_has_an_error_or_is_the_clients() -> None:
    raised: set[str] = set()
    classes = [BridgeError]
    while classes:
        each = classes.pop()
        classes += each.__subclasses__()
        if each.__module__ == "wisblock_bridge.errors":
            raised.add(str(each.code))
            raised |= {str(code) for code in getattr(each, "CODES", {}).values()}
    assert raised >= PROMISED - {"offline", "timeout_reply", "aborted"}


@for_each("code", sorted(PROMISED))
def test_every_code_is_documented(code: str) -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    assert f"`{code}`" in text, f"docs/protocol.md does not explain `{code}`"


@for_each("method", METHODS)
def test_every_method_is_documented(method: str) -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    assert f"`{method}`" in text, f"docs/protocol.md does not explain `{method}`"
