"""What ``make deb`` makes lives in a Debian system as a package should: from installing to purging.

1. The system is a root made by mmdebstrap, once for each release and kept; a copy is used.
2. Nothing in it has a network.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from scripts.debian import deb, roots
from tests.paths import ROOT

from wisblock_bridge import __version__

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.systems, pytest.mark.timeout(900)]

SYSTEM = ROOT / "python-bridge/system"
IN_A_ROOT = ("python3", "systemd", "libstdc++6")
CONFIG = "etc/wisblock-bridge/wisblock-bridge.toml"
HOUSEKEEPING = re.compile(
    r"^(dev|proc|run|sys|tmp|root)/|^var/(cache|log|lib/(dpkg|apt|systemd|private))(/|$)"
    r"|^etc/(group|gshadow|passwd|shadow|subuid|subgid|\.pwd\.lock)-?$|^etc/\.pwd\.lock$"
    r"|^wisblock-bridge.*\.deb$|/__pycache__(/|$)"
)
"""What apt, dpkg and the users' tools write for themselves."""

FIRST_READING = """
set -e
wisblock-bridge serve --emulate --endpoint ipc:///tmp/bridge.sock & bridge=$!
for _ in $(seq 300); do [ ! -S /tmp/bridge.sock ] || break; sleep 0.1; done
wisblock-bridge call RAK5801 read --slot 1 --endpoint ipc:///tmp/bridge.sock
wisblock-bridge report --endpoint ipc:///tmp/bridge.sock
kill $bridge
wait $bridge
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("deb")
    words = [sys.executable, "-m", "scripts.debian.deb", "--architecture", "amd64"]
    finished = subprocess.run(
        [*words, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    (made,) = out.glob("wisblock-bridge_*_amd64.deb")
    return made


@pytest.fixture(scope="module")
def tree(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's files, as they would lie on the board."""
    folder = tmp_path_factory.mktemp("tree") / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder], check=True)
    return folder


def older(tree: Path, folder: Path) -> Path:
    """A package of the version before, whose configuration file read otherwise."""
    copy = folder / "older"
    shutil.copytree(tree, copy, symlinks=True)
    control = copy / "DEBIAN/control"
    control.write_text(
        re.sub(r"^Version: .*$", "Version: 0.0.9", control.read_text(), flags=re.MULTILINE)
    )
    config = copy / CONFIG
    config.write_text("# The configuration of version 0.0.9.\n" + config.read_text())
    made = folder / "wisblock-bridge_0.0.9_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", copy, made], check=True)
    return made


def files(root: Path) -> set[str]:
    """Every file and folder of a system, without what its own tools keep."""
    found = {str(each.relative_to(root)) for each in root.rglob("*")}
    return {each for each in found if not HOUSEKEEPING.search(each)}


def accounts(root: Path) -> set[str]:
    """Users and groups of a system."""
    lines = (root / "etc/passwd").read_text() + (root / "etc/group").read_text()
    return {line.split(":")[0] for line in lines.splitlines()}


def install(root: Path, package: Path, *more: str) -> str:
    shutil.copy(package, root)
    return roots.run(root, *deb.APT, *more, f"/{package.name}")


