"""Frames in bytes that somebody has, without any bus.

1. Whole frames come out with the names that the vendor's parser node gave them.
2. Nothing is left out: what is no frame is a problem, what may go on is the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.errors import ChecksumError
from wisblock_bridge.modules.lin.framer import Framer, Kind, Segment
from wisblock_bridge.modules.lin.listening import explain

if TYPE_CHECKING:
    from wisblock_bridge.modules.lin.frames import ModelOrAuto

DAMAGED = {Kind.WRONG_CHECKSUM, Kind.WRONG_PARITY}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was found.

    Attributes:
        frames: The whole frames asked for.
        problems: What is no whole frame.
        others: Whole frames with another identifier.
        rest: Bytes at the end that may go on.
    """

    frames: list[dict[str, object]]
    problems: list[dict[str, object]]
    others: int
    rest: bytes


def parse(data: bytes, identifier: int | None, length: int | None, model: ModelOrAuto) -> Parsed:
    """Find frames.

    Args:
        data: What a serial port has heard.
        identifier: Only these; None for all.
        length: How many bytes of data they have; None to find out.
        model: Which checksum they have.

    Returns:
        What was found.

    Raises:
        ChecksumError: A checksum or a parity is wrong, and there is no whole frame.
    """
    cutter = Framer(identifier, length, model)
    framer = [*cutter.feed(data), *cutter.silence()]
    rest = framer.pop().raw if framer and framer[-1].open_end else b""
    whole = [each for each in framer if each.kind is Kind.FRAME]
    wanted = [each for each in whole if identifier in {None, each.identifier}]
    problems = [each for each in framer if each.kind is not Kind.FRAME]
    damaged = [each for each in problems if each.kind in DAMAGED]
    if damaged and not wanted:
        raise ChecksumError(
            explain(damaged[0]),
            hint="Are length and checksum right, and the baud rate at which the bytes were heard?",
            data={"problems": [_problem(each) for each in problems], "rest": rest},
        )
    return Parsed(
        [_as_documented(each) for each in wanted],
        [_problem(each) for each in problems],
        len(whole) - len(wanted),
        rest,
    )


def _as_documented(segment: Segment) -> dict[str, object]:
    return {
        "ID": segment.identifier,
        "length": len(segment.data),
        "data": segment.data,
        "checksum": segment.model,
    }


def _problem(segment: Segment) -> dict[str, object]:
    words = explain(segment) or "A single dominant pulse, as of a node that wakes the bus."
    return {"kind": str(segment.kind), "words": words, "raw": segment.raw}
