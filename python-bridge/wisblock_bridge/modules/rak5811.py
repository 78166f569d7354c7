"""RAK5811: 0-5 V input.

1. Facts of the product: its divider, its enable pin, what a voltage at its terminal means.
2. Nothing of converters' registers, line numbers or buses.
"""

from __future__ import annotations

from typing import Annotated

from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.module_api import (
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    analog,
    line,
    operation,
)
from wisblock_bridge.modules.shared.calibrated_input import INPUT, Samples, SuppliedInput
from wisblock_bridge.modules.shared.damping import DampingS  # noqa: TC001  (read at run time)
from wisblock_bridge.modules.shared.hum_free import measure
from wisblock_bridge.modules.shared.scaling import VALUE, ScaleHigh, ScaleLow, check_scale, scale
from wisblock_bridge.modules.shared.two_point import (
    CALIBRATED,
    DATE,
    IS_CALIBRATED,
    POINTS,
    SLOPE,
    Point,
    offset_reading,
)

DIVIDER = 0.6
"""1.5 megaohm of 2.5 megaohm, followed by an amplifier of gain 1 (RAK5811 datasheet)."""

SPAN_V = 5.0
DOUBTFUL_ABOVE_V = 5.1
DOUBTFUL_BELOW_V = -0.05
"""A hundredth of the range, which is the accuracy that the data sheet states."""
CONVERTER_SUPPLY_V = 3.3
"""The converter's inputs are clamped a little above its supply: there a number would be a guess."""
HIGHEST_V = 5.3
STEP_V = 0.00021
"""One step of the converter (0.125 mV at 4.096 V) seen from the terminal."""

VOLTAGE = ReadingSpec(
    "voltage", "Voltage at the terminal A1.", unit="volt", low=0.0, high=HIGHEST_V, step=STEP_V
)
MEASURED = ReadingSpec(
    "measured",
    "What was measured, without any calibration.",
    unit="volt",
    low=0.0,
    high=HIGHEST_V,
    step=STEP_V,
)
ACTUAL = ReadingSpec("actual", "What was true.", unit="volt", low=0.0, high=HIGHEST_V, step=STEP_V)
OFFSET = offset_reading("volt", 1.1, STEP_V)


class RAK5811(SuppliedInput):
    """Measure a voltage of 0...5 V.

    The terminal tolerates 5.3 V; its input resistance is 2.5 megaohm, so an open input drifts
    instead of reading 0. The module feeds 12 V (30 mA at most) to a sensor. That supply is switched
    on when the module is first used and takes 0.1 s to settle; it is switched off when the module
    is released.

    Only the input marked A1 can be used on these boards: the other one is wired to a digital line
    (IO4), which the bridge keeps from being driven while a RAK5811 is in the slot.
    """

    product = Product(
        "RAK5811",
        title="0-5 V input",
        family="interface",
        slots=(1, 2),
        icon="wisblock-voltage.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak5811/overview/",
    )
    unconfirmed = (
        "Whether the board feeds the 12 V converter (VBAT, pins 1 and 2) at every supply voltage.",
    )

    enable = line("IO1")
    channel_0 = line("IO4")
    channel_1 = analog("AIN1")

    def setup(self) -> None:
        """Start without damping, and recall the calibration."""
        self.calibrate_within(SPAN_V, "V", self.channel_1.place)

    @operation(
        gives=(VOLTAGE, VALUE, IS_CALIBRATED),
        main=VOLTAGE,
        reads_only=True,
        default=True,
        check=check_scale,
    )
    def read(
        self,
        samples: Samples = None,
        scale_low: ScaleLow = None,
        scale_high: ScaleHigh = None,
        damping_s: DampingS = 0.0,
    ) -> Result:
        """Measure the voltage, as the mean of 0.1 s.

        Hum of 50 and 60 Hz cancels out in that time. With ``samples`` that many slower conversions
        are averaged instead.

        The scale is what 0 V and 5 V stand for.

        Returns:
            ``voltage`` in V, and ``value`` when both scale ends are given.

        Raises:
            BusError: The converter did not answer.
            OutOfRangeError: The voltage is above 5.3 V, or beyond what the converter can measure.
        """
        trim = self._trims.of(INPUT)
        try:
            measured = self._measure(samples)
            voltage = trim.correct(measured)
            if voltage > HIGHEST_V + STEP_V:
                raise self._too_high()
        except OutOfRangeError:
            self._damping.restart()
            raise
        voltage = self._damping.smooth(min(max(voltage, 0.0), HIGHEST_V), damping_s, INPUT)
        note = ""
        if voltage > DOUBTFUL_ABOVE_V:
            note = "Above 5.1 V: at the end of the range of the input."
        elif measured < DOUBTFUL_BELOW_V:
            note = "Below 0 V, which this input cannot measure: is it wired the wrong way round?"
        return self.readings(
            Quality.UNCERTAIN if note else Quality.GOOD,
            note,
            voltage=voltage,
            value=scale(voltage / SPAN_V, scale_low, scale_high),
            calibrated=True if trim.points else None,
        )

    @operation(
        gives=(MEASURED, ACTUAL, POINTS, SLOPE, OFFSET, DATE), main=MEASURED, payload_param="actual"
    )
    def calibrate(
        self,
        point: Point,
        actual: Annotated[
            float,
            Param(
                "The voltage that is really there now.",
                unit="volt",
                low=0.0,
                high=HIGHEST_V,
                label="True voltage",
            ),
        ],
        samples: Samples = None,
    ) -> Result:
        """Measure the voltage that is there now, and take it for the true one that is given.

        One point shifts all readings, two also correct the slope. The bridge keeps them for this
        slot with their date, across restarts. What differs by more than 0.5 V, or two points less
        than 1.25 V apart, is refused.

        Returns:
            ``measured`` and ``actual`` in V, ``points``, ``slope``, ``offset`` in V and ``date``.

        Raises:
            BusError: The converter did not answer.
            OutOfRangeError: It cannot be right, or lies beyond what can be measured.
        """
        measured = self._measure(samples)
        if measured > HIGHEST_V + STEP_V:
            raise self._too_high()
        measured = min(max(measured, 0.0), HIGHEST_V)
        return self._take_point(INPUT, point, measured=measured, actual=actual)

    @operation(gives=(CALIBRATED, POINTS, SLOPE, OFFSET, DATE), main=CALIBRATED, reads_only=True)
    def calibration(self) -> Result:
        """Return what is known of the calibration; nothing is measured.

        Returns:
            ``calibrated``, ``points``, ``slope``, ``offset`` in V and ``date``: a voltage is what
            was measured, times ``slope``, plus ``offset``.
        """
        return self._calibration(INPUT)

    def _measure(self, samples: int | None) -> float:
        """Convert and average: the voltage at the terminal, uncalibrated."""
        found = measure(
            self.channel_1,
            samples,
            self.check_cancelled,
            lambda each: each.clipped or each.volts >= CONVERTER_SUPPLY_V,
        )
        if found.beyond:
            raise self._too_high()
        return found.volts / DIVIDER

    def _too_high(self) -> OutOfRangeError:
        return OutOfRangeError(
            "The voltage is above 5.3 V, the most that this input can measure.",
            hint="Disconnect it: the input is made for 0 to 5 V.",
            where=self.channel_1.place,
        )
