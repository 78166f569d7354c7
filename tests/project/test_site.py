"""The documentation site: its links, and that it is built without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from scripts import site
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HOME = "https://example.org/project"


def test_links_become_those_of_the_site() -> None:
    places = site.pages()
    readme = site.with_links(ROOT / "README.md", places, HOME)
    assert "](modules/rak5801.md)" in readme
    assert f"]({HOME}/blob/main/LICENSE)" in readme
    assert "](modules/README.md#two-modules-on-one-rak6421)" in readme
    page = site.with_links(ROOT / "docs/security.md", places, HOME)
    assert "](index.md#on-a-board)" in page


def test_a_link_that_leads_nowhere_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("[one](absent.md)\n")
    with pytest.raises(SystemExit, match="absent"):
        site.with_links(page, {page: "page.md"}, HOME)
    page.write_text("```\n[one](absent.md)\n```\n[two](https://example.org) [three](#here)\n")
    assert site.with_links(page, {page: "page.md"}, HOME) == page.read_text()


def test_every_document_is_a_page() -> None:
    places = site.pages()
    for document in (ROOT / "docs").rglob("*.md"):
        assert document in places


@pytest.mark.slow
def test_it_is_built_strictly() -> None:
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("mkdocs-material is missing: make docs installs it")
    finished = subprocess.run(
        [sys.executable, "scripts/site.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    built = ROOT / ".run/site"
    page = (built / "modules/rak5801/index.html").read_text()
    assert "RAK5801" in page
    assert (built / "search/search_index.json").stat().st_size > 10_000
    assert not re.search(r'(?:src|href)="https?://fonts\.', page)
