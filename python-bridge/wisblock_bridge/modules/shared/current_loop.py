"""What a loop current says about the transmitter behind it: the limits of NAMUR NE43.

1. Currents in mA only; how they were measured is somebody else's business.
2. A state is left towards "ok" a little later than it was entered, so that the noise of a converter
   at a limit does not make it flutter.

Source: NAMUR recommendation NE43: measurement information from 3.8 to 20.5 mA, failure information
    up to 3.6 mA and from 21 mA on.
"""

from __future__ import annotations

from enum import StrEnum

OPEN_BELOW_MA = 0.5
"""A transmitter that tells a failure still draws 3.5 mA; below this nothing draws current."""
FAULT_LOW_TO_MA = 3.6
OK_FROM_MA, OK_TO_MA = 3.8, 20.5
FAULT_HIGH_FROM_MA = 21.0

HYSTERESIS_MA = 0.01
"""About 12 steps of a 16-bit converter, and twice the resolution that RAK5801's datasheet tells."""

RESOLUTION_DECIMALS = 3
"""Limits are compared in uA: a converter's step lies beside 21 mA, not on it."""


class Loop(StrEnum):
    """State of the current loop by NAMUR NE43."""

    OPEN = "open"
    FAULT_LOW = "fault_low"
    UNDER_RANGE = "under_range"
    OK = "ok"
    OVER_RANGE = "over_range"
    FAULT_HIGH = "fault_high"


FAULTS = frozenset({Loop.OPEN, Loop.FAULT_LOW, Loop.FAULT_HIGH})
"""In these the current stands for no measurement."""

_ORDER = tuple(Loop)
"""From no current to the most."""

NOTES = {
    Loop.OPEN: "Below 0.5 mA: the loop is open, or the transmitter has no supply.",
    Loop.FAULT_LOW: "3.6 mA or less: the transmitter reports a failure.",
    Loop.UNDER_RANGE: "Between 3.6 and 3.8 mA: the measurement is below the transmitter's range.",
    Loop.OK: "",
    Loop.OVER_RANGE: "Between 20.5 and 21 mA: the measurement is above the transmitter's range.",
    Loop.FAULT_HIGH: "21 mA or more: the transmitter reports a failure, or the loop is shorted.",
}


def judge(current_ma: float, before: Loop | None = None) -> Loop:
    """Judge a loop current.

    Args:
        current_ma: Current, mA.
        before: The state at the reading before; None at the first, which has no hysteresis.

    Returns:
        Its state. Away from "ok" it changes at the limit, back towards "ok" 0.01 mA behind it.
    """
    found = _state(current_ma)
    if before is None or found is before:
        return found
    here, there, ok = _ORDER.index(found), _ORDER.index(before), _ORDER.index(Loop.OK)
    if there < here <= ok:  # rising towards "ok": the limit lies a little higher
        return max(before, _state(current_ma - HYSTERESIS_MA), key=_ORDER.index)
    if ok <= here < there:
        return min(before, _state(current_ma + HYSTERESIS_MA), key=_ORDER.index)
    return found


def _state(current_ma: float) -> Loop:
    current_ma = round(current_ma, RESOLUTION_DECIMALS)
    if current_ma < OPEN_BELOW_MA:
        return Loop.OPEN
    if current_ma <= FAULT_LOW_TO_MA:
        return Loop.FAULT_LOW
    if current_ma < OK_FROM_MA:
        return Loop.UNDER_RANGE
    if current_ma <= OK_TO_MA:
        return Loop.OK
    return Loop.OVER_RANGE if current_ma < FAULT_HIGH_FROM_MA else Loop.FAULT_HIGH
