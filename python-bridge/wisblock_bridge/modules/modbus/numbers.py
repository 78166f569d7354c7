"""Numbers that reach over one or two registers.

1. The standard knows registers of 16 bits only; what they mean, each maker decides.
2. Within a register the high byte comes first (MODBUS Application Protocol 1.1b3, 4.2).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

NumberType = Literal["uint16", "int16", "uint32", "int32", "float32"]
WordOrder = Literal["high_first", "low_first"]

_FORMATS: dict[str, str] = {
    "uint16": "H",
    "int16": "h",
    "uint32": "I",
    "int32": "i",
    "float32": "f",
}


def register_count(number_type: NumberType) -> int:
    """Tell how many registers a number takes.

    Args:
        number_type: Its type.

    Returns:
        1 or 2.
    """
    return struct.calcsize(f">{_FORMATS[number_type]}") // 2


def number(registers: Sequence[int], number_type: NumberType, word_order: WordOrder) -> float:
    """Read a number out of registers.

    Args:
        registers: As many as the type takes, 0...65535 each.
        number_type: Its type.
        word_order: Which of two registers comes first.

    Returns:
        The number; it may be infinite or not a number where the type allows that.
    """
    words = registers if word_order == "high_first" else registers[::-1]
    data = struct.pack(f">{len(words)}H", *words)
    (found,) = struct.unpack(f">{_FORMATS[number_type]}", data)
    return float(found)


def scaled(raw: float, factor: float, offset: float) -> float:
    """Turn a number into what it stands for.

    Args:
        raw: As the registers hold it.
        factor: What it is multiplied by.
        offset: What is added then.

    Returns:
        The result as people would write it: 2783 times 0.01 is 27.83, not 27.830000000000002. A
        register or two hold ten significant digits at most; twelve are kept.
    """
    return float(f"{raw * factor + offset:.12g}")
