"""RAK12004: combustible gas and smoke, by an MQ-2.

1. Facts of the product: its converter's address and the curves of its sensor element.
2. What it shares with RAK12009 is in ``modules.gas``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from wisblock_bridge.errors import BadParamsError
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

LOW_PPM, HIGH_PPM = 300.0, 10_000.0
"""Range of the sensor (RAK12004 datasheet)."""


def _classic(slope: float, intercept: float) -> Curve:
    """A curve of the older sheet: R0 is the resistance in 1000 ppm hydrogen."""
    return Curve(slope, intercept, 9.6, LOW_PPM, HIGH_PPM)


def _v1_5(slope: float, intercept: float) -> Curve:
    """A curve of the manual v1.5: R0 is the resistance in clean air."""
    return Curve(slope, intercept, 1.0, LOW_PPM, HIGH_PPM)


CURVES: Curves = {
    # The line of the vendor's examples; it follows the sheet's smoke curve from 200 to 1000 ppm.
    ("classic", "smoke"): _classic(-0.399, 1.45),
    # Fitted to the graph of the older MQ-2 data sheet.
    ("classic", "lpg"): _classic(-0.464, 1.273),
    ("classic", "propane"): _classic(-0.461, 1.291),
    ("classic", "methane"): _classic(-0.380, 1.367),
    ("classic", "hydrogen"): _classic(-0.473, 1.411),
    ("classic", "carbon_monoxide"): _classic(-0.335, 1.488),
    ("classic", "alcohol"): _classic(-0.378, 1.333),
    # Fitted to the graph of the MQ-2 manual v1.5.
    ("v1_5", "smoke"): _v1_5(-0.690, 1.141),
    ("v1_5", "propane"): _v1_5(-0.707, 1.085),
    ("v1_5", "methane"): _v1_5(-0.572, 0.923),
    ("v1_5", "alcohol"): _v1_5(-0.559, 1.028),
}

PPM = ppm_reading("the gas that was asked for", HIGH_PPM)

Gas = Annotated[
    Literal["smoke", "lpg", "propane", "methane", "hydrogen", "carbon_monoxide", "alcohol"],
    Param(
        "Which gas is there: the sensor cannot tell them apart, each has a curve of its own.",
        selects=True,
    ),
]
Edition = Annotated[
    Literal["classic", "v1_5"],
    Param(
        "Edition of the sensor's data sheet: the older one, which the vendor's examples use, or "
        "the manual v1.5, which has smoke, propane, methane and alcohol.",
        label="Curves",
    ),
]
Threshold = Annotated[
    float,
    Param("From where on it is an alert.", unit="parts_per_million", low=1.0, high=HIGH_PPM),
]


class GasParams(Protocol):
    """Parameters that choose a curve."""

    gas: str
    curves: str


def check_gas(params: GasParams) -> None:
    """Refuse a gas that an edition of the data sheet has no curve for.

    Args:
        params: The checked parameters.

    Raises:
        BadParamsError: There is no such curve.
    """
    if (params.curves, params.gas) not in CURVES:
        known = ", ".join(gas for edition, gas in CURVES if edition == params.curves)
        raise BadParamsError(
            f"The curves {params.curves} have none for {params.gas}; they have: {known}.",
            data={"param": "gas", "allowed": known},
        )


class RAK12004(GasSensor):
    """Measure combustible gas or smoke from 300 to 10000 ppm.

    The sensor (MQ-2) has a heater that takes about 1 W. A reading switches it on, 10 minutes
    without a reading switch it off; the first 3 minutes count as warming up, and a sensor that was
    not used for long needs a day or two. Calibrate it in clean air, else the concentration is
    little more than a guess.

    On a RAK7391 the converter's address as delivered, 0x51, belongs to the clock of the board:
    solder the address straps of the module, and tell the bridge in its configuration which address
    it has.

    This is no safety device: never let lives depend on it.
    """

    product = Product(
        "RAK12004",
        title="combustible gas and smoke",
        family="sensors",
        slots=(1, 2),
        icon="wisblock-gas.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak12004/overview/",
    )
    unconfirmed = (
        "The load resistor of 10 kiloohm, as the examples have it; calibrated ppm do not need it.",
        "Whether the heater is on between power-on and the start of the bridge.",
        "How long the sensor needs to warm up: 3 minutes are taken, heater(warm_up_ms) changes it.",
        "Which edition of the MQ-2 data sheet the fitted sensor follows: the parameter curves.",
    )

    usual_curve = CURVES["classic", "smoke"]
    typical_r0 = 11_200.0

    converter = chip(
        make_converter,
        CHIP,
        0x51,
        (0x50, 0x52, 0x54, 0x55, 0x56, 0x58, 0x59, 0x5A),
        off_with="heater",
    )

    @operation(
        gives=(VOLTAGE, RESISTANCE, RATIO, PPM, PERCENT, ALERT, RANGE, R0),
        main=PPM,
        reads_only=True,
        default=True,
        check=check_gas,
    )
    def read(
        self,
        gas: Gas = "smoke",
        curves: Edition = "classic",
        threshold: Threshold = 3000.0,
        samples: Samples = 16,
    ) -> Result:
        """Measure the concentration, and switch the heater on if need be.

        Returns:
            ``voltage`` in V, ``resistance`` in ohm, ``ratio``, ``ppm``, ``percent`` of the volume,
            ``alert``, ``range`` and ``r0`` in ohm.

        Raises:
            BadParamsError: The edition has no curve for that gas.
            BusError: The converter did not answer.
            NotReadyError: The heater was switched off by hand.
            OutOfRangeError: The sensor element is missing or shorted.
        """
        return self.measure(CURVES[curves, gas], threshold, samples)

    @event(gives=(ALERT, PPM), polled=True, check=check_gas)
    def alert(
        self,
        gas: Gas = "smoke",
        curves: Edition = "classic",
        threshold: Threshold = 3000.0,
        poll_ms: PollMs = 1000,
    ) -> GasEvents:
        """Report when the concentration reaches the threshold, and when it is 10 % below it again.

        The converter's own alert pin is not used: it knows one limit, here everybody has theirs.

        Returns:
            The event source.
        """
        return GasEvents(self, CURVES[curves, gas], threshold, poll_ms / 1000.0)
