"""Scaling of a measured value to the range of the transmitter behind it.

1. Two ends make a straight line; nothing is clipped.
2. What one end without the other would mean is not guessed.
"""

from __future__ import annotations

from typing import Annotated, Protocol

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import Param, ReadingSpec

LARGEST = 1e9

ScaleLow = Annotated[
    float | None,
    Param("What the low end of the input stands for.", low=-LARGEST, high=LARGEST),
]
ScaleHigh = Annotated[
    float | None,
    Param("What the high end of the input stands for.", low=-LARGEST, high=LARGEST),
]

VALUE = ReadingSpec(
    "value",
    "The measurement scaled to the transmitter's range; there when both ends of the scale are "
    "given.",
    unit="engineering",
    optional=True,
)


class Scaled(Protocol):
    """Parameters that hold the two ends of a scale."""

    scale_low: float | None
    scale_high: float | None


def check_scale(params: Scaled) -> None:
    """Refuse half a scale.

    Args:
        params: The checked parameters.

    Raises:
        BadParamsError: Only one end was given.
    """
    if (params.scale_low is None) != (params.scale_high is None):
        raise BadParamsError(
            "scale_low and scale_high belong together; only one of them was given.",
            hint="Give both ends of the scale, or none.",
        )


def scale(share: float, low: float | None, high: float | None) -> float | None:
    """Scale a share of the range.

    Args:
        share: 0 at the low end of the input, 1 at the high end.
        low: What the low end stands for.
        high: What the high end stands for.

    Returns:
        The scaled value; None when no scale was given.
    """
    if low is None or high is None:
        return None
    return low + share * (high - low)
