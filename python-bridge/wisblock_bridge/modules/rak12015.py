"""RAK12015: vibration and shock.

1. Facts of the product: what its sensor puts on its one pin, at rest and when it is shaken.
2. The board's converter is shared with the other slot: it takes turns while that one waits.
3. Nothing of converters' registers or of buses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from wisblock_bridge.module_api import (
    EventSource,
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    analog,
    event,
    operation,
)
from wisblock_bridge.modules.shared.pulse_counter import WindowMs  # noqa: TC001  (read at run time)

if TYPE_CHECKING:
    from collections.abc import Iterable

HIGHEST_V = 3.3
STEP_V = 0.000125

END_OF_PULSE = 0.5
"""A pulse is over below this share of the threshold."""

STUCK_V = 2.0
"""The sensor's pulses are no higher (RAK12015 datasheet): a level there all the time is a fault."""

SPARSE_PER_SECOND = 100.0
"""Fewer conversions than this and pulses are missed in any number; a quiet bus gives 800."""

VIBRATION = ReadingSpec("vibration", "Whether there is a vibration.", kind="bool")
PEAK = ReadingSpec(
    "peak", "Highest voltage of the sensor.", unit="volt", low=0.0, high=HIGHEST_V, step=STEP_V
)
PULSES = ReadingSpec("pulses", "How often the sensor closed.", kind="int", low=0, step=1)
FREQUENCY = ReadingSpec("frequency", "How often a second the sensor closed.", unit="hertz", low=0.0)
CONVERSIONS = ReadingSpec(
    "conversions", "How often the sensor was looked at.", kind="int", low=1, step=1
)

Threshold = Annotated[
    float,
    Param(
        "From where on it is a vibration; the converter's noise is a few millivolts.",
        unit="volt",
        low=0.005,
        high=3.0,
    ),
]


class RAK12015(Module):
    """Detect vibrations, shocks and tampering.

    The sensor (801S) closes again and again while it is shaken, faster when shaken harder. It is
    looked at about 800 times a second for a while. While the other slot uses the board's converter
    as well, both take turns, so both get their values; the looks are rarer then.

    A sensor that is missing looks like one that is at rest.
    """

    product = Product(
        "RAK12015",
        title="vibration",
        family="sensors",
        slots=(1, 2),
        icon="wisblock-vibration.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak12015/overview/",
    )

    no_supply_check = "every conversion brings its own settings; the sensor has none"

    sensor = analog("AIN1")

    @operation(
        gives=(VIBRATION, PEAK, PULSES, CONVERSIONS),
        main=VIBRATION,
        reads_only=True,
        default=True,
    )
    def read(
        self,
        window_ms: Annotated[
            int, Param("How long to look.", unit="millisecond", low=10, high=5000)
        ] = 250,
        threshold: Threshold = 0.1,
    ) -> Result:
        """Look at the sensor for a while.

        Returns:
            ``vibration``, ``peak`` in V, ``pulses``, and ``conversions``: how often it was looked
            at.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: A conversion did not end.
        """
        counter = PulseCounter(threshold)
        quality, note = self.look(counter, window_ms / 1000.0)
        return self.readings(
            quality,
            note,
            vibration=counter.peak >= threshold,
            peak=counter.peak,
            pulses=counter.pulses,
            conversions=counter.conversions,
        )

    @operation(gives=(PULSES,), main=PULSES, reads_only=True)
    def count(self, window_ms: WindowMs = 1000, threshold: Threshold = 0.1) -> Result:
        """Count how often the sensor closes.

        A pulse that falls between two conversions is missed: any number of those shorter than 3
        ms, and more while the other slot uses the converter. The result says how often the
        sensor was looked at.

        Returns:
            ``pulses``.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: A conversion did not end.
        """
        counter, _, quality, note = self._counted(window_ms, threshold)
        return self.readings(quality, note, pulses=counter.pulses)

    @operation(gives=(FREQUENCY, PULSES), main=FREQUENCY, reads_only=True)
    def frequency(self, window_ms: WindowMs = 1000, threshold: Threshold = 0.1) -> Result:
        """Measure how often a second the sensor closes: how hard it is shaken.

        What can be missed is the same as for ``count``.

        Returns:
            ``frequency`` in Hz, and ``pulses``.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: A conversion did not end.
        """
        counter, passed_s, quality, note = self._counted(window_ms, threshold)
        return self.readings(
            quality, note, frequency=counter.pulses / passed_s, pulses=counter.pulses
        )

    @event(gives=(VIBRATION, PEAK, PULSES), main=VIBRATION, polled=True)
    def vibration(
        self,
        threshold: Threshold = 0.1,
        hold_ms: Annotated[
            int,
            Param(
                "A vibration is over when it was quiet for so long.",
                unit="millisecond",
                low=0,
                high=60_000,
            ),
        ] = 1000,
        window_ms: Annotated[
            int, Param("How long each look takes.", unit="millisecond", low=10, high=1000)
        ] = 100,
        poll_ms: Annotated[
            int, Param("Time from look to look.", unit="millisecond", low=10, high=60_000)
        ] = 200,
    ) -> VibrationWatch:
        """Report when a vibration begins, with its first pulses, and when it is over, with all.

        Between two looks the converter belongs to others, so a single short knock can be missed;
        with poll_ms not above window_ms the gap is about 5 ms.

        Returns:
            The event source.
        """
        return VibrationWatch(
            self, threshold, hold_ms / 1000.0, window_ms / 1000.0, poll_ms / 1000.0
        )

    def _counted(
        self, window_ms: int, threshold: float
    ) -> tuple[PulseCounter, float, Quality, str]:
        begin = self.clock.monotonic()
        counter = PulseCounter(threshold)
        quality, note = self.look(counter, window_ms / 1000.0)
        passed_s = self.clock.monotonic() - begin
        each_ms = passed_s * 1000.0 / counter.conversions
        note = note or f"Looked at every {each_ms:.1f} ms: shorter pulses can be missed."
        return counter, passed_s, quality, note

    def look(self, counter: PulseCounter, window_s: float) -> tuple[Quality, str]:
        """Convert again and again, and count.

        Args:
            counter: Takes the voltages.
            window_s: How long, from the first conversion to the last.

        Returns:
            How far the count can be trusted, and why.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: A conversion did not end.
        """
        found = self.sensor.sample(window_s, self.check_cancelled)
        counter.take(each.volts for each in found)
        lowest = min(each.volts for each in found)
        passed_s = found[-1].at_s - found[0].at_s
        if lowest >= STUCK_V:
            return Quality.UNCERTAIN, "High all the time: the sensor is stuck or shorted."
        per_second = (len(found) - 1) / passed_s
        if per_second < SPARSE_PER_SECOND:
            note = (
                f"Only {per_second:.0f} looks a second: the converter or the bus is busy with "
                "others, pulses were missed."
            )
            return Quality.UNCERTAIN, note
        return Quality.GOOD, ""


