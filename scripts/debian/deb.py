"""Makes ``dist/wisblock-bridge_VERSION_ARCHITECTURE.deb`` (``make deb PLATFORM=arm64``).

1. The parts are those of ``make dist``: the bridge, the libraries it needs, the nodes, the files
   for the system. The libraries lie unpacked in a virtual environment, so that the board neither
   fetches nor compiles anything, and dpkg knows every file.
2. One package serves every Debian release of ``roots.PYTHONS``: what is compiled is there once
   for each Python, under the name by which that Python finds it.
3. A man page, and completion for shells, are packed where the project has them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

from scripts import dist
from scripts.debian import roots, source_wheels

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = roots.ROOT
SYSTEM = ROOT / "python-bridge/system"
SCRIPTS = Path(__file__).parent / "package"
HOME = "usr/lib/wisblock-bridge"
EXTRAS = ("metrics", "mqtt")
"""What pyproject.toml has of these is packed, too."""
COMPILED = {
    "amd64": (),
    "arm64": ("spidev",),
    "armhf": ("pyzmq", "msgpack", "msgspec", "gpiod", "spidev"),
}
"""What has no wheel on PyPI for an architecture; amd64 boards have no SPI to speak of."""
DEPENDS = (
    "python3 (>= 3.11~)", "python3 (<< 3.12~) | python3 (>= 3.13~)", "python3 (<< 3.14~)",
    "libc6 (>= 2.36)", "libgcc-s1", "libstdc++6", "systemd",
)  # fmt: skip
APT = ("apt-get", "install", "--yes", "-o", "APT::Sandbox::User=root")
"""Installs a package file in a root without network."""
UNWANTED = re.compile(r"(^|/)(tests?|__pycache__)/|\.(c|h|pxd|pyx|pyi|cpp|hpp)$")
"""Tests and sources of libraries."""
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/wisblock-bridge",
    "zsh": "usr/share/zsh/vendor-completions/_wisblock-bridge",
}
"""Where shells look; the command line writes the files, where it has that command."""
LAUNCHER = """\
#!/usr/lib/wisblock-bridge/bin/python3 -I
import sys

from wisblock_bridge.cli import main

sys.exit(main())
"""
COPYRIGHT_HEAD = "wisblock-bridge\nSource: {homepage}\n\n{licence}\n\n"


def main() -> int:
    """Make it.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=roots.PROCESSORS, default="")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the package")
    options = parser.parse_args()
    architecture = options.architecture or own_architecture()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wisblock-deb-") as name:
        made = make(architecture, Path(name), options.out.resolve())
    sys.stdout.write(f"{made}: {made.stat().st_size / 1e6:.1f} MB\n")
    return 0


def own_architecture() -> str:
    """Return Debian's name of the processor that this runs on.

    Raises:
        SystemExit: There is no package for it.
    """
    machine = os.uname().machine
    for architecture, processor in roots.PROCESSORS.items():
        if machine == processor:
            return architecture
    raise SystemExit(f"there is no package for {machine}: use --architecture")


def released_s() -> int:
    """Return the time that all files bear, so that the same sources make the same package."""
    if (ROOT / ".git").exists():
        words = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
        return int(subprocess.run(words, capture_output=True, check=True).stdout)
    return int((ROOT / "pyproject.toml").stat().st_mtime)


def make(
    architecture: str, work: Path, out: Path, suites: Sequence[str] = tuple(roots.PYTHONS)
) -> Path:
    """Make the package.

    Args:
        architecture: "arm64".
        work: An empty folder.
        out: Where the package goes.
        suites: The Debian releases for which what is compiled is packed.

    Returns:
        The package.
    """
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(released_s()))
    parts, tree = work / "parts", work / "tree"
    for folder in (parts / "wheelhouse", tree):
        folder.mkdir(parents=True)
    collect_wheels(architecture, parts, suites)
    dist.run("npm", "pack", "--silent", "--pack-destination", str(parts), cwd=ROOT)
    (nodes,) = parts.glob("*.tgz")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    lay_environment(tree / HOME, parts)
    lay_system(tree, nodes)
    lay_documents(tree, parts, version)
    lay_control(tree, architecture, version, nodes.name)
    package = out / f"wisblock-bridge_{version}_{architecture}.deb"
    dist.run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(package))
    return package


