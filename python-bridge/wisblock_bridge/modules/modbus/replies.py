"""Replies that are whole and undamaged, and not what was asked for.

1. What a unit said is never dropped: it is shown in words, in hexadecimal, and as data.
2. Nothing here waits or sends; ``master`` decides how long to wait for something better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.errors import RemoteExceptionError
from wisblock_bridge.modules.modbus.frames import (
    COUNTED,
    EXCEPTION,
    LONGEST,
    MASK,
    REASONS,
    SEVERAL,
    SHORTEST,
    SINGLE,
    SPECIFIED,
    is_intact,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.modules.modbus.frames import Request

SWITCH_COIL, SET_REGISTER = 5, 6

ON, OFF = 0xFF00, 0

NOISE_BYTES = 2
"""This many bytes of noise before a reply do not keep it from being known at once."""


@dataclass(frozen=True, slots=True)
class Unexpected:
    """A reply that says something else.

    Attributes:
        frame: All of it.
        unit: Who was asked.
        error: What to tell.
    """

    frame: bytes
    unit: int
    error: RemoteExceptionError

    @property
    def own(self) -> bool:
        """Whether the unit that was asked sent it."""
        return self.frame[0] == self.unit


def find(data: bytes, request: Request, place: str) -> Unexpected | None:
    """Look for an intact reply that is not the one expected.

    Args:
        data: What came, without an echo.
        request: What was asked.
        place: The line, for the error.

    Returns:
        The first of the unit that was asked, else the first of any; None when there is none.
    """
    other: bytes = b""
    for begin in range(len(data) - SHORTEST + 2):
        for length in _lengths(data, begin, request):
            frame = data[begin : begin + length]
            if len(frame) < length or not _may_be_reply(frame) or not is_intact(frame):
                continue
            if frame[0] == request.unit:
                return Unexpected(frame, request.unit, _tell(frame, request, place))
            other = other or frame
    return Unexpected(other, request.unit, _tell(other, request, place)) if other else None


def begun(data: bytes, request: Request, *, any_function: bool) -> int:
    """Return how much is missing of a reply that the unit has begun, whatever it says.

    Args:
        data: What came, without an echo.
        request: What was asked.
        any_function: A reply to another function counts; not while an earlier one may be late.

    Returns:
        Bytes that are missing at least, 1 when there may be more; 0 when the unit has not begun.
    """
    for begin in range(min(len(data) - 1, NOISE_BYTES + 1)):
        if data[begin] != request.unit:
            continue
        function = data[begin + 1] & ~EXCEPTION
        if function != request.function and not (any_function and _known(function)):
            continue
        longest = max(_lengths(data, begin, request), default=0)
        return max(1, begin + (longest or SHORTEST) - len(data))
    return 0


def _may_be_reply(frame: bytes) -> bool:
    """Return whether it can be one: FF FF 00 00 00, from a disturbed line, has a checksum."""
    return len(frame) >= SHORTEST and frame[0] != 0 and frame[1] & ~EXCEPTION not in {0, 0x7F}


def _known(function: int) -> bool:
    return function in COUNTED or function in SINGLE or function in SEVERAL


def _lengths(data: bytes, begin: int, request: Request) -> Iterator[int]:
    """Return how long a reply may be that begins here: by its function, its count, or all of it."""
    function = data[begin + 1] if begin + 1 < len(data) else 0
    if function & EXCEPTION:
        yield SHORTEST
    elif function in COUNTED:
        if begin + 2 < len(data):
            yield SHORTEST + data[begin + 2]
        if function == request.function:
            yield request.reply_length
    elif _known(function):
        yield SPECIFIED + 2 * (function == MASK)
    whole = len(data) - begin
    if begin == 0 and whole <= LONGEST:
        yield whole


def _tell(frame: bytes, request: Request, place: str) -> RemoteExceptionError:
    unit, function = frame[0], frame[1]
    facts: dict[str, object] = {
        "name": "unexpected reply",
        "reply": frame,
        "unit": unit,
        "function": function,
        "address": request.address,
    }
    hint = "See the unit's manual: what it can do may be less than what was asked."
    if unit != request.unit:
        words = f"Unit {unit} answered in place of unit {request.unit}"
        hint = (
            "Is the address right? A second master on the line, or a unit that is late, has the "
            "same effect."
        )
    elif function & EXCEPTION:
        name = REASONS.get(frame[2], ("unknown exception", ""))[0]
        facts["exception"] = frame[2]
        words = (
            f"Unit {unit} refused function {function & ~EXCEPTION} ({name}), "
            f"{request.function} was asked for"
        )
    elif function != request.function:
        words = f"Unit {unit} answered function {function}, {request.function} was asked for"
        hint = "A unit that is late, or a second master on the line, has the same effect."
    elif frame == request.frame:
        words = f"Unit {unit} sent the request back"
        hint = 'If the line echoes, set echo to "auto" or "on" with `line`.'
    elif request.counted:
        words = _counted(frame, request, facts)
    else:
        words = _confirmed(frame, request, facts)
    return RemoteExceptionError(f"{words}: {frame.hex(' ')}.", hint=hint, where=place, data=facts)


def _counted(frame: bytes, request: Request, facts: dict[str, object]) -> str:
    """Return how a reply with data differs from the one expected."""
    said, came = frame[2], len(frame) - SHORTEST
    wanted = request.reply_length - SHORTEST
    facts |= {"byte_count": said, "bytes": came, "asked": request.count}
    unit = f"Unit {request.unit}"
    if said != came:
        return f"The byte count of unit {request.unit} says {said}, {came} bytes of data came"
    if request.function <= 2:  # noqa: PLR2004  (the two that read bits)
        return f"{unit} answered {said} bytes of bits, {request.count} bits have {wanted}"
    if said % 2:
        return f"{unit} answered {said} bytes, {request.count} registers have {wanted}"
    facts["answered"] = said // 2
    if said < wanted:
        return f"{unit} answered {said // 2} of {request.count} registers"
    return f"{unit} answered {said // 2} registers, {request.count} were asked for"


def _confirmed(frame: bytes, request: Request, facts: dict[str, object]) -> str:
    """Return how a confirmation differs from the one expected."""
    unit, function = f"Unit {request.unit}", request.function
    if len(frame) != request.reply_length:
        return f"{unit} confirmed with {len(frame)} bytes, {request.reply_length} are usual"
    address, value = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
    asked = int.from_bytes(request.frame[4:6], "big")
    facts["confirmed_address"] = address
    if address != request.address:
        facts["confirmed"] = value
        return f"{unit} confirmed address {address}, not {request.address}"
    if function == SWITCH_COIL:
        facts |= {"confirmed": value == ON if value in {ON, OFF} else value, "asked": asked == ON}
        words = {ON: "on", OFF: "off"}
        return f"{unit} confirmed {words.get(value, f'0x{value:04X}')}, not {words[asked]}"
    if function == MASK:
        said = frame[4:8].hex(" ", 2)
        facts["confirmed"] = [value, int.from_bytes(frame[6:8], "big")]
        return f"{unit} confirmed the masks {said}, not {request.frame[4:8].hex(' ', 2)}"
    facts |= {"confirmed": value, "asked": asked}
    if function == SET_REGISTER:
        return f"{unit} confirmed {value}, not {asked}"
    return f"{unit} confirmed {value} of {request.count} from address {address} on"
