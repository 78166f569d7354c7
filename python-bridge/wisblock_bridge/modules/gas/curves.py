"""From the resistance of an MQ sensor to a concentration.

1. A line through a graph with two logarithmic scales; the ratio in clean air belongs to it, because
   it says what R0 means.
2. What lies beyond the graph is said, and never becomes infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Range(StrEnum):
    """Where a concentration lies on the graph of the sensor."""

    IN_RANGE = "in_range"
    BELOW_RANGE = "below_range"
    ABOVE_RANGE = "above_range"


@dataclass(frozen=True, slots=True)
class Curve:
    """The line of one gas in one edition of a sensor's data sheet.

    Attributes:
        slope: A in log10(Rs / R0) = A * log10(ppm) + B; negative.
        intercept: B.
        clean_air_ratio: Rs / R0 in clean air: what R0 means in this edition.
        low_ppm: Where the graph begins.
        high_ppm: Where it ends.
    """

    slope: float
    intercept: float
    clean_air_ratio: float
    low_ppm: float
    high_ppm: float

    def concentration(self, ratio: float) -> tuple[float, Range]:
        """Read the graph.

        Args:
            ratio: Rs / R0, larger than 0.

        Returns:
            Parts per million, at most ``high_ppm``, and where that lies. Below the graph the line
            is followed on, so that less gas is a smaller number.
        """
        logarithm = (math.log10(ratio) - self.intercept) / self.slope
        if logarithm > math.log10(self.high_ppm):
            return self.high_ppm, Range.ABOVE_RANGE
        ppm = math.pow(10.0, max(logarithm, -6.0))
        return ppm, Range.BELOW_RANGE if ppm < self.low_ppm else Range.IN_RANGE


Curves = Mapping[tuple[str, str], Curve]
"""Edition of the data sheet and gas, to the curve."""
