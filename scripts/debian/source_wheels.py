"""Builds the wheels that PyPI lacks for an architecture, in a Debian root of that architecture.

1. 64-bit ARM lacks ``spidev``; 32-bit ARM also what is compiled in the other packages.
2. A wheel is built once and kept in the user's cache; to get a newer one, remove it there.
3. Pyzmq is built against Debian's libzmq, which is then needed on the board as well.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.debian import roots

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOLS = (
    "python3-dev", "python3-venv", "gcc", "g++", "make", "pkg-config", "cmake", "ninja-build",
    "libzmq3-dev", "ca-certificates",
)  # fmt: skip
KEPT = roots.KEPT / "wheels"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def build(packages: Sequence[str], suite: str, architecture: str) -> Path:
    """Return a folder that holds a wheel of each of these packages.

    Args:
        packages: With their versions: "spidev>=3.5".
        suite: The Debian release.
        architecture: "arm64" or "armhf".
    """
    kept = KEPT / f"{suite}-{architecture}"
    kept.mkdir(parents=True, exist_ok=True)
    missing = [each for each in packages if not _have(kept, each)]
    if missing:
        with roots.copied(roots.base(suite, architecture, TOOLS)) as root:
            if CERTIFICATES.exists():
                shutil.copy(CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
            roots.run(root, "python3", "-m", "venv", "/build")
            roots.run(
                root, "/build/bin/pip", "wheel", "--quiet", "--no-deps", "--no-binary=:all:",
                "--only-binary=cython,setuptools,wheel,packaging,scikit-build-core,pathspec,cffi,pycparser",
                "--wheel-dir", "/wheels", *missing,
                network=True,
                environment={"PIP_CERT": "/etc/ssl/certs/ca-certificates.crt"},
            )  # fmt: skip
            for wheel in (root / "wheels").glob("*.whl"):
                shutil.copy(wheel, kept)
    return kept


def _have(kept: Path, package: str) -> bool:
    name = re.split(r"[><=~! ]", package)[0]
    return any(kept.glob(f"{name.replace('-', '_')}-*.whl"))


def main() -> int:
    """Build wheels by hand.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=roots.PYTHONS)
    parser.add_argument("architecture", choices=roots.PROCESSORS)
    parser.add_argument("packages", nargs="+", metavar="NAME>=VERSION")
    options = parser.parse_args()
    reason = roots.why_not(options.architecture)
    if reason:
        raise SystemExit(reason)
    sys.stdout.write(f"{build(options.packages, options.suite, options.architecture)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
