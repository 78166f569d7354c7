"""What the gas modules share: an MQ sensor element, its heater and its calibration."""

from wisblock_bridge.modules.gas.curves import Curve, Curves
from wisblock_bridge.modules.gas.readings import (
    ALERT,
    PERCENT,
    R0,
    RANGE,
    RATIO,
    RESISTANCE,
    VOLTAGE,
    PollMs,
    Samples,
    ppm_reading,
)
from wisblock_bridge.modules.gas.sensor import CHIP, GasEvents, GasSensor, make_converter

__all__ = [
    "ALERT",
    "CHIP",
    "PERCENT",
    "R0",
    "RANGE",
    "RATIO",
    "RESISTANCE",
    "VOLTAGE",
    "Curve",
    "Curves",
    "GasEvents",
    "GasSensor",
    "PollMs",
    "Samples",
    "make_converter",
    "ppm_reading",
]
