"""The one vocabulary of units: a quantity is spelled once.

1. A unit is used by its name; its symbol is for people.
2. Nothing converts here: chips deliver SI or the field's usual unit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure.

    Attributes:
        name: The name used in the catalogue ("milliampere").
        symbol: What stands behind a number ("mA"); empty for pure numbers.
        decimals: Digits after the point in a status text.
    """

    name: str
    symbol: str
    decimals: int


UNITS: dict[str, Unit] = {
    unit.name: unit
    for unit in (
        Unit("none", "", 0),
        Unit("volt", "V", 3),
        Unit("millivolt", "mV", 2),
        Unit("milliampere", "mA", 2),
        Unit("watt", "W", 3),
        Unit("ohm", "Ω", 0),
        Unit("percent", "%", 1),
        Unit("hertz", "Hz", 1),
        Unit("second", "s", 1),
        Unit("millisecond", "ms", 0),
        Unit("microsecond", "µs", 0),
        Unit("degree", "°", 1),
        Unit("degree_celsius", "°C", 1),
        Unit("parts_per_million", "ppm", 0),
        Unit("decibel", "dB", 1),
        Unit("decibel_milliwatt", "dBm", 1),
        Unit("kilohertz", "kHz", 1),
        Unit("megahertz", "MHz", 3),
        Unit("baud", "Bd", 0),
        Unit("step", "steps", 0),
        Unit("steps_per_second", "steps/s", 0),
        Unit("ratio", "", 3),
        Unit("engineering", "", 3),
    )
}
