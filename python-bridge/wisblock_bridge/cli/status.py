"""``wisblock-bridge status``: the state of the running bridge.

1. What an older bridge does not report is left out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from wisblock_bridge.cli import formatting, parse_params, settings
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    Entry = Mapping[str, object]


def status(options: argparse.Namespace) -> int:
    """Print the state of the running bridge."""
    with settings.connect(options) as bridge:
        found = bridge.status()
        catalogue = {} if options.json else bridge.catalogue()
    if options.json:
        sys.stdout.write(formatting.to_json(found) + "\n")
    else:
        sys.stdout.write(as_text(found) + last_values(found, catalogue))
    return 0


def last_values(found: Entry, catalogue: Entry) -> str:
    """Return the last values as text; a report has none of them, because it is shown to others.

    Args:
        found: The status.
        catalogue: Tells the units.
    """
    units = cast("Mapping[str, Entry]", catalogue.get("units", {}))
    unit_of = parse_params.units_of(catalogue)
    rows: list[tuple[str, ...]] = []
    for slot in _entries(found, "slots"):
        module = str(slot.get("module"))
        for each in _entries(slot, "values"):
            name = str(each["name"])
            readings = cast("Entry", each["readings"])
            values = [
                f"{key}={formatting.value(value, unit_of.get((module, name, key), 'none'), units)}"
                for key, value in readings.items()
                if value is not None
            ]
            about = [f"{key}={value}" for key, value in cast("Entry", each["params"]).items()]
            ago = f"{formatting.duration(cast('float', each['age_ms']) / 1000.0)} ago"
            place = f"{module} {_place(slot)}"
            rows.append((place, " ".join([name, *about]), ago, "  ".join(values)))
    return "last values:\n" + formatting.table(rows, "  ") if rows else ""


def as_text(found: Entry) -> str:
    """Return a status as text."""
    board = cast("Entry", found.get("board", {}))
    emulated = "emulated " if board.get("emulated") else ""
    uptime = formatting.duration(cast("float", found.get("uptime_s", 0.0)))
    width = formatting.terminal_width()
    head = (
        f"wisblock-bridge {found.get('version', '')}, up for {uptime}",
        f"board: {emulated}{board.get('title', '?')} ({board.get('confidence', '?')})",
    )
    text = "".join(f"{formatting.wrapped(escaped(line), width)}\n" for line in head)
    for words in cast("Sequence[str]", board.get("evidence", ())):
        text += formatting.wrapped(f"  {escaped(words)}", width) + "\n"
    rows = [_bus_row(each) for each in _entries(found, "buses")]
    text += "buses:\n" + formatting.table(rows, "  ")
    slots = _entries(found, "slots")
    rows = [_slot_row(each) for each in slots]
    text += "modules:\n" + formatting.table(rows, "  ") if rows else "modules: none in use\n"
    for slot in slots:
        where = f"  {slot.get('module')} {_place(slot)}"
        use = ""
        if lines := users(slot):
            use = f"{where} is used by {'; '.join(lines)}"
        elif slot.get("idle"):
            use = f"{where} is idle: it yields to any module that needs its place"
        if use:
            text += formatting.wrapped(escaped(use), width) + "\n"
    text += "clients:\n" + formatting.table(
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
    text += formatting.wrapped(escaped(f"counters: {', '.join(shown)}"), width) + "\n"
    errors = _counted(counters.get("errors"))
    if errors:
        text += formatting.wrapped(escaped(f"errors: {errors}"), width) + "\n"
    return text


def users(slot: Entry) -> list[str]:
    """Return who uses a module.

    Returns:
        A few words for each client and each held output.
    """
    lines = []
    for claim in _entries(slot, "claims"):
        nodes = ", ".join(
            formatting.line(str(each)) for each in cast("Sequence[object]", claim["nodes"])
        )
        lines.append(f"{_client(claim)}{f': {nodes}' if nodes else ''}")
    lines.extend(
        f"held output {formatting.line(str(held['output']))} of {_client(held)}, "
        "which has disconnected"
        for held in _entries(slot, "held")
    )
    return lines


def _client(user: Entry) -> str:
    name = formatting.line(str(user.get("client") or "")) or "an unnamed client"
    address = formatting.line(str(user.get("address") or ""))
    return f"{name} ({address})" if address else name


def _place(slot: Entry) -> str:
    return "on the board" if slot.get("slot") == "board" else f"in slot {slot.get('slot')}"


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
        at = f" at {formatting.moment(when)}" if isinstance(when, float) else ""
        does = "FAILS, last" if slot.get("failing") else "last error"
        words = f"{does}{at}: {error.get('message', '')}"
    return (
        *where,
        "open" if slot.get("open") else "not open",
        f"{slot.get('operations', '?')} operations",
        f"{slot.get('errors')} errors",
        words,
    )
