"""``wisblock-bridge status``: how the running bridge is, for people.

1. What a bridge does not tell, because it is older, is left out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from wisblock_bridge.cli import settings, show

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    Entry = Mapping[str, object]


def status(options: argparse.Namespace) -> int:
    """Tell how the running bridge is.

    Args:
        options: Of the command.

    Returns:
        The exit code.
    """
    with settings.connect(options) as bridge:
        found = bridge.status()
    sys.stdout.write(show.to_json(found) + "\n" if options.json else as_text(found))
    return 0


def as_text(found: Entry) -> str:
    """Write a status.

    Args:
        found: The result of the method ``status``.

    Returns:
        Lines.
    """
    board = cast("Entry", found.get("board", {}))
    emulated = "emulated " if board.get("emulated") else ""
    uptime = show.duration(cast("float", found.get("uptime_s", 0.0)))
    text = (
        f"wisblock-bridge {found.get('version', '')}, up for {uptime}\n"
        f"board: {emulated}{board.get('title', '?')} ({board.get('confidence', '?')})\n"
    )
    for words in cast("Sequence[str]", board.get("evidence", ())):
        text += f"  {words}\n"
    rows = [_bus_row(each) for each in _entries(found, "buses")]
    text += "buses:\n" + show.table(rows, "  ")
    rows = [_slot_row(each) for each in _entries(found, "slots")]
    text += "modules:\n" + show.table(rows, "  ") if rows else "modules: none in use\n"
    text += "clients:\n" + show.table(
        [
            (
                str(each.get("client") or "unnamed client"),
                f"{each.get('subscriptions', 0)} subscriptions",
                f"drives {len(cast('Sequence[object]', each.get('outputs', ())))} outputs",
                f"key {each['key']} ({each.get('role')})" if each.get("key") else "",
            )
            for each in _entries(found, "sessions")
        ],
        "  ",
    )
    counters = cast("Entry", found.get("counters", {}))
    shown = [f"{name} {count}" for name, count in counters.items() if isinstance(count, int)]
    text += f"counters: {', '.join(shown)}\n"
    errors = _counted(counters.get("errors"))
    if errors:
        text += f"errors: {errors}\n"
    return text


def _entries(found: Entry, key: str) -> Sequence[Entry]:
    return cast("Sequence[Entry]", found.get(key, ()))


def _counted(found: object) -> str:
    counts = cast("Mapping[str, int]", found or {})
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _bus_row(bus: Entry) -> tuple[str, ...]:
    failures = _counted(bus.get("failures"))
    return (
        str(bus.get("name")),
        str(bus.get("kind")),
        f"{bus.get('transactions', '?')} transactions",
        f"failures: {failures}" if failures else "no failures",
    )


def _slot_row(slot: Entry) -> tuple[str, ...]:
    where = f"slot {slot.get('slot')}", str(slot.get("module"))
    if "errors" not in slot:
        return *where, "not open"
    error = slot.get("last_error")
    words = ""
    if isinstance(error, dict):
        when = slot.get("last_error_at")
        at = f" at {show.moment(when)}" if isinstance(when, float) else ""
        does = "FAILS, last" if slot.get("failing") else "last error"
        words = f"{does}{at}: {error.get('message', '')}"
    return (
        *where,
        "open" if slot.get("open") else "not open",
        f"{slot.get('operations', '?')} operations",
        f"{slot.get('errors')} errors",
        words,
    )
