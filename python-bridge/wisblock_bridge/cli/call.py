"""``wisblock-bridge`` ``call`` and ``release``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from wisblock_bridge.cli import formatting, parse_params, settings, status
from wisblock_bridge.errors import InUseError
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from wisblock_bridge.client import Result
    from wisblock_bridge.client.requests import Slot

    Units = Mapping[str, Mapping[str, object]]


def call(options: argparse.Namespace) -> int:
    """Call an operation once, and print its result."""
    with settings.connect(options, timeout_s=options.timeout) as bridge:
        catalogue = bridge.catalogue()
        module = parse_params.find_module(catalogue, options.module)
        operation = parse_params.find_operation(module, options.operation)
        slot = slot_of(module, options.slot)
        params = parse_params.parameters(operation, options.params)
        result = bridge.invoke(
            str(module["name"]),
            slot,
            options.operation,
            params,
            on_loss="hold" if options.hold else "safe",
        )
        if options.json:
            sys.stdout.write(formatting.to_json(as_data(result)) + "\n")
        else:
            sys.stdout.write(as_text(result, operation, cast("Units", catalogue["units"])))
        sys.stdout.flush()
        if is_left_driven(operation, params):
            place = f"{module['name']} --slot {slot}"
            if options.hold:
                note = (
                    "The output stays like this. "
                    f"`wisblock-bridge release {place} --force` ends that."
                )
            else:
                bridge.release(str(module["name"]), slot, outputs=["*"])
                note = (
                    "The output is in its safe state again, because this command has ended; "
                    "--hold leaves it as it is."
                )
            sys.stderr.write(f"{note}\n")
    return 0


def is_left_driven(operation: Mapping[str, object], params: Mapping[str, object]) -> bool:
    """Return whether an operation leaves an output in another state than its safe one.

    Returns:
        False where it drives nothing, and for a stop or an off.
    """
    urgent = operation.get("urgent")
    if isinstance(urgent, dict):
        off = bool(urgent) and all(params.get(name) == value for name, value in urgent.items())
    else:
        off = bool(urgent)
    return bool(operation.get("drives")) and not off


def release(options: argparse.Namespace) -> int:
    """Release a module, or make outputs safe; with ``--force`` also those of other clients.

    Raises:
        InUseError: Others use the module, or drive the outputs.
    """
    with settings.connect(options) as bridge:
        module = parse_params.find_module(bridge.catalogue(), options.module)
        name, slot = str(module["name"]), slot_of(module, options.slot)
        bridge.release(name, slot, outputs=options.outputs or None, force=options.force)
        found = bridge.status()
    left = still_driven(found, name, slot, options.outputs) if options.outputs else ""
    if not options.outputs:
        left = "; ".join(status.users(entry)) if (entry := entry_of(found, name, slot)) else ""
    if left:
        raise InUseError(
            f"{name} stays in use: {left}.",
            hint="This command ends only its own claim; --force ends the claims of all clients.",
        )
    if options.json:
        done = {"module": name, "slot": slot, "outputs": options.outputs}
        sys.stdout.write(formatting.to_json(done) + "\n")
        return 0
    safe = f"{', '.join(options.outputs)} of {name}: safe" if options.outputs else ""
    sys.stdout.write(escaped(safe or f"{name} is released") + "\n")
    return 0


def entry_of(found: Mapping[str, object], module: str, slot: Slot) -> Mapping[str, object]:
    """Return a module's entry in a status.

    Returns:
        Its entry; empty when it is not open.
    """
    entries = parse_params.entries(found, "slots")
    return next((each for each in entries if (each["module"], each["slot"]) == (module, slot)), {})


def still_driven(
    found: Mapping[str, object], module: str, slot: Slot, outputs: Sequence[str]
) -> str:
    """Return who drives outputs.

    Args:
        found: The status.
        module: Name of the module.
        slot: Where it is.
        outputs: Names of the outputs.

    Returns:
        A phrase; "" for nobody.
    """
    driven = [
        f"{formatting.line(str(each['output']))} driven by "
        f"{formatting.line(str(session['client'])) or 'an unnamed client'}"
        for session in parse_params.entries(found, "sessions")
        for each in parse_params.entries(session, "outputs")
        if (each["module"], each["slot"]) == (module, slot)
        and (each["output"] in outputs or "*" in outputs)
    ]
    entry = entry_of(found, module, slot)
    held = [
        f"{formatting.line(str(each['output']))} held for "
        f"{formatting.line(str(each['client'])) or 'an unnamed client'}"
        for each in (parse_params.entries(entry, "held") if entry else ())
        if each["output"] in outputs or "*" in outputs
    ]
    return ", ".join([*driven, *held])


def slot_of(module: Mapping[str, object], wanted: object) -> Slot:
    """Return the slot that is meant.

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
    """Return a result as plain data, as on the wire."""
    data: dict[str, object] = {
        "readings": result.readings,
        "timestamp": result.timestamp,
        "quality": result.quality,
        "emulated": result.emulated,
    }
    return data | ({"note": result.note} if result.note else {})


def as_text(result: Result, operation: Mapping[str, object], units: Units) -> str:
    """Return a result as text."""
    unit_of = {
        str(each["name"]): str(each["unit"]) for each in parse_params.entries(operation, "readings")
    }
    rows = [
        (name, formatting.value(value, unit_of.get(name, "none"), units))
        for name, value in result.items()
        if value is not None
    ]
    text = formatting.table(rows) or "done\n"
    if result.quality != "good":
        text += escaped(f"{result.quality}: {result.note}") + "\n"
    return text + ("(emulated)\n" if result.emulated else "")
