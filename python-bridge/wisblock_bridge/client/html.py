"""What Jupyter shows of the client's objects: tables, and a drawing of the board's slots.

1. Text from elsewhere is escaped here, where it becomes HTML.
2. Imported only when a notebook asks.
"""

from __future__ import annotations

import inspect
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wisblock_bridge.client.aio.proxies import AsyncModuleBase
    from wisblock_bridge.client.proxies import ModuleBase
    from wisblock_bridge.client.results import Result

SLOT_WIDTH, SLOT_HEIGHT, GAP = 150, 64, 16
GREEN, RED, GREY = "#2e7d32", "#c62828", "#9e9e9e"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Write a table.

    Args:
        heads: The first row.
        rows: The others.
        caption: What stands above it.
    """
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(each))}</td>" for each in row) + "</tr>" for row in rows
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def result_html(result: Result) -> str:
    """Show the readings of a result, with its time and quality."""
    marks = [f"{result.time:%Y-%m-%d %H:%M:%S} UTC", result.quality]
    marks += [result.note] if result.note else []
    marks += ["emulated"] if result.emulated else []
    rows = [(name, value, result.UNITS.get(name, "")) for name, value in result.readings.items()]
    return table(("reading", "value", "unit"), rows, ", ".join(marks))


def module_html(module: ModuleBase | AsyncModuleBase, described: Mapping[str, Any] | None) -> str:
    """Show the operations and events of a module."""
    rows = []
    if described is not None:
        for kind in ("operations", "events"):
            for each in described[kind]:
                params = ", ".join(param["name"] for param in each["params"])
                rows.append((kind.removesuffix("s"), f"{each['name']}({params})", each["summary"]))
    else:
        for name, method in vars(type(module)).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                params = ", ".join(
                    each for each in inspect.signature(method).parameters if each != "self"
                )
                summary = (method.__doc__ or "").partition("\n")[0]
                rows.append(("operation", f"{name}({params})", summary))
    return table(("", "name", "what it does"), rows, repr(module).strip("<>"))


def bridge_html(endpoint: str, status: Mapping[str, Any]) -> str:
    """Show a bridge: its board with the slots, and a table of what is in them."""
    board = status["board"]
    title = f"{board['title']}{', emulated' if board['emulated'] else ''}"
    rows = [
        (
            each["slot"],
            each["module"],
            "failing" if each["failing"] else "open" if each["open"] else "closed",
            ", ".join(claim["client"] for claim in each["claims"]),
            each["last_error"] or "",
        )
        for each in status["slots"]
    ]
    words = f"wisblock-bridge {status['version']} at {endpoint}"
    heads = ("slot", "module", "state", "used by", "last error")
    return board_svg(title, status) + table(heads, rows, words)


def board_svg(title: str, status: Mapping[str, Any]) -> str:
    """Draw the slots of a board and what is in them: green is open, red fails, grey is unused."""
    used = {each["slot"]: each for each in status["slots"] if each["slot"] != "board"}
    plugged = {each["slot"]: each["module"] for each in status.get("plugged", ())}
    places = sorted({1, 2, *used, *plugged}, key=str)
    width = len(places) * (SLOT_WIDTH + GAP) + GAP
    height = SLOT_HEIGHT + 3 * GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="13"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="{height}" rx="8" fill="#eceff1"/>'
        f'<text x="{GAP}" y="{1.3 * GAP:g}" font-weight="bold">{escape(title)}</text>'
    )
    parts = [head]
    for number, place in enumerate(places):
        entry = used.get(place)
        colour = GREY if entry is None else RED if entry["failing"] else GREEN
        name = entry["module"] if entry is not None else plugged.get(place) or "empty"
        x = GAP + number * (SLOT_WIDTH + GAP)
        parts.append(
            f'<g transform="translate({x} {2 * GAP})"><rect width="{SLOT_WIDTH}" '
            f'height="{SLOT_HEIGHT}" rx="5" fill="white" stroke="{colour}" stroke-width="3"/>'
            f'<text x="10" y="24">slot {escape(str(place))}</text>'
            f'<text x="10" y="46" font-weight="bold">{escape(str(name))}</text></g>'
        )
    return "".join(parts) + "</svg>"
