"""The manual page, the modules' pages and the page of the command line, as users get them."""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

from tests.bridge.bridge_process import LONG_S, ROOT
from tests.cases import for_each

from wisblock_bridge.cli import docs, main
from wisblock_bridge.cli.arguments import build_parser
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

MANUAL = ROOT / "docs/wisblock-bridge.1"
PAGE = ROOT / "docs/command-line.md"


def commands(
    parser: argparse.ArgumentParser, before: str = "wisblock-bridge"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command and every action of one, with its parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, each in action.choices.items():
                yield f"{before} {name}", each
                yield from commands(each, f"{before} {name}")


def test_the_manual_page_is_up_to_date() -> None:
    finished = subprocess.run(
        [sys.executable, str(ROOT / "scripts/manual.py")],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=True,
    )
    assert finished.stdout == MANUAL.read_text(), "run `make generate`"


def test_the_manual_page_has_every_command_and_option() -> None:
    text = MANUAL.read_text().replace("\\-", "-")
    for name, parser in commands(build_parser()):
        assert f'.SS "{name}"' in text
        for action in parser._actions:
            if action.help is not argparse.SUPPRESS:
                for option in action.option_strings:
                    assert option in {"-h", "--help"} or f"\\fB{option}\\fR" in text, option


def test_man_can_read_it() -> None:
    program = shutil.which("man")
    if program is None:
        assert MANUAL.read_text().startswith(".TH ")
        return
    finished = subprocess.run(
        [program, "--warnings", "-l", str(MANUAL)],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=True,
        env={"LC_ALL": "C.UTF-8", "MANWIDTH": "100", "PATH": "/usr/bin:/bin", "MANPAGER": "cat"},
    )
    assert finished.stderr == ""
    assert "wisblock-bridge emulator fault" in finished.stdout


def test_manual_and_pages_are_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    files = project["tool"]["setuptools"]["data-files"]
    for folder, patterns in files.items():
        assert folder.startswith("share/")
        for pattern in patterns:
            assert list(ROOT.glob(pattern)), pattern
    assert str(docs.PAGES) in files


def test_the_page_of_the_command_line_names_every_command() -> None:
    text = PAGE.read_text()
    for name, _ in commands(build_parser()):
        words = name.removeprefix("wisblock-bridge ")
        assert words in text, words


@for_each("name", list(registry.load_own().modules))
def test_a_modules_page_is_printed(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["docs", name.lower()]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"# {name}")
    assert "<!--" not in out
    described = registry.load_own().modules[name].description
    for operation in (*described.operations, *described.events):
        assert f"`{operation}`" in out


def test_pages_as_data_and_as_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "RAK5801", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["module"] == "RAK5801"
    assert found["page"].startswith("# RAK5801")
    assert main(["docs"]) == 0
    assert re.search(r"^RAK5801 +4-20 mA input$", capsys.readouterr().out, re.MULTILINE)
    assert main(["docs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["RAK5801"] == "4-20 mA input"


def test_an_unknown_module_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "RAK5803"]) == 1
    assert "Did you mean RAK580" in capsys.readouterr().err
    assert main(["docs", "RAK5803", "--json"]) == 1
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "unknown_module"


def test_a_page_that_is_packed_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "_folders", lambda: iter([tmp_path]))
    (tmp_path / "rak5801.md.gz").write_bytes(gzip.compress(b"# RAK5801: packed\n"))
    assert main(["docs", "RAK5801"]) == 0
    assert capsys.readouterr().out == "# RAK5801: packed\n"


def test_without_pages_the_catalogue_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "_folders", lambda: iter(()))
    assert main(["docs", "RAK5801"]) == 0
    out = capsys.readouterr().out
    assert "operation read" in out
    assert "docs.rakwireless.com" in out
