"""The versions that are needed to diagnose a fault.

1. Nothing is imported but what this process uses anyway; what is missing is reported.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from wisblock_bridge import __version__
from wisblock_bridge.environment.packages import PACKAGES, version


def versions() -> dict[str, str]:
    """Return the versions of everything involved.

    Returns:
        Name to version, "not installed" where it is missing.
    """
    found = {"wisblock-bridge": __version__, "Python": sys.version.split()[0]}
    for package in PACKAGES:
        found[package.name] = version(package) or "not installed"
    found["libzmq"] = _libzmq()
    found["kernel"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    found["operating system"] = operating_system()
    return found


def operating_system(release: Path = Path("/etc/os-release")) -> str:
    """Return the name of the distribution.

    Args:
        release: The file that says so.

    Returns:
        "Debian GNU/Linux 12 (bookworm)", or "unknown".
    """
    try:
        lines = release.read_text(errors="replace").splitlines()
    except OSError:
        return "unknown"
    named = (line.partition("=")[2].strip("\"'") for line in lines if line.startswith("PRETTY_"))
    return next(named, "unknown")


def _libzmq() -> str:
    try:
        import zmq  # noqa: PLC0415  (it may be missing, which is reported)

        return f"{zmq.zmq_version()}, CURVE {'yes' if zmq.has('curve') else 'no'}"
    except ImportError:
        return "not installed"
