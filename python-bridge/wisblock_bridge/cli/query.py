"""``wisblock-bridge`` ``scan``, ``list`` and ``catalogue``.

1. The running bridge is queried; without one, this installation answers.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, cast

from wisblock_bridge.cli import formatting, parse_params, settings
from wisblock_bridge.errors import BridgeError, ErrorCode
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    Entry = Mapping[str, object]


def print_catalogue(options: argparse.Namespace) -> int:
    """Print the catalogue of the bridge's own modules, always in the same form.

    The Node-RED nodes are generated from it; modules of other projects have no part in that. Into a
    folder goes its fingerprint as well, which the nodes compare with the one in ``hello``.
    """
    from wisblock_bridge.modules import registry  # noqa: PLC0415  (imports all modules)
    from wisblock_bridge.wire import catalogue  # noqa: PLC0415  (needed by this command only)

    loaded = registry.load_own()
    text = catalogue.as_text(loaded.data)
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text, encoding="utf-8")
        fingerprint = json.dumps({"catalogue": loaded.sha256})
        options.out.with_name("fingerprint.json").write_text(f"{fingerprint}\n", encoding="utf-8")
    for name, reason in loaded.broken.items():
        sys.stderr.write(f"wisblock-bridge: modules/{name}.py cannot be used: {reason}\n")
    return 1 if loaded.broken else 0


def list_modules(options: argparse.Namespace) -> int:
    """List the modules, or describe one."""
    catalogue = _catalogue(options)
    if options.module is None:
        modules = parse_params.entries(catalogue, "modules")
        if options.json:
            sys.stdout.write(formatting.to_json(modules) + "\n")
        else:
            sys.stdout.write(formatting.table([_module_row(each) for each in modules]))
        return 0
    module = parse_params.find_module(catalogue, options.module)
    units = cast("Mapping[str, Entry]", catalogue["units"])
    sys.stdout.write(formatting.to_json(module) + "\n" if options.json else describe(module, units))
    return 0


def scan(options: argparse.Namespace) -> int:
    """List the chips that answer, through the running bridge or else directly."""
    try:
        with settings.connect(options, timeout_s=30.0) as bridge:
            found = bridge.scan()
    except BridgeError as error:
        if error.code is not ErrorCode.OFFLINE:
            raise
        found = scan_here(options)
    if options.json:
        sys.stdout.write(formatting.to_json(found) + "\n")
    elif not found:
        sys.stdout.write("No known chip answers.\n")
    else:
        sys.stdout.write(formatting.table([chip_row(each) for each in found]))
    stream = sys.stderr if options.json else sys.stdout
    stream.write(formatting.wrapped(unseen(), formatting.terminal_width()) + "\n")
    return 0


def unseen() -> str:
    """Return which modules a scan can miss, because their chip is not always supplied.

    Returns:
        A sentence.
    """
    from wisblock_bridge.module_api.needs import ChipNeed  # noqa: PLC0415
    from wisblock_bridge.modules import registry  # noqa: PLC0415  (imports all modules)

    hidden = {
        name: need.off_with
        for name, module in registry.load().modules.items()
        for need in module.description.needs.values()
        if isinstance(need, ChipNeed) and need.off_with
    }
    switches = " or ".join(dict.fromkeys(hidden.values()))
    return f"{' and '.join(hidden)} cannot be seen while their {switches} is off."


def describe(module: Entry, units: Mapping[str, Entry]) -> str:
    """Return a description of a module."""
    slots = " or ".join(str(each) for each in cast("Sequence[object]", module["slots"]))
    lines = [f"{module['name']}: {module['title']} (slot {slots})", str(module["summary"]), ""]
    if "package" in module:
        lines.insert(1, f"from the package {module['package']}")
    for kind in ("operations", "events"):
        for entry in parse_params.entries(module, kind):
            lines.append(f"{kind[:-1]} {entry['name']}: {entry['summary']}")
            lines.extend(_param_line(each, units) for each in parse_params.entries(entry, "params"))
            readings = [
                _reading_words(each, units) for each in parse_params.entries(entry, "readings")
            ]
            if readings:
                lines.append(f"  gives {', '.join(readings)}")
    unconfirmed = cast("Sequence[str]", module.get("unconfirmed", ()))
    lines.extend(f"not confirmed on hardware: {each}" for each in unconfirmed)
    width = formatting.terminal_width()
    return "".join(f"{formatting.wrapped(escaped(line), width)}\n" for line in lines)


def _catalogue(options: argparse.Namespace) -> Entry:
    try:
        with settings.connect(options) as bridge:
            return bridge.catalogue()
    except BridgeError as error:
        if error.code is not ErrorCode.OFFLINE:
            raise
    from wisblock_bridge.modules import registry  # noqa: PLC0415  (imports all modules)

    return registry.load().data


def scan_here(options: argparse.Namespace) -> list[dict[str, object]]:
    """Return which chips answer, without a bridge; no register is changed.

    Returns:
        As the method ``scan`` does.

    Raises:
        BusError: The bus is missing, may not be used, or is stuck.
    """
    from wisblock_bridge import discovery  # noqa: PLC0415  (imports all modules)
    from wisblock_bridge.clock import SystemClock  # noqa: PLC0415
    from wisblock_bridge.config import apply  # noqa: PLC0415
    from wisblock_bridge.modules import registry  # noqa: PLC0415
    from wisblock_bridge.runtime.hardware import Hardware  # noqa: PLC0415

    config = settings.configuration(options)
    clock = SystemClock()
    if config.emulate:
        from wisblock_bridge.discovery.board import configured_board  # noqa: PLC0415
        from wisblock_bridge.emulation.board import EmulatedBoard  # noqa: PLC0415

        board = apply(configured_board(config), config)
        hardware = Hardware(board, EmulatedBoard(board, clock), clock)
    else:
        from wisblock_bridge.buses.linux.transport import LinuxTransport  # noqa: PLC0415

        board = apply(discovery.detect_board(config).board, config)
        hardware = Hardware(board, LinuxTransport(), clock)
    try:
        return discovery.scan(hardware, registry.load())
    finally:
        hardware.close()


def _module_row(module: Entry) -> tuple[str, ...]:
    slots = ",".join(str(each) for each in cast("Sequence[object]", module["slots"]))
    names = [
        str(each["name"])
        for kind in ("operations", "events")
        for each in parse_params.entries(module, kind)
    ]
    title = str(module["title"])
    if "package" in module:
        title = f"{title} (from {module['package']})"
    return str(module["name"]), f"slot {slots}", title, " ".join(names)


def chip_row(chip: Entry) -> tuple[str, ...]:
    """Return a table row for what was found at an address."""
    modules = ", ".join(cast("Sequence[str]", chip["modules"]))
    address = cast("int", chip["address"])
    name = str(chip["chip"]) or "unknown"
    return (
        f"0x{address:02x} on {chip['bus']}",
        name,
        modules,
        f"{chip['confidence']} confidence",
        " ".join((str(chip["note"]), *cast("Sequence[str]", chip.get("warnings", ())))),
    )


def _param_line(param: Entry, units: Mapping[str, Entry]) -> str:
    words = [str(param["kind"])]
    choices = cast("Sequence[object]", param["choices"])
    symbol = str(units.get(str(param["unit"]), {}).get("symbol", ""))
    if choices:
        words.append(" or ".join(str(each) for each in choices))
    elif param["low"] is not None or param["high"] is not None:
        low, high = ("" if param[end] is None else f"{param[end]:g}" for end in ("low", "high"))
        words.append(f"{low}...{high}{f' {symbol}' if symbol else ''}")
    if param["required"]:
        words.append("must be given")
    elif param["default"] is not None:
        words.append(f"default {formatting.value(param['default'], 'none', units)}")
    return f"  {param['name']} ({', '.join(words)}): {param['summary']}"


def _reading_words(reading: Entry, units: Mapping[str, Entry]) -> str:
    symbol = units.get(str(reading["unit"]), {}).get("symbol")
    return f"{reading['name']} ({symbol})" if symbol else str(reading["name"])
