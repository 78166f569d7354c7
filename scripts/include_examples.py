"""Put the example programs into the documentation, where markers say so.

    python scripts/include_examples.py           writes
    python scripts/include_examples.py --check   writes nothing, names what is stale, exits 1 if any

1. A page shows a program as it is in python-bridge/examples, which the tests run.
2. A module's page gets its section "From Python" if it has none.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
END = "<!-- example: end -->"
PATTERN = re.compile(r"<!-- example: (?!end)(\S+) -->\n.*?<!-- example: end -->", re.DOTALL)
AFTER = "<!-- generated: end -->"


def included(page: str) -> str:
    """Return a page with its programs as they are now."""

    def program(found: re.Match[str]) -> str:
        path = found[1]
        text = (ROOT / path).read_text(encoding="utf-8").rstrip()
        return f"<!-- example: {path} -->\n\n```python\n{text}\n```\n\n{END}"

    return PATTERN.sub(program, page)


def module_page(page: str, slug: str) -> str:
    """Return a module's page, with a place for its program."""
    path = f"python-bridge/examples/short/{slug}.py"
    if f"<!-- example: {path} -->" in page:
        return page
    section = f"## From Python\n\n<!-- example: {path} -->\n{END}\n\n"
    section += f"All operations and readings: `help(Bridge.{slug})`; [ten tasks](../python.md).\n"
    before, mark, rest = page.partition(AFTER)
    return f"{before}{mark}\n\n{section}{rest}"


def pages() -> dict[Path, str]:
    """Return all pages with programs, as they should be."""
    catalogue = json.loads((ROOT / "node-red-nodes/catalogue.json").read_text(encoding="utf-8"))
    found = {ROOT / "docs/python.md": (ROOT / "docs/python.md").read_text(encoding="utf-8")}
    for module in catalogue["modules"]:
        path = ROOT / f"docs/modules/{module['slug']}.md"
        found[path] = module_page(path.read_text(encoding="utf-8"), module["slug"])
    return {path: included(page) for path, page in found.items()}


def main() -> int:
    """Write or compare.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    options = parser.parse_args()
    stale = {path: page for path, page in pages().items() if path.read_text("utf-8") != page}
    for path, page in stale.items():
        if options.check:
            sys.stderr.write(f"stale: {path.relative_to(ROOT)}\n")
        else:
            path.write_text(page, encoding="utf-8")
            sys.stdout.write(f"generated {path.relative_to(ROOT)}\n")
    if options.check and stale:
        sys.stderr.write('Run "make generate".\n')
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
