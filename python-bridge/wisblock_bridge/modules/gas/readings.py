"""The readings and parameters that the gas modules share.

1. Names, units and limits only; how a value comes about is ``sensor``'s business.
"""

from __future__ import annotations

from typing import Annotated

from wisblock_bridge.module_api import Param, ReadingSpec
from wisblock_bridge.modules.gas.curves import Range

SUPPLY_V = 5.0
"""Of the divider and of the converter, whose reference it is (RAK12004 datasheet)."""

VOLTAGE = ReadingSpec(
    "voltage",
    "Voltage across the load resistor; more gas is more voltage.",
    unit="volt",
    low=0.0,
    high=SUPPLY_V,
    step=SUPPLY_V / 4096,
)
RESISTANCE = ReadingSpec(
    "resistance",
    "Resistance Rs of the sensor, with a load resistor of 10 kiloohm.",
    unit="ohm",
    low=0.0,
    high=2.05e7,
)
RATIO = ReadingSpec("ratio", "Rs / R0.", unit="ratio", low=0.0)
PERCENT = ReadingSpec(
    "percent",
    "The same as a share of the volume: 10000 ppm are 1 %.",
    unit="percent",
    low=0.0,
    high=1.0,
)
ALERT = ReadingSpec(
    "alert", "Whether the concentration reaches the threshold; no while warming up.", kind="bool"
)
RANGE = ReadingSpec(
    "range",
    "Where the concentration lies on the sensor's graph; above its end ppm stays at the end.",
    kind="str",
    choices=tuple(Range),
)
R0 = ReadingSpec("r0", "R0: resistance of the sensor where its graph is 1.", unit="ohm", low=0.0)
CLEAN_AIR_RATIO = ReadingSpec(
    "clean_air_ratio", "Rs / R0 in clean air, from which R0 was computed.", unit="ratio", low=0.0
)
AIR_RESISTANCE = ReadingSpec(
    "air_resistance", "Resistance of the sensor in clean air.", unit="ohm", low=0.0
)
DATE = ReadingSpec(
    "date", "When it was calibrated, UTC; missing when it was not.", kind="str", optional=True
)
CALIBRATED = ReadingSpec(
    "calibrated", "Whether this sensor was calibrated in this slot.", kind="bool"
)
ON = ReadingSpec("on", "Whether the heater is on.", kind="bool")
WARM_UP_LEFT = ReadingSpec(
    "warm_up_left",
    "How long the heater has to be on until readings count as good.",
    unit="millisecond",
    low=0.0,
    step=1.0,
)

Samples = Annotated[
    int,
    Param("How many conversions are averaged; each takes about 0.2 ms.", low=1, high=1000),
]
PollMs = Annotated[int, Param("How often to measure.", unit="millisecond", low=100, high=3_600_000)]


def ppm_reading(gas: str, high: float) -> ReadingSpec:
    """Describe the reading of the concentration.

    Args:
        gas: What it is the concentration of.
        high: End of the sensor's graph, ppm.

    Returns:
        The reading "ppm".
    """
    return ReadingSpec(
        "ppm", f"Concentration of {gas}.", unit="parts_per_million", low=0.0, high=high
    )