def collect_wheels(architecture: str, parts: Path, suites: Sequence[str]) -> None:
    """Fetch the wheels of every supported Python; build those that PyPI lacks.

    Args:
        architecture: "arm64".
        parts: Gets the bridge's wheel, and ``wheelhouse``.
        suites: The Debian releases.
    """
    wheel = dist.build_wheel(parts)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"]]
    found = [each for each in EXTRAS if each in project["optional-dependencies"]]
    wanted = f"{wheel}[{','.join(found)}]" if found else str(wheel)
    specs = {re.split(r"[><=~;\[ ]", each)[0]: each.partition(";")[0].strip() for each in needed}
    same = parts / "constraints.txt"
    same.write_text("")
    for suite in suites:
        python = roots.PYTHONS[suite]
        folder = parts / suite
        folder.mkdir()
        extra: list[str] = []
        compiled = COMPILED[architecture]
        if compiled:
            reason = roots.why_not(architecture)
            if reason:
                raise SystemExit(f"{', '.join(compiled)} must be compiled. {reason}")
            built = source_wheels.build([specs[name] for name in compiled], suite, architecture)
            extra = ["--find-links", str(built), *(specs[name] for name in compiled)]
        processor = roots.PROCESSORS[architecture]
        dist.download(folder, processor, python, wanted, "--constraint", str(same), *extra)
        same.write_text("".join(f"{each}\n" for each in pins(folder)))
        for each in folder.glob("*.whl"):
            if not each.name.startswith("wisblock_bridge-"):
                each.rename(parts / "wheelhouse" / each.name)


def pins(folder: Path) -> list[str]:
    """Return what makes the next Python get the same versions.

    Args:
        folder: Wheels.
    """
    names = (each.name.split("-") for each in sorted(folder.glob("*.whl")))
    return [f"{name}=={version}" for name, version, *_ in names if name != "wisblock_bridge"]


def lay_environment(home: Path, parts: Path) -> None:
    """Lay out a virtual environment that every supported Python accepts as its own.

    Args:
        home: Its folder.
        parts: The bridge's wheel, and ``wheelhouse``.
    """
    packages = home / "lib/site-packages"
    packages.mkdir(parents=True)
    for wheel in [*parts.glob("*.whl"), *sorted((parts / "wheelhouse").glob("*.whl"))]:
        unpack(wheel, packages)
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("../../../bin/python3")
    launcher = home / "bin/wisblock-bridge"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    for python in roots.PYTHONS.values():
        (home / f"lib/python{python}").mkdir()
        (home / f"lib/python{python}/site-packages").symlink_to("../site-packages")
    (home / "share").symlink_to("../../share/wisblock-bridge")


