"""Makes the documentation site in ``.run/site`` (``make docs``).

1. Pages are the documents of the project: those of ``docs``, and those of the root beside them.
2. A link to another page becomes one within the site; a link to any other file of the project leads
   to it on the project's host. A link to what is not there ends the build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / ".run/site-source"
OF_THE_ROOT = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md",
               "CHANGELOG.md": "CHANGELOG.md", "SECURITY.md": "SECURITY.md"}  # fmt: skip
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Make it.

    Returns:
        The exit code of mkdocs.
    """
    lay_out(SOURCE)
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--clean"]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


def lay_out(target: Path) -> None:
    """Lay out the pages.

    Args:
        target: A folder, which is made anew.
    """
    shutil.rmtree(target, ignore_errors=True)
    homepage = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    places = pages()
    for source, place in places.items():
        file = target / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            file.write_text(with_links(source, places, homepage))
        else:
            shutil.copy(source, file)


def pages() -> dict[Path, str]:
    """Return each file of the site, and its place there."""
    found = {ROOT / name: place for name, place in OF_THE_ROOT.items() if (ROOT / name).exists()}
    for file in sorted(DOCS.rglob("*")):
        if file.is_file():
            found[file] = file.relative_to(DOCS).as_posix()
    return found


def with_links(source: Path, places: dict[Path, str], homepage: str) -> str:
    """Return the text of a page, its links those of the site.

    Args:
        source: The document.
        places: Each file of the site, and its place there.
        homepage: The project's address.

    Raises:
        SystemExit: A link leads nowhere.
    """
    here = Path(places[source]).parent

    def leads_to(match: re.Match[str]) -> str:
        link = match[1]
        path, hash_mark, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link) or not path:
            return link
        wanted = (source.parent / path).resolve()
        if wanted in places:
            return os.path.relpath(places[wanted], here) + hash_mark + anchor
        if wanted.is_dir() and wanted / "README.md" in places:
            return os.path.relpath(places[wanted / "README.md"], here) + hash_mark + anchor
        if not wanted.exists() or ROOT not in wanted.parents:
            raise SystemExit(f"{source.relative_to(ROOT)} links {link}, which is not there")
        kind = "tree" if wanted.is_dir() else "blob"
        return f"{homepage}/{kind}/main/{wanted.relative_to(ROOT).as_posix()}{hash_mark}{anchor}"

    text, at, parts = source.read_text(), 0, []
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(leads_to, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, LINK.sub(leads_to, text[at:])])


if __name__ == "__main__":
    sys.exit(main())
