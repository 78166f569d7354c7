"""The base of the gas modules: divider, converter, heater, warm-up and calibration.

1. Facts that the products share: the 5 V side behind one enable line, the load resistor, what the
   converter's voltage means. The curves are the products' own.
2. The heater is off until somebody asks for something that needs it, and off again when nobody has
   for a while; who switches it off by hand finds it off.
3. Not an alarm: nothing here is made, tested or approved for the safety of people.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, ClassVar

from wisblock_bridge.chips.adc121c021 import ADC121C021, MOST_AT_ONCE, Sample
from wisblock_bridge.errors import BridgeError, BusError, BusFault, NotReadyError, OutOfRangeError
from wisblock_bridge.module_api import (
    EventSource,
    Module,
    Param,
    Part,
    Quality,
    Result,
    TimerHandle,
    line,
    operation,
    optional_line,
)
from wisblock_bridge.modules.gas.calibration import Calibration, from_facts
from wisblock_bridge.modules.gas.curves import Range
from wisblock_bridge.modules.gas.heating import Warmth
from wisblock_bridge.modules.gas.readings import (
    AIR_RESISTANCE,
    CALIBRATED,
    CLEAN_AIR_RATIO,
    DATE,
    ON,
    R0,
    SUPPLY_V,
    WARM_UP_LEFT,
    Samples,
)
from wisblock_bridge.modules.shared.dates import date_of

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.modules.gas.curves import Curve

CHIP = "ADC121C021"

LOAD_OHM = 10_000.0
"""The load resistor as all of the vendor's examples take it."""

OPEN_CODE, SATURATED_CODE = 2, 4090
"""Up to the one there is no sensor element, from the other on it is a short."""

WARM_UP_MS = 180_000
START_S = 0.5
"""The vendor's examples wait so long for the 5 V converter; here it is asked whether it is up."""
START_STEP_S = 0.01

IDLE_S = 600.0
"""A heater that nobody switched on by hand goes off when nothing was read for so long."""

HEATER = "heater"

NOT_CALIBRATED = (
    "Not calibrated: computed with the R0 of the vendor's example, which may be far from yours."
)


def make_converter(bus: I2CBus, address: int, clock: Clock) -> ADC121C021:
    """Build the driver for the supply that the module has.

    Args:
        bus: The slot's bus.
        address: 7-bit address.
        clock: Time.

    Returns:
        The driver.
    """
    return ADC121C021(bus, address, clock, reference_v=SUPPLY_V)


