"""How many digits of a reading mean something.

1. A number carries the precision of its ``step``; what floating-point arithmetic adds behind that
   is cut off where the result is made, once for all clients.
2. What is decided about a reading is decided when its module is described; a message costs one
   rounding per number.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.module_api.fields import ReadingSpec

DIGITS = 6
"""Significant digits where no step is known: finer than any converter here resolves."""


def decimals_of(step: float) -> int:
    """Count the decimals that a resolution supports.

    Rounding to them changes a value by a tenth of a step at most; a step that is written with fewer
    decimals (0.1) needs no more than its own.

    Args:
        step: The resolution, larger than 0.

    Returns:
        Digits after the point, 0 or more.
    """
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  (a step is a number)
    return max(0, min(-exponent, math.ceil(-math.log10(step / 5.0))))


def to_digits(value: float, digits: int = DIGITS) -> float:
    """Round to significant digits; digits before the point are all kept.

    Args:
        value: Any number, infinity and NaN included.
        digits: How many digits mean something.

    Returns:
        The rounded value, never -0.0.
    """
    size = abs(value)
    if not 0.0 < size < math.inf:
        return value + 0.0
    return round(value, max(0, digits - 1 - math.floor(math.log10(size)))) + 0.0


class Precision:
    """The precision of all numbers of one operation or event.

    Args:
        readings: What the operation gives.
    """

    __slots__ = ("_rules",)

    def __init__(self, readings: Sequence[ReadingSpec] = ()) -> None:
        self._rules = tuple(
            (each.name, decimals_of(each.step) if each.step else None, each.digits)
            for each in readings
            if each.kind in {"float", "list"}
        )

    def apply(self, values: dict[str, object]) -> None:
        """Give each number its precision; whole numbers and what is no number stay as they are.

        Args:
            values: Reading name to value; changed in place.
        """
        for name, decimals, digits in self._rules:
            value = values.get(name)
            if value.__class__ is float:
                values[name] = _rounded(value, decimals, digits)
            elif value.__class__ is list and float in map(type, value):
                values[name] = [
                    _rounded(each, decimals, digits) if each.__class__ is float else each
                    for each in value
                ]


def _rounded(value: float, decimals: int | None, digits: int) -> float:
    return to_digits(value, digits) if decimals is None else round(value, decimals) + 0.0
