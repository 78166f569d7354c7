"""A bridge that serves knows its modules without importing them, and never knows wrong ones."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from wisblock_bridge.modules import index, registry

if TYPE_CHECKING:
    import pytest


def test_the_index_says_what_importing_everything_says() -> None:
    """Where this fails: `make generate`."""
    loaded = registry.load_own()
    assert registry.sources() == index.SOURCES
    assert loaded.sha256 == index.SHA256
    assert {name: f"wisblock_bridge.modules.{file}" for name, file in index.FILES.items()} == {
        name: cls.__module__ for name, cls in loaded.modules.items()
    }


SHOWN = """
import json, sys
from wisblock_bridge.modules import registry
def imported():
    start = "wisblock_bridge.modules."
    return sorted(each for each in sys.modules if each.startswith(start))
known = registry.serving()
names, before = list(known.modules), imported()
cls = known.modules["RAK5801"]
print(json.dumps({
    "names": names, "sha256": known.sha256, "before": before, "product": cls.product.name,
    "after": imported(), "hashlib": "hashlib" in sys.modules,
    "unknown": known.modules.get("RAK1") is None and "RAK1" not in known.modules,
    "data": len(known.data["modules"]),
}))
"""


def test_what_nobody_asks_for_is_not_imported() -> None:
    shown = json.loads(
        subprocess.run([sys.executable, "-c", SHOWN], check=True, capture_output=True).stdout
    )
    loaded = registry.load_own()
    assert shown["names"] == sorted(loaded.modules)
    assert shown["sha256"] == loaded.sha256
    assert set(shown["before"]) <= {
        f"wisblock_bridge.modules.{name}" for name in ("registry", "index", "entry_points")
    }
    assert shown["product"] == "RAK5801"
    assert "wisblock_bridge.modules.rak5801" in shown["after"]
    assert "wisblock_bridge.modules.rak13007" not in shown["after"]
    assert shown["hashlib"] is False, "it brings OpenSSL, several MB"
    assert shown["unknown"]
    assert shown["data"] == len(loaded.modules)


def test_an_index_that_is_not_up_to_date_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SOURCES", index.SOURCES + 1)
    monkeypatch.setattr(index, "SHA256", "wrong")
    monkeypatch.setattr(index, "FILES", {"RAK1": "nonsense"})
    known = registry.serving()
    assert known.sha256 == registry.load_own().sha256
    assert "RAK5801" in known.modules


def test_a_module_that_cannot_be_imported_is_unknown_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(index, "FILES", {**index.FILES, "RAK5801": "no_such_file"})
    known = registry.serving()
    for _ in range(3):
        assert known.modules.get("RAK5801") is None
    assert known.modules["RAK5811"].product.name == "RAK5811"
    assert [each.message for each in caplog.records] == ["module file no_such_file cannot be used"]
