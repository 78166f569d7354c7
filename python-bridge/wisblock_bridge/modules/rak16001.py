"""RAK16001: eight analog inputs.

1. Facts of the product: its reference, its address straps, what an input may see.
2. Nothing of the converter's commands or of buses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

from wisblock_bridge.chips.ads7830 import ADS7830
from wisblock_bridge.describe import Module, Param, Product, Quality, Reading, Readings, operation
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.wiring import chip

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


def _voltage(name: str, summary: str, low: float = 0.0) -> Reading:
    return Reading(name, summary, unit="volt", low=low, high=HIGHEST_V, step=STEP_V)


VOLTAGE = _voltage("voltage", "Voltage at the input.")
DIFFERENCE = _voltage("voltage", "Positive input minus negative input.", low=-HIGHEST_V)
VOLTAGES = tuple(
    _voltage(f"voltage_{channel}", f"Voltage at input {channel}.") for channel in range(CHANNELS)
)

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


class RAK16001(Module):
    """Measure voltages of 0...3 V at eight inputs, in steps of 11.7 mV.

    An input bears 3.5 V; from 2.99 V up they all read the same. Inputs that nothing is connected to
    show anything.

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

    @operation(gives=(VOLTAGE,), main=VOLTAGE, reads_only=True, default=True)
    def read(
        self,
        channel: Annotated[int, Param("Input of the converter.", low=0, high=7)] = 0,
        samples: Samples = 1,
    ) -> Readings:
        """Measure one input against ground.

        Returns:
            ``voltage`` in V.

        Raises:
            BusError: The converter did not answer.
        """
        volts, clipped = self._mean(channel, samples)
        quality, note = _judge([channel] if clipped else [])
        return self.readings(quality, note, voltage=volts)

    @operation(gives=VOLTAGES, reads_only=True)
    def read_all(self, samples: Samples = 1) -> Readings:
        """Measure all inputs against ground.

        Returns:
            ``voltage_0`` to ``voltage_7`` in V.

        Raises:
            BusError: The converter did not answer.
        """
        found = [self._mean(channel, samples) for channel in range(CHANNELS)]
        clipped = [channel for channel, (_, at_end) in enumerate(found) if at_end]
        volts = {f"voltage_{channel}": volts for channel, (volts, _) in enumerate(found)}
        quality, note = _judge(clipped)
        return self.readings(quality, note, **volts)

    @operation(gives=(DIFFERENCE,), main=DIFFERENCE, reads_only=True, check=check_pair)
    def read_differential(
        self,
        positive: Annotated[int, Param("Positive input.", low=0, high=7)] = 0,
        negative: Annotated[
            int, Param("Negative input: the neighbour, 1 for 0 and 0 for 1.", low=0, high=7)
        ] = 1,
    ) -> Readings:
        """Measure one input against its neighbour: 0-1, 2-3, 4-5 or 6-7, either way round.

        The converter itself knows no negative result; where it gives 0, the pair is measured the
        other way round. It is accurate only while the lower input is within 0.2 V of ground.

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

    def _mean(self, channel: int, samples: int) -> tuple[float, bool]:
        found: list[Sample] = []
        for _ in range(samples):
            self.give_way()
            found.append(self.converter.read(channel))
        return sum(each.volts for each in found) / samples, any(each.clipped for each in found)


def _judge(clipped: list[int]) -> tuple[Quality, str]:
    """Say which inputs are at the end of the range."""
    if not clipped:
        return Quality.GOOD, ""
    inputs = "Input " if len(clipped) == 1 else "Inputs "
    names = ", ".join(map(str, clipped))
    return Quality.UNCERTAIN, f"{inputs}{names}: at the end of the range, 2.99 V or more."