@pytest.mark.parametrize("suite", sorted(roots.PYTHONS))
def test_from_installing_to_purging(package: Path, tree: Path, suite: str, tmp_path: Path) -> None:
    reason = roots.why_not("amd64")
    if reason:
        pytest.skip(reason)
    with roots.copied(roots.base(suite, "amd64", IN_A_ROOT)) as root:
        before, accounts_before = files(root), accounts(root)

        said = install(root, older(tree, tmp_path))
        (nodes,) = (root / "usr/share/wisblock-bridge").glob("*.tgz")
        assert f"/usr/share/wisblock-bridge/{nodes.name}" in said
        assert "MISSING" in said, "what check says about a computer without a board is printed"
        assert "systemd does not run here" in said
        assert {"wisblock", "wisblock-bridge", "i2c", "gpio", "spi"} <= accounts(root)
        keys = (root / "etc/wisblock-bridge/keys").stat()
        assert keys.st_mode & 0o777 == 0o700
        assert keys.st_uid == account(root, "wisblock-bridge")
        wanted = root / "etc/systemd/system/multi-user.target.wants/wisblock-bridge.service"
        assert wanted.is_symlink()
        assert f"wisblock-bridge {__version__}" in roots.run(root, "wisblock-bridge", "--version")

        config = root / CONFIG
        config.write_text("emulate = true\n")
        said = install(root, package, "-o", "Dpkg::Options::=--force-confold")
        assert config.read_text() == "emulate = true\n"
        template = SYSTEM / "wisblock-bridge.toml"
        assert (
            config.with_name("wisblock-bridge.toml.dpkg-dist").read_text() == template.read_text()
        )
        config.with_name("wisblock-bridge.toml.dpkg-dist").unlink()

        said = roots.run(root, "sh", "-c", FIRST_READING)
        assert "current  12.00 mA" in said
        assert "board: emulated RAK7391" in said
        for name in ("pyzmq", "gpiod", "smbus2", "pyserial", "pymodbus"):
            assert re.search(rf"^{name} +\d", said, flags=re.MULTILINE), f"{name} is not there"
        program = "import sys, zmq; print(sys.prefix, zmq.__file__, zmq.has('curve'))"
        said = roots.run(root, "/usr/lib/wisblock-bridge/bin/python3", "-I", "-c", program)
        assert said.split() == [
            "/usr/lib/wisblock-bridge",
            f"/usr/lib/wisblock-bridge/lib/python{roots.PYTHONS[suite]}/site-packages/zmq/__init__.py",
            "True",
        ]

        for line in remote_access():
            roots.run(root, "sh", "-c", line)
        added = "etc/systemd/system/wisblock-bridge.service.d/remote-access.conf"
        assert (root / added).is_file()
        office = (root / "root/office.keys").read_text()
        assert "secret-key" in office
        assert (root / "root/office.keys").stat().st_mode & 0o077 == 0

        roots.run(root, "apt-get", "remove", "--yes", "wisblock-bridge")
        left = {each for each in files(root) - before if "wisblock" in each}
        assert left == {
            "etc/wisblock-bridge", "etc/wisblock-bridge/keys", CONFIG,
            "etc/systemd/system/wisblock-bridge.service",
            "etc/systemd/system/wisblock-bridge.service.d", added,
            "etc/wisblock-bridge/keys/server.key", "etc/wisblock-bridge/keys/clients.toml",
            "etc/systemd/system/multi-user.target.wants/wisblock-bridge.service",
        }  # fmt: skip
        assert config.read_text() == "emulate = true\n"

        roots.run(root, "apt-get", "purge", "--yes", "wisblock-bridge")
        assert files(root) - before == set()
        # device groups are not the package's alone
        assert accounts(root) - accounts_before <= {"i2c", "spi", "gpio", "dialout"}
        states = root / "var/lib/systemd/deb-systemd-helper-enabled"
        assert not list(states.rglob("*wisblock*"))


def test_where_systemd_runs_the_service_is_started(package: Path) -> None:
    """With all its restrictions; reached by root, and by who is in its group."""
    reason = roots.why_not("amd64")
    if reason:
        pytest.skip(reason)
    with roots.copied(roots.base("trixie", "amd64", IN_A_ROOT)) as root:
        shutil.copy(package, root)
        with roots.booted(root) as run:
            said = run(*deb.APT, f"/{package.name}")
            assert "A bridge, version" in said, "check speaks to the bridge that was started"
            (root / CONFIG).write_text("emulate = true\n")
            run("systemctl", "restart", "wisblock-bridge")
            read = ("wisblock-bridge", "call", "RAK5801", "read", "--slot", "1")
            assert "current  12.00 mA" in run(*read)
            run("useradd", "--groups", "wisblock", "flow")
            assert "current  12.00 mA" in run("runuser", "-u", "flow", "--", *read)
            run("useradd", "stranger")
            with pytest.raises(roots.CommandError, match=r"(?i)permi|no bridge"):
                run("runuser", "-u", "stranger", "--", *read)

            run(
                *deb.APT, "--reinstall", "-o", "Dpkg::Options::=--force-confold", f"/{package.name}"
            )
            assert run("systemctl", "is-active", "wisblock-bridge").strip() == "active"
            assert "current  12.00 mA" in run(*read)

            run("apt-get", "purge", "--yes", "wisblock-bridge")
            units = run("systemctl", "list-units", "--all", "--no-legend", "wisblock-bridge*")
            assert "running" not in units
            run("test", "!", "-e", "/run/wisblock-bridge")


