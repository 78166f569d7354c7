"""Calibration of an analog input at two points, and how it is kept.

1. What is kept are the points as they were found: what was measured, what was true, and when. Slope
   and offset follow from them.
2. What cannot be a tolerance of the input is refused: it is a wrong wire or a wrong number.
3. What was kept is looked at before it is used; nonsense counts as no calibration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, TypeGuard

from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.module_api import ModuleState, Param, ReadingSpec
from wisblock_bridge.modules.shared.dates import date_of

LARGEST_ERROR_SHARE = 0.1
"""Of the span: what an input may be wrong by. The products are made for 1 %."""
LARGEST_SLOPE_ERROR = 0.1
LEAST_DISTANCE_SHARE = 0.25
"""Of the span: points nearer to each other tell nothing about the slope."""

PointName = Literal["low", "high"]
Point = Annotated[
    Literal["low", "high"],
    Param(
        "Which end of the range is calibrated: at least a quarter of the range lies between both."
    ),
]

SLOPE = ReadingSpec(
    "slope", "What a measured change is multiplied by.", unit="ratio", low=0.9, high=1.1, step=1e-6
)
POINTS = ReadingSpec("points", "How many points are known: 0, 1 or 2.", kind="int", low=0, high=2)
DATE = ReadingSpec(
    "date",
    "When the later of the points was taken, UTC; missing when there is none.",
    kind="str",
    optional=True,
)
CALIBRATED = ReadingSpec(
    "calibrated", "Whether this input was calibrated in this slot.", kind="bool"
)
IS_CALIBRATED = ReadingSpec(
    "calibrated",
    "Yes where this input was calibrated in this slot; missing where it was not.",
    kind="bool",
    optional=True,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One point of a calibration.

    Attributes:
        measured: What the input gave, uncalibrated.
        actual: What was true.
        date: When, ISO 8601, UTC.
    """

    measured: float
    actual: float
    date: str


@dataclass(frozen=True, slots=True)
class TwoPoint:
    """The calibration of one input; without points it changes nothing.

    Attributes:
        low: The point at the low end; None when it was not taken.
        high: That at the high end.
    """

    low: Pair | None = None
    high: Pair | None = None

    @property
    def points(self) -> int:
        """How many points are known."""
        return (self.low is not None) + (self.high is not None)

    @property
    def slope(self) -> float:
        """Multiplies a measurement; 1 as long as only one point is known."""
        if self.low is None or self.high is None:
            return 1.0
        return (self.high.actual - self.low.actual) / (self.high.measured - self.low.measured)

    @property
    def offset(self) -> float:
        """Is added then, in the unit of the input."""
        known = self.low or self.high
        return 0.0 if known is None else known.actual - self.slope * known.measured

    @property
    def date(self) -> str:
        """When the later of the points was taken; "" without any."""
        return max((each.date for each in (self.low, self.high) if each), default="")

    def correct(self, measured: float) -> float:
        """Correct a measurement.

        Args:
            measured: What the input gave.
        """
        return self.slope * measured + self.offset if self.points else measured

    def told(self) -> dict[str, object]:
        """Return its readings: ``points``, ``slope``, ``offset``, and ``date``."""
        told = {"points": self.points, "slope": self.slope, "offset": self.offset}
        return told | ({"date": self.date} if self.date else {})


