"""What the gas modules share: an MQ sensor element, its heater and its calibration."""

from wisblock_bridge.modules.gas.curves import Curve, Curves
from wisblock_bridge.modules.gas.sensor import (
    ALERT,
    ALTERNATIVES,
    CHIP,
    PERCENT,
    RANGE,
    RATIO,
    RESISTANCE,
    VOLTAGE,
    GasSensor,
    GasWatch,
    PollMs,
    Samples,
    make_converter,
    ppm_reading,
)

__all__ = [
    "ALERT",
    "ALTERNATIVES",
    "CHIP",
    "PERCENT",
    "RANGE",
    "RATIO",
    "RESISTANCE",
    "VOLTAGE",
    "Curve",
    "Curves",
    "GasSensor",
    "GasWatch",
    "PollMs",
    "Samples",
    "make_converter",
    "ppm_reading",
]
