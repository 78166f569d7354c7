"""``wisblock-bridge check``: what is missing on this computer, and what is configured."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from wisblock_bridge.cli import EXIT_FAILED, formatting, settings
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from wisblock_bridge.config import Config
    from wisblock_bridge.discovery.findings import Finding

MARKS = {"ok": "ok      ", "missing": "MISSING ", "problem": "PROBLEM ", "info": "note    "}


def check(options: argparse.Namespace) -> int:
    """Print what is missing, or the configuration in effect.

    Returns:
        0 when a bridge can work, else 1.
    """
    config = settings.configuration(options)
    if options.show:
        rows = effective(config)
        if options.json:
            data = {key: {"value": value, "origin": origin} for key, value, origin in rows}
            sys.stdout.write(formatting.to_json(data) + "\n")
        else:
            sys.stdout.write(formatting.table(rows))
        return 0
    from wisblock_bridge.discovery import checkup  # noqa: PLC0415  (not for --show)

    findings = checkup.check(config)
    if options.json:
        sys.stdout.write(formatting.to_json([asdict(each) for each in findings]) + "\n")
    else:
        sys.stdout.write(as_text(findings))
    return 0 if checkup.is_good(findings) else EXIT_FAILED


def as_text(findings: Sequence[Finding]) -> str:
    """Return findings as text.

    Returns:
        Lines: what was found, and below it what to do.
    """
    width = formatting.terminal_width()
    lines: list[str] = []
    for each in findings:
        found = escaped(f"{each.what}: {each.detail}")
        lines.append(formatting.wrapped(MARKS[each.state] + found, width, " " * 8))
        if each.advice:
            lines.append(formatting.wrapped(f"        -> {escaped(each.advice)}", width, "   "))
    return "".join(f"{line}\n" for line in lines)


def effective(config: Config) -> list[tuple[str, str, str]]:
    """Return every value in effect, and where it came from.

    Returns:
        Key, value and origin.
    """
    from wisblock_bridge.endpoint import default_endpoint  # noqa: PLC0415
    from wisblock_bridge.keys import default_directory  # noqa: PLC0415

    board = config.board
    values: dict[str, object] = {
        "endpoint": config.endpoint or default_endpoint(),
        "remote_endpoint": config.remote_endpoint or "none",
        "emulate": config.emulate,
        "swing_s": config.swing_s,
        "log_level": config.log_level,
        "metrics": config.metrics or "none",
        "board.kind": board.kind,
        "board.variant": board.variant,
        "board.i2c_number": board.i2c_number,
        "board.converter_address": _hexadecimal(board.converter_address),
        "board.converter_chip": board.converter_chip,
        "security.keys": config.security.keys or default_directory(),
        "security.curve": config.security.curve,
    }
    for key, lines in board.free_lines.items():
        values[f"board.free_lines.{key}"] = sorted(lines)
    for slot, pins in board.lines.items():
        for pin, line in pins.items():
            values[f"board.slot{slot}.lines.{pin}"] = f"{line.controller}:{line.offset}"
    for number, slot_config in config.slots.items():
        values[f"slot{number}.module"] = slot_config.module
        for chip, address in slot_config.addresses.items():
            values[f"slot{number}.addresses.{chip}"] = _hexadecimal(address)
    rows = [("configuration file", config.source, "")]
    for key, value in values.items():
        origin = config.origins.get(key) or config.origins.get(key.rpartition(".")[0], "default")
        rows.append((key, _text(value), origin))
    return rows


def _text(value: object) -> str:
    if value is None:
        return "found out"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _hexadecimal(address: int | None) -> str | None:
    return None if address is None else f"0x{address:02x}"