def remote_access() -> list[str]:
    """The commands of README and docs/security.md for other computers, as root types them."""
    readme = (ROOT / "README.md").read_text().split("\n## From another computer\n")[1]
    security = (ROOT / "docs/security.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", readme.split("\n## ")[0], flags=re.DOTALL)
    later = r"```sh\n(sudo wisblock-bridge keys list.*?)```"
    blocks += re.findall(later, security, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 7
    return [line.removeprefix("sudo ") for line in lines]


def account(root: Path, name: str) -> int:
    """The number of a user of a system."""
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2])
    raise AssertionError(f"no user {name}")


def test_lintian_is_content(package: Path) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is missing: apt install lintian")
    finished = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", package],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_override_is_explained() -> None:
    lines = (ROOT / "scripts/debian/package/lintian-overrides").read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        if not line.startswith("#"):
            assert above.startswith("# "), f"nothing is said above {line}"


def test_the_parts_are_those_of_dist(tree: Path) -> None:
    unit = (tree / "usr/lib/systemd/system/wisblock-bridge.service").read_text()
    of_dist = (SYSTEM / "wisblock-bridge.service").read_text()
    assert "/opt/" not in unit
    assert settings(unit) == settings(
        of_dist.replace("/opt/wisblock-bridge", "/usr/lib/wisblock-bridge")
    )
    for name, place in {
        "sysusers.conf": "usr/lib/sysusers.d/wisblock-bridge.conf",
        "tmpfiles.conf": "usr/lib/tmpfiles.d/wisblock-bridge.conf",
        "60-wisblock-bridge.rules": "usr/lib/udev/rules.d/60-wisblock-bridge.rules",
        "wisblock-bridge.toml": CONFIG,
    }.items():
        assert (tree / place).read_bytes() == (SYSTEM / name).read_bytes()
    assert (tree / "DEBIAN/conffiles").read_text() == f"/{CONFIG}\n"
    for script in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", tree / "DEBIAN" / script], check=True)
        assert os.access(tree / "DEBIAN" / script, os.X_OK)


def settings(unit: str) -> list[str]:
    return [line for line in unit.splitlines() if line and not line.startswith("#")]


def test_what_is_compiled_is_there_for_every_python(tree: Path) -> None:
    packages = tree / "usr/lib/wisblock-bridge/lib/site-packages"
    for module in ("zmq/backend/cython/_zmq", "msgpack/_cmsgpack", "msgspec/_core", "gpiod/_ext"):
        folder, _, name = module.rpartition("/")
        found = {each.name.split(".")[1] for each in (packages / folder).glob(f"{name}.*.so")}
        for python in roots.PYTHONS.values():
            own = f"cpython-{python.replace('.', '')}-x86_64-linux-gnu"
            assert {own, "abi3"} & found, f"{module} is not there for Python {python}"


def test_libraries_need_what_the_package_depends_on(tree: Path) -> None:
    """Anything else would be missing on a board."""
    allowed = {"libc.so.6", "libm.so.6", "libpthread.so.0", "librt.so.1", "libdl.so.2",
               "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2"}  # fmt: skip
    libraries = [*tree.rglob("*.so"), *tree.rglob("*.so.*")]
    assert libraries
    brought = {each.name for each in libraries}
    for each in libraries:
        shown = subprocess.run(["objdump", "-p", each], capture_output=True, text=True, check=True)
        needed = set(re.findall(r"^ +NEEDED +(\S+)$", shown.stdout, flags=re.MULTILINE))
        assert needed <= allowed | brought, each.name
