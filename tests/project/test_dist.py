"""What ``make dist`` makes installs into an empty place without network, and works there.

1. Whatever is installed runs in a network of its own in which nobody is, where this computer lets
   a test make one; else its proxies and registries are a closed port.
2. Nothing of the checkout is used after the folder was made.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.paths import PACKAGE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

LIMIT_S = 300.0
NOWHERE = "http://127.0.0.1:9/"

ASK = """
const { BridgeClient } = require(process.argv[1] + "/node-red-nodes/lib/client.js");
const client = new BridgeClient({ endpoint: process.argv[2] });
client.on("error", () => {});
const end = setTimeout(() => { console.log("never online"); process.exit(1); }, 60000);
const ask = async () => {
  const params = { module: "RAK5801", slot: 1, operation: "read", params: { samples: 1 } };
  console.log(JSON.stringify((await client.request("invoke", params)).readings));
  clearTimeout(end);
  await client.close();
};
const look = () => { if (client.state === "online") { clearInterval(timer); ask(); } };
const timer = setInterval(look, 20);
"""


@cache
def alone() -> tuple[str, ...]:
    """The words in front of a command that take the network from it; none where that is refused."""
    unshare = shutil.which("unshare")
    for words in ((unshare, "--net"), (unshare, "--net", "--map-root-user")) if unshare else ():
        found = tuple(word for word in words if word)
        if subprocess.run([*found, "true"], capture_output=True, check=False).returncode == 0:
            return found
    return ()


class Place:
    """An empty computer, as far as a folder can be one."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.node_red = folder / "node-red"
        self.home = folder / "home"
        for each in (self.root, self.node_red, self.home):
            each.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "npm_config_cache": str(self.home / "npm"),
            "npm_config_registry": NOWHERE,
            "npm_config_update_notifier": "false",
            "http_proxy": NOWHERE,
            "https_proxy": NOWHERE,
        }

    def run(self, *words: str | Path, fails: bool = False) -> str:
        """Run a command here, without network."""
        finished = subprocess.run(
            [*alone(), *map(str, words)],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        said = finished.stdout + finished.stderr
        assert (finished.returncode != 0) is fails, said
        return said

    def files(self) -> dict[str, bytes]:
        """Everything that is here."""
        return {
            str(each.relative_to(self.root.parent)): each.read_bytes()
            for each in sorted(self.root.parent.rglob("*"))
            if each.is_file()
        }


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist") / "dist"
    finished = subprocess.run(
        [sys.executable, str(ROOT / "scripts/dist.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("computer"))
    place.run(dist / "install.sh", "--root", place.root, "--node-red", place.node_red)
    return place


@pytest.fixture
def served(installed: Place) -> Iterator[str]:
    """The installed bridge, on an emulated board; its endpoint."""
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        socket = Path(folder) / "bridge.sock"
        program = str(installed.root / "opt/wisblock-bridge/bin/wisblock-bridge")
        process = subprocess.Popen(
            [*alone(), program, "serve", "--emulate", "--endpoint", f"ipc://{socket}"],
            cwd=installed.home,
            env=installed.environment,
        )
        try:
            deadline = time.monotonic() + 60.0
            while not socket.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield f"ipc://{socket}"
        finally:
            process.terminate()
            assert process.wait(60.0) == 0


# -- what is in it --------------------------------------------------------------------------------


def test_the_wheel_is_the_package_and_nothing_else(dist: Path) -> None:
    (wheel,) = dist.glob("wisblock_bridge-*.whl")
    packed = {
        name.removeprefix("wisblock_bridge/")
        for name in zipfile.ZipFile(wheel).namelist()
        if name.startswith("wisblock_bridge/")
    }
    here = {
        each.relative_to(PACKAGE).as_posix()
        for each in PACKAGE.rglob("*")
        if each.is_file() and "__pycache__" not in each.parts
    }
    assert packed == here


def test_every_package_is_named_with_its_licence(dist: Path) -> None:
    text = (dist / "THIRD-PARTY.txt").read_text()
    rows = {
        match[1]: match
        for match in re.finditer(
            r"^\| (\S+) \| ([\d.]+) \| (.+) \| (.+) \|$", text, flags=re.MULTILINE
        )
    }
    names = {each.name.split("-")[0] for each in (dist / "wheelhouse").iterdir()}
    (nodes,) = dist.glob("*.tgz")
    with tarfile.open(nodes) as archive:
        bundled = {
            match[1]
            for name in archive.getnames()
            if (match := re.search(r"/node_modules/((?:@[^/]+/)?[^/]+)/package\.json$", name))
        }
    assert bundled == {"@msgpack/msgpack", "smol-toml", "tweetnacl"}
    assert {name.replace("-", "_") for name in rows} == {
        name.replace("-", "_") for name in names | bundled
    }
    for name, row in rows.items():
        assert row[3] != "not told", f"{name} has no licence"
        if row[4] != "none in the package":
            assert f"\n## {name}: " in text
    without = {name for name, row in rows.items() if row[4] == "none in the package"}
    assert without <= {"pyserial"}  # BSD-3-Clause; its wheel brings no text
    assert "Mozilla Public License" in text  # libzmq, within pyzmq
    assert "LESSER GENERAL PUBLIC LICENSE" in text  # libgpiod, within gpiod


def test_the_sums_are_right(dist: Path) -> None:
    lines = (dist / "SHA256SUMS").read_text().splitlines()
    told = {name: number for number, _, name in (line.partition("  ") for line in lines)}
    there = {
        str(each.relative_to(dist)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in dist.rglob("*")
        if each.is_file() and each.name != "SHA256SUMS"
    }
    assert told == there


def test_the_page_names_what_is_there(dist: Path) -> None:
    table = re.findall(r"^\| (`.+?`) \|", (dist / "README.md").read_text(), flags=re.MULTILINE)
    named = {name for row in table for name in re.findall(r"`([^`]+)`", row)}
    assert named == {each.name for each in dist.iterdir()} - {"README.md"}


def test_the_script_is_plain_sh() -> None:
    script = ROOT / "scripts/install.sh"
    for shell in ("sh", "dash", "bash"):
        if shutil.which(shell):
            subprocess.run([shell, "-n", script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", script], check=True)
    text = script.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "set -eu" in text
    bashisms = re.findall(r"\[\[|^\s*function |\blocal |<<<|\bsource |\$'|&>", text, re.MULTILINE)
    assert not bashisms


# -- installing it --------------------------------------------------------------------------------


def test_everything_is_in_its_place(dist: Path, installed: Place) -> None:
    for name, place in {
        "wisblock-bridge.service": "etc/systemd/system",
        "60-wisblock-bridge.rules": "etc/udev/rules.d",
        "wisblock-bridge.toml": "etc/wisblock-bridge",
        "remote-access.conf": "opt/wisblock-bridge/share",
    }.items():
        there = installed.root / place / name
        assert there.read_bytes() == (dist / "system" / name).read_bytes()
        assert there.stat().st_mode & 0o777 == 0o644
    for name in ("sysusers", "tmpfiles"):
        there = installed.root / f"etc/{name}.d/wisblock-bridge.conf"
        assert there.read_bytes() == (dist / f"system/{name}.conf").read_bytes()
    unit = (installed.root / "etc/systemd/system/wisblock-bridge.service").read_text()
    program = re.findall(r"^ExecStart=(/\S+)", unit, flags=re.MULTILINE)[0]
    assert os.access(installed.root / program.lstrip("/"), os.X_OK)


def test_the_bridge_serves_and_the_command_line_asks(installed: Place, served: str) -> None:
    program = installed.root / "opt/wisblock-bridge/bin/wisblock-bridge"
    said = installed.run(program, "call", "RAK5801", "read", "--slot", "1", "--endpoint", served)
    assert "current  12.00 mA" in said
    report = installed.run(program, "report", "--endpoint", served)
    assert "board: emulated RAK7391" in report
    for name in ("pyzmq", "gpiod", "smbus2", "pyserial", "pymodbus"):
        assert not re.search(rf"^{name} +not installed", report, flags=re.MULTILINE)
    installed.run(program, "list", "RAK5802", "--endpoint", served)


def test_the_nodes_client_asks(installed: Place, served: str) -> None:
    """As Node-RED would load it; that Node-RED does is tested beside the editor."""
    package = installed.node_red / "node_modules/@wisblock-bridge/node-red-wisblock"
    assert '"current":1' in installed.run("node", "-e", ASK, package, served)


def test_installing_again_leaves_the_configuration(dist: Path, installed: Place) -> None:
    config = installed.root / "etc/wisblock-bridge/wisblock-bridge.toml"
    unit = installed.root / "etc/systemd/system/wisblock-bridge.service"
    config.write_text('log_level = "debug"\n')
    unit.write_text("of an earlier version\n")
    installed.run(dist / "install.sh", "--root", installed.root)
    assert config.read_text() == 'log_level = "debug"\n'
    assert "ExecStart" in unit.read_text()


def test_removing_leaves_the_configuration_and_purging_nothing(dist: Path, tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.node_red / "settings.js").write_text("")
    words = (dist / "install.sh", "--root", place.root, "--node-red", place.node_red)
    place.run(*words)
    package = place.node_red / "node_modules/@wisblock-bridge/node-red-wisblock"
    assert package.is_dir()
    place.run(*words, "--remove")
    assert not package.exists()
    assert [each.name for each in place.root.rglob("*") if each.is_file() or each.is_symlink()] == [
        "wisblock-bridge.toml"
    ]
    place.run(*words[:3], "--purge")
    assert not [each for each in place.root.rglob("*") if not each.is_dir()]
    assert (place.node_red / "settings.js").exists()


def test_a_dry_run_changes_nothing(dist: Path, tmp_path: Path) -> None:
    place = Place(tmp_path)
    before = place.files()
    said = place.run(dist / "install.sh", "--dry-run", "--node-red", place.node_red)
    assert place.files() == before
    for words in (
        "-m venv /opt/wisblock-bridge",
        "--no-index --find-links",
        "/etc/systemd/system/wisblock-bridge.service",
        "bin/wisblock-bridge nodes install --directory",
    ):
        assert words in said
    if Path("/run/systemd/system").is_dir():
        assert "systemctl enable wisblock-bridge" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dance",), "--dance is not understood"),
        (("--root",), "--root needs a value"),
        (("--python", "/nowhere/python3"), "Python 3.11 or later is needed"),
        (("--node-red", "/nowhere/at/all"), "is no directory"),
    ],
)
def test_refusals(dist: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    place = Place(tmp_path)
    assert said in place.run(dist / "install.sh", "--dry-run", *words, fails=True)


def test_what_pypi_has_no_wheels_for_is_told_at_once(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, ROOT / "scripts/dist.py", tmp_path / "dist", "--platform", "armv7l"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert "make deb PLATFORM=armhf" in finished.stderr
    assert not (tmp_path / "dist").exists()


def test_an_incomplete_copy_is_refused(dist: Path, tmp_path: Path) -> None:
    place = Place(tmp_path)
    shutil.copy(dist / "install.sh", place.home)
    said = place.run(place.home / "install.sh", "--root", place.root, fails=True)
    assert "belong beside this file" in said


def test_wheels_for_another_computer_are_told(dist: Path, tmp_path: Path) -> None:
    """Without the wheel of a compiled package pip would want the network."""
    place = Place(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(dist, copy)
    for wheel in (copy / "wheelhouse").glob("pyzmq-*"):
        wheel.rename(copy / "wheelhouse" / re.sub(r"_(x86_64|aarch64)", "_riscv64", wheel.name))
    said = place.run(copy / "install.sh", "--root", place.root, fails=True)
    assert "the wheels are not for this Python and processor" in said


def test_there_really_is_no_network(tmp_path: Path) -> None:
    place = Place(tmp_path)
    program = "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=5)"
    said = place.run(sys.executable, "-c", program, fails=True)
    assert "refused" in said or "unreachable" in said
