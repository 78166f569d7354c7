"""``wisblock-bridge watch --all``: what all clients get, and who uses what.

1. It observes: no module is opened, no hardware touched, nobody kept from anything.
2. A line for each message, oldest first, also on a terminal.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast

from wisblock_bridge.cli import formatting, parse_params, settings, status
from wisblock_bridge.cli.complaints import complain
from wisblock_bridge.cli.watch import instant
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import TextIO

    from wisblock_bridge.client import Observed, Observing

    Entry = Mapping[str, object]
    Units = Mapping[str, Entry]

COLUMNS = ("time", "slot", "module", "name", "about", "reading", "value", "unit", "quality")


def watch_all(options: argparse.Namespace) -> int:
    """Show what is observed until interrupted, or until ``--count`` values have arrived."""
    as_json = options.json or options.jsonl
    with settings.connect(options, timeout_s=options.timeout) as bridge:
        catalogue = bridge.catalogue()
        modules = None
        if options.module is not None:
            modules = [str(parse_params.find_module(catalogue, options.module)["name"])]
        slots = None if options.slot is None else [options.slot]
        view: View
        if options.csv:
            view = LongCsv(catalogue, sys.stdout)
        elif as_json:
            view = JsonLines(sys.stdout)
        else:
            view = Words(catalogue, sys.stdout)
        try:
            with bridge.observe(modules, slots) as observing:
                _follow(observing, view, options.count)
        except KeyboardInterrupt:
            return 0
    return 0


class View(Protocol):
    """Shows messages."""

    def show(self, observed: Observed) -> None:
        """Show a message."""
        ...


def _follow(observing: Observing, view: View, count: int | None) -> None:
    shown = 0
    for observed in observing:
        view.show(observed)
        shown += observed.kind in {"result", "event"}
        if count is not None and shown >= count:
            return


class JsonLines:
    """A line of JSON for each message, as it was received."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, observed: Observed) -> None:
        """Write a message."""
        if observed.error is not None and observed.module is None:
            complain(observed.error, as_json=True)
            return
        known = {key: value for key, value in observed.data.items() if key not in _ENVELOPE}
        self._stream.write(formatting.to_json(known, indent=None) + "\n")
        self._stream.flush()


_ENVELOPE = {"v", "event", "subscription"}


class LongCsv:
    """A row for each reading: modules have different ones, so they cannot be columns.

    Args:
        catalogue: The catalogue.
        stream: Where to.
    """

    def __init__(self, catalogue: Entry, stream: TextIO) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._stream = stream
        self._names = Names(catalogue)
        self._writer.writerow(COLUMNS)

    def show(self, observed: Observed) -> None:
        """Write the readings of a message, of values only."""
        if observed.kind not in {"result", "event"}:
            if observed.error is not None and observed.module is None:
                complain(observed.error, as_json=False)
            return
        readings, units = observed.readings, self._names.units
        for name, value in readings.items():
            if value is not None:
                unit = formatting.unit_symbol(self._names.unit_of(observed, name), units)
                place = (str(observed.slot), str(observed.module), observed.name, about(observed))
                cell = formatting.cell(value)
                self._writer.writerow(
                    (instant(readings), *place, name, cell, unit, readings.quality)
                )
        self._stream.flush()


class Words:
    """A line of words for each message.

    Args:
        catalogue: The catalogue.
        stream: Where to.
    """

    def __init__(self, catalogue: Entry, stream: TextIO) -> None:
        self._names = Names(catalogue)
        self._stream = stream

    def show(self, observed: Observed) -> None:
        """Write a message."""
        if observed.error is not None and observed.module is None:
            complain(observed.error, as_json=False)
            return
        words = [_moment(observed), self._place(observed), *self._words(observed)]
        if observed.lost:
            words.append(f"{observed.lost} not shown")
        line = escaped("  ".join(words))
        self._stream.write(formatting.wrapped(line, formatting.terminal_width()) + "\n")
        self._stream.flush()

    @staticmethod
    def _place(observed: Observed) -> str:
        where = "board" if observed.slot == "board" else f"slot {observed.slot}"
        return where if observed.module is None else f"{observed.module} {where}"

    def _words(self, observed: Observed) -> list[str]:
        what = f"{observed.name} {about(observed)}".strip()
        match observed.kind:
            case "result" | "event":
                return [what, *self._values(observed)]
            case "error":
                return [what, f"error: {observed.error}"]
            case "holder":
                return [_holder(observed.data)]
            case "health":
                return [_health(observed.data)]
            case "plugged":
                return ["is plugged in" if observed.module else "is empty"]
            case other:  # of a newer bridge
                return [other]

    def _values(self, observed: Observed) -> list[str]:
        readings, names = observed.readings, self._names
        values = [
            f"{name}={formatting.value(value, names.unit_of(observed, name), names.units)}"
            for name, value in readings.items()
            if value is not None
        ]
        doubt = [f"{readings.quality}: {readings.note}"] if readings.quality != "good" else []
        return values + doubt


class Names:
    """Units of readings, looked up in the catalogue.

    Args:
        catalogue: The catalogue.
    """

    def __init__(self, catalogue: Entry) -> None:
        self.units = cast("Units", catalogue["units"])
        self._unit_of = parse_params.units_of(catalogue)

    def unit_of(self, observed: Observed, reading: str) -> str:
        """Return the name of the unit of a reading."""
        return self._unit_of.get((str(observed.module), observed.name, reading), "none")


def about(observed: Observed) -> str:
    """Return what a message is about: "channel=2"."""
    return " ".join(f"{name}={formatting.cell(value)}" for name, value in observed.params.items())


def _moment(observed: Observed) -> str:
    """Return when it was: of a value and an error as told, else now."""
    if observed.readings.timestamp:
        return instant(observed.readings)
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _holder(data: Entry) -> str:
    users = status.users(data)
    return f"used by {'; '.join(users)}" if users else "is free"


def _health(data: Entry) -> str:
    if data.get("open") is not True:
        return "is closed"
    if data.get("failing") is not True:
        return "works"
    error = data.get("last_error")
    words = error.get("message", "") if isinstance(error, dict) else ""
    return f"fails: {words}"
