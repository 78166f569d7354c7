"""``wisblock-bridge nodes``: which directory, which archive; that npm takes it: test_dist."""

from __future__ import annotations

import json
import os
import pwd
import stat
import tempfile
from pathlib import Path

import pytest

from wisblock_bridge import cli
from wisblock_bridge.cli import nodes

FAKE_NPM = """#!/bin/sh
{ printf '%s\\n' "$@"; pwd; echo "$HOME"; } > "$NPM_SAID"
exit ${NPM_CODE:-0}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with Node-RED's directory, an archive, and an npm that writes down how it was run."""
    (tmp_path / ".node-red").mkdir()
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin/npm"
    npm.write_text(FAKE_NPM)
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NPM_SAID", str(tmp_path / "said"))
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(nodes, "UNITS", (tmp_path / "units",))
    monkeypatch.setattr(nodes, "GROUP", "a-group-that-nobody-has")
    (tmp_path / "nodes.tgz").write_bytes(b"")
    return tmp_path


def said(place: Path) -> list[str]:
    return (place / "said").read_text().splitlines()


def test_they_go_into_the_directory_of_who_asks(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["nodes", "install", "--archive", str(place / "nodes.tgz")]) == 0
    words = said(place)
    assert words[:3] == ["install", "--prefix", str(place / ".node-red")]
    assert "--offline" in words
    assert str(place / "nodes.tgz") in words
    assert words[-2:] == [str(place / ".node-red"), str(place)]
    assert "Restart Node-RED" in capsys.readouterr().out


def test_they_go_into_the_directory_that_is_named(place: Path) -> None:
    (place / "other").mkdir()
    words = ["nodes", "install", "--directory", str(place / "other")]
    assert cli.main([*words, "--archive", str(place / "nodes.tgz")]) == 0
    assert said(place)[2] == str(place / "other")


@pytest.mark.parametrize(
    "line",
    ["ExecStart=/usr/bin/node-red --userDir {}/of-service", "ExecStart=/x --userDir={}/of-service"],
)
def test_the_services_directory_comes_first(place: Path, line: str) -> None:
    (place / "units").mkdir()
    (place / "of-service").mkdir()
    (place / "units/nodered.service").write_text(f"[Service]\n{line.format(place)}\n")
    assert cli.main(["nodes", "install", "--archive", str(place / "nodes.tgz")]) == 0
    assert said(place)[2] == str(place / "of-service")


def test_they_are_removed(place: Path) -> None:
    assert cli.main(["nodes", "remove"]) == 0
    assert said(place)[0] == "uninstall"
    wanted = json.loads((Path(__file__).parents[2] / "package.json").read_text())["name"]
    assert wanted in said(place)


def test_what_npm_answers_is_the_answer(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NPM_CODE", "7")
    assert cli.main(["nodes", "install", "--archive", str(place / "nodes.tgz")]) == 7
    assert "npm ended with 7" in capsys.readouterr().err


def test_none_is_guessed_among_several(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [place / "a", place / "b"]
    monkeypatch.setattr(nodes, "_found", lambda: iter(places))
    assert cli.main(["nodes", "install", "--archive", str(place / "nodes.tgz")]) == 2
    error = capsys.readouterr().err
    assert str(places[0]) in error
    assert str(places[1]) in error
    assert "--directory" in error
    assert not (place / "said").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--directory", "/nowhere/at/all", "--archive", "{}/nodes.tgz"), "is no directory"),
        (("--archive", "{}/absent.tgz"), "is not there"),
    ],
)
def test_refusals(
    place: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], reason: str
) -> None:
    arguments = [word.format(place) for word in words]
    assert cli.main(["nodes", "install", *arguments]) == 2
    assert reason in capsys.readouterr().err
    assert not (place / "said").exists()


def test_npm_is_missed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(place))
    assert cli.main(["nodes", "install", "--archive", str(place / "nodes.tgz")]) == 2
    assert "npm is missing" in capsys.readouterr().err


def test_the_archive_beside_the_bridge_is_taken(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(place))
    share = place / "share"
    share.mkdir()
    for version in ("0.1.0", "0.2.0"):
        (share / f"wisblock-bridge-node-red-wisblock-{version}.tgz").write_bytes(b"")
    assert cli.main(["nodes", "install"]) == 0
    assert str(share / "wisblock-bridge-node-red-wisblock-0.2.0.tgz") in said(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_lets_the_owner_of_the_directory_run_npm(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="wb-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "npm").write_text(f"#!/bin/sh\n(id -u; id -g; echo $HOME) >{folder}/d/said\n")
        (folder / "npm").chmod(0o755)
        (folder / "d").mkdir()
        os.chown(folder / "d", owner.pw_uid, owner.pw_gid)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        words = ["nodes", "install", "--directory", str(folder / "d")]
        assert cli.main([*words, "--archive", str(place / "nodes.tgz")]) == 0
        ran = (folder / "d/said").read_text().splitlines()
    assert ran == [str(owner.pw_uid), str(owner.pw_gid), owner.pw_dir]
