"""``wisblock-bridge emulator``: the world around an emulated board, for people and scripts.

1. What there is to set is what ``emulator.list`` says; nothing is known of modules here.
2. ``demo`` moves what modules measure, never faults, and puts it back when it ends.
"""

from __future__ import annotations

import math
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from wisblock_bridge.cli import formatting, parse_params, settings
from wisblock_bridge.client import RemoteError
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BadParamsError, NotReadyError
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from wisblock_bridge.client import Bridge
    from wisblock_bridge.client.requests import Slot

    Entry = Mapping[str, object]

IO_SLOTS: tuple[Slot, ...] = (1, 2)
TICK_S = 0.2
"""Between two steps of the demo."""

LOOK_AGAIN_S = 2.0
"""Between two looks at what is plugged in, while the demo runs."""

LOWEST, HIGHEST = 0.2, 0.9
"""The share of its range in which a quantity moves: not where every value is a fault."""

KINDS = {
    "slider": "float",
    "number": "int",
    "switch": "bool",
    "line": "int",
    "packets": "bytes",
    "bytes": "bytes",
}
"""What is typed for a control; a text for the others."""

ALLOWED = {
    "display": "cannot be set",
    "switch": "yes or no",
    "line": "0, 1, or -1 to let go",
    "packets": "bytes that arrive",
    "number": "a number",
}


def list_quantities(options: argparse.Namespace) -> int:
    """Print what is in the slots and what can be set there."""
    with settings.connect(options) as bridge:
        units = cast("Mapping[str, Entry]", bridge.catalogue()["units"])
        plugged = _plugged(bridge)
        slots = IO_SLOTS if options.slot is None else (options.slot,)
        found = {
            slot: bridge.emulator.list(slot)
            for slot in slots
            if slot == "board" or options.slot is not None or plugged.get(slot)
        }
    if options.json:
        shown = [
            {"slot": slot, "module": plugged.get(slot), "quantities": found.get(slot, [])}
            for slot in slots
        ]
        sys.stdout.write(formatting.to_json(shown) + "\n")
        return 0
    for slot in slots:
        place = "the board" if slot == "board" else f"slot {slot}: {plugged.get(slot) or 'empty'}"
        sys.stdout.write(f"{escaped(place)}\n")
        rows = [_row(each, units) for each in found.get(slot, [])]
        sys.stdout.write(formatting.table(rows, "  "))
    return 0


def set_quantities(options: argparse.Namespace) -> int:
    """Set quantities; all are checked before the first is set."""
    with settings.connect(options) as bridge:
        units = cast("Mapping[str, Entry]", bridge.catalogue()["units"])
        known = {str(each["quantity"]): each for each in bridge.emulator.list(options.slot)}
        wanted = dict(_parsed(word, known, options.slot) for word in options.params)
        for name, value in wanted.items():
            bridge.emulator.set(options.slot, name, value)
        values = {name: bridge.emulator.get(options.slot, name) for name in wanted}
    if options.json:
        sys.stdout.write(formatting.to_json(values) + "\n")
    else:
        rows = [
            (name, formatting.value(value, str(known[name]["unit"]), units))
            for name, value in values.items()
        ]
        sys.stdout.write(formatting.table(rows))
    return 0


def plug(options: argparse.Namespace) -> int:
    """Plug a module into a slot."""
    with settings.connect(options) as bridge:
        module = str(parse_params.find_module(bridge.catalogue(), options.module)["name"])
        bridge.emulator.plug(options.slot, module)
    _say(options, {"slot": options.slot, "module": module}, f"slot {options.slot}: {module}")
    return 0


def unplug(options: argparse.Namespace) -> int:
    """Pull out what is in a slot."""
    with settings.connect(options) as bridge:
        bridge.emulator.unplug(options.slot)
    _say(options, {"slot": options.slot, "module": None}, f"slot {options.slot}: empty")
    return 0


