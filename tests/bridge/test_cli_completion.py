"""Completion in a shell: the script that ``wisblock-bridge completion`` prints, run by bash."""

from __future__ import annotations

import builtins
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.cases import for_each

from wisblock_bridge.cli import completion, main
from wisblock_bridge.errors import ConfigError
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from pathlib import Path

COMPLETE = """\
source {script}
COMP_WORDS=(wisblock-bridge {words})
COMP_CWORD={last}
_wisblock_complete
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "wisblock-bridge"
    file.write_text(completion.script("bash"))
    return file


def completed(script: Path, *words: str) -> set[str]:
    """What bash offers for the last word."""
    program = COMPLETE.format(script=script, words=shlex.join(words), last=len(words))
    finished = subprocess.run(
        ["bash", "--norc", "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert not finished.stderr
    return {each.strip() for each in finished.stdout.splitlines() if each.strip()}


@for_each(
    ("words", "offered"),
    [
        (("emu",), {"emulator"}),
        (("wat",), {"watch"}),
        (("emulator", ""), {"list", "set", "plug", "unplug", "fault", "demo"}),
        (("emulator", "fault", "1", "st"), {"stuck"}),
        (("emulator", "plug", ""), {"1", "2", "board"}),
        (("emulator", "plug", "1", "RAK58"), {"RAK5801", "RAK5802", "RAK5811"}),
        (("call", "rak5801", "ca"), {"calibrate", "calibration"}),
        (("call", "RAK5801", "read", "sc"), {"scale_low=", "scale_high="}),
        (("call", "TPT29555", "write", ""), {"expander=", "line=", "level="}),
        (("watch", "RAK12006", "mo"), {"motion"}),
        (("watch", "RAK5801", "read", "--ev"), {"--every", "--event"}),
        (("docs", "TPT"), {"TPT29555"}),
        (("list", "RAK1600"), {"RAK16000", "RAK16001"}),
        (("release", "RAK1300"), {"RAK13001", "RAK13003", "RAK13004", "RAK13005", "RAK13007"}),
        (("completion", ""), {"bash", "zsh"}),
        (("keys", "ro"), {"role"}),
    ],
)
def test_bash_offers(bash_script: Path, words: tuple[str, ...], offered: set[str]) -> None:
    assert completed(bash_script, *words) == offered


def test_files_are_offered(bash_script: Path, tmp_path: Path) -> None:
    (tmp_path / "wisblock-bridge.toml").write_text("")
    (found,) = completed(bash_script, "status", "--config", f"{tmp_path}/wisb")
    assert found.endswith("/wisblock-bridge.toml")


def test_every_module_has_its_operations(bash_script: Path) -> None:
    for name, module in registry.load_own().modules.items():
        described = module.description
        assert completed(bash_script, "call", name, "") == {
            *described.operations,
            *described.events,
        }


@for_each("shell", ["bash", "zsh"])
def test_the_script_is_printed(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert "wisblock-bridge" in out
    assert "RAK5801" in out
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=out, text=True, timeout=60, check=True)


def test_without_the_package_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "shtab":
            raise ImportError(name=name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match="completion"):
        completion.script("bash")
    assert main(["completion", "zsh"]) == 2
    assert "pip install" in capsys.readouterr().err