class GasSensor(Module):
    """What RAK12004 and RAK12009 have in common; a product adds its converter and its curves."""

    usual_curve: ClassVar[Curve]
    """The curve that a calibration's ``r0`` is reported for."""
    typical_r0: ClassVar[float]
    """R0 of the sensor that the vendor's example was made with, ohm."""
    converter: ClassVar[Part[ADC121C021]]

    enable = line("IO6")
    alert_pin = optional_line("IO5")

    def setup(self) -> None:
        """Start with the heater off and following the readings."""
        self._ordered: bool | None = None
        """How the heater was switched by hand; None while it follows the readings."""
        self._on = False
        self._warmth = Warmth(self.clock, WARM_UP_MS / 1000.0)
        self._used_at = self.clock.monotonic()
        self._idle: TimerHandle | None = None

    def open(self) -> None:
        """Switch the 5 V side off, and keep the line free that the alert pin is wired to."""
        if self._ordered:
            self._ordered = None
        self._switch(on=False)
        if self.alert_pin is not None:
            self.alert_pin.listen()

    def check_supply(self) -> None:
        """Check whether the expander still drives the line that switches the 5 V side."""
        self.enable.check_driven()

    def make_safe(self, output: str) -> None:  # noqa: ARG002  (there is one)
        """Switch the heater off; the next reading may switch it on again."""
        self._ordered = None
        self._switch(on=False)

    def close(self) -> None:
        """Switch the heater off and let go of the lines."""
        if self._idle is not None:
            self._idle.cancel()
        with contextlib.ExitStack() as steps:
            steps.callback(self.enable.let_go)  # a pull-up would switch the heater on
            if self.alert_pin is not None:
                steps.callback(self.alert_pin.let_go)
            self._switch(on=False)

    @operation(gives=(R0, AIR_RESISTANCE, CLEAN_AIR_RATIO, DATE), main=R0)
    def calibrate(
        self,
        samples: Samples = 100,
        clean_air_ratio: Annotated[
            float | None,
            Param(
                "Rs / R0 in clean air where you know it better than the data sheet does.",
                low=0.01,
                high=1000.0,
            ),
        ] = None,
    ) -> Result:
        """Calibrate in clean air; do it when the sensor has been on for a day or two.

        The bridge keeps the result for this slot with its date, across restarts.

        Returns:
            ``r0`` and ``air_resistance`` in ohm, ``clean_air_ratio`` and ``date``.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: The sensor is not warm, or its heater was switched off.
            OutOfRangeError: The sensor element is missing or shorted.
        """
        self._power()
        left_s = self._warmth.left_s()
        if left_s > 0:
            raise NotReadyError(
                f"The sensor is warming up, {left_s:.0f} s are left; it was not calibrated.",
                hint="Wait, and keep the air clean. A sensor that was not used for long needs a "
                "day or two.",
                where=self.converter.name,
            )
        _, resistance = self._measure(samples)
        found = Calibration(
            resistance, clean_air_ratio, samples, date_of(self.clock.timestamp_ms())
        )
        self.memory.remember(found.facts())
        return self.kept(self._tell(found, Quality.GOOD, ""))

    @operation(
        gives=(CALIBRATED, R0, AIR_RESISTANCE, CLEAN_AIR_RATIO, DATE, WARM_UP_LEFT),
        main=CALIBRATED,
        reads_only=True,
    )
    def calibration(self) -> Result:
        """Return what is known of the calibration; the sensor is not asked.

        Returns:
            ``calibrated``, ``r0`` and ``air_resistance`` in ohm, ``clean_air_ratio`` and ``date``;
            before the first calibration those of the vendor's example. ``warm_up_left`` in ms says
            when the sensor can be calibrated.
        """
        found, calibrated = self._calibration()
        quality = Quality.GOOD if calibrated else Quality.UNCERTAIN
        told = self._tell(found, quality, "" if calibrated else NOT_CALIBRATED)
        told.values["calibrated"] = calibrated
        told.values["warm_up_left"] = self._warmth.left_s() * 1000.0
        return told

    @operation(
        gives=(ON, WARM_UP_LEFT),
        main=ON,
        drives=HEATER,
        urgent={"on": False},
        payload_param="on",
    )
    def heater(
        self,
        on: Annotated[bool, Param("On, or off until it is switched on again.")],
        warm_up_ms: Annotated[
            int,
            Param(
                "How long the heater has to be on until readings count as good.",
                unit="millisecond",
                low=0,
                high=604_800_000,
            ),
        ] = WARM_UP_MS,
    ) -> Result:
        """Switch the heater, and with it the converter.

        Rarely needed: a reading switches it on, and 10 minutes without a reading switch it off.
        What is switched on here stays on; after an off, readings are refused until it is on again.

        Returns:
            ``on``, and ``warm_up_left`` in ms.

        Raises:
            BusError: The module does not answer.
        """
        self._ordered = on
        self._warmth.need(warm_up_ms / 1000.0)
        if on:
            self._power()
        else:
            self._switch(on=False)
        return self.readings(on=on, warm_up_left=self._warmth.left_s() * 1000.0)

    def measure(self, curve: Curve, threshold: float, samples: int) -> Result:
        """Measure the concentration of a gas.

        Args:
            curve: Of the gas.
            threshold: From where on it is an alert, ppm.
            samples: How many conversions are averaged.

        Returns:
            ``voltage``, ``resistance``, ``ratio``, ``ppm``, ``percent``, ``alert``, ``range`` and
            ``r0``.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: The heater was switched off.
            OutOfRangeError: The sensor element is missing or shorted.
        """
        self._power()
        volts, resistance = self._measure(samples)
        calibration, calibrated = self._calibration()
        r0 = calibration.air_resistance / self._ratio(curve, calibration)
        ratio = resistance / r0
        ppm, place = curve.concentration(ratio)
        left_s = self._warmth.left_s()
        notes = [
            f"Warming up, {left_s:.0f} s left." if left_s > 0 else "",
            "" if calibrated else NOT_CALIBRATED,
            {
                Range.IN_RANGE: "",
                Range.BELOW_RANGE: f"Below {curve.low_ppm:.0f} ppm, where the graph begins.",
                Range.ABOVE_RANGE: f"{curve.high_ppm:.0f} ppm or more, where the graph ends.",
            }[place],
        ]
        note = " ".join(each for each in notes if each)
        return self.readings(
            Quality.UNCERTAIN if note else Quality.GOOD,
            note,
            voltage=volts,
            resistance=resistance,
            ratio=ratio,
            ppm=ppm,
            percent=ppm / 10_000.0,
            # Nothing beyond the end of the graph is ever told, so it alerts there at the latest.
            alert=ppm >= min(threshold, curve.high_ppm) and left_s <= 0,
            range=place.value,
            r0=r0,
        )

    def _measure(self, samples: int) -> tuple[float, float]:
        """Convert and average: volts across the load, and the sensor's resistance in ohm."""
        found: list[Sample] = []
        while len(found) < samples:
            self.check_cancelled()
            found += self.converter.read_many(min(samples - len(found), MOST_AT_ONCE))
        if sum(each.code for each in found) <= OPEN_CODE * samples:
            raise OutOfRangeError(
                "No current flows through the sensor: its element is broken or missing.",
                hint="Check the sensor on the module.",
                where=self.converter.name,
            )
        if any(each.code >= SATURATED_CODE for each in found):
            raise OutOfRangeError(
                "The sensor has no resistance: it is shorted, or far beyond its range.",
                hint="Check the sensor on the module.",
                where=self.converter.name,
            )
        volts = sum(each.volts for each in found) / samples
        return volts, LOAD_OHM * (SUPPLY_V / volts - 1.0)

    def _calibration(self) -> tuple[Calibration, bool]:
        """Return the calibration of this sensor, or a typical one, and which of the two it is."""
        found = from_facts(self.memory.recall())
        if found is not None:
            return found, True
        return Calibration(self.typical_r0 * self.usual_curve.clean_air_ratio), False

    def _ratio(self, curve: Curve, calibration: Calibration) -> float:
        """Rs / R0 in clean air: the curve's own, unless another was given for curves like it."""
        alike = curve.clean_air_ratio == self.usual_curve.clean_air_ratio
        given = calibration.clean_air_ratio
        return given if alike and given is not None else curve.clean_air_ratio

    def _tell(self, found: Calibration, quality: Quality, note: str) -> Result:
        ratio = self._ratio(self.usual_curve, found)
        return self.readings(
            quality,
            note,
            r0=found.air_resistance / ratio,
            air_resistance=found.air_resistance,
            clean_air_ratio=ratio,
            date=found.date or None,
        )

    # -- the 5 V side -----------------------------------------------------------------------------

    def _power(self) -> None:
        """Have the converter answer: switch the 5 V side on, unless it was switched off by hand."""
        if self._ordered is False:
            raise NotReadyError(
                "The heater was switched off, and the converter with it.",
                hint="Switch it on with the operation heater.",
                where=self.enable.place,
            )
        self._used_at = self.clock.monotonic()
        if self._on:
            return
        try:
            self._switch(on=True)
            self._await_converter()
        except BridgeError:
            with contextlib.suppress(BridgeError):
                self._switch(on=False)
            raise
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self.timers.after(IDLE_S, self._rest)

    def _await_converter(self) -> None:
        deadline = self.clock.monotonic() + START_S
        while True:
            last_try = self.clock.monotonic() >= deadline
            try:
                self.converter.read()
            except BusError as error:
                if last_try or error.fault is not BusFault.NO_ACKNOWLEDGE:
                    raise
            else:
                return
            self.clock.sleep(START_STEP_S)

    def _rest(self) -> None:
        """Switch the heater off when nobody has read for long; else look again later."""
        rest_s = self._used_at + IDLE_S - self.clock.monotonic()
        if not self._on:
            self._idle = None
        elif self._ordered or rest_s > 0:
            self._idle = self.timers.after(IDLE_S if self._ordered else rest_s, self._rest)
        else:
            self._idle = None
            self._switch(on=False)

    def _switch(self, *, on: bool) -> None:
        self.enable.drive(1 if on else 0)
        self._on = on
        self._warmth.switched(on=on)


