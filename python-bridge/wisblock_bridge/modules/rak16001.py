"""RAK16001: eight analog inputs.

1. Facts of the product: its reference, its address straps, what an input may see.
2. Nothing of the converter's commands or of buses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

from wisblock_bridge.chips.ads7830 import ADS7830
from wisblock_bridge.errors import BadParamsError, OutOfRangeError
from wisblock_bridge.module_api import (
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    chip,
    operation,
)
from wisblock_bridge.modules.shared.calibrated_input import CalibratedInputs
from wisblock_bridge.modules.shared.damping import DampingS  # noqa: TC001  (read at run time)
from wisblock_bridge.modules.shared.two_point import (
    CALIBRATED,
    DATE,
    IS_CALIBRATED,
    POINTS,
    SLOPE,
    Point,
    offset_reading,
)

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.chips.ads7830 import Sample
    from wisblock_bridge.clock import Clock

REFERENCE_V = 3.0
"""Of the reference on the module (RAK16001 datasheet, figure); its table quotes the converter's own
2.5 V, which is never switched on here."""

CHANNELS = 8
STEP_V = REFERENCE_V / 256
HIGHEST_V = 255 * STEP_V

NEAR_GROUND_V = 0.2
"""Limit for the negative input of a pair (ADS7830 datasheet)."""


def _voltage(name: str, summary: str, low: float = 0.0) -> ReadingSpec:
    return ReadingSpec(name, summary, unit="volt", low=low, high=HIGHEST_V, step=STEP_V)


VOLTAGE = _voltage("voltage", "Voltage at the input.")
DIFFERENCE = _voltage("voltage", "Positive input minus negative input.", low=-HIGHEST_V)
VOLTAGES = tuple(
    _voltage(f"voltage_{channel}", f"Voltage at input {channel}.") for channel in range(CHANNELS)
)

MEASURED = _voltage("measured", "What was measured, without any calibration.")
ACTUAL = ReadingSpec(
    "actual", "What was true.", unit="volt", low=0.0, high=REFERENCE_V, step=STEP_V
)
OFFSET = offset_reading("volt", 0.7, STEP_V / 10)
CALIBRATED_INPUTS = ReadingSpec(
    "calibrated_inputs",
    "Numbers of the inputs that were calibrated in this slot; missing where there are none.",
    kind="list",
    optional=True,
)

Channel = Annotated[int, Param("Input of the converter.", low=0, high=7, selects=True)]
Samples = Annotated[
    int,
    Param("How many conversions are averaged; each takes less than 1 ms.", low=1, high=256),
]


class Pair(Protocol):
    """Parameters of a differential reading."""

    positive: int
    negative: int


def check_pair(params: Pair) -> None:
    """Refuse a pair that the converter cannot form.

    Args:
        params: The checked parameters.

    Raises:
        BadParamsError: The inputs are no neighbours.
    """
    if params.positive ^ params.negative != 1:
        pairs = "0-1, 2-3, 4-5, 6-7, either way round"
        raise BadParamsError(
            f"The converter cannot measure input {params.positive} against {params.negative}; it "
            f"can: {pairs}.",
            data={"param": "negative", "allowed": pairs},
        )


def make_converter(bus: I2CBus, address: int, clock: Clock) -> ADS7830:
    """Build the driver for the reference that is fitted.

    Args:
        bus: The slot's bus.
        address: 7-bit address.
        clock: Time.

    Returns:
        The driver.
    """
    return ADS7830(bus, address, clock, reference_v=REFERENCE_V)


class RAK16001(CalibratedInputs):
    """Measure voltages of 0...3 V at eight inputs, in steps of 11.7 mV.

    An input tolerates 3.5 V; from 2.99 V up they all read the same. Inputs that nothing is
    connected to show anything.

    The module is delivered at address 0x48, and all of the vendor's examples use 0x4a: tell the
    bridge in its configuration where yours is. 0x4b is taken by the converter of a RAK7391, 0x48 by
    that of older boards and of the RAK6421.
    """

    product = Product(
        "RAK16001",
        title="eight analog inputs",
        family="interface",
        slots=(1, 2),
        icon="wisblock-adc.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak16001/overview/",
    )
    unconfirmed = (
        "The address as delivered: the datasheet says 0x48, the vendor's examples 0x4a.",
        "The reference of 3.0 V: the figure of the datasheet has it, its table says 2.5 V.",
    )

    no_supply_check = "the command byte of every conversion is all that the chip knows"

    converter = chip(make_converter, "ADS7830", 0x48, (0x49, 0x4A, 0x4B))

    def setup(self) -> None:
        """Start without damping, and recall the calibration."""
        self.calibrate_within(REFERENCE_V, "V", self.converter.name)

    def open(self) -> None:
        """Begin again: what was measured before a failure is not damped together with the rest."""
        self._damping.restart()

    @operation(gives=(VOLTAGE, IS_CALIBRATED), main=VOLTAGE, reads_only=True, default=True)
    def read(self, channel: Channel = 0, samples: Samples = 1, damping_s: DampingS = 0.0) -> Result:
        """Measure one input against ground.

        Returns:
            ``voltage`` in V.

        Raises:
            BusError: The converter did not answer.
        """
        volts, at_end = self._voltage(channel, samples, damping_s)
        quality, note = _judge([channel] if at_end else [])
        calibrated = True if self._trims.of(channel).points else None
        return self.readings(quality, note, voltage=volts, calibrated=calibrated)

    @operation(gives=(*VOLTAGES, CALIBRATED_INPUTS), reads_only=True)
    def read_all(self, samples: Samples = 1, damping_s: DampingS = 0.0) -> Result:
        """Measure all inputs against ground.

        Returns:
            ``voltage_0`` to ``voltage_7`` in V.

        Raises:
            BusError: The converter did not answer.
        """
        found = [self._voltage(channel, samples, damping_s) for channel in range(CHANNELS)]
        quality, note = _judge([channel for channel, (_, at_end) in enumerate(found) if at_end])
        calibrated = [channel for channel in range(CHANNELS) if self._trims.of(channel).points]
        told = self.readings(quality, note, calibrated_inputs=calibrated or None)
        told.values |= {f"voltage_{channel}": volts for channel, (volts, _) in enumerate(found)}
        return told

    @operation(gives=(DIFFERENCE,), main=DIFFERENCE, reads_only=True, check=check_pair)
    def read_differential(
        self,
        positive: Annotated[int, Param("Positive input.", low=0, high=7, selects=True)] = 0,
        negative: Annotated[
            int,
            Param(
                "Negative input: the neighbour, 1 for 0 and 0 for 1.", low=0, high=7, selects=True
            ),
        ] = 1,
    ) -> Result:
        """Measure one input against its neighbour: 0-1, 2-3, 4-5 or 6-7, either way round.

        The converter itself knows no negative result; where it gives 0, the pair is measured the
        other way round. It is accurate only while the lower input is within 0.2 V of ground. A
        calibration is for readings against ground and changes nothing here.

        Returns:
            ``voltage`` in V, negative when the second input is higher.

        Raises:
            BadParamsError: The two inputs are no pair.
            BusError: The converter did not answer.
        """
        found, sign, lower = self.converter.read_differential(positive, negative), 1.0, negative
        if found.code == 0:
            turned = self.converter.read_differential(negative, positive)
            if turned.code > 0:
                found, sign, lower = turned, -1.0, positive
        foot = self.converter.read(lower).volts
        quality, note = Quality.GOOD, ""
        if found.clipped:
            quality, note = Quality.UNCERTAIN, "At the end of the range: 2.99 V or more."
        elif foot > NEAR_GROUND_V:
            quality = Quality.UNCERTAIN
            note = (
                f"Input {lower} is at {foot:.2f} V: the converter is accurate only while it is "
                "within 0.2 V of ground. Measure both inputs against ground instead."
            )
        return self.readings(quality, note, voltage=sign * found.volts)

    @operation(
        gives=(MEASURED, ACTUAL, POINTS, SLOPE, OFFSET, DATE), main=MEASURED, payload_param="actual"
    )
    def calibrate(
        self,
        channel: Channel,
        point: Point,
        actual: Annotated[
            float,
            Param(
                "The voltage that is really there now.",
                unit="volt",
                low=0.0,
                high=REFERENCE_V,
                label="True voltage",
            ),
        ],
        samples: Samples = 64,
    ) -> Result:
        """Measure the voltage that is at an input now, and take it for the true one that is given.

        One point shifts all readings of the input, two also correct the slope. The bridge keeps
        them for this slot with their date, across restarts. What differs by more than 0.3 V, or
        two points less than 0.75 V apart, is refused.

        Returns:
            ``measured`` and ``actual`` in V, ``points``, ``slope``, ``offset`` in V and ``date``.

        Raises:
            BusError: The converter did not answer.
            OutOfRangeError: It cannot be right, or the input is at the end of its range.
        """
        measured, clipped = self._mean(channel, samples)
        if clipped:
            raise OutOfRangeError(
                f"Input {channel} is at the end of its range, 2.99 V or more; nothing was "
                "calibrated.",
                hint="Calibrate with a voltage below 2.9 V.",
                where=self.converter.name,
            )
        return self._take_point(channel, point, measured=measured, actual=actual)

    @operation(gives=(CALIBRATED, POINTS, SLOPE, OFFSET, DATE), main=CALIBRATED, reads_only=True)
    def calibration(self, channel: Channel = 0) -> Result:
        """Return what is known of the calibration of an input; nothing is measured.

        Returns:
            ``calibrated``, ``points``, ``slope``, ``offset`` in V and ``date``: a voltage is what
            was measured, times ``slope``, plus ``offset``.
        """
        return self._calibration(channel)

    @operation(gives=(CALIBRATED,), main=CALIBRATED)
    def clear_calibration(self, channel: Channel) -> Result:
        """Forget the calibration of an input, both points.

        Returns:
            ``calibrated``, which is no.
        """
        return self._clear_calibration(channel)

    def _voltage(self, channel: int, samples: int, damping_s: float) -> tuple[float, bool]:
        """Measure, correct and damp; and whether the input is at the end of its range."""
        measured, clipped = self._mean(channel, samples)
        corrected = self._trims.of(channel).correct(measured)
        volts = min(max(corrected, 0.0), HIGHEST_V)
        if clipped or corrected > HIGHEST_V:
            self._damping.restart(channel)
            return volts, True
        return self._damping.smooth(volts, damping_s, channel), False

    def _mean(self, channel: int, samples: int) -> tuple[float, bool]:
        found: list[Sample] = []
        for _ in range(samples):
            self.check_cancelled()
            found.append(self.converter.read(channel))
        return sum(each.volts for each in found) / samples, any(each.clipped for each in found)


def _judge(clipped: list[int]) -> tuple[Quality, str]:
    """Return which inputs are at the end of the range."""
    if not clipped:
        return Quality.GOOD, ""
    inputs = "Input " if len(clipped) == 1 else "Inputs "
    names = ", ".join(map(str, clipped))
    return Quality.UNCERTAIN, f"{inputs}{names}: at the end of the range, 2.99 V or more."
