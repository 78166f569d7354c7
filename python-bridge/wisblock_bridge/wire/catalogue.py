"""The catalogue: every module's description as plain data, the seam between the two languages.

Everything here is derived from ``signatures`` and ``limits``; no fact is added.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from wisblock_bridge.module_api import UNITS
from wisblock_bridge.module_api.needs import (
    AnalogNeed,
    BoardNeed,
    ChipNeed,
    LineNeed,
    PortNeed,
    SpiNeed,
)
from wisblock_bridge.wire.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.module_api import ReadingSpec
    from wisblock_bridge.module_api.needs import Need
    from wisblock_bridge.module_api.signatures import (
        ModuleDescription,
        OperationDescription,
        ParamDescription,
    )

FORMAT = 1


def fingerprint(data: Mapping[str, object]) -> str:
    """Compute the catalogue's fingerprint.

    Args:
        data: The exported form.

    Returns:
        SHA-256 of its canonical JSON, hexadecimal.
    """
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def as_text(data: Mapping[str, object]) -> str:
    """Write the catalogue as JSON with one line per unit, operation, parameter and reading.

    Args:
        data: The exported form.

    Returns:
        JSON that a person can compare line by line.
    """
    return _written(data, "") + "\n"


def _written(value: object, indent: str) -> str:
    """Write one value; tables have a line per row, everything else stays on the line it is on."""
    inner = f"{indent}  "
    match value:
        case {} if _is_table(list(value.values())):
            rows = [f"{_inline(name)}: {_written(row, inner)}" for name, row in value.items()]
            return "{\n" + ",\n".join(inner + row for row in rows) + f"\n{indent}}}"
        case {}:
            pairs = [f"{_inline(name)}: {_written(each, indent)}" for name, each in value.items()]
            return "{" + ", ".join(pairs) + "}"
        case list() if _is_table(value):
            return (
                "[\n" + ",\n".join(inner + _written(row, inner) for row in value) + f"\n{indent}]"
            )
        case _:
            return _inline(value)


def _is_table(rows: list[object]) -> bool:
    return bool(rows) and all(isinstance(row, dict) for row in rows)


def _inline(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def export(descriptions: list[ModuleDescription]) -> dict[str, object]:
    """Turn descriptions into plain data.

    Args:
        descriptions: What to export, in order.

    Returns:
        The catalogue as maps and lists.
    """
    return {
        "format": FORMAT,
        "limits": dict(LIMITS),
        "units": {
            unit.name: {"symbol": unit.symbol, "decimals": unit.decimals}
            for unit in sorted(UNITS.values(), key=str)
        },
        "modules": [_module(each) for each in descriptions],
    }


def _module(each: ModuleDescription) -> dict[str, object]:
    product = each.product
    return {
        "name": product.name,
        "slug": product.slug,
        "title": product.title,
        "family": product.family,
        "slots": list(product.slots),
        "icon": product.icon,
        "reference": product.reference,
        "summary": each.summary,
        "details": list(each.details),
        "unconfirmed": list(each.unconfirmed),
        "needs": [_need(need) for need in each.needs.values()],
        "operations": [_operation(operation) for operation in each.operations.values()],
        "events": [_event(event) for event in each.events.values()],
    }


def _event(event: OperationDescription) -> dict[str, object]:
    return _operation(event) | {"polled": event.polled, "occurrence": event.occurrence}


def _need(need: Need) -> dict[str, object]:
    match need:
        case LineNeed(pin):
            return {"kind": "line", "pin": pin}
        case AnalogNeed(pin):
            return {"kind": "analog", "pin": pin}
        case ChipNeed():
            return {
                "kind": "chip",
                "chip": need.chip,
                "address": need.address,
                "alternatives": list(need.alternatives),
            }
        case PortNeed():
            return {"kind": "port", "part": "serial port"}
        case SpiNeed():
            return {"kind": "spi", "part": "SPI chip select"}
        case BoardNeed(part):
            return {"kind": "board", "part": part}


def _operation(each: OperationDescription) -> dict[str, object]:
    return {
        "name": each.name,
        "summary": each.summary,
        "details": each.details,
        "default": each.default,
        "reads_only": each.reads_only,
        "drives": each.drives,
        "urgent": each.urgent if isinstance(each.urgent, bool) else dict(each.urgent),
        "payload_param": each.payload_param,
        "main": each.main,
        "params": [_param(param) for param in each.params],
        "readings": [_reading(reading) for reading in each.gives],
    }


def _param(each: ParamDescription) -> dict[str, object]:
    facts = each.facts
    items = {"fewest": facts.fewest, "most": facts.most} if each.item_kind else {}
    selects = {"selects": True} if facts.selects else {}
    return {
        "name": each.name,
        "label": facts.label or each.name.replace("_", " ").capitalize(),
        "summary": facts.summary,
        "kind": each.kind,
        "item_kind": each.item_kind,
        "required": each.required,
        "default": each.default,
        "choices": list(each.choices),
        "unit": facts.unit,
        "low": facts.low,
        "high": facts.high,
        **items,
        **selects,
    }


def _reading(each: ReadingSpec) -> dict[str, object]:
    return {
        "name": each.name,
        "summary": each.summary,
        "kind": each.kind,
        "unit": each.unit,
        "low": each.low,
        "high": each.high,
        "step": each.step,
        "choices": list(each.choices),
        "optional": each.optional,
    }
