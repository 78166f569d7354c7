"""What the import contracts of ``pyproject.toml`` cannot say.

Which package may import which, and which library is used where, is checked by ``lint-imports``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

from tests.paths import PACKAGE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def parsed(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    files = sorted(folder.rglob("*.py"))
    assert files
    for file in files:
        yield file, ast.parse(file.read_text())


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each name of the package that a file imports, at any depth, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wisblock_bridge"):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("wisblock_bridge"):
                    yield node.lineno, alias.name


def test_time_comes_from_the_clock() -> None:
    wrong = []
    for file, tree in parsed(PACKAGE):
        if file == PACKAGE / "clock.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if f"{node.value.id}.{node.attr}" in {"time.sleep", "time.time"}:
                    wrong.append(f"{file}:{node.lineno}")
            elif isinstance(node, ast.ImportFrom) and node.module == "time":
                wrong += [
                    f"{file}:{node.lineno}" for each in node.names if each.name != "monotonic"
                ]
    assert not wrong


def test_a_chip_knows_no_product() -> None:
    wrong = {
        str(file.relative_to(ROOT)): found
        for file in sorted((PACKAGE / "chips").rglob("*.py"))
        if (found := re.findall(r"RAK\d{4,5}", file.read_text()))
    }
    assert not wrong


def test_an_emulator_takes_no_number_from_what_it_emulates() -> None:
    """Its constants are typed again from the datasheet: an error cannot agree with itself."""
    wrong = []
    emulators = 0
    for file, tree in parsed(PACKAGE):
        of_chip = file.name == "emulator.py"
        if not of_chip and not file.name.endswith("_emulated.py"):
            continue
        emulators += 1
        for line, name in imported(tree):
            part = name.removeprefix("wisblock_bridge.")
            if part.startswith(("chips.", "modules.")) and not any(
                "emulat" in each for each in part.split(".")
            ):
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong
    assert emulators > 25


def test_a_module_knows_no_register() -> None:
    """A hexadecimal number of one byte is a register, unless it is the address of a chip."""
    wrong = []
    for file in sorted((PACKAGE / "modules").rglob("rak*.py")):
        if file.name.endswith("_emulated.py"):
            continue
        source = file.read_text()
        allowed = [
            (node.lineno, node.end_lineno or node.lineno)
            for node in ast.walk(ast.parse(source))
            if (isinstance(node, ast.Call) and ast.unparse(node.func) == "chip")
            or (isinstance(node, ast.Assign) and "ADDRESS" in ast.unparse(node.targets[0]))
        ]
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type != tokenize.NUMBER or not token.string.lower().startswith("0x"):
                continue
            line = token.start[0]
            if int(token.string, 16) <= 0xFF and not any(a <= line <= b for a, b in allowed):
                wrong.append(f"{file.relative_to(ROOT)}:{line} has {token.string}")
    assert not wrong
