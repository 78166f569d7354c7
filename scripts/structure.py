"""Measure how the Python package is built, and draw it.

    python scripts/structure.py                                 print the figures
    python scripts/structure.py --package DIR                   those of another checkout
    python scripts/structure.py --svg docs/architecture.svg     draw the packages as layers

A unit is what lies directly in the package: a package, or a file. The root's ``__init__`` is none.
An arrow leads from a unit to one that it imports. "At run time" leaves out the imports that stand
below ``if TYPE_CHECKING``. The picture shows nothing but units and arrows, so that it goes stale
only when one of these comes or goes.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import grimp
from structure_picture import draw

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python-bridge/wisblock_bridge"

DUPLICATE_LINES = 6
"""As many equal lines of code in a row, in two places, are a duplicate."""

Arrows = dict[str, set[str]]
"""What each unit imports."""


class Longest(NamedTuple):
    """The longest file, class or function, and where it is."""

    lines: int
    where: str


class Row(NamedTuple):
    """One line of the table."""

    what: str
    at_run_time: object
    with_types: object = ""


# -- imports ------------------------------------------------------------------------------------


def imports(package: Path, *, types: bool) -> grimp.ImportGraph:
    """Return what the files of a package import from each other."""
    sys.path.insert(0, str(package.parent))
    try:
        return grimp.build_graph(
            package.name, exclude_type_checking_imports=not types, cache_dir=None
        )
    finally:
        sys.path.remove(str(package.parent))


def unit_of(module: str) -> str:
    """Return the unit that a module belongs to, or "" for the root's ``__init__``."""
    return module.split(".")[1] if "." in module else ""


def unit_arrows(graph: grimp.ImportGraph) -> Arrows:
    """Return which unit imports which other one."""
    arrows: Arrows = {unit: set() for module in graph.modules if (unit := unit_of(module))}
    for module in graph.modules:
        for target in graph.find_modules_directly_imported_by(module):
            importer, imported = unit_of(module), unit_of(target)
            if importer and imported and importer != imported:
                arrows[importer].add(imported)
    return arrows


def file_arrows(graph: grimp.ImportGraph) -> Arrows:
    """Return which file imports which other one."""
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def reachable(arrows: Arrows, start: str) -> set[str]:
    """Return what can be reached along the arrows; the start itself only over a cycle."""
    found: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += arrows[each]
    return found


def cycles(arrows: Arrows) -> list[list[str]]:
    """Return the groups in which each member imports all others, directly or not."""
    below = {each: reachable(arrows, each) for each in arrows}
    groups = {
        tuple(sorted(other for other in below[each] if each in below[other]))
        for each in arrows
        if each in below[each]
    }
    return [list(group) for group in sorted(groups)]


def levels(arrows: Arrows) -> dict[str, int]:
    """Return the level of each unit: 1, or one more than the highest that it imports.

    Units that import each other in a cycle share a level.
    """
    group_of: dict[str, tuple[str, ...]] = {each: (each,) for each in arrows}
    for members in cycles(arrows):
        group_of.update(dict.fromkeys(members, tuple(members)))
    below: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for importer, targets in arrows.items():
        below[group_of[importer]] |= {group_of[each] for each in targets} - {group_of[importer]}
    level: dict[tuple[str, ...], int] = {}
    for group in TopologicalSorter(below).static_order():
        level[group] = 1 + max((level[each] for each in below[group]), default=0)
    return {each: level[group] for each, group in group_of.items()}


def without_detours(arrows: Arrows) -> Arrows:
    """Return the arrows that no chain of other arrows implies.

    Raises:
        CycleError: The arrows form a cycle.
    """
    tuple(TopologicalSorter(arrows).static_order())
    return {
        importer: {
            target
            for target in targets
            if not any(target in reachable(arrows, other) for other in targets - {target})
        }
        for importer, targets in arrows.items()
    }


# -- files, classes, functions ------------------------------------------------------------------


