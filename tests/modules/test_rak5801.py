"""RAK5801: loop currents come out as they went in."""

from __future__ import annotations

import pytest
from tests.cases import for_each
from tests.modules.analog_slot import AnalogSlot, NoTimers

from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.rak5801 import RAK5801
from wisblock_bridge.modules.rak5801_emulated import EmulatedRAK5801

STEP_MA = 0.125 / 149.9
"""0.125 mV of the converter, over 149.9 V per ampere."""


class Plugged:
    """A RAK5801 in slot 1, its emulated and its board."""

    def __init__(self, supply_v: float = 3.3) -> None:
        self.board = AnalogSlot(supply_v)
        self.emulated = EmulatedRAK5801(self.board)
        self.module = RAK5801(self.board.parts, self.board.clock, NoTimers())
        self.module.open()

    def loop(self, current_ma: float) -> None:
        (quantity,) = self.emulated.quantities()
        assert quantity.set is not None
        quantity.set(current_ma)


@pytest.fixture
def plugged() -> Plugged:
    return Plugged()


@pytest.mark.parametrize(
    ("current_ma", "percent", "loop"),
    [
        (0.0, -25.0, "open"),
        (0.4, -22.5, "open"),
        (0.6, -21.25, "fault_low"),
        (3.5, -3.125, "fault_low"),
        (3.6, -2.5, "fault_low"),
        (3.7, -1.875, "under_range"),
        (3.8, -1.25, "ok"),
        (3.81, -1.1875, "ok"),
        (4.0, 0.0, "ok"),
        (8.0, 25.0, "ok"),
        (12.0, 50.0, "ok"),
        (16.0, 75.0, "ok"),
        (20.0, 100.0, "ok"),
        (20.4, 102.5, "ok"),
        (20.5, 103.125, "ok"),
        (20.6, 103.75, "over_range"),
        (20.99, 106.1875, "over_range"),
        (21.0, 106.25, "fault_high"),
        (21.6, 110.0, "fault_high"),
        (22.0, 112.5, "fault_high"),
    ],
)
def test_currents(plugged: Plugged, current_ma: float, percent: float, loop: str) -> None:
    plugged.loop(current_ma)
    readings = plugged.module.read(samples=3)
    assert readings.values["current"] == pytest.approx(current_ma, abs=STEP_MA)
    assert readings.values["percent"] == pytest.approx(percent, abs=STEP_MA * 6.25)
    assert readings.values["loop"] == loop
    assert "value" not in readings.values
    assert readings.quality is (Quality.GOOD if loop == "ok" else Quality.UNCERTAIN)
    assert bool(readings.note) == (loop != "ok")


@pytest.mark.parametrize(
    ("raw", "current_ma", "loop"),
    [
        (0x10DD, 3.60, "fault_low"),  # 3.59990 mA: the step below 3.6
        (0x10DE, 3.60, "under_range"),
        (0x11D9, 3.81, "ok"),
        (0x12BD, 4.00, "ok"),
        (0x257A, 8.00, "ok"),
        (0x3836, 12.00, "ok"),
        (0x4AF3, 16.00, "ok"),
        (0x5DB0, 20.00, "ok"),
        (0x625F, 21.00, "fault_high"),  # 20.99984 mA: the step below 21
    ],
)
def test_documented_codes(plugged: Plugged, raw: int, current_ma: float, loop: str) -> None:
    plugged.board.analog("AIN1").connect(lambda: raw * 0.000125)
    readings = plugged.module.read(samples=1)
    current = readings.values["current"]
    assert isinstance(current, float)
    assert round(current, 2) == current_ma
    assert readings.values["loop"] == loop


def test_samples_are_averaged(plugged: Plugged) -> None:
    volts = iter([0.5996, 1.1992, 1.7988])
    plugged.board.analog("AIN1").connect(lambda: next(volts))
    assert plugged.module.read(samples=3).values["current"] == pytest.approx(8.0, abs=STEP_MA)


def test_scale(plugged: Plugged) -> None:
    plugged.loop(8.0)
    readings = plugged.module.read(samples=1, scale_low=-50.0, scale_high=150.0)
    assert readings.values["value"] == pytest.approx(0.0, abs=STEP_MA / 16 * 200)


@for_each("supply_v", [3.3, 5.0])
@for_each("current_ma", [22.02, 22.5, 23.0, 26.0, 40.0])
def test_beyond_the_converter_it_is_a_failure_of_the_transmitter(
    supply_v: float, current_ma: float
) -> None:
    plugged = Plugged(supply_v)
    plugged.loop(current_ma)
    readings = plugged.module.read(samples=2, scale_low=0.0, scale_high=10.0)
    assert readings.values == {"current": 22.0, "percent": 112.5, "loop": "fault_high"}
    assert readings.quality is Quality.UNCERTAIN
    assert ">= 22 mA" in readings.note
    assert "25 mA" in readings.note
    assert "damaged" in readings.note


