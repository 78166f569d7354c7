"""How values look on a terminal.

1. Text in, text out; nothing here prints.
2. Units and digits come from the catalogue.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from datetime import datetime
from typing import TYPE_CHECKING

from wisblock_bridge.wire.plain_text import escaped, escaped_in_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


NARROWEST = 30
"""Columns: narrower terminals are treated as this wide."""


def value(what: object, unit: str, units: Mapping[str, Mapping[str, object]]) -> str:
    """Return a value with its unit.

    Args:
        what: The value.
        unit: Name of the unit.
        units: The catalogue's units.

    Returns:
        "12.00 mA".
    """
    facts = units.get(unit, {})
    symbol = str(facts.get("symbol", ""))
    if isinstance(what, bool):
        return "yes" if what else "no"
    if isinstance(what, float):
        decimals = facts.get("decimals")
        text = f"{what:.{decimals}f}" if isinstance(decimals, int) and decimals else f"{what:g}"
    elif isinstance(what, bytes):
        text = what.hex(" ")
    elif isinstance(what, str | int):
        text = str(what)
    else:
        text = to_json(what, indent=None)
    return escaped(f"{text} {symbol}" if symbol else text)


def to_json(what: object, *, indent: int | None = 2) -> str:
    """Return anything as JSON; bytes become hexadecimal text.

    Args:
        what: Plain data.
        indent: Spaces of a level; None for one line.

    Returns:
        The text, without a line end.
    """

    def other(odd: object) -> object:
        if isinstance(odd, bytes):
            return odd.hex()
        raise TypeError(type(odd).__name__)

    return escaped_in_json(json.dumps(what, indent=indent, ensure_ascii=False, default=other))


def terminal_width() -> int | None:
    """Return the width of the terminal on standard output.

    Returns:
        Columns, from ``COLUMNS`` where it is set; None without a terminal, so
        that programs get one row on one line.
    """
    columns_set = os.environ.get("COLUMNS", "")
    if columns_set.isdecimal() and int(columns_set) > 0:
        return max(NARROWEST, int(columns_set))
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return None
    return max(NARROWEST, columns) if columns else None  # 0: unknown


def wrapped(line: str, width: int | None, hanging: str = "    ") -> str:
    """Break a line at the width of the terminal.

    Args:
        line: Without control characters.
        width: Columns; None to leave it as it is.
        hanging: In front of all lines but the first.

    Returns:
        Lines, without a final line end.
    """
    if width is None or len(line) <= width:
        return line
    start = line[: len(line) - len(line.lstrip())]
    return "\n".join(
        textwrap.wrap(
            line.lstrip(),
            width,
            initial_indent=start,
            subsequent_indent=start + hanging,
            break_on_hyphens=False,
        )
    )


def unit_symbol(unit: str, units: Mapping[str, Mapping[str, object]]) -> str:
    """Return the symbol of a unit; "" for none.

    Args:
        unit: Its name.
        units: The catalogue's units.
    """
    return str(units.get(unit, {}).get("symbol", ""))


def cell(what: object) -> str:
    """Return a value for a table of values: exact, without unit.

    Args:
        what: The value.

    Returns:
        "12.004", "true", "01ff"; "" for nothing.
    """
    match what:
        case None:
            return ""
        case bool():
            return "true" if what else "false"
        case float() | int():
            return repr(what)
        case bytes():
            return what.hex()
        case str():
            return escaped(what)
        case _:
            return to_json(what, indent=None)


def line(text: str) -> str:
    """Return received text without control characters.

    Returns:
        The text without control characters.
    """
    return text if text.isprintable() else "".join(each for each in text if each.isprintable())


def table(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Return rows in columns, not wider than the terminal.

    Args:
        rows: Cells, row by row; they may hold text from other programs.
        indent: In front of each row.

    Returns:
        Lines, each with a line end; the last column is not padded. Where a row does not fit the
        terminal, its last cell continues below.
    """
    rows = [[escaped(cell) for cell in row] for row in rows]
    width = terminal_width()
    widths = [0] * max((len(row) for row in rows), default=0)
    for row in rows:
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], len(cell))
    lines: list[str] = []
    for row in rows:
        cells = [cell.ljust(widths[column]) for column, cell in enumerate(row)]
        line = indent + "  ".join(cells).rstrip()
        if width is None or len(line) <= width:
            lines.append(line)
            continue
        first = indent + "  ".join(cells[:-1])
        if first.strip() and width - len(first) - 2 >= width // 2:
            below = " " * (len(first) + 2 - len(indent))
            lines.append(wrapped(f"{first}  {row[-1]}", width, below))
        else:
            head = [wrapped(first.rstrip(), width)] if first.strip() else []
            below = wrapped(f"{indent}    {row[-1]}", width, "")
            lines += [*head, below]
    return "".join(f"{line}\n" for line in lines)


def duration(seconds: float) -> str:
    """Return a duration as text.

    Args:
        seconds: How long, s.

    Returns:
        "3 d 4 h", "2 min 5 s", "12 s".
    """
    whole = round(seconds)
    parts = [
        (whole // 86400, "d"),
        (whole // 3600 % 24, "h"),
        (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    ]
    shown = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "0 s"


def moment(milliseconds: float) -> str:
    """Return a time in this computer's time zone.

    Args:
        milliseconds: Since 1970.

    Returns:
        "2026-11-23 20:31:05".
    """
    return datetime.fromtimestamp(milliseconds / 1000.0).astimezone().strftime("%Y-%m-%d %H:%M:%S")