CLEARED_SHARE = 0.9
"""An alert ends below this share of its threshold, so that it does not flutter."""
WATCH_SAMPLES = 16


class GasEvents(EventSource):
    """Looks out for a concentration that reaches a threshold.

    Args:
        module: The sensor.
        curve: Of the gas.
        threshold: Where the alert begins, ppm.
        interval_s: Seconds between two measurements.
    """

    def __init__(
        self, module: GasSensor, curve: Curve, threshold: float, interval_s: float
    ) -> None:
        super().__init__(interval_s)
        self._module = module
        self._curve = curve
        self._threshold = min(threshold, curve.high_ppm)
        self._alert: bool | None = None
        self._doubtful = False

    def look(self) -> list[Result]:
        """Measure once.

        Returns:
            ``alert`` and ``ppm`` when the alert begins or ends; at first in any case, and once more
            when what was told as uncertain can be trusted.

        Raises:
            BridgeError: The module did not answer, or its heater was switched off.
        """
        limit = self._threshold * (CLEARED_SHARE if self._alert else 1.0)
        found = self._module.measure(self._curve, limit, WATCH_SAMPLES)
        certain = found.quality is Quality.GOOD
        if found.values["alert"] == self._alert and not (self._doubtful and certain):
            return []
        self._doubtful = not certain
        self._alert = bool(found.values["alert"])
        found.values = {name: found.values[name] for name in ("alert", "ppm")}
        return [found]
