"""ADC: the analog-to-digital converter of the board, channel by channel.

1. Facts of the board part: its supply limits what its inputs may see. Registers are the chip's
   business.
2. It shares the converter with the modules in the slots; one conversion at a time, in turn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from wisblock_bridge.errors import BadParamsError, OutOfRangeError
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    board_converter,
    operation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.analog import Conversion

SUPPLY_V = 3.3
"""Supply of the converter: an input above it is clamped by the chip (absolute maximum 0.3 V more).
"""

BELOW_GROUND_V = -0.0025
"""Twenty steps at gain 1, several times the offset that the converter may have: below that no input
is that is wired as it should be."""

FULL_SCALE_V: dict[int | str, float] = {
    "2/3": 6.144,
    1: 4.096,
    2: 2.048,
    4: 1.024,
    8: 0.512,
    16: 0.256,
}
PAIRS = ((0, 1), (0, 3), (1, 3), (2, 3))
"""The pairs that the input multiplexer can form."""

FINEST_V = 0.256 / 32768
"""One step at the highest gain; at gain 1 a step is 0.125 mV."""

VOLTAGE = ReadingSpec(
    "voltage", "Voltage at the input.", unit="volt", low=-6.144, high=6.144, step=FINEST_V
)

Gain = Annotated[
    Literal["2/3", 1, 2, 4, 8, 16],
    Param(
        "Gain of the amplifier: 2/3 measures up to 6.144 V, 1 up to 4.096, 2 up to 2.048, 4 up to "
        "1.024, "
        "8 up to 0.512, 16 up to 0.256. The input itself ends at 3.3 V."
    ),
]
Samples = Annotated[
    int, Param("How many conversions are averaged; each takes about 10 ms.", low=1, high=1024)
]


class Pair(Protocol):
    """Parameters of a differential reading."""

    positive: int
    negative: int


def check_pair(params: Pair) -> None:
    """Refuse a pair that the multiplexer cannot form.

    Args:
        params: The checked parameters.

    Raises:
        BadParamsError: There is no such pair.
    """
    if (params.positive, params.negative) not in PAIRS:
        pairs = ", ".join(f"{positive}-{negative}" for positive, negative in PAIRS)
        raise BadParamsError(
            f"The converter cannot measure channel {params.positive} against {params.negative}; "
            f"it can: {pairs}.",
            data={"param": "negative", "allowed": pairs},
        )


class ADC(Module):
    """Measure a voltage at one of the four inputs of the board's converter.

    Channels 0 and 1 are AIN0 and AIN1 of slot 1, channels 2 and 3 those of slot 2. Modules that
    bring their own meaning (RAK5801, RAK5811) have nodes of their own; this one gives plain volts.

    Current boards have an SGM58031 at 0x4b, boards before August 2022 and the RAK6421 an ADS1115 at
    0x48.
    """

    product = Product(
        "ADC",
        title="on-board converter",
        family="onboard",
        slots=("board",),
        icon="wisblock-adc.svg",
        reference="https://docs.rakwireless.com/product-categories/wisgate/rak7391/overview/",
    )
    unconfirmed = ("The identity register of the SGM58031: only its address tells the chip.",)

    no_supply_check = "every conversion brings its own settings, and a lost one is an error"

    converter = board_converter()

    @operation(gives=(VOLTAGE,), main=VOLTAGE, reads_only=True, default=True)
    def read(
        self,
        channel: Annotated[int, Param("Input of the converter.", low=0, high=3, selects=True)] = 0,
        gain: Gain = 1,
        samples: Samples = 1,
    ) -> Result:
        """Measure one input against ground.

        Returns:
            ``voltage`` in V.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: The conversion did not end.
            OutOfRangeError: The input is beyond the full scale or beyond the supply.
        """
        full_scale = FULL_SCALE_V[gain]
        volts, highest = self._mean(lambda: self.converter.read(channel, full_scale), samples)
        note = ""
        if volts > SUPPLY_V:
            note = "Above the converter's supply of 3.3 V: the input is clamped."
        elif highest > SUPPLY_V:
            note = (
                "Some of the samples were above the converter's supply of 3.3 V, where the input "
                "is clamped: the voltage is higher than this mean."
            )
        elif volts < BELOW_GROUND_V:
            note = "Below ground, which the input does not bear: check the wiring and its ground."
        return self.readings(Quality.UNCERTAIN if note else Quality.GOOD, note, voltage=volts)

    @operation(gives=(VOLTAGE,), main=VOLTAGE, reads_only=True, check=check_pair)
    def read_differential(
        self,
        positive: Annotated[int, Param("Positive input.", low=0, high=3, selects=True)] = 0,
        negative: Annotated[int, Param("Negative input: 1 or 3.", low=0, high=3, selects=True)] = 1,
        gain: Gain = 1,
        samples: Samples = 1,
    ) -> Result:
        """Measure one input against another; the pairs are 0-1, 0-3, 1-3 and 2-3.

        Returns:
            ``voltage`` in V, negative when the second input is higher.

        Raises:
            BadParamsError: The converter cannot form that pair.
            BusError: The converter did not answer.
            NotReadyError: The conversion did not end.
            OutOfRangeError: The difference is beyond the full scale.
        """
        full_scale = FULL_SCALE_V[gain]
        volts, _ = self._mean(
            lambda: self.converter.read_differential(positive, negative, full_scale), samples
        )
        return self.readings(voltage=volts)

    def _mean(self, convert: Callable[[], Conversion], samples: int) -> tuple[float, float]:
        """Convert and average: the mean, and the highest of the samples."""
        total, highest = 0.0, -math.inf
        for _ in range(samples):
            self.check_cancelled()
            conversion = convert()
            if conversion.clipped:
                raise OutOfRangeError(
                    "The voltage is beyond what this gain can measure.",
                    hint="Choose a smaller gain.",
                    where=self.converter.name,
                )
            total += conversion.volts
            highest = max(highest, conversion.volts)
        return total / samples, highest
