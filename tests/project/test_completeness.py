"""Everything that belongs to a chip or a module is there, and nothing is left over."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.cases import for_each
from tests.paths import PACKAGE, ROOT

from wisblock_bridge.emulation.registry import EmulatedProducts
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from pathlib import Path

LOADED = registry.load_own()
MODULES: list[dict[str, Any]] = LOADED.data["modules"]  # type: ignore[assignment]
SLUGS = [module["slug"] for module in MODULES]
CHIPS = sorted(
    each.name for each in (PACKAGE / "chips").iterdir() if (each / "driver.py").is_file()
)
SKELETON = "WRITE" + " THIS:"
"""What stands in the files of ``make module`` where something has to be written."""
HAND_WRITTEN_NODES = {"bridge", "request", "sidebar"}
every_module = for_each("module", MODULES, ids=SLUGS)


def slug_of(file: Path) -> str:
    """The module of a file that is named after one: "rak5801_read.py"."""
    return re.split(r"[_.-]", file.name)[0].lower()


def node_types() -> set[str]:
    """The types of all nodes in all flows."""
    return {
        node["type"]
        for file in (ROOT / "flows").rglob("*.json")
        for node in json.loads(file.read_text())
    }


def missing(path: Path) -> str:
    return f"missing: {path.relative_to(ROOT)}"


@for_each("chip", CHIPS)
def test_every_chip_has_a_driver_and_an_emulator(chip: str) -> None:
    for name in ("driver.py", "emulator.py"):
        path = PACKAGE / "chips" / chip / name
        assert path.is_file(), missing(path)


@every_module
def test_every_operation_says_what_it_does(module: dict[str, Any]) -> None:
    for each in (*module["operations"], *module["events"]):
        assert each["summary"].endswith("."), f"{module['name']}.{each['name']} has no sentence"


@every_module
def test_every_product_has_a_twin(module: dict[str, Any]) -> None:
    if module["slots"] != ["board"]:
        assert module["name"] in EmulatedProducts(), f"there is no emulated {module['name']}"
        assert EmulatedProducts()[module["name"]].product == module["name"]


@every_module
def test_every_module_has_its_generated_node(module: dict[str, Any]) -> None:
    slug = module["slug"]
    folder = ROOT / "node-red-nodes" / slug
    locale = folder / "locales" / "en-US"
    for path in (
        folder / f"{slug}.js",
        folder / f"{slug}.html",
        locale / f"{slug}.json",
        locale / f"{slug}.html",
    ):
        assert path.is_file(), f"{missing(path)}; `make generate` writes it"
    package = json.loads((ROOT / "package.json").read_text())
    listed = package["node-red"]["nodes"].get(slug)
    assert listed == f"node-red-nodes/{slug}/{slug}.js", f"package.json does not list {slug}"
    icon = ROOT / "node-red-nodes" / "bridge" / "icons" / module["icon"]
    assert icon.is_file(), missing(icon)


@every_module
def test_every_module_has_a_flow(module: dict[str, Any]) -> None:
    wanted = node_type(module["slug"])
    assert wanted in node_types(), f"no flow in flows/{module['family']}/ uses a {wanted} node"


@every_module
def test_every_module_has_an_example(module: dict[str, Any]) -> None:
    examples = ROOT / "python-bridge" / "examples"
    found = [file for file in examples.glob("*.py") if slug_of(file) == module["slug"]]
    assert found, f"no file {module['slug']}_….py in {examples.relative_to(ROOT)}"
    used = (f'"{module["name"]}"', f"bridge.{module['slug']}(")
    assert any(word in file.read_text() for word in used for file in found)


@every_module
def test_every_module_has_a_page(module: dict[str, Any]) -> None:
    path = ROOT / "docs" / "modules" / f"{module['slug']}.md"
    assert path.is_file(), missing(path)
    text = path.read_text()
    for each in (*module["operations"], *module["events"]):
        assert f"`{each['name']}" in text, f"{path.name} does not mention `{each['name']}`"


def test_no_skeleton_is_left() -> None:
    """What ``make module`` wrote has been written to its end."""
    suffixes = {".py", ".json", ".md", ".html", ".js"}
    files = [
        file
        for folder in ("python-bridge", "tests", "flows", "docs/modules", "node-red-nodes")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in suffixes and "node_modules" not in file.parts
    ]
    left = [
        f"{file.relative_to(ROOT)}: {text.count(SKELETON)} places"
        for file in sorted(files)
        if SKELETON in (text := file.read_text())
    ]
    assert not left, "\n".join(["still to be written:", *left])


def test_nothing_is_left_over() -> None:
    """What is named after a module that there is no more would mislead."""
    known = set(SLUGS)
    for folder, pattern in (("docs/modules", "*.md"), ("python-bridge/examples", "*.py")):
        for file in (ROOT / folder).glob(pattern):
            if file.stem.lower() not in {"readme", "index", "__init__"}:
                assert slug_of(file) in known, f"{file.relative_to(ROOT)} belongs to no module"
    generated = {
        folder.name
        for folder in (ROOT / "node-red-nodes").iterdir()
        if (folder / f"{folder.name}.html").is_file()
    }
    assert generated >= HAND_WRITTEN_NODES
    assert generated <= known | HAND_WRITTEN_NODES
    package = json.loads((ROOT / "package.json").read_text())
    named = {**package["node-red"]["nodes"], **package["node-red"]["plugins"]}
    assert set(named) == generated
    ours = {each for each in node_types() if each.startswith("wisblock-")}
    assert ours <= {node_type(slug) for slug in generated}


def node_type(slug: str) -> str:
    """The type under which a node is registered."""
    return f"wisblock-{slug}"


def test_flows_are_sound() -> None:
    found = sorted((ROOT / "flows").rglob("*.json"))
    assert found
    ids: set[str] = set()
    for file in found:
        nodes = json.loads(file.read_text())
        assert {node["type"] for node in nodes} & {node_type(slug) for slug in [*SLUGS, "request"]}
        own = {node["id"] for node in nodes}
        assert len(own) == len(nodes), f"{file.name}: an id occurs twice"
        tabs = own & ids
        of_all = {node_type("bridge"), "ui-base", "ui-theme"}
        shared = {node["id"] for node in nodes if node["type"] in of_all}
        assert tabs <= shared, f"{file.name} shares ids with another flow: {tabs - shared}"
        ids |= own
        for node in nodes:
            for wire in (each for port in node.get("wires", []) for each in port):
                assert wire in own, f"{file.name}: {node['id']} leads to {wire}, which is not there"


def test_the_exported_catalogue_is_fresh() -> None:
    path = ROOT / "node-red-nodes" / "catalogue.json"
    exported = json.loads(path.read_text())
    fresh = "run `make generate`: node-red-nodes/catalogue.json is not what the modules say"
    assert exported == LOADED.data, fresh
    assert not LOADED.broken
