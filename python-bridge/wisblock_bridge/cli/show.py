"""How values look on a terminal.

1. Text in, text out; nothing here prints or asks.
2. Units and digits come from the catalogue.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def value(what: object, unit: str, units: Mapping[str, Mapping[str, object]]) -> str:
    """Write a value with its unit.

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
    return f"{text} {symbol}" if symbol else text


def to_json(what: object, *, indent: int | None = 2) -> str:
    """Write anything as JSON; bytes become hexadecimal text.

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

    return json.dumps(what, indent=indent, ensure_ascii=False, default=other)


def line(text: str) -> str:
    """Write what others sent so that a terminal takes it for text.

    Args:
        text: Any.

    Returns:
        The text without control characters.
    """
    return text if text.isprintable() else "".join(each for each in text if each.isprintable())


def table(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Write rows in columns.

    Args:
        rows: Cells, row by row.
        indent: In front of each row.

    Returns:
        Lines, each with a line end; the last column is not padded.
    """
    widths = [0] * max((len(row) for row in rows), default=0)
    for row in rows:
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], len(cell))
    lines = [
        indent + "  ".join(cell.ljust(widths[column]) for column, cell in enumerate(row)).rstrip()
        for row in rows
    ]
    return "".join(f"{line}\n" for line in lines)


def duration(seconds: float) -> str:
    """Write a duration.

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
    """Write a moment in this computer's time.

    Args:
        milliseconds: Since 1970.

    Returns:
        "2026-11-23 20:31:05".
    """
    return datetime.fromtimestamp(milliseconds / 1000.0).astimezone().strftime("%Y-%m-%d %H:%M:%S")
