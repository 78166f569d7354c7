"""RAK5801: loop currents come out as they went in."""

from __future__ import annotations

import pytest
from tests.modules.analog_slot import AnalogSlot, NoTimers

from wisblock_bridge.describe import Quality
from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.modules.emulated.rak5801 import EmulatedRAK5801
from wisblock_bridge.modules.rak5801 import RAK5801

STEP_MA = 0.125 / 149.9
"""0.125 mV of the converter, over 149.9 V per ampere."""


class Plugged:
    """A RAK5801 in slot 1, its twin and its board."""

    def __init__(self, supply_v: float = 3.3) -> None:
        self.board = AnalogSlot(supply_v)
        self.twin = EmulatedRAK5801(self.board)
        self.module = RAK5801(self.board.parts, self.board.clock, NoTimers())
        self.module.open()

    def loop(self, current_ma: float) -> None:
        (quantity,) = self.twin.quantities()
        assert quantity.set is not None
        quantity.set(current_ma)


@pytest.fixture
def plugged() -> Plugged:
    return Plugged()


@pytest.mark.parametrize(
    ("current_ma", "percent", "loop"),
    [
        (0.0, -25.0, "open"),
        (3.5, -3.125, "open"),
        (3.7, -1.875, "under_range"),
        (3.81, -1.1875, "ok"),
        (4.0, 0.0, "ok"),
        (8.0, 25.0, "ok"),
        (12.0, 50.0, "ok"),
        (16.0, 75.0, "ok"),
        (20.0, 100.0, "ok"),
        (20.4, 102.5, "ok"),
        (20.6, 103.75, "over_range"),
        (21.0, 106.25, "over_range"),
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
        (0x10DD, 3.60, "open"),  # 3.59990 mA: the step below 3.6
        (0x10DE, 3.60, "under_range"),
        (0x11D9, 3.81, "ok"),
        (0x12BD, 4.00, "ok"),
        (0x257A, 8.00, "ok"),
        (0x3836, 12.00, "ok"),
        (0x4AF3, 16.00, "ok"),
        (0x5DB0, 20.00, "ok"),
        (0x625F, 21.00, "over_range"),
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


def test_a_current_beyond_the_converter_is_an_error() -> None:
    plugged = Plugged(supply_v=5.0)
    plugged.loop(40.0)
    with pytest.raises(OutOfRangeError, match="beyond what can be measured") as caught:
        plugged.module.read(samples=1)
    assert caught.value.where == "AIN1"
    assert "Disconnect" in caught.value.hint