@dataclass(slots=True)
class PulseCounter:
    """Counts pulses.

    Attributes:
        threshold: A pulse begins here, V.
        peak: Highest voltage so far, V; never below 0.
        pulses: This many began.
        conversions: This many voltages were taken.
        high: Whether a pulse is under way.
    """

    threshold: float
    peak: float = 0.0
    pulses: int = 0
    conversions: int = 0
    high: bool = False

    def take(self, voltages: Iterable[float]) -> None:
        """Take voltages in the order in which they were measured.

        Args:
            voltages: V.
        """
        for volts in voltages:
            self.conversions += 1
            self.peak = min(max(self.peak, volts), HIGHEST_V)  # the input is clamped there
            if not self.high and volts >= self.threshold:
                self.high = True
                self.pulses += 1
            elif self.high and volts < self.threshold * END_OF_PULSE:
                self.high = False


class VibrationWatch(EventSource):
    """Looks out for vibrations.

    Args:
        module: The module.
        threshold: From where on it is a vibration, V.
        hold_s: A vibration is over when it was quiet for so long.
        window_s: How long each look takes.
        interval_s: Seconds from look to look.
    """

    def __init__(
        self,
        module: RAK12015,
        threshold: float,
        hold_s: float,
        window_s: float,
        interval_s: float,
    ) -> None:
        super().__init__(interval_s)
        self._module = module
        self._hold_s = hold_s
        self._window_s = window_s
        self._counter = PulseCounter(threshold)
        self._told: bool | None = None
        self._shaken_at = 0.0

    def look(self) -> list[Result]:
        """Check once.

        Returns:
            ``vibration``, ``peak`` and ``pulses`` when a vibration begins or is over; at first in
            any case.

        Raises:
            BridgeError: The converter did not answer.
        """
        counter, clock = self._counter, self._module.clock
        pulses = counter.pulses
        quality, note = self._module.look(counter, self._window_s)
        if counter.high or counter.pulses > pulses:
            self._shaken_at = clock.monotonic()
            vibration = True
        else:
            vibration = bool(self._told) and clock.monotonic() - self._shaken_at < self._hold_s
        if vibration == self._told:
            return []
        self._told = vibration
        found = self._module.readings(
            quality, note, vibration=vibration, peak=counter.peak, pulses=counter.pulses
        )
        if not vibration:
            self._counter = PulseCounter(counter.threshold)
        return [found]
