"""Damping of an analog input: a filter of the first order, in time and not in readings.

1. The filter knows how much time passed, so readings at any rate give the same curve.
2. What is no noise is not damped: a fault, a jump and a long pause start it again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from wisblock_bridge.module_api import Param

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wisblock_bridge.clock import Clock

JUMP_SHARE = 0.1
"""A change by more than this share of the input's span is a jump."""

LONG_PAUSE = 5.0
"""Time constants after which the earlier readings count for less than 1 %."""

MOST_FILTERS = 32
"""Clients may ask with different time constants; the filters that wait longest are dropped."""

DampingS = Annotated[
    float,
    Param(
        "Time constant of a filter over the readings, in seconds; 0 for none. A fault, a jump by "
        "more than a tenth of the range and a pause of 5 time constants start it again.",
        low=0.0,
        high=3600.0,
        label="Damping",
        unit="second",
    ),
]


class Damping:
    """The filters of one module: one for each input and time constant.

    Args:
        clock: Time.
        span: What the inputs measure from end to end.
    """

    def __init__(self, clock: Clock, span: float) -> None:
        self._clock = clock
        self._jump = span * JUMP_SHARE
        self._states: dict[tuple[Hashable, float], tuple[float, float]] = {}

    def smooth(self, value: float, damping_s: float, channel: Hashable = None) -> float:
        """Take in a measurement.

        Args:
            value: What was measured just now.
            damping_s: Time constant, s; 0 for none.
            channel: Which input it is.

        Returns:
            The damped value; the measurement itself where the filter starts.
        """
        if damping_s <= 0.0:
            return value
        now = self._clock.monotonic()
        key = (channel, damping_s)
        state = self._states.pop(key, None)
        if state is not None:
            last, at = state
            passed = (now - at) / damping_s
            if abs(value - last) <= self._jump and passed <= LONG_PAUSE:
                value = last + (value - last) * -math.expm1(-passed)
        if len(self._states) >= MOST_FILTERS:
            del self._states[next(iter(self._states))]
        self._states[key] = (value, now)
        return value

    def restart(self, channel: Hashable = None) -> None:
        """Forget what an input's filters hold, because what comes now is something else.

        Args:
            channel: Which input; None for all.
        """
        if channel is None:
            self._states.clear()
        for key in [each for each in self._states if each[0] == channel]:
            del self._states[key]
