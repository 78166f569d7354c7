"""Makes ``dist/``: everything that an installation without network needs (``make dist``).

1. The bridge's wheel, the wheels of what it needs, the packed nodes with what they need, the
   files for the system, ``install.sh``, the licences of others, and a sum of each file.
2. The wheel is built from a copy, so that nothing of an earlier build gets into it.
3. Wheels are for the Python and the processor that this runs on, unless others are named.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYSTEM = ROOT / "python-bridge/system"
SOURCE_ONLY = "spidev"
"""Has no ready-made wheel for 64-bit ARM on PyPI, and is not needed anywhere else."""
FOR_BUILDING = ("setuptools>=77", "wheel")
LICENCE_NAMES = ("licen", "copying", "notice")

PACKAGES_HEAD = """\
# Licences of others

What is in this folder beside wisblock-bridge itself (MIT, see LICENSE), and under which licence.
The texts follow below the table, as the packages bring them. Sources: `pypi.org/project/NAME` and
`npmjs.com/package/NAME`. Compiled packages contain libraries: gpiod contains libgpiod
(LGPL-2.1-or-later), pyzmq contains libzmq (MPL-2.0) and libsodium (ISC).

| package | version | licence | text |
| --- | --- | --- | --- |
"""


def main() -> int:
    """Make it.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist")
    parser.add_argument("--platform", help="processor of the board, if it is another: aarch64")
    parser.add_argument("--python", metavar="X.Y", help="its Python, if it is another: 3.11")
    options = parser.parse_args()
    if options.platform and options.platform.startswith("armv"):
        raise SystemExit(
            "PyPI has no wheels of the compiled libraries for 32-bit ARM. "
            "`make deb PLATFORM=armhf` builds them, and a package with them."
        )
    folder: Path = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wheelhouse").mkdir(parents=True)
    wheel = build_wheel(folder)
    if options.platform:
        python = options.python or ".".join(map(str, sys.version_info[:2]))
        fetch_wheels(folder / "wheelhouse", wheel, options.platform, python)
    else:
        pip("wheel", "--wheel-dir", str(folder / "wheelhouse"), str(wheel))
    for copy in (folder / "wheelhouse").glob("wisblock_bridge-*.whl"):
        copy.unlink()
    run("npm", "pack", "--silent", "--pack-destination", str(folder), cwd=ROOT)
    shutil.copytree(SYSTEM, folder / "system")
    shutil.copy(ROOT / "scripts/install.sh", folder)
    (folder / "install.sh").chmod(0o755)
    shutil.copy(ROOT / "LICENSE", folder)
    shutil.copy(ROOT / "docs/offline.md", folder / "README.md")
    (folder / "THIRD-PARTY.txt").write_text(third_party(folder), encoding="utf-8")
    (folder / "SHA256SUMS").write_text(sums(folder))
    sys.stdout.write(f"{folder} is complete: {size(folder) / 1e6:.1f} MB\n")
    return 0


def build_wheel(folder: Path) -> Path:
    """Build the bridge's wheel.

    Args:
        folder: Where it goes.

    Returns:
        The wheel.
    """
    with tempfile.TemporaryDirectory(prefix="wisblock-dist-") as name:
        source = Path(name)
        for file in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, source)
        unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
        shutil.copytree(ROOT / "python-bridge", source / "python-bridge", ignore=unwanted)
        pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("wisblock_bridge-*.whl")
    return wheel


def fetch_wheels(wheelhouse: Path, wheel: Path, platform: str, python: str) -> None:
    """Fetch the wheels for another computer.

    Args:
        wheelhouse: Where they go.
        wheel: The bridge's own, which says what it needs.
        platform: Processor, "aarch64".
        python: "3.11".
    """
    download(wheelhouse, platform, python, str(wheel))
    if platform == "aarch64":
        # pip asks the marker of this computer, so spidev is fetched by name: as source.
        pip("download", "--dest", str(wheelhouse), "--no-deps", "--no-binary=:all:",
            "--no-build-isolation", SOURCE_ONLY)  # fmt: skip
        pip("download", "--dest", str(wheelhouse), *FOR_BUILDING)


def download(folder: Path, platform: str, python: str, *words: str) -> None:
    """Download wheels for a processor and a Python.

    Args:
        folder: Where they go.
        platform: Processor, "aarch64".
        python: "3.11".
        words: What, and other words for pip.
    """
    digits = python.replace(".", "")
    tags = [f"--platform={kind}_{platform}" for kind in
            ("manylinux_2_36", "manylinux_2_31", "manylinux_2_28", "manylinux_2_26",
             "manylinux_2_17", "manylinux2014", "linux")]  # fmt: skip
    abis = ["--implementation=cp", f"--abi=cp{digits}", "--abi=abi3", "--abi=none"]
    only_wheels = [f"--python-version={python}", "--only-binary=:all:", *tags, *abis]
    pip("download", "--dest", str(folder), *only_wheels, *words)


