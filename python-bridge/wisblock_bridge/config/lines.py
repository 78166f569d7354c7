"""Find the line of a key in the configuration file, for error messages.

1. It reads text, not TOML: what it does not understand has no line, which is not an error.
2. A message names file, table and key; the line number is inserted after them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Place = tuple[str, str]
"""Table ("board", "slot 1" for the first [[slot]], "" for none) and key ("" for the table)."""

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_ENTRY = re.compile(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PLACE = re.compile(
    r"(?:table \[*(?P<table>[^\[\],:]+)\]*(?: \((?P<entry>\d+)\.\)| number (?P<number>\d+))?,? ?)?"
    r"(?:keys? (?P<key>[\w.-]+))?"
)


def lines_of(text: str) -> dict[Place, int]:
    """Return the lines of tables and keys.

    Args:
        text: A TOML file.

    Returns:
        Table and key to the number of their line, from 1.
    """
    found: dict[Place, int] = {}
    table, entries = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if entry := _ENTRY.match(line):
            entries += 1
            table = f"{entry[1]} {entries}"
            found.setdefault((table, ""), number)
        elif header := _TABLE.match(line):
            table = _bare(header[1])
            if entries:
                table = re.sub(r"^slot\b", f"slot {entries}", table)
            found.setdefault((table, ""), number)
        elif key := _KEY.match(line):
            _note(found, table, _bare(key[1]), line[key.end() :], number)
    return found


def located(words: str, source: str, lines: Mapping[Place, int]) -> str:
    """Add the line number to an error message.

    Args:
        words: "FILE, table [board], key kind: ...".
        source: The file's name, with which the words begin if they are about it.
        lines: Of ``lines_of``.

    Returns:
        The message with "(line 3)" after it, or unchanged when there is no line.
    """
    start = f"{source}, "
    place = words.removeprefix(start)
    found = _PLACE.match(place)
    numbered = re.search(r" \(line \d+\)$", words)
    if numbered or not words.startswith(start) or found is None or not found[0]:
        return words
    table = found["table"] or ""
    if found["entry"]:
        table = f"slot {found['entry']}"
    elif found["number"]:
        table = _entry_of(found["number"], lines)
    key = (found["key"] or "").rstrip(".")
    number = _line(table, key, lines)
    return words if number is None else f"{words} (line {number})"


def _note(found: dict[Place, int], table: str, key: str, rest: str, number: int) -> None:
    found.setdefault((table, key), number)
    # A dotted key and a key of a table are two ways to write one thing.
    parts = [*filter(None, table.split(".")), *key.split(".")]
    for at in range(len(parts)):
        found.setdefault((".".join(parts[:at]), ".".join(parts[at:])), number)
    for inner in re.finditer(r"([\w-]+)\s*=", rest if rest.lstrip().startswith("{") else ""):
        _note(found, table, f"{key}.{inner[1]}", "", number)
    if table.startswith("slot ") and key == "number" and (value := re.match(r"\s*(\d+)", rest)):
        found.setdefault((f"number {value[1]}", ""), int(table.removeprefix("slot ")))


def _bare(name: str) -> str:
    return re.sub(r"[\"'\s]", "", name)


def _entry_of(number: str, lines: Mapping[Place, int]) -> str:
    """Return the index of a slot's [[slot]] table."""
    return f"slot {lines.get((f'number {number}', ''), 0)}"


def _line(table: str, key: str, lines: Mapping[Place, int]) -> int | None:
    """Return the line of the key, else of its table."""
    outer, _, inner = key.partition(".")
    for place in ((table, key), (f"{table}.{outer}", inner), (table, outer), (table, "")):
        if place in lines and (table or key):
            return lines[place]
    return None
