"""The calibration of a gas sensor, and how it is kept.

1. What is kept is the resistance in clean air: R0 follows from it for every curve.
2. What was kept is looked at before it is used; nonsense counts as no calibration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found in clean air.

    Attributes:
        air_resistance: Resistance of the sensor in clean air, ohm.
        clean_air_ratio: Ratio that was given instead of that of the usual curves; None if none was.
        samples: How many conversions it is the mean of.
        date: When, ISO 8601, UTC; "" for a typical value that nobody measured.
    """

    air_resistance: float
    clean_air_ratio: float | None = None
    samples: int = 0
    date: str = ""

    def facts(self) -> dict[str, object]:
        """Return what is to be remembered, as plain data."""
        return {
            "air_resistance": self.air_resistance,
            "clean_air_ratio": self.clean_air_ratio,
            "samples": self.samples,
            "date": self.date,
        }


def from_facts(facts: Mapping[str, object]) -> Calibration | None:
    """Take up what was remembered.

    Args:
        facts: As ``Calibration.facts`` gave them.

    Returns:
        The calibration; None when there is none, or none that makes sense.
    """
    resistance = facts.get("air_resistance")
    ratio = facts.get("clean_air_ratio")
    samples, date = facts.get("samples"), facts.get("date")
    if not _positive(resistance) or not (ratio is None or _positive(ratio)):
        return None
    if not isinstance(samples, int) or not isinstance(date, str) or not date:
        return None
    return Calibration(resistance, ratio, samples, date)


def _positive(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )
