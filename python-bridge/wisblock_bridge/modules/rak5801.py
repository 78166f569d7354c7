"""RAK5801: 4-20 mA input.

1. Facts of the product: its amplifier, its enable pin, what a loop current means.
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
    optional_line,
)
from wisblock_bridge.modules.shared.calibrated_input import INPUT, Samples, SuppliedInput
from wisblock_bridge.modules.shared.current_loop import FAULTS, NOTES, Loop, judge
from wisblock_bridge.modules.shared.damping import DampingS  # noqa: TC001  (read at run time)
from wisblock_bridge.modules.shared.hum_free import Mean, measure
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

VOLTS_PER_AMPERE = 149.9
"""Shunt of 49.9 ohm times the gain 1 + 10/4.99 of the amplifier (schematic of RAK5801 V1.0)."""

CONVERTER_SUPPLY_V = 3.3
"""The converter's inputs are clamped a little above its supply: there a number would be a guess."""

LOW_MA, SPAN_MA = 4.0, 16.0
HIGHEST_MA = 22.0
"""3.3 V over 149.9 V per ampere, rounded down: nothing above it can be measured."""
STEP_MA = 0.0008
"""One step of the converter, 0.125 mV at 4.096 V, is 0.83 uA."""

AT_THE_END = (
    ">= 22 mA, more than can be measured: the transmitter reports a failure, or the loop is "
    "shorted. Above 25 mA the input is damaged."
)
NOW_AND_THEN = "Some of the samples were >= 22 mA, so the current is higher than this mean."

CURRENT = ReadingSpec(
    "current",
    "Current in the loop; 22 mA stands for 22 mA or more.",
    unit="milliampere",
    low=0.0,
    high=HIGHEST_MA,
    step=STEP_MA,
)
PERCENT = ReadingSpec(
    "percent",
    "Current as a share of 4...20 mA; 4 mA is 0.",
    unit="percent",
    low=-25.0,
    high=112.5,
    step=0.005,
)
LOOP = ReadingSpec(
    "loop",
    "State of the loop by NAMUR NE43: open below 0.5 mA, fault_low up to 3.6, under_range below "
    "3.8, ok up to 20.5, over_range below 21, fault_high from there on; back towards ok 0.01 mA "
    "later.",
    kind="str",
    choices=tuple(Loop),
)
MEASURED = ReadingSpec(
    "measured",
    "What was measured, without any calibration.",
    unit="milliampere",
    low=0.0,
    high=HIGHEST_MA,
    step=STEP_MA,
)
ACTUAL = ReadingSpec(
    "actual", "What was true.", unit="milliampere", low=0.0, high=HIGHEST_MA, step=STEP_MA
)
OFFSET = offset_reading("milliampere", 4.0, STEP_MA)


class RAK5801(SuppliedInput):
    """Measure the current of a 4-20 mA transmitter.

    The module feeds 12 V (30 mA at most) to the transmitter and measures the current that comes
    back. The supply is switched on when the module is first used and takes 0.1 s to settle; it is
    switched off when the module is released.

    Only the input marked A1 can be used on these boards: the other one is wired to a digital line
    (IO4), which the bridge keeps from being driven while a RAK5801 is in the slot.
    """

    product = Product(
        "RAK5801",
        title="4-20 mA input",
        family="interface",
        slots=(1, 2),
        icon="wisblock-gauge.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak5801/overview/",
    )
    unconfirmed = ("Whether the board feeds the 12 V converter (VBAT) at every supply voltage.",)

    enable = line("IO1")
    channel_0 = optional_line("IO4")
    channel_1 = analog("AIN1")

    def setup(self) -> None:
        """Start without damping, and recall the calibration."""
        self.calibrate_within(SPAN_MA, "mA", self.channel_1.place)
        self._loop: Loop | None = None
        """State at the last reading, for the hysteresis."""

    def open(self) -> None:
        """Free the line that input A0 is wired to, switch the supply on and let it settle."""
        self._loop = None
        super().open()

    @operation(
        gives=(CURRENT, PERCENT, LOOP, VALUE, IS_CALIBRATED),
        main=CURRENT,
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
        """Measure the loop current, as the mean of 0.1 s.

        Hum of 50 and 60 Hz cancels out in that time. With ``samples`` that many slower conversions
        are averaged instead.

        The state of the loop is judged without damping. While the loop is open or the transmitter
        reports a failure, the current stands for no measurement, and there is no ``value``.

        Returns:
            ``current`` in mA, ``percent`` of 4...20 mA, ``loop``, and ``value`` when both scale
            ends are given.

        Raises:
            BusError: The converter did not answer.
        """
        measured, found = self._measure(samples)
        beyond = found.beyond
        trim = self._trims.of(INPUT)
        current_ma = min(max(trim.correct(measured), 0.0), HIGHEST_MA)
        at_the_end = beyond == found.conversions or measured >= HIGHEST_MA
        if at_the_end:
            current_ma = HIGHEST_MA
        self._loop = loop = judge(current_ma, self._loop)
        if loop in FAULTS:
            self._damping.restart()
        else:
            current_ma = self._damping.smooth(current_ma, damping_s, INPUT)
        share = (current_ma - LOW_MA) / SPAN_MA
        note = AT_THE_END if at_the_end else NOTES[loop]
        if beyond and not at_the_end:
            note = f"{note} {NOW_AND_THEN}".lstrip()
        return self.readings(
            Quality.UNCERTAIN if note else Quality.GOOD,
            note,
            current=current_ma,
            percent=share * 100.0,
            loop=loop.value,
            value=None if loop in FAULTS else scale(share, scale_low, scale_high),
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
                "The current that really flows now.",
                unit="milliampere",
                low=0.0,
                high=HIGHEST_MA,
                label="True current",
            ),
        ],
        samples: Samples = None,
    ) -> Result:
        """Measure the current that flows now, and take it for the true one that is given.

        One point shifts all readings, two also correct the slope. The bridge keeps them for this
        slot with their date, across restarts. What differs by more than 1.6 mA, or two points less
        than 4 mA apart, is refused.

        Returns:
            ``measured`` and ``actual`` in mA, ``points``, ``slope``, ``offset`` in mA and ``date``.

        Raises:
            BusError: The converter did not answer.
            OutOfRangeError: It cannot be right, or lies beyond what can be measured.
        """
        measured, found = self._measure(samples)
        measured = max(measured, 0.0)
        if found.beyond:
            raise OutOfRangeError(
                "The current is more than can be measured (22 mA); nothing was calibrated.",
                hint="Set the calibrator to a current of 4 to 20 mA.",
                where=self.channel_1.place,
            )
        return self._take_point(INPUT, point, measured=measured, actual=actual)

    @operation(gives=(CALIBRATED, POINTS, SLOPE, OFFSET, DATE), main=CALIBRATED, reads_only=True)
    def calibration(self) -> Result:
        """Return what is known of the calibration; nothing is measured.

        Returns:
            ``calibrated``, ``points``, ``slope``, ``offset`` in mA and ``date``: a current is what
            was measured, times ``slope``, plus ``offset``.
        """
        return self._calibration(INPUT)

    def _measure(self, samples: int | None) -> tuple[float, Mean]:
        """Convert and average: the current in mA, and what the converter said."""
        found = measure(
            self.channel_1,
            samples,
            self.check_cancelled,
            lambda each: each.volts >= CONVERTER_SUPPLY_V,
        )
        return found.volts / VOLTS_PER_AMPERE * 1000.0, found
