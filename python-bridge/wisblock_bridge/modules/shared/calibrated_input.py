"""Analog inputs that can be calibrated at two points, and the one input A1 of RAK5801 and RAK5811.

1. What an input measures, and in which unit, is the product's; here is what is done with it.
2. After each change of a calibration the damping begins again: old values were corrected otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from wisblock_bridge.module_api import DigitalLine, Module, Param, Part, Result, operation
from wisblock_bridge.modules.shared.damping import Damping
from wisblock_bridge.modules.shared.two_point import CALIBRATED, PointName, Trims

if TYPE_CHECKING:
    from wisblock_bridge.module_api import AnalogInput

INPUT = 1
"""A1, the one input of RAK5801 and RAK5811 that can be used."""

SETTLING_S = 0.1
"""Filters and the start of the 12 V converter; the vendor's examples wait 0 and read nonsense once.
"""

Samples = Annotated[
    int | None,
    Param(
        "How many conversions of about 10 ms each are averaged. Without it the mean of 0.1 s is "
        "measured, in which hum of 50 and 60 Hz cancels out.",
        low=1,
        high=1024,
    ),
]


class CalibratedInputs(Module):
    """Base of the modules whose inputs can be calibrated; ``setup`` gives their range."""

    _damping: Damping
    _trims: Trims

    def calibrate_within(self, span: float, unit: str, where: str) -> None:
        """Start without damping, and recall the calibrations; to be called by ``setup``.

        Args:
            span: What an input measures from end to end.
            unit: Symbol of its unit, for sentences.
            where: What people call the inputs.
        """
        self._damping = Damping(self.clock, span)
        self._trims = Trims(self.memory, span, unit, where)

    def _take_point(
        self, channel: int, point: PointName, *, measured: float, actual: float
    ) -> Result:
        """Keep a point and report the calibration that it makes."""
        found = self._trims.take(channel, point, measured, actual, self.clock.timestamp_ms())
        self._damping.restart(channel)
        result = self.readings(measured=measured, actual=actual)
        result.values.update(found.told())
        return self.kept(result)

    def _calibration(self, channel: int) -> Result:
        """Report what is known of a calibration."""
        found = self._trims.of(channel)
        result = self.readings(calibrated=found.points > 0)
        result.values.update(found.told())
        return result

    def _clear_calibration(self, channel: int) -> Result:
        """Forget a calibration."""
        self._trims.clear(channel)
        self._damping.restart(channel)
        return self.kept(self.readings(calibrated=False))


class SuppliedInput(CalibratedInputs):
    """Base of RAK5801 and RAK5811: one input, and a supply of 12 V for what is connected to it."""

    enable: ClassVar[Part[DigitalLine]]
    channel_0: ClassVar[Part[DigitalLine] | Part[DigitalLine | None]]
    channel_1: ClassVar[Part[AnalogInput]]

    def open(self) -> None:
        """Free the line that input A0 is wired to, switch the supply on and let it settle."""
        self._damping.restart()
        if self.channel_0 is not None:
            self.channel_0.listen()
        self.enable.drive(1)
        self.clock.sleep(SETTLING_S)

    def check_supply(self) -> None:
        """Check whether the expander still drives the line that switches the supply on."""
        self.enable.check_driven()

    def close(self) -> None:
        """Switch the supply off."""
        try:
            self.enable.drive(0)
        finally:
            self.enable.let_go()
            if self.channel_0 is not None:
                self.channel_0.let_go()

    @operation(gives=(CALIBRATED,), main=CALIBRATED)
    def clear_calibration(self) -> Result:
        """Forget the calibration of this slot, both points.

        Returns:
            ``calibrated``, which is no.
        """
        return self._clear_calibration(INPUT)