def unpack(wheel: Path, packages: Path) -> None:
    """Unpack a wheel beside others.

    Args:
        wheel: The file.
        packages: The folder ``site-packages``.

    Raises:
        SystemExit: Two wheels bring different files of the same name.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            first, _, rest = name.partition("/")
            place = rest.partition("/")[2] if first.endswith(".data") else name
            scripts = first.endswith(".data") and rest.startswith(("scripts/", "data/", "headers/"))
            if name.endswith("/") or scripts or UNWANTED.search(place):
                continue
            target = packages / place
            content = archive.read(name)
            if target.exists() and target.read_bytes() != content:
                if ".dist-info/" in place:  # names the Python; the first one's stays
                    continue
                raise SystemExit(f"{wheel.name} brings another {place} than a wheel before it")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o644)


def lay_system(tree: Path, nodes: Path) -> None:
    """Lay out what belongs to the system: service, users, rules, configuration, nodes.

    Args:
        tree: The package's tree.
        nodes: The packed nodes.
    """
    unit = (SYSTEM / "wisblock-bridge.service").read_text()
    unit = re.sub(r"\A(#.*\n)+", "# The WisBlock bridge as a system service.\n", unit)
    unit = unit.replace("=/opt/wisblock-bridge/bin/", f"=/{HOME}/bin/")
    write(tree / "usr/lib/systemd/system/wisblock-bridge.service", unit)
    for source, target in {
        "sysusers.conf": "usr/lib/sysusers.d/wisblock-bridge.conf",
        "tmpfiles.conf": "usr/lib/tmpfiles.d/wisblock-bridge.conf",
        "60-wisblock-bridge.rules": "usr/lib/udev/rules.d/60-wisblock-bridge.rules",
        "wisblock-bridge.toml": "etc/wisblock-bridge/wisblock-bridge.toml",
        "remote-access.conf": "usr/share/wisblock-bridge/remote-access.conf",
    }.items():
        write(tree / target, (SYSTEM / source).read_text())
    shutil.copy(nodes, tree / "usr/share/wisblock-bridge")
    program = tree / "usr/bin/wisblock-bridge"
    program.parent.mkdir()
    program.symlink_to("../lib/wisblock-bridge/bin/wisblock-bridge")
    if (ROOT / "python-bridge/wisblock_bridge/cli/completion.py").exists():
        for shell, target in COMPLETIONS.items():
            words = [sys.executable, "-m", "wisblock_bridge", "completion", shell]
            made = subprocess.run(words, capture_output=True, text=True, check=True)
            write(tree / target, made.stdout)


def lay_documents(tree: Path, parts: Path, version: str) -> None:
    """Lay out copyright, changelog, man page and lintian's overrides.

    Args:
        tree: The package's tree.
        parts: The wheels and the nodes, whose licences are named.
        version: Of the package.
    """
    documents = tree / "usr/share/doc/wisblock-bridge"
    licence = (ROOT / "LICENSE").read_text().strip()
    head = COPYRIGHT_HEAD.format(homepage=homepage(), licence=licence)
    write(documents / "copyright", head + dist.third_party(parts))
    date = formatdate(int(os.environ["SOURCE_DATE_EPOCH"]))
    entry = (
        f"wisblock-bridge ({version}) stable; urgency=medium\n\n"
        "  * See CHANGELOG.md.gz beside this file.\n\n"
        f" -- The wisblock-bridge authors <wisblock-bridge@users.noreply.github.com>  {date}\n"
    )
    packed(documents / "changelog.gz", entry)
    packed(documents / "CHANGELOG.md.gz", (ROOT / "CHANGELOG.md").read_text())
    pages = [*SYSTEM.rglob("wisblock-bridge*.1"), *(ROOT / "docs").rglob("wisblock-bridge*.1")]
    for page in pages:
        packed(tree / f"usr/share/man/man1/{page.name}.gz", page.read_text())
    overrides = (SCRIPTS / "lintian-overrides").read_text()
    if not pages:
        overrides += "# There is none yet: `wisblock-bridge --help`.\n"
        overrides += "wisblock-bridge: no-manual-page *\n"
    write(tree / "usr/share/lintian/overrides/wisblock-bridge", overrides)


def lay_control(tree: Path, architecture: str, version: str, nodes: str) -> None:
    """Write what dpkg reads.

    Args:
        tree: The package's tree, complete.
        architecture: "arm64".
        version: Of the package.
        nodes: Name of the packed nodes.
    """
    control = tree / "DEBIAN"
    size = sum(each.lstat().st_size for each in tree.rglob("*") if each.is_file()) // 1024
    depends = [*DEPENDS, *(("libzmq5",) if "pyzmq" in COMPILED[architecture] else ())]
    text = (SCRIPTS / "control.in").read_text()
    for name, value in {
        "VERSION": version,
        "ARCHITECTURE": architecture,
        "SIZE": str(size),
        "DEPENDS": ", ".join(depends),
        "HOMEPAGE": homepage(),
    }.items():
        text = text.replace(f"@{name}@", value)
    write(control / "control", text)
    write(control / "conffiles", "/etc/wisblock-bridge/wisblock-bridge.toml\n")
    for script in ("postinst", "prerm", "postrm"):
        body = (SCRIPTS / script).read_text()
        write(control / script, body.replace("@NODES@", f"/usr/share/wisblock-bridge/{nodes}"))
        (control / script).chmod(0o755)
    sums = (
        f"{md5(each)}  {each.relative_to(tree)}\n"
        for each in sorted(tree.rglob("*"))
        if each.is_file() and not each.is_symlink()
        if each.relative_to(tree).parts[0] not in {"DEBIAN", "etc"}
    )
    write(control / "md5sums", "".join(sums))
    for each in tree.rglob("*"):
        if each.is_dir() and not each.is_symlink():
            each.chmod(0o755)


def md5(file: Path) -> str:
    """Return what dpkg recognises a file by.

    Args:
        file: The file.
    """
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def homepage() -> str:
    """Return the project's address."""
    urls: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    return urls["Repository"]


def write(file: Path, text: str) -> None:
    """Write a file that everybody may read.

    Args:
        file: Where; its folder is made.
        text: Its content.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o644)


def packed(file: Path, text: str) -> None:
    """Write a compressed file, without a time in it.

    Args:
        file: Where; its folder is made.
        text: Its content.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    file.chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())
