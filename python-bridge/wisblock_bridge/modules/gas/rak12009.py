"""RAK12009: alcohol vapour, by an MQ-3.

1. Facts of the product: its converter's address and the curves of its sensor element.
2. What it shares with RAK12004 is in ``modules.gas``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from wisblock_bridge.module_api import Param, Product, Result, chip, event, operation
from wisblock_bridge.modules.gas import (
    ALERT,
    CHIP,
    PERCENT,
    R0,
    RANGE,
    RATIO,
    RESISTANCE,
    VOLTAGE,
    Curve,
    Curves,
    GasEvents,
    GasSensor,
    PollMs,
    Samples,
    make_converter,
    ppm_reading,
)

CURVES: Curves = {
    # The line of the vendor's examples; it is that of an MQ303B, whose data sheet they ship.
    ("mq303b", "alcohol"): Curve(-0.888, 0.738, 1.0, 25.0, 500.0),
    # The classic MQ-3 sheet, as the MQUnifiedsensor library for Arduino fits it: 0.3934 * ratio to
    # the power of -1.504, in mg/l of air; 1 mg/l of ethanol is 531 ppm at 25 degrees Celsius.
    ("mq3", "alcohol"): Curve(-0.6649, 1.5423, 60.0, 53.0, 5300.0),
}
HIGH_PPM = 5300.0

PPM = ppm_reading("alcohol vapour", HIGH_PPM)

Element = Annotated[
    Literal["mq303b", "mq3"],
    Param(
        "Data sheet of the sensor element: mq303b, which the vendor's examples use (25 to 500 "
        "ppm), or the classic mq3 (53 to 5300 ppm).",
        label="Curves",
    ),
]
Threshold = Annotated[
    float,
    Param("From where on it is an alert.", unit="parts_per_million", low=1.0, high=HIGH_PPM),
]


class RAK12009(GasSensor):
    """Measure alcohol vapour from 25 to 500 ppm.

    The sensor (MQ-3) has a heater that takes about 1 W. A reading switches it on, 10 minutes
    without a reading switch it off; the first 3 minutes count as warming up, and a sensor that was
    not used for long needs two days. Calibrate it in clean air, else the concentration is little
    more than a guess.

    This is no breath analyser: never decide by it whether somebody may drive.
    """

    product = Product(
        "RAK12009",
        title="alcohol vapour",
        family="sensors",
        slots=(1, 2),
        icon="wisblock-gas.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak12009/overview/",
    )
    unconfirmed = (
        "Which element is fitted, MQ-3B or MQ303B (the vendor names both): the parameter curves.",
        "The address as delivered: 0x55 by schematic and examples, 0x54 by one list of the vendor.",
        "The load resistor of 10 kiloohm, as the examples have it; calibrated ppm do not need it.",
        "Whether the heater is on between power-on and the start of the bridge.",
        "How long the sensor needs to warm up: 3 minutes are taken, heater(warm_up_ms) changes it.",
    )

    usual_curve = CURVES["mq303b", "alcohol"]
    typical_r0 = 16_100.0

    converter = chip(
        make_converter,
        CHIP,
        0x55,
        (0x50, 0x51, 0x52, 0x54, 0x56, 0x58, 0x59, 0x5A),
        off_with="heater",
    )

    @operation(
        gives=(VOLTAGE, RESISTANCE, RATIO, PPM, PERCENT, ALERT, RANGE, R0),
        main=PPM,
        reads_only=True,
        default=True,
    )
    def read(
        self, curves: Element = "mq303b", threshold: Threshold = 200.0, samples: Samples = 16
    ) -> Result:
        """Measure the concentration, and switch the heater on if need be.

        Returns:
            ``voltage`` in V, ``resistance`` in ohm, ``ratio``, ``ppm``, ``percent`` of the volume,
            ``alert``, ``range`` and ``r0`` in ohm.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: The heater was switched off by hand.
            OutOfRangeError: The sensor element is missing or shorted.
        """
        return self.measure(CURVES[curves, "alcohol"], threshold, samples)

    @event(gives=(ALERT, PPM), polled=True)
    def alert(
        self, curves: Element = "mq303b", threshold: Threshold = 200.0, poll_ms: PollMs = 1000
    ) -> GasEvents:
        """Report when the concentration reaches the threshold, and when it is 10 % below it again.

        The converter's own alert pin is not used: it knows one limit, here everybody has theirs.

        Returns:
            The event source.
        """
        return GasEvents(self, CURVES[curves, "alcohol"], threshold, poll_ms / 1000.0)
