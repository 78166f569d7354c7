"""Numbers, texts and bit fields that reach over one to four registers, and more.

1. The standard knows registers of 16 bits only; what they mean, each maker decides.
2. Within a register the high byte comes first (MODBUS Application Protocol 1.1b3, 4.2); some makers
   do it the other way round, and the order of the registers is anybody's.
3. What does not fit is refused here, before anything is sent.
"""

from __future__ import annotations

import math
import struct
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.errors import BadParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

NumberType = Literal["uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64"]
Order = Literal["high_first", "low_first"]
WordOrder = Order

_FORMATS: dict[str, str] = {
    "uint16": "H",
    "int16": "h",
    "uint32": "I",
    "int32": "i",
    "float32": "f",
    "uint64": "Q",
    "int64": "q",
    "float64": "d",
}

EXACT = 2**53
"""Up to here every whole number is a number of 64 bits with a point, which is what the wire and
JavaScript have."""


def register_count(number_type: NumberType) -> int:
    """Return how many registers a number takes.

    Args:
        number_type: Its type.

    Returns:
        1, 2 or 4.
    """
    return struct.calcsize(f">{_FORMATS[number_type]}") // 2


def to_bytes(registers: Sequence[int], word_order: Order, byte_order: Order) -> bytes:
    """Put the bytes of registers into the order high byte first.

    Args:
        registers: 0...65535 each.
        word_order: Which register comes first.
        byte_order: Which byte of each register comes first.

    Returns:
        Two bytes for each.
    """
    words = registers if word_order == "high_first" else registers[::-1]
    return struct.pack(f"{'>' if byte_order == 'high_first' else '<'}{len(words)}H", *words)


def from_bytes(data: bytes, word_order: Order, byte_order: Order) -> list[int]:
    """Make registers of bytes that are in the order high byte first.

    Args:
        data: Two bytes for each register.
        word_order: Which register comes first.
        byte_order: Which byte of each register comes first.

    Returns:
        The registers, the first address first.
    """
    words = struct.unpack(f"{'>' if byte_order == 'high_first' else '<'}{len(data) // 2}H", data)
    return list(words if word_order == "high_first" else words[::-1])


def number(
    registers: Sequence[int],
    number_type: NumberType,
    word_order: Order,
    byte_order: Order = "high_first",
) -> float:
    """Read a number out of registers.

    Args:
        registers: As many as the type takes, 0...65535 each.
        number_type: Its type.
        word_order: Which of the registers comes first.
        byte_order: Which byte of each register comes first.

    Returns:
        The number, a whole one where the type is; one with a point may be infinite or not a number.
    """
    data = to_bytes(registers, word_order, byte_order)
    found: float
    (found,) = struct.unpack(f">{_FORMATS[number_type]}", data)
    return found


def scaled(raw: float, factor: float, offset: float, number_type: NumberType = "float32") -> float:
    """Turn a number into what it stands for.

    Args:
        raw: As the registers hold it.
        factor: What it is multiplied by.
        offset: What is added then.
        number_type: What the registers hold.

    Returns:
        The result as people would write it: 2783 times 0.01 is 27.83, not 27.830000000000002, and
        the 32 bits that stand for 230.1 are 230.1, not 230.10000610351562.
    """
    if isinstance(raw, int):
        return float(raw * Decimal(repr(factor)) + Decimal(repr(offset)))
    if number_type == "float64":
        return raw * factor + offset
    return float(f"{_shortest(raw) * factor + offset:.12g}")


def _shortest(raw: float) -> float:
    """Write a number of 32 bits with as few digits as tell it from its neighbours: 230.1."""
    if not math.isfinite(raw) or raw.is_integer():
        return raw
    held = struct.pack(">f", raw)
    for digits in range(6, 9):
        written = float(f"{raw:.{digits}g}")
        if struct.pack(">f", written) == held:
            return written
    return raw


def encode(
    value: float,
    number_type: NumberType,
    word_order: Order,
    byte_order: Order,
    factor: float,
    offset: float,
) -> tuple[list[int], float]:
    """Turn what a number stands for into registers.

    A whole number that was scaled is rounded to the nearest step that the registers can hold.

    Args:
        value: What they shall stand for.
        number_type: What they hold.
        word_order: Which of the registers comes first.
        byte_order: Which byte of each register comes first.
        factor: What the registers' number is multiplied by when it is read; not 0.
        offset: What is added then.

    Returns:
        The registers, the first address first, and what they stand for.

    Raises:
        BadParamsError: The value is no finite number, or the registers cannot hold it.
    """
    if not math.isfinite(value):
        raise _refuse("value", f"value is {value}", "a finite number")
    if factor == 0:
        raise _refuse("factor", "factor is 0", "any number but 0")
    if number_type.startswith("float"):
        raw: float = (value - offset) / factor
    else:
        raw = _whole(value, number_type, factor, offset)
    try:
        data = struct.pack(f">{_FORMATS[number_type]}", raw)
    except (OverflowError, struct.error):
        data = b""
    if not data or not math.isfinite(raw):
        raise _refuse("value", f"value is {value:g}", f"what {number_type} can hold")
    (held,) = struct.unpack(f">{_FORMATS[number_type]}", data)
    registers = from_bytes(data, word_order, byte_order)
    return registers, scaled(held, factor, offset, number_type)


def _whole(value: float, number_type: NumberType, factor: float, offset: float) -> int:
    """Find the whole number that stands for a value, within what its type holds."""
    exact = (Decimal(repr(value)) - Decimal(repr(offset))) / Decimal(repr(factor))
    raw = int(exact.to_integral_value(ROUND_HALF_EVEN))
    scaling = f" (factor {factor:g}, offset {offset:g})" if (factor, offset) != (1, 0) else ""
    if not scaling and exact != raw:
        raise _refuse("value", f"value is {value:g}", f"a whole number: {number_type}")
    bits = int(number_type.lstrip("uint"))
    signed = number_type.startswith("int")
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if bits == 64:  # noqa: PLR2004  (of a register's 16, 32 and 64)
        low, high = max(low, -EXACT), EXACT
    if not low <= raw <= high:
        allowed = f"{low}...{high} in the registers ({number_type}{scaling})"
        shown = str(raw) if abs(raw) < 2**64 else f"{exact:.3e}"
        raise _refuse("value", f"value is {value:g}, {shown} in the registers", allowed)
    return raw


def _refuse(param: str, what: str, allowed: str) -> BadParamsError:
    return BadParamsError(f"{what}; allowed: {allowed}.", data={"param": param, "allowed": allowed})
