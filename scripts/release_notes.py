"""Prints what the changelog says about a version: ``scripts/release_notes.py v0.1.0``."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def notes(tag: str, changelog: str, version: str) -> str:
    """Return the section of a version.

    Args:
        tag: "v0.1.0".
        changelog: Text of CHANGELOG.md.
        version: That of the project.

    Raises:
        SystemExit: The tag is another version, or the changelog does not know it or its day.
    """
    if tag != f"v{version}":
        raise SystemExit(f"the tag is {tag}, and the project has version {version}")
    heading = rf"^## \[{re.escape(version)}\] - ([^\n]+)$"
    found = re.search(heading + r"\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"CHANGELOG.md has no section [{version}]")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", found[1]):
        raise SystemExit(f"CHANGELOG.md does not say on which day {version} is released")
    return found[2].strip() + "\n"


def main() -> int:
    """Print the notes.

    Returns:
        The exit code.
    """
    (tag,) = sys.argv[1:]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    sys.stdout.write(notes(tag, (ROOT / "CHANGELOG.md").read_text(), version))
    return 0


if __name__ == "__main__":
    sys.exit(main())
