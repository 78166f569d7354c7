"""How long a caller waits: what may be given, and what a wait can take.

1. What is no number of seconds is an error before anything is sent; infinity is as long as waiting
   goes.
"""

from __future__ import annotations

from numbers import Real
from typing import cast

from wisblock_bridge.client.errors import error_of
from wisblock_bridge.errors import ErrorCode

LONGEST_S = 1_000_000.0
"""Eleven days; what waits in the operating system takes not much more than twice that."""


def seconds(name: str, given: object) -> float:
    """Return a duration that can be waited for, s.

    Args:
        name: What it is called where it was given.
        given: A number of seconds; a negative one means that the time is over.

    Raises:
        BadParamsError: It is no number of seconds.
    """
    number = cast("float", given)
    if not isinstance(given, Real) or number != number:  # noqa: PLR0124  (NaN)
        raise error_of(
            ErrorCode.BAD_PARAMS,
            f"{name} is {given!r:.60}; allowed: a number of seconds.",
            data={"param": name},
        )
    return float(min(max(number, 0.0), LONGEST_S))


def limit(name: str, given: object) -> float:
    """Return a duration in which something can be done, s.

    Args:
        name: What it is called where it was given.
        given: A number of seconds, greater than 0.

    Raises:
        BadParamsError: It is none.
    """
    found = seconds(name, given)
    if not found:
        raise error_of(
            ErrorCode.BAD_PARAMS,
            f"{name} is {given!r:.60}; allowed: a number of seconds greater than 0.",
            data={"param": name},
        )
    return found