def lines_of(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a definition takes, with its decorators."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return (node.end_lineno or node.lineno) - first + 1


def longest(package: Path) -> dict[str, Longest]:
    """Return the longest file, class and function of a package."""
    found = dict.fromkeys(("file", "class", "function"), Longest(0, "none"))
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        text = file.read_text(encoding="utf-8")
        candidates = [("file", Longest(text.count("\n"), name))]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                candidates.append(("class", Longest(lines_of(node), f"{name}: {node.name}")))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                candidates.append(("function", Longest(lines_of(node), f"{name}: {node.name}")))
        for kind, candidate in candidates:
            if candidate.lines > found[kind].lines:
                found[kind] = candidate
    return found


def code_lines(file: Path) -> list[str]:
    """Return the lines of a file without indentation, imports, docstrings, comments and blanks."""
    text = file.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    for node in ast.walk(ast.parse(text)):
        is_text = (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        if isinstance(node, ast.stmt) and (
            is_text or isinstance(node, ast.Import | ast.ImportFrom)
        ):
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                lines[number - 1] = ""
    return [line for line in lines if line and not line.startswith("#")]


def duplicates(package: Path) -> int:
    """Return how many blocks of `DUPLICATE_LINES` or more equal lines stand in a second place."""
    seen: set[tuple[str, ...]] = set()
    blocks = 0
    for file in sorted(package.rglob("*.py")):
        lines = code_lines(file)
        inside = False
        for start in range(len(lines) - DUPLICATE_LINES + 1):
            window = tuple(lines[start : start + DUPLICATE_LINES])
            repeated = window in seen
            blocks += repeated and not inside
            inside = repeated
            seen.add(window)
    return blocks


# -- the table ----------------------------------------------------------------------------------


def table(package: Path) -> list[Row]:
    """Measure a package."""
    graphs = [imports(package, types=types) for types in (False, True)]
    run_time, with_types = (unit_arrows(graph) for graph in graphs)
    cyclic = [cycles(arrows) for arrows in (run_time, with_types)]
    cyclic_files = [cycles(file_arrows(graph)) for graph in graphs]
    files = sorted(package.rglob("*.py"))
    units = [*package.glob("*.py"), *(init.parent for init in package.glob("*/__init__.py"))]
    most = longest(package)
    return [
        Row("packages", sum(unit.is_dir() for unit in units)),
        Row("units (packages, and files of the root)", len(run_time), len(with_types)),
        Row("import levels", *(max(levels(each).values()) for each in (run_time, with_types))),
        Row("arrows", *(sum(map(len, each.values())) for each in (run_time, with_types))),
        Row("cycles of units", *(len(each) for each in cyclic)),
        Row("units in cycles", *(sum(map(len, each)) for each in cyclic)),
        Row("cycles of files", *(len(each) for each in cyclic_files)),
        Row("files in the package root", len(list(package.glob("*.py")))),
        Row("Python files", len(files)),
        Row(f"duplicates of {DUPLICATE_LINES} or more lines", duplicates(package)),
        *(
            Row(f"longest {kind} (lines)", f"{found.lines}  {found.where}")
            for kind, found in most.items()
        ),
    ]


def formatted(rows: list[Row]) -> str:
    """Return the table as aligned text."""
    head = Row("", "at run time", "with types")
    width = max(len(row.what) for row in rows) + 2
    lines = [
        f"{row.what:<{width}}{row.at_run_time!s:<14}{row.with_types!s}" for row in [head, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """Print the table, or write the picture."""
    parser = argparse.ArgumentParser(description="Measure and draw the Python package.")
    parser.add_argument("--package", type=Path, default=PACKAGE, help="the folder to measure")
    parser.add_argument("--svg", type=Path, help="write the picture to this file, print nothing")
    arguments = parser.parse_args()
    package = arguments.package.resolve()
    if arguments.svg is None:
        sys.stdout.write(formatted(table(package)) + "\n")
        return 0
    arrows = unit_arrows(imports(package, types=True))
    at_run_time = unit_arrows(imports(package, types=False))
    try:
        shown = without_detours(arrows)
    except CycleError as error:
        sys.stderr.write(f"there is a cycle, which has no layers: {' > '.join(error.args[1])}\n")
        return 1
    arguments.svg.write_text(draw(arrows, shown, at_run_time, levels(arrows)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