def fault(options: argparse.Namespace) -> int:
    """Switch a fault on, or all faults of a place off."""
    wanted: dict[str, Any] = {}
    if isinstance(options.place, str) and options.place != "board":
        wanted["address"] = int(options.place, 16)
    else:
        wanted["slot"] = options.place
    kind = options.kind
    if kind == "off":
        if options.count is not None or options.for_s is not None:
            raise BadParamsError("off takes neither --count nor --for.")
        kind, wanted["count"] = "nack", 0
    elif options.count is not None:
        wanted["count"] = options.count
    if options.for_s is not None:
        wanted["for_ms"] = options.for_s * 1000.0
    with settings.connect(options) as bridge:
        answer = cast("Entry", bridge.request("emulator.fault", kind=kind, **wanted))
    where = [f"0x{each:02x}" for each in cast("Sequence[int]", answer.get("addresses", ()))]
    where += [str(each) for each in cast("Sequence[str]", answer.get("devices", ()))]
    words = "works again" if options.kind == "off" else f"{options.kind}, as asked for"
    if options.kind == "power_cycle":
        words = "lost its supply for a moment"
    place = options.place if isinstance(options.place, str) else f"slot {options.place}"
    at = f" ({', '.join(where)})" if where else ""
    _say(options, {**answer, "kind": options.kind}, f"{place}{at}: {words}")
    return 0


def demo(options: argparse.Namespace) -> int:
    """Move quantities until interrupted, or for as long as asked for."""
    with settings.connect(options) as bridge:
        movers = Movers(bridge, options.slots or IO_SLOTS, options.period)
        movers.look()
        if not movers.names():
            raise NotReadyError(
                "Nothing is plugged in that could move.",
                hint="`wisblock-bridge emulator plug 1 RAK5801` plugs something in.",
            )
        clock = SystemClock()
        started = clock.monotonic()
        ends = math.inf if options.for_s is None else started + options.for_s
        _say(
            options,
            {"moving": movers.names()},
            f"moving: {', '.join(movers.names())} (Ctrl-C ends it)",
        )
        looked = started
        try:
            while (now := clock.monotonic()) < ends:
                if now - looked >= LOOK_AGAIN_S:
                    movers.look()
                    looked = now
                movers.step(now - started)
                clock.sleep(min(TICK_S, max(0.0, ends - clock.monotonic())))
        except KeyboardInterrupt:
            pass
        finally:
            movers.put_back()
    return 0


@dataclass(slots=True)
class Mover:
    """One quantity that moves.

    Attributes:
        slot: Where.
        entry: What ``emulator.list`` says of it.
        before: Its value before it was moved.
        phase: Where in the period it begins, so that not all of them move alike.
        last: What was set last.
    """

    slot: Slot
    entry: Entry
    before: object
    phase: float
    last: object = field(default=None)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.entry["quantity"])

    def at(self, share: float) -> object:
        """Return its value at a time.

        Args:
            share: How many periods have passed.
        """
        turn = (share + self.phase) % 1.0
        control = self.entry["control"]
        if control == "switch":
            return turn < 0.5  # noqa: PLR2004  (half of the time)
        if control == "cards":
            cards = [each for each in cast("Sequence[str]", self.entry["choices"]) if each]
            place = turn * len(cards)
            return cards[int(place)] if place % 1.0 < 0.5 else ""  # noqa: PLR2004
        if control == "packets":
            return f"hello {int(share * 4) + 1}".encode()
        low, high = (cast("float", self.entry[end]) for end in ("low", "high"))
        wave = (1.0 - math.cos(2.0 * math.pi * turn)) / 2.0
        return low + (high - low) * (LOWEST + (HIGHEST - LOWEST) * wave)