class Trims:
    """The calibrations of a module's inputs.

    Args:
        memory: Where they are kept, across restarts.
        span: What an input measures from end to end.
        unit: Symbol of its unit, for sentences.
        where: What people call the inputs.
    """

    def __init__(self, memory: ModuleState, span: float, unit: str, where: str) -> None:
        self._memory = memory
        self._span = span
        self._unit = unit
        self._where = where
        kept = memory.recall().get("calibration")
        self._by_channel: dict[str, TwoPoint] = {}
        for channel, facts in kept.items() if isinstance(kept, dict) else ():
            found = _from_facts(facts)
            if found is not None and not self._objection(found):
                self._by_channel[str(channel)] = found

    def of(self, channel: int) -> TwoPoint:
        """Return the calibration of an input.

        Args:
            channel: Number of the input.
        """
        return self._by_channel.get(str(channel), TwoPoint())

    def take(
        self, channel: int, point: PointName, measured: float, actual: float, timestamp_ms: float
    ) -> TwoPoint:
        """Take a point and keep it.

        Args:
            channel: Number of the input.
            point: Which of the two.
            measured: What the input gives, uncalibrated.
            actual: What is true.
            timestamp_ms: When, milliseconds since 1970.

        Returns:
            The calibration as it is now.

        Raises:
            OutOfRangeError: That cannot be; the calibration is as it was.
        """
        pair = Pair(measured, actual, date_of(timestamp_ms))
        old = self.of(channel)
        found = TwoPoint(pair, old.high) if point == "low" else TwoPoint(old.low, pair)
        objection = self._objection(found)
        if objection:
            raise OutOfRangeError(
                f"{objection} The calibration was left as it was.",
                hint="Check what is connected and the value that was given. clear_calibration "
                "removes points that were wrong.",
                where=self._where,
            )
        self._by_channel[str(channel)] = found
        self._keep()
        return found

    def clear(self, channel: int) -> None:
        """Forget the calibration of an input.

        Args:
            channel: Number of the input.
        """
        if self._by_channel.pop(str(channel), None) is not None:
            self._keep()

    def _objection(self, found: TwoPoint) -> str:
        """Return why a calibration cannot be right; "" when it can."""
        for each in (found.low, found.high):
            if each is not None and abs(each.actual - each.measured) > (
                self._span * LARGEST_ERROR_SHARE
            ):
                return (
                    f"{each.measured:.3f} {self._unit} was measured and {each.actual:g} "
                    f"{self._unit} is said to be true: no input is wrong by more than "
                    f"{self._span * LARGEST_ERROR_SHARE:g} {self._unit}."
                )
        if found.low is None or found.high is None:
            return ""
        least = self._span * LEAST_DISTANCE_SHARE
        distances = (
            found.high.actual - found.low.actual,
            found.high.measured - found.low.measured,
        )
        if min(distances) < least:
            return (
                f"The low point ({found.low.actual:g} {self._unit}) and the high point "
                f"({found.high.actual:g} {self._unit}) have to be {least:g} {self._unit} apart."
            )
        if abs(found.slope - 1.0) > LARGEST_SLOPE_ERROR:
            return f"The slope would be {found.slope:.3f}; it lies between 0.9 and 1.1."
        return ""

    def _keep(self) -> None:
        facts = {channel: _facts(each) for channel, each in self._by_channel.items()}
        self._memory.remember({"calibration": facts})


def _facts(calibration: TwoPoint) -> dict[str, object]:
    return {
        name: {"measured": each.measured, "actual": each.actual, "date": each.date}
        for name, each in (("low", calibration.low), ("high", calibration.high))
        if each is not None
    }


def _from_facts(facts: object) -> TwoPoint | None:
    if not isinstance(facts, dict):
        return None
    low, high = _pair(facts.get("low")), _pair(facts.get("high"))
    return TwoPoint(low, high) if low or high else None


def _pair(facts: object) -> Pair | None:
    if not isinstance(facts, dict):
        return None
    measured, actual, date = (facts.get(name) for name in ("measured", "actual", "date"))
    if _is_number(measured) and _is_number(actual) and isinstance(date, str) and date:
        return Pair(measured, actual, date)
    return None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def offset_reading(unit: str, largest: float, step: float) -> ReadingSpec:
    """Describe the reading of the offset.

    Args:
        unit: Of the input.
        largest: It lies between minus this and this.
        step: Its resolution.
    """
    return ReadingSpec(
        "offset", "What is added then.", unit=unit, low=-largest, high=largest, step=step
    )


__all__ = [
    "CALIBRATED",
    "DATE",
    "IS_CALIBRATED",
    "POINTS",
    "SLOPE",
    "Point",
    "PointName",
    "Trims",
    "TwoPoint",
    "offset_reading",
]
