"""Tries the package on another processor, under QEMU (``make arm PLATFORM=arm64 SUITE=trixie``).

1. A Debian system of that processor, without network: the package is installed, the bridge serves
   an emulated board, and an operation of every module is called.
2. Then the tests of chips and modules run there, with the package's own Python and libraries.
3. It says nothing about speed: QEMU interprets every instruction.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from scripts import dist
from scripts.debian import deb, roots

ROOT = roots.ROOT
IN_A_ROOT = ("python3", "systemd", "libstdc++6")
FOR_TESTS = ("pytest", "pytest-timeout", "hypothesis", "ndeflib", "minimalmodbus")
PYTHON = "/usr/lib/wisblock-bridge/bin/python3"
TESTED = ("tests/chips", "tests/modules")
COPIED = ("tests", "python-bridge", "node-red-nodes", "docs")
EVERY_MODULE = Path(__file__).with_name("every_module.py")


def main() -> int:
    """Try it.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=roots.PROCESSORS, default="arm64")
    parser.add_argument("--suite", choices=roots.PYTHONS, default="bookworm")
    parser.add_argument(
        "--tests", nargs="*", default=TESTED, help="files or folders; none for none"
    )
    options = parser.parse_args()
    reason = roots.why_not(options.architecture)
    if reason:
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory(prefix="wisblock-arm-") as name:
        work = Path(name)
        (work / "deb").mkdir()
        package = deb.make(options.architecture, work / "deb", work, (options.suite,))
        needed = list(IN_A_ROOT)
        if options.architecture == "armhf":
            needed.append("libzmq5")
        with roots.copied(roots.base(options.suite, options.architecture, needed)) as root:
            attempt(root, package)
            if options.tests:
                run_tests(root, work, options.architecture, options.suite, options.tests)
    return 0


def attempt(root: Path, package: Path) -> None:
    """Install the package and call an operation of every module.

    Args:
        root: The system.
        package: The package.
    """
    shutil.copy(package, root)
    begun = time.monotonic()
    show(roots.run(root, *deb.APT, f"/{package.name}"), "installed", begun)
    shutil.copy(EVERY_MODULE, root)
    begun = time.monotonic()
    show(roots.run(root, PYTHON, "-I", f"/{EVERY_MODULE.name}"), "an operation of each", begun)


def run_tests(root: Path, work: Path, architecture: str, suite: str, tests: list[str]) -> None:
    """Run tests with the package's Python.

    Args:
        root: The system, with the package.
        work: A folder for what pytest needs.
        architecture: "arm64".
        suite: "bookworm".
        tests: Files or folders.
    """
    wheels = work / "wheels"
    wheels.mkdir()
    processor, python = roots.PROCESSORS[architecture], roots.PYTHONS[suite]
    dist.download(wheels, processor, python, *FOR_TESTS)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root / "for-tests")
    unwanted = shutil.ignore_patterns("__pycache__", "node_modules", "*.egg-info", ".cache")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / "project" / name, ignore=unwanted)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, root / "project")
    begun = time.monotonic()
    said = roots.run(
        root, "sh", "-c", f"cd /project && exec {PYTHON} -m pytest -q -m 'not slow' "
        f"-p no:cacheprovider --timeout 3600 {' '.join(tests)}",
        environment={"PYTHONPATH": "/for-tests"},
    )  # fmt: skip
    show(said, "tests", begun)


def show(said: str, what: str, begun: float) -> None:
    """Print what a step said, and how long it took.

    Args:
        said: Its output.
        what: Its name.
        begun: When it began, s.
    """
    sys.stdout.write(f"{said}-- {what}: {time.monotonic() - begun:.0f} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
