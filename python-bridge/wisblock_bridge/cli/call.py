"""``wisblock-bridge`` ``call`` and ``release``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from wisblock_bridge.cli import settings, show, typed
from wisblock_bridge.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from wisblock_bridge.client import Result
    from wisblock_bridge.client.faces import Slot

    Units = Mapping[str, Mapping[str, object]]


def call(options: argparse.Namespace) -> int:
    """Let a module do something, once, and show what came of it.

    Args:
        options: Of the command.

    Returns:
        The exit code.
    """
    with settings.connect(options, timeout_s=options.timeout) as bridge:
        catalogue = bridge.catalogue()
        module = typed.find_module(catalogue, options.module)
        operation = typed.find_operation(module, options.operation)
        result = bridge.invoke(
            str(module["name"]),
            slot_of(module, options.slot),
            options.operation,
            typed.parameters(operation, options.params),
            on_loss="hold" if options.hold else "safe",
        )
        if options.json:
            sys.stdout.write(show.to_json(as_data(result)) + "\n")
        else:
            sys.stdout.write(as_text(result, operation, cast("Units", catalogue["units"])))
    return 0


def release(options: argparse.Namespace) -> int:
    """Close a module, so that its outputs are safe and its slot is free.

    Args:
        options: Of the command.

    Returns:
        The exit code.
    """
    with settings.connect(options) as bridge:
        module = typed.find_module(bridge.catalogue(), options.module)
        slot = slot_of(module, options.slot)
        bridge.release(str(module["name"]), slot)
    sys.stdout.write(escaped(f"{module['name']} is released") + "\n")
    return 0


def slot_of(module: Mapping[str, object], wanted: object) -> Slot:
    """Tell the slot that is meant.

    Args:
        module: The module's entry in the catalogue.
        wanted: What was typed; None for nothing.

    Returns:
        The slot: the board for what is soldered on, else 1.
    """
    if wanted is not None:
        return cast("Slot", wanted)
    slots = cast("list[Slot]", module["slots"])
    return slots[0]


def as_data(result: Result) -> dict[str, object]:
    """Turn a result into plain data, as on the wire.

    Args:
        result: What came.

    Returns:
        A map.
    """
    data: dict[str, object] = {
        "readings": result.readings,
        "timestamp": result.timestamp,
        "quality": result.quality,
        "emulated": result.emulated,
    }
    return data | ({"note": result.note} if result.note else {})


def as_text(result: Result, operation: Mapping[str, object], units: Units) -> str:
    """Write a result for people.

    Args:
        result: What came.
        operation: The operation's entry in the catalogue.
        units: The catalogue's units.

    Returns:
        Lines.
    """
    unit_of = {
        str(each["name"]): str(each["unit"]) for each in typed.entries(operation, "readings")
    }
    rows = [
        (name, show.value(value, unit_of.get(name, "none"), units))
        for name, value in result.items()
        if value is not None
    ]
    text = show.table(rows) or "done\n"
    if result.quality != "good":
        text += escaped(f"{result.quality}: {result.note}") + "\n"
    return text + ("(emulated)\n" if result.emulated else "")
