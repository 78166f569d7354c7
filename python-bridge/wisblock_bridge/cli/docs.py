"""``wisblock-bridge docs``: a module's page, without network and without a checkout.

1. Pages are installed as documentation of the package; a checkout has them in ``docs/modules``.
2. A module of another project has no page here: what the catalogue says of it is printed.
"""

from __future__ import annotations

import gzip
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wisblock_bridge.cli import formatting, parse_params, query
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    Entry = Mapping[str, object]

PAGES = Path("share/doc/wisblock-bridge/modules")
COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)


def docs(options: argparse.Namespace) -> int:
    """Print a module's page, or which modules have one."""
    from wisblock_bridge.modules import registry  # noqa: PLC0415  (imports all modules)

    catalogue = registry.load().data
    if options.module is None:
        modules = parse_params.entries(catalogue, "modules")
        rows = [(str(each["name"]), str(each["title"])) for each in modules]
        text = formatting.to_json(dict(rows)) + "\n" if options.json else formatting.table(rows)
        sys.stdout.write(text)
        return 0
    module = parse_params.find_module(catalogue, options.module)
    found = page(str(module["slug"]))
    if found is None:
        units = cast("Mapping[str, Entry]", catalogue["units"])
        found = f"{query.describe(module, units)}\nMore: {module['reference']}\n"
    if options.json:
        sys.stdout.write(formatting.to_json({"module": module["name"], "page": found}) + "\n")
    else:
        sys.stdout.write("".join(f"{escaped(line)}\n" for line in found.splitlines()))
    return 0


def page(slug: str) -> str | None:
    """Return a module's page in Markdown.

    Args:
        slug: "rak5801".

    Returns:
        The page without comments; None when there is none.
    """
    for folder in _folders():
        file = folder / f"{slug}.md"
        if file.is_file():
            return COMMENT.sub("", file.read_text(encoding="utf-8"))
        packed = folder / f"{slug}.md.gz"  # as Debian keeps documentation
        if packed.is_file():
            return COMMENT.sub("", gzip.decompress(packed.read_bytes()).decode())
    return None


def _folders() -> Iterator[Path]:
    """Yield where pages may be, the nearest first."""
    yield Path(__file__).resolve().parents[3] / "docs" / "modules"
    yield Path(sys.prefix) / PAGES
    yield Path("/usr") / PAGES
