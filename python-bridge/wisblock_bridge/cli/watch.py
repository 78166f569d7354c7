"""``wisblock-bridge watch``: print values as they arrive.

1. On a terminal, a table that is updated in place; elsewhere a line for each value.
2. It runs until it is interrupted.
3. ``--all`` is another matter: see ``watch_all``.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, cast

from wisblock_bridge.cli import formatting, parse_params, settings
from wisblock_bridge.cli.call import as_data, slot_of
from wisblock_bridge.cli.complaints import complain
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import TextIO

    from wisblock_bridge.client import Bridge, Event, Result, Subscription

    Units = Mapping[str, Mapping[str, object]]

ERASE_LINE = "\x1b[2K"
UP = "\x1b[{}A"


def watch(options: argparse.Namespace) -> int:
    """Show values until interrupted, or until ``--count`` values have arrived."""
    if options.everything:
        from wisblock_bridge.cli.watch_all import watch_all  # noqa: PLC0415  (another command)

        return watch_all(options)
    as_json = options.json or options.jsonl
    with settings.connect(options, timeout_s=options.timeout) as bridge:
        catalogue = bridge.catalogue()
        module = parse_params.find_module(catalogue, options.module)
        operation = parse_params.find_operation(module, options.operation, event=options.event)
        units = cast("Units", catalogue["units"])
        title = f"{module['name']} {operation['name']}, slot {slot_of(module, options.slot)}"
        view: View
        if options.csv:
            view = Csv(operation, units, sys.stdout)
        elif as_json or not sys.stdout.isatty():
            view = Lines(operation, units, sys.stdout, json=as_json)
        else:
            view = Table(title, operation, units, sys.stdout)
        try:
            with _subscribe(bridge, module, operation, options) as subscription:
                _follow(subscription, view, options.count)
        except KeyboardInterrupt:
            return 0
    return 0


def _subscribe(
    bridge: Bridge,
    module: Mapping[str, object],
    operation: Mapping[str, object],
    options: argparse.Namespace,
) -> Subscription:
    params = parse_params.parameters(operation, options.params)
    name, slot = str(module["name"]), slot_of(module, options.slot)
    if options.event:
        return bridge.subscribe(name, slot, event=options.operation, params=params)
    return bridge.subscribe(
        name,
        slot,
        operation=options.operation,
        every_s=options.every,
        deadband=options.deadband,
        params=params,
    )


class View(Protocol):
    """Shows events."""

    def show(self, event: Event) -> None:
        """Show an event."""
        ...


def _follow(subscription: Subscription, view: View, count: int | None) -> None:
    shown = 0
    for event in subscription:
        view.show(event)
        shown += event.error is None
        if count is not None and shown >= count:
            return


class Lines:
    """A line for each value.

    Args:
        operation: The operation's entry in the catalogue.
        units: The catalogue's units.
        stream: Where to.
        json: A JSON map instead of words.
    """

    def __init__(
        self, operation: Mapping[str, object], units: Units, stream: TextIO, *, json: bool
    ) -> None:
        self._units = units
        self._unit_of = unit_names(operation)
        self._stream = stream
        self._json = json

    def show(self, event: Event) -> None:
        """Write an event."""
        if event.error is not None:
            complain(event.error, as_json=self._json)
            return
        if self._json:
            data = as_data(event.result)
            data |= {"sequence": event.sequence, "lost": event.lost, "late": event.late}
            line = formatting.to_json(data, indent=None)
        else:
            values = (
                f"{name}={formatting.value(value, self._unit_of.get(name, 'none'), self._units)}"
                for name, value in event.result.items()
                if value is not None
            )
            words = [instant(event.result), *values, *remarks(event)]
            line = escaped("  ".join(words))
        self._stream.write(line + "\n")
        self._stream.flush()


class Csv:
    """A row for each value, as spreadsheets and programs read them (RFC 4180).

    Numbers are exact and without units; the units are in the first row.

    Args:
        operation: The operation's entry in the catalogue.
        units: The catalogue's units.
        stream: Where to.
    """

    def __init__(self, operation: Mapping[str, object], units: Units, stream: TextIO) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._stream = stream
        unit_of = unit_names(operation)
        self._names = [*unit_of]
        headings = [titled(name, unit, units) for name, unit in unit_of.items()]
        self._write(["time", *headings, "quality", "note"])

    def show(self, event: Event) -> None:
        """Write an event; an error goes to standard error."""
        if event.error is not None:
            complain(event.error, as_json=False)
            return
        result = event.result
        values = [formatting.cell(result.readings.get(name)) for name in self._names]
        self._write([instant(result), *values, result.quality, escaped(result.note)])

    def _write(self, row: list[str]) -> None:
        self._writer.writerow(row)
        self._stream.flush()


class Table:
    """A table that is updated in place on the terminal."""

    def __init__(
        self, title: str, operation: Mapping[str, object], units: Units, stream: TextIO
    ) -> None:
        self._title = title
        self._units = units
        self._unit_of = unit_names(operation)
        self._stream = stream
        self._lines = 0
        self._rows: dict[str, object] = {}
        self._range: dict[str, tuple[float, float]] = {}
        self._count = self._lost = self._late = 0

    def show(self, event: Event) -> None:
        """Draw the table again with an event."""
        self._lost += event.lost
        self._late += event.late
        if event.error is None:
            self._count += 1
            self._rows = {name: value for name, value in event.result.items() if value is not None}
            for name, value in self._rows.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    low, high = self._range.get(name, (value, value))
                    self._range[name] = min(low, value), max(high, value)
        self._draw(event)

    def _draw(self, event: Event) -> None:
        now = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        state = str(event.error) if event.error is not None else "  ".join(remarks(event))
        head = f"{self._title}   {now}   {self._count} values"
        head += f", {self._lost} lost" if self._lost else ""
        head += f", {self._late} missed" if self._late else ""
        rows = [("", "now", "lowest", "highest")] + [
            (name, self._text(name, value), *(self._text(name, end) for end in self._ends(name)))
            for name, value in self._rows.items()
        ]
        width = formatting.terminal_width()
        text = (
            formatting.wrapped(escaped(head), width)
            + f"\n{formatting.table(rows)}"
            + formatting.wrapped(escaped(state or "good"), width)
        )
        lines = text.split("\n")
        up = UP.format(self._lines) if self._lines else ""
        self._stream.write(up + "".join(f"{ERASE_LINE}{line}\n" for line in lines))
        # If the table became shorter, erase the rest of the former one.
        for _ in range(self._lines - len(lines)):
            self._stream.write(f"{ERASE_LINE}\n")
        self._lines = max(len(lines), self._lines)
        self._stream.flush()

    def _ends(self, name: str) -> tuple[float, ...]:
        return self._range.get(name, ())

    def _text(self, name: str, value: object) -> str:
        return formatting.value(value, self._unit_of.get(name, "none"), self._units)


def instant(result: Result) -> str:
    """Return when something was measured, in UTC ("2026-11-28T13:00:00.123Z")."""
    return result.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def titled(name: str, unit: str, units: Units) -> str:
    """Return the heading of a column: "current (mA)"."""
    symbol = formatting.unit_symbol(unit, units)
    return f"{name} ({symbol})" if symbol else name


def remarks(event: Event) -> list[str]:
    """Return remarks about quality, loss, missed beats and emulation."""
    result = event.result
    words = [f"{result.quality}: {result.note}"] if result.quality != "good" else []
    if event.lost:
        words.append(f"{event.lost} lost")
    if event.late:
        words.append(f"late: {event.late} missed before this one")
    return [*words, "emulated"] if result.emulated else words


def unit_names(operation: Mapping[str, object]) -> dict[str, str]:
    """Return the units of an operation's readings.

    Returns:
        Reading to name of unit.
    """
    return {
        str(each["name"]): str(each["unit"]) for each in parse_params.entries(operation, "readings")
    }