def test_a_sample_beyond_the_converter_is_told_beside_the_mean(plugged: Plugged) -> None:
    volts = iter([1.7988, 3.3, 1.7988, 1.7988])
    plugged.board.analog("AIN1").connect(lambda: next(volts))
    readings = plugged.module.read(samples=4)
    assert (readings.values["loop"], readings.quality) == ("ok", Quality.UNCERTAIN)
    assert ">= 22 mA" in readings.note


@pytest.mark.parametrize(
    ("current_ma", "has_value"),
    [(0.0, False), (3.5, False), (3.7, True), (12.0, True), (20.7, True), (21.5, False)],
)
def test_there_is_no_value_while_the_loop_is_in_fault(
    plugged: Plugged,
    current_ma: float,
    has_value: bool,  # noqa: FBT001
) -> None:
    plugged.loop(current_ma)
    readings = plugged.module.read(samples=1, scale_low=0.0, scale_high=100.0)
    assert ("value" in readings.values) is has_value


@for_each("volts", [-0.2, -0.0075, 0.0, 3.2978, 3.2999, 3.3, 4.2])
def test_readings_lie_within_the_catalogue(volts: float) -> None:
    plugged = Plugged(5.0)
    limits = {each.name: each for each in RAK5801.description.operations["read"].gives}
    plugged.board.analog("AIN1").connect(lambda: volts)
    readings = plugged.module.read(samples=1).values
    for name in ("current", "percent"):
        low, high, value = limits[name].low, limits[name].high, readings[name]
        assert low is not None
        assert high is not None
        assert isinstance(value, float)
        assert low <= value <= high


def test_the_world_knows_no_current_backwards(plugged: Plugged) -> None:
    plugged.loop(-0.05)  # the amplifier has a single supply
    assert plugged.module.read(samples=1).values["current"] == 0.0


@pytest.mark.parametrize(
    ("limit", "outside", "inside"),
    [
        (0.5, "open", "fault_low"),
        (3.6, "fault_low", "under_range"),
        (3.8, "under_range", "ok"),
        (20.5, "over_range", "ok"),
        (21.0, "fault_high", "over_range"),
    ],
)
def test_the_noise_of_the_converter_does_not_flip_the_state(
    plugged: Plugged, limit: float, outside: str, inside: str
) -> None:
    away = -1 if limit < 12 else 1
    seen = []
    for offset_ma in (-0.05, 0.002, 0.002, -0.0009, 0.008, -0.0009, 0.008, -0.05, 0.002):
        plugged.loop(limit - away * offset_ma)
        seen.append(plugged.module.read(samples=1).values["loop"])
    # From outside it takes 0.01 mA beyond the limit to get nearer to "ok".
    assert seen == [outside] * 9
    plugged.loop(limit - away * 0.011)
    assert plugged.module.read(samples=1).values["loop"] == inside
    plugged.loop(limit - away * 0.002)
    assert plugged.module.read(samples=1).values["loop"] == inside
    plugged.loop(limit + away * 0.002)
    assert plugged.module.read(samples=1).values["loop"] == outside


def test_the_first_reading_has_no_hysteresis(plugged: Plugged) -> None:
    plugged.loop(3.7)
    assert plugged.module.read(samples=1).values["loop"] == "under_range"
    plugged.loop(3.802)
    assert plugged.module.read(samples=1).values["loop"] == "under_range"
    plugged.module.open()
    assert plugged.module.read(samples=1).values["loop"] == "ok"


@pytest.mark.parametrize(
    ("before", "current_ma", "loop"),
    [
        ("under_range", 20.505, "over_range"),
        ("over_range", 3.795, "under_range"),
        ("open", 22.0, "fault_high"),
        ("fault_high", 0.0, "open"),
        ("open", 3.605, "fault_low"),
        ("fault_high", 20.495, "over_range"),
        ("fault_high", 20.48, "ok"),
    ],
)
def test_a_leap_over_several_states(
    plugged: Plugged, before: str, current_ma: float, loop: str
) -> None:
    started = {"open": 0.0, "under_range": 3.7, "over_range": 20.7, "fault_high": 21.5}[before]
    plugged.loop(started)
    assert plugged.module.read(samples=1).values["loop"] == before
    plugged.loop(current_ma)
    assert plugged.module.read(samples=1).values["loop"] == loop
