"""The mean of a voltage over a time in which mains hum cancels out.

1. 0.1 s holds 5 periods of 50 Hz and 6 of 60 Hz, and whole periods of all their harmonics.
2. The computer's clock says how long that is, not the converter's, whose rate may be 10 % off
   (ADS1115 datasheet, data rate variation): a window that is off by a tenth lets a twentieth of the
   hum through.
3. Each result counts for the time that it stands for, so a result that was late weighs no more than
   its share.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.buses.analog import Conversion, TimedConversion
    from wisblock_bridge.module_api import AnalogInput

WINDOW_S = 0.1


@dataclass(frozen=True, slots=True)
class Mean:
    """What was measured.

    Attributes:
        volts: The mean voltage, V.
        conversions: How many results it is the mean of.
        beyond: How many of them were at or above a limit.
    """

    volts: float
    conversions: int
    beyond: int


def measure(
    channel: AnalogInput,
    samples: int | None,
    proceed: Callable[[], object],
    is_beyond: Callable[[Conversion], bool],
) -> Mean:
    """Measure the mean voltage of an input.

    Args:
        channel: The input.
        samples: How many single, slow conversions are averaged; None for the mean of 0.1 s.
        proceed: Called before each conversion; what it raises ends the measurement.
        is_beyond: Whether a result is at the end of what can be measured.

    Returns:
        The mean, and how much of it was at the end.

    Raises:
        BusError: The converter did not answer.
        NotReadyError: A conversion did not end in time, or settings were lost.
    """
    if samples is None:
        timed = channel.sample(WINDOW_S, proceed)
        return Mean(mean_over(timed, WINDOW_S), len(timed), sum(map(is_beyond, timed)))
    total, beyond = 0.0, 0
    for _ in range(samples):
        proceed()
        conversion = channel.read()
        beyond += is_beyond(conversion)
        total += conversion.volts
    return Mean(total / samples, samples, beyond)


def mean_over(results: Sequence[TimedConversion], window_s: float) -> float:
    """Compute the mean of a voltage over a time, from results that need not be evenly spaced.

    Args:
        results: In their order; between two of them the voltage is taken to go straight.
        window_s: From the first result on; the last one lies at its end or beyond.

    Returns:
        The mean, V.
    """
    begin = results[0].at_s
    area = 0.0
    for left, right in itertools.pairwise(results):
        step_s = right.at_s - left.at_s
        inside_s = min(step_s, begin + window_s - left.at_s)
        if inside_s <= 0.0:
            continue
        end = left.volts + (right.volts - left.volts) * inside_s / step_s
        area += (left.volts + end) / 2 * inside_s
    return area / window_s
