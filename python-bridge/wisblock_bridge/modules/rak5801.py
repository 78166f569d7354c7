"""RAK5801: 4-20 mA input.

1. Facts of the product: its amplifier, its enable pin, what a loop current means.
2. Nothing of converters' registers, line numbers or buses.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from wisblock_bridge.describe import Module, Param, Product, Quality, Reading, Readings, operation
from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.modules.scaling import VALUE, ScaleHigh, ScaleLow, check_scale, scale
from wisblock_bridge.wiring import analog, line, optional_line

VOLTS_PER_AMPERE = 149.9
"""Shunt of 49.9 ohm times the gain 1 + 10/4.99 of the amplifier (schematic of RAK5801 V1.0)."""

CONVERTER_SUPPLY_V = 3.3
"""The converter's inputs are clamped a little above its supply: there a number would be a guess."""

SETTLING_S = 0.1
"""Two filters of 1 ms each and the start of the 12 V converter; the vendor's examples wait 0 and
read nonsense once.
"""


class Loop(StrEnum):
    """State of the current loop by NAMUR NE43."""

    OK = "ok"
    OPEN = "open"
    UNDER_RANGE = "under_range"
    OVER_RANGE = "over_range"


CURRENT = Reading(
    "current", "Current in the loop.", unit="milliampere", low=0.0, high=22.0, step=0.001
)
PERCENT = Reading(
    "percent",
    "Current as a share of 4...20 mA; 4 mA is 0.",
    unit="percent",
    low=-25.0,
    high=112.5,
    step=0.01,
)
LOOP = Reading(
    "loop",
    "State of the loop by NAMUR NE43: open below 3.6 mA, under_range below 3.8, over_range above "
    "20.5.",
    kind="str",
    choices=tuple(Loop),
)


class RAK5801(Module):
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

    def open(self) -> None:
        """Free the line that input A0 is wired to, switch the supply on and let it settle."""
        if self.channel_0 is not None:
            self.channel_0.listen()
        self.enable.drive(1)
        self.clock.sleep(SETTLING_S)

    def check_supply(self) -> None:
        """Look whether the expander still drives the line that switches the supply on."""
        self.enable.check_driven()

    def close(self) -> None:
        """Switch the supply off."""
        try:
            self.enable.drive(0)
        finally:
            self.enable.let_go()
            if self.channel_0 is not None:
                self.channel_0.let_go()

    @operation(
        gives=(CURRENT, PERCENT, LOOP, VALUE),
        main=CURRENT,
        reads_only=True,
        default=True,
        check=check_scale,
    )
    def read(
        self,
        samples: Annotated[
            int,
            Param("How many conversions are averaged; each takes about 10 ms.", low=1, high=1024),
        ] = 32,
        scale_low: ScaleLow = None,
        scale_high: ScaleHigh = None,
    ) -> Readings:
        """Measure the loop current.

        Returns:
            ``current`` in mA, ``percent`` of 4...20 mA, ``loop``, and ``value`` when both scale
            ends are given.

        Raises:
            BusError: The converter did not answer.
            OutOfRangeError: The input is driven beyond what the converter can measure.
        """
        total = 0.0
        for _ in range(samples):
            self.give_way()
            conversion = self.channel_1.read()
            if conversion.clipped or conversion.volts >= CONVERTER_SUPPLY_V:
                raise OutOfRangeError(
                    "The loop current is beyond what can be measured (about 22 mA).",
                    hint="Disconnect the loop: above 25 mA the input is damaged.",
                    where=self.channel_1.place,
                )
            total += conversion.volts
        current_ma = total / samples / VOLTS_PER_AMPERE * 1000.0
        share = (current_ma - 4.0) / 16.0
        loop = loop_state(current_ma)
        uncertain = loop is not Loop.OK
        return self.readings(
            Quality.UNCERTAIN if uncertain else Quality.GOOD,
            NOTES[loop],
            current=current_ma,
            percent=share * 100.0,
            loop=loop.value,
            value=scale(share, scale_low, scale_high),
        )


NOTES = {
    Loop.OK: "",
    Loop.OPEN: "Below 3.6 mA: the loop is open, or the transmitter has no supply.",
    Loop.UNDER_RANGE: "Between 3.6 and 3.8 mA: below the range of a healthy transmitter.",
    Loop.OVER_RANGE: "Above 20.5 mA: beyond the range of a healthy transmitter.",
}


def loop_state(current_ma: float) -> Loop:
    """Judge a loop current.

    Args:
        current_ma: Current, mA.

    Returns:
        Its state by NAMUR NE43.
    """
    if current_ma < 3.6:  # noqa: PLR2004  (the recommendation's own limits)
        return Loop.OPEN
    if current_ma < 3.8:  # noqa: PLR2004
        return Loop.UNDER_RANGE
    return Loop.OVER_RANGE if current_ma > 20.5 else Loop.OK  # noqa: PLR2004