def third_party(folder: Path) -> str:
    """Write down whose software is in the folder, and the licences.

    Args:
        folder: The finished folder.

    Returns:
        Markdown.
    """
    rows, texts = "", ""
    found = [of_wheel(each) for each in sorted((folder / "wheelhouse").glob("*.whl"))]
    found += [of_source(each) for each in sorted((folder / "wheelhouse").glob("*.tar.gz"))]
    (packed,) = folder.glob("*.tgz")
    found += of_nodes(packed)
    for name, version, licence, licences in found:
        how = ", ".join(file.rsplit("/", 1)[-1] for file in licences) or "none in the package"
        rows += f"| {name} | {version} | {licence or 'not told'} | {how} |\n"
        for file, text in licences.items():
            texts += f"\n## {name}: {file.rsplit('/', 1)[-1]}\n\n````\n{text.strip()}\n````\n"
    return PACKAGES_HEAD + rows + texts


Package = tuple[str, str, str, dict[str, str]]


def of_wheel(wheel: Path) -> Package:
    """Tell name, version and licence of a wheel, and the texts it brings.

    Args:
        wheel: The file.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = [each for each in archive.namelist() if each.split("/")[0].endswith(".dist-info")]
        (metadata,) = (name for name in names if name.split("/")[1:] == ["METADATA"])
        licences = {
            name: archive.read(name).decode(errors="replace") for name in names if is_licence(name)
        }
        return (*described(archive.read(metadata)), licences)


def of_source(source: Path) -> Package:
    """Tell the same of a source archive.

    Args:
        source: The file.
    """
    with tarfile.open(source) as archive:
        files = {each.name: each for each in archive.getmembers() if each.isfile()}
        licences = {
            name: read(archive, each).decode(errors="replace")
            for name, each in files.items()
            if name.count("/") == 1 and is_licence(name)
        }
        top = min(name for name in files if name.endswith("/PKG-INFO"))
        return (*described(read(archive, files[top])), licences)


def of_nodes(packed: Path) -> list[Package]:
    """Tell the same of every package that is packed with the nodes.

    Args:
        packed: The npm archive.
    """
    found = []
    with tarfile.open(packed) as archive:
        files = {each.name: each for each in archive.getmembers() if each.isfile()}
        for name, member in sorted(files.items()):
            home, _, last = name.rpartition("/")
            if last != "package.json" or "/node_modules/" not in name:
                continue
            facts = json.loads(read(archive, member))
            if "version" not in facts:
                continue
            licences = {
                each: read(archive, files[each]).decode(errors="replace")
                for each in files
                if each.rpartition("/")[0] == home and is_licence(each)
            }
            found.append((facts["name"], facts["version"], str(facts.get("license")), licences))
    return found


def described(metadata: bytes) -> tuple[str, str, str]:
    """Read name, version and licence in the metadata of a Python package.

    Args:
        metadata: METADATA or PKG-INFO.
    """
    facts = email.message_from_bytes(metadata)
    licence = facts["License-Expression"] or (facts["License"] or "").split("\n")[0]
    if not licence:
        kinds = [each for each in facts.get_all("Classifier", []) if each.startswith("License")]
        licence = ", ".join(each.rsplit(" :: ", 1)[-1] for each in kinds)
    return facts["Name"], facts["Version"], licence


def is_licence(name: str) -> bool:
    """Tell whether a file holds a licence, by its name.

    Args:
        name: Path within an archive.
    """
    last = name.rsplit("/", 1)[-1].lower()
    return any(word in last for word in LICENCE_NAMES)


def read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Read a file of an archive.

    Args:
        archive: The archive.
        member: The file.
    """
    opened = archive.extractfile(member)
    return opened.read() if opened is not None else b""


def sums(folder: Path) -> str:
    """Write the sums as ``sha256sum --check`` reads them.

    Args:
        folder: The finished folder.
    """
    return "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    )


def size(folder: Path) -> int:
    """Tell how large it is.

    Args:
        folder: The finished folder.
    """
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def pip(*words: str) -> None:
    """Run pip of this Python.

    Args:
        words: Its arguments.
    """
    run(sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check")


def run(*words: str, cwd: Path | None = None) -> None:
    """Run a command; what it prints is shown when it fails.

    Args:
        words: The command.
        cwd: Where.
    """
    finished = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.stderr.write(finished.stdout + finished.stderr)
        raise SystemExit(f"{' '.join(words)} ended with {finished.returncode}")


if __name__ == "__main__":
    sys.exit(main())
