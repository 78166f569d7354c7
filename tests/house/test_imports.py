"""The border law: a room uses what the plan allows, and nothing else."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from typing import TYPE_CHECKING

import pytest
from tests.house.rooms import PACKAGE, ROOMS, ROOT, files, imports, module_of, room_of

if TYPE_CHECKING:
    from pathlib import Path

EVERY_FILE = pytest.mark.parametrize(
    "file", files(), ids=lambda file: str(file.relative_to(PACKAGE))
)
EVERYWHERE = set(sys.stdlib_module_names)


@EVERY_FILE
def test_imports_within_the_house(file: Path) -> None:
    here = room_of(module_of(file))
    plan = ROOMS[here]
    used, known = set(plan.uses.split()), set(plan.knows.split())
    for each in imports(file):
        if not each.inside:
            continue
        there = room_of(each.module) if each.module else ""
        if there in {here, *used} or not there:
            continue
        assert each.for_types, f"{each}: the room {here} may not use {there}"
        assert there in known, f"{each}: the room {here} may not even know {there}"


@EVERY_FILE
def test_libraries(file: Path) -> None:
    here = room_of(module_of(file))
    allowed = {*ROOMS[here].libraries.split()}
    for each in imports(file):
        library = each.module.split(".")[0]
        if not each.inside and library not in EVERYWHERE:
            assert library in allowed, f"{each}: the room {here} may not use the library {library}"


@EVERY_FILE
def test_time_comes_from_the_clock(file: Path) -> None:
    if module_of(file) == "clock":
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            assert name not in {"time.sleep", "time.time"}, f"{file}:{node.lineno} calls {name}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            assert not {"sleep", "time"} & {alias.name for alias in node.names}, f"{file}"


def test_the_plan_has_no_empty_rooms() -> None:
    present = {room_of(module_of(file)) for file in files()}
    assert set(ROOMS) - {""} <= present
    for name, room in ROOMS.items():
        unknown = {*room.uses.split(), *room.knows.split()} - set(ROOMS)
        assert not unknown, f"the room {name} speaks of {unknown}"


@pytest.mark.parametrize(
    "file", sorted((PACKAGE / "chips").rglob("*.py")), ids=lambda file: file.parent.name
)
def test_chips_know_no_product(file: Path) -> None:
    found = re.findall(r"RAK\d{4,5}", file.read_text())
    assert not found, f"{file.relative_to(ROOT)} speaks of {found}: a chip knows no product"
    for each in imports(file):
        if each.inside and each.module == "wiring":
            assert each.name == "Conversion", f"{each}: of wiring a chip uses Conversion only"


@pytest.mark.parametrize(
    "file", sorted((PACKAGE / "chips").rglob("emulator.py")), ids=lambda file: file.parent.name
)
def test_emulators_take_nothing_from_drivers(file: Path) -> None:
    for each in imports(file):
        own = each.inside and each.module.startswith("chips.")
        assert not own or each.module.endswith(".emulator"), (
            f"{each}: an emulator's numbers come from the datasheet, not from a driver"
        )


@pytest.mark.parametrize(
    "file", sorted((PACKAGE / "modules").glob("*.py")), ids=lambda file: file.stem
)
def test_modules_know_no_register(file: Path) -> None:
    """A hexadecimal number of one byte is a register, unless it is the address of a chip."""
    source = file.read_text()
    allowed = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Call) and ast.unparse(node.func) == "chip")
        or (isinstance(node, ast.Assign) and "ADDRESS" in ast.unparse(node.targets[0]))
    ]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NUMBER and token.string.lower().startswith("0x"):
            line = token.start[0]
            in_chip = any(first <= line <= last for first, last in allowed)
            assert in_chip or int(token.string, 16) > 0xFF, (
                f"{file.relative_to(ROOT)}:{line} has {token.string}: registers belong to the chip"
            )


@EVERY_FILE
def test_a_room_says_what_it_is(file: Path) -> None:
    tree = ast.parse(file.read_text())
    words = ast.get_docstring(tree)
    if not words and not tree.body:
        return
    assert words, f"{file.relative_to(ROOT)} does not say what lives here"
    assert words.split("\n")[0].endswith((".", "?")), file
    commands = file.parent.name == "cli"  # one command each: its sentence says it all
    if file.name not in {"__init__.py", "__main__.py"} and not commands:
        assert "\n1. " in words, f"{file.relative_to(ROOT)} has no border rules at its head"