class Movers:
    """Everything that moves.

    Args:
        bridge: The bridge.
        slots: Where.
        period_s: How long it takes up and down again, s.
    """

    def __init__(self, bridge: Bridge, slots: Sequence[Slot], period_s: float) -> None:
        self._bridge = bridge
        self._slots = slots
        self._period_s = max(period_s, TICK_S)
        self._movers: dict[tuple[Slot, str, str], Mover] = {}
        self._measured = _measured(bridge.catalogue())

    def names(self) -> list[str]:
        """Return what moves, for people."""
        return [
            f"{each.name} of the board"
            if each.slot == "board"
            else f"{each.name} of slot {each.slot}"
            for each in self._movers.values()
        ]

    def look(self) -> None:
        """Look what is plugged in now."""
        plugged = _plugged(self._bridge)
        found: dict[tuple[Slot, str, str], Mover] = {}
        for slot in self._slots:
            module = "board" if slot == "board" else str(plugged.get(slot) or "")
            if not module:
                continue
            with suppress(RemoteError):  # it was pulled out just now
                for entry in self._moving(module, self._bridge.emulator.list(slot)):
                    key = (slot, module, str(entry["quantity"]))
                    phase = len(found) * 0.17
                    found[key] = self._movers.get(key) or Mover(
                        slot, entry, entry.get("value"), phase
                    )
        self._movers = found

    def step(self, passed_s: float) -> None:
        """Move everything on.

        Args:
            passed_s: Since the beginning, s.
        """
        for key, mover in tuple(self._movers.items()):
            value = mover.at(passed_s / self._period_s)
            if value == mover.last:
                continue
            try:
                self._bridge.emulator.set(mover.slot, mover.name, value)
            except RemoteError as error:
                if error.wire_code not in {"not_ready", "bad_params"}:
                    raise
                del self._movers[key]  # something else is plugged in
            else:
                mover.last = value

    def put_back(self) -> None:
        """Set everything to what it was before."""
        for mover in self._movers.values():
            if mover.entry["control"] != "packets" and mover.last is not None:
                with suppress(RemoteError):
                    self._bridge.emulator.set(mover.slot, mover.name, mover.before)

    def _moving(self, module: str, quantities: Sequence[Entry]) -> Iterator[Entry]:
        """Yield the quantities of a module that move; nothing else is known of it."""
        has_cards = any(each["control"] == "cards" for each in quantities)
        for each in quantities:
            match each["control"]:
                case "slider" if cast("float", each["tolerance"]) > 0:
                    yield each
                case "switch" if not has_cards and each["quantity"] in self._measured.get(
                    module, ()
                ):
                    if each["writable"]:
                        yield each
                case "cards":
                    yield each
                case "packets" if cast("float", each["high"]) > 0:
                    yield each


def _measured(catalogue: Entry) -> dict[str, frozenset[str]]:
    """Return the names of the readings of each module."""
    return {
        str(module["name"]): frozenset(
            str(reading["name"])
            for kind in ("operations", "events")
            for entry in parse_params.entries(module, kind)
            for reading in parse_params.entries(entry, "readings")
        )
        for module in parse_params.entries(catalogue, "modules")
    }


def _plugged(bridge: Bridge) -> dict[Slot, str | None]:
    """Return what is in each slot.

    Raises:
        RemoteError: The board is not emulated.
    """
    found = bridge.status()
    if "plugged" not in found:
        bridge.emulator.list("board")  # the bridge says why not
    return {
        cast("Slot", each["slot"]): cast("str | None", each["module"])
        for each in parse_params.entries(found, "plugged")
    }


def _parsed(word: str, known: Mapping[str, Entry], slot: Slot) -> tuple[str, object]:
    name, equals, text = word.partition("=")
    if not equals:
        raise BadParamsError(f"{word!r} sets nothing.", hint="Write it like current=12.")
    entry = known.get(name)
    if entry is None:
        raise BadParamsError(
            f"There is no quantity {name!r} at {slot if slot == 'board' else f'slot {slot}'}.",
            hint=parse_params.nearest(name, [*known]),
        )
    kind = KINDS.get(str(entry.get("control", "slider")), "str")
    choices = entry.get("choices", ())
    return name, parse_params.value({"name": name, "kind": kind, "choices": choices}, text)


def _row(quantity: Entry, units: Mapping[str, Entry]) -> tuple[str, ...]:
    unit = str(quantity["unit"])
    value = quantity.get("value")
    shown = "(long)" if "value" not in quantity else formatting.value(value, unit, units)
    return str(quantity["quantity"]), shown, _allowed(quantity, units)


def _allowed(quantity: Entry, units: Mapping[str, Entry]) -> str:
    """Say which values a quantity takes."""
    choices = cast("Sequence[object]", quantity.get("choices", ()))
    if choices:
        return " or ".join(str(each) or '""' for each in choices)
    control = str(quantity["control"])
    if control == "slider":
        symbol = formatting.unit_symbol(str(quantity["unit"]), units)
        return f"{quantity['low']:g}...{quantity['high']:g} {symbol}".rstrip()
    return ALLOWED.get(control, control)


def _say(options: argparse.Namespace, data: Entry, words: str) -> None:
    text = formatting.to_json(data, indent=None) if options.json else escaped(words)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
