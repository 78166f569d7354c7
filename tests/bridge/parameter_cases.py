"""Values inside and outside of what the catalogue allows, for any parameter of any module.

1. It knows the catalogue's words (kind, limits, choices), no module.
2. What an operation checks beyond single parameters is found by trying, not known here.
"""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING, Any

from wisblock_bridge.errors import BadParamsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api.signatures import OperationDescription, ParamDescription

NUMBERS = {"int", "float"}


def inside(param: ParamDescription) -> list[Any]:
    """Values that are allowed: both limits, all choices, what stands for "not given"."""
    values: list[Any] = list(param.choices)
    if not param.required and param.default is None:
        values.append(None)
    low, high = param.facts.low, param.facts.high
    kind = param.item_kind or param.kind
    if kind == "bool":
        values += [[False], [True]] if param.item_kind else [False, True]
    elif kind in NUMBERS and low is not None and high is not None:
        cast = int if kind == "int" else float
        # The middle comes first: it goes together with other parameters where a limit may not.
        middle = [0.0] if kind == "float" and low < 0 < high else []
        limits = [*middle, cast(low), cast(high)]
        values += [*([each] for each in limits), limits] if param.item_kind else limits
    elif kind == "str" and not param.choices:
        texts = ["x" * int(low or 0), "x" * int(high if high is not None else 3)]
        values += [*([text] for text in texts), texts] if param.item_kind else texts
    elif kind == "bytes":
        values += [b"x" * int(low or 0), b"x" * int(high if high is not None else 3)]
    if param.item_kind:
        most = values[-2][:1] * param.facts.most
        values += [most, *([[]] if param.facts.fewest == 0 else [])]
    return values


def outside(param: ParamDescription) -> list[Any]:
    """Values that are not allowed: beyond the limits, of another type, not a choice."""
    values: list[Any] = [{}, {"a": 1}, [[]], "no such choice" * 1000]
    if param.kind != "list":
        values.append([1])
    if param.kind != "bytes":
        values.append(b"\x00")
    if param.kind != "bool":
        values += [True, False]
    if param.required or param.default is not None:
        values.append(None)
    beyond = _BEYOND[param.item_kind or param.kind](param)
    if param.item_kind:
        allowed = next(each for each in inside(param) if each)
        too_many = allowed[:1] * (param.facts.most + 1)
        too_few: list[Any] = [[]] if param.facts.fewest else []
        return [*values, *([each] for each in beyond), beyond[0], [None], too_many, *too_few]
    return [*values, *beyond]


def _beyond_whole(param: ParamDescription) -> list[Any]:
    low, high = param.facts.low, param.facts.high
    values: list[Any] = [1.5, 1e300, "1", 2**64 - 1, -(2**63)]
    if low is not None and high is not None:
        values += [int(low) - 1, int(high) + 1, float(low)]
    elif param.choices:
        values.append(99_999)
    return values


def _beyond_real(param: ParamDescription) -> list[Any]:
    low, high = param.facts.low, param.facts.high
    values: list[Any] = [math.nan, math.inf, -math.inf, "1.5"]
    if low is not None and high is not None:
        values += [math.nextafter(low, -math.inf), math.nextafter(high, math.inf)]
    return values


def _beyond_length(param: ParamDescription) -> list[Any]:
    if param.choices:
        return []
    low, high = param.facts.low, param.facts.high
    fill: Any = b"x" if (param.item_kind or param.kind) == "bytes" else "x"
    values: list[Any] = [1]
    if high is not None:
        values.append(fill * (int(high) + 1))
    if low:
        values.append(fill * (int(low) - 1))
    return values


_BEYOND: dict[str, Callable[[ParamDescription], list[Any]]] = {
    "int": _beyond_whole,
    "float": _beyond_real,
    "str": _beyond_length,
    "bytes": _beyond_length,
    "bool": lambda _: [0, 1, "true"],
}


def fitting(operation: OperationDescription) -> dict[str, Any]:
    """Find parameters that an operation takes: the first allowed values of what is needed."""
    needed = [param for param in operation.params if param.required]
    for values in product(*(inside(param) for param in needed)):
        given = {param.name: value for param, value in zip(needed, values, strict=True)}
        if operation.check is None:
            return given
        with suppress(BadParamsError):
            operation.check(operation.struct(**given))
            return given
    raise AssertionError(f"{operation.name} takes nothing that its parameters allow")
