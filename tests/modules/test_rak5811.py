"""RAK5811: voltages come out as they went in."""

from __future__ import annotations

import itertools

import pytest
from tests.cases import for_each
from tests.modules.analog_slot import AnalogSlot, NoTimers

from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.rak5811 import RAK5811
from wisblock_bridge.modules.rak5811_emulated import EmulatedRAK5811

STEP_V = 0.000125 / 0.6
"""0.125 mV of the converter, behind a divider of 0.6."""


class Plugged:
    """A RAK5811 in slot 1, its emulated and its board."""

    def __init__(self, supply_v: float = 3.3) -> None:
        self.board = AnalogSlot(supply_v)
        self.emulated = EmulatedRAK5811(self.board)
        self.module = RAK5811(self.board.parts, self.board.clock, NoTimers())
        self.module.open()

    def source(self, volts: float) -> None:
        (quantity,) = self.emulated.quantities()
        assert quantity.set is not None
        quantity.set(volts)


@pytest.fixture
def plugged() -> Plugged:
    return Plugged()


@for_each("volts", [0.0, 0.5, 1.0, 2.5, 3.3, 4.99, 5.0, 5.09])
def test_voltages(plugged: Plugged, volts: float) -> None:
    plugged.source(volts)
    readings = plugged.module.read(samples=3)
    assert readings.values == {"voltage": pytest.approx(volts, abs=STEP_V)}
    assert (readings.quality, readings.note) == (Quality.GOOD, "")


@pytest.mark.parametrize("volts", [5.11, 5.2, 5.3])
def test_above_5_1_volts_it_is_uncertain(plugged: Plugged, volts: float) -> None:
    plugged.source(volts)
    readings = plugged.module.read(samples=3)
    assert readings.values["voltage"] == pytest.approx(volts, abs=STEP_V)
    assert readings.quality is Quality.UNCERTAIN
    assert "5.1 V" in readings.note


@pytest.mark.parametrize("volts", [5.31, 5.5, 6.0, 12.0])
def test_above_5_3_volts_it_is_an_error(plugged: Plugged, volts: float) -> None:
    plugged.source(volts)
    with pytest.raises(OutOfRangeError, match=r"above 5\.3 V") as caught:
        plugged.module.read(samples=3)
    assert caught.value.where == "AIN1"
    assert "Disconnect" in caught.value.hint


def test_a_clipped_conversion_is_an_error() -> None:
    plugged = Plugged(supply_v=5.0)
    volts = iter([0.0, 0.0, 4.2])  # the mean alone would look harmless
    plugged.board.analog("AIN1").connect(lambda: next(volts))
    with pytest.raises(OutOfRangeError):
        plugged.module.read(samples=3)


@for_each(
    ("raw", "printed"),
    [
        (0x0000, "0.00"),
        (0x0960, "0.50"),
        (0x12C0, "1.00"),
        (0x2EE0, "2.50"),
        (0x3DE0, "3.30"),
        (0x5DC0, "5.00"),
        (0x6360, "5.30"),
    ],
)
def test_documented_codes(plugged: Plugged, raw: int, printed: str) -> None:
    plugged.board.analog("AIN1").connect(lambda: raw * 0.000125)
    assert f"{plugged.module.read(samples=1).values['voltage']:.2f}" == printed


def test_samples_are_averaged(plugged: Plugged) -> None:
    volts = iter([0.6, 1.2, 1.8])
    plugged.board.analog("AIN1").connect(lambda: next(volts))
    assert plugged.module.read(samples=3).values["voltage"] == pytest.approx(2.0, abs=STEP_V)


def test_scale(plugged: Plugged) -> None:
    plugged.source(1.25)
    readings = plugged.module.read(samples=1, scale_low=-50.0, scale_high=150.0)
    assert readings.values["value"] == pytest.approx(0.0, abs=STEP_V / 5 * 200)


@pytest.mark.parametrize("samples", [3, None])
def test_a_voltage_that_is_too_high_now_and_then_is_an_error(samples: int | None) -> None:
    """Above the converter's supply of 3.3 V its input is clamped, so the mean would be too low."""
    plugged = Plugged(supply_v=3.6)
    volts = itertools.cycle([0.3, 3.6, 0.3])
    plugged.board.analog("AIN1").connect(lambda: next(volts))
    with pytest.raises(OutOfRangeError, match=r"above 5\.3 V"):
        plugged.module.read(samples=samples)
    with pytest.raises(OutOfRangeError, match=r"above 5\.3 V"):
        plugged.module.calibrate("low", 2.0, samples=samples)


@pytest.mark.parametrize(("volts", "quality"), [(-0.004, "good"), (-0.1, "uncertain")])
def test_below_0_volts_it_is_uncertain(plugged: Plugged, volts: float, quality: str) -> None:
    """A source wired the wrong way round: 0 V, but not as a good measurement."""
    plugged.board.analog("AIN1").connect(lambda: volts * 0.6)
    readings = plugged.module.read(samples=3)
    assert readings.values == {"voltage": 0.0}
    assert readings.quality == quality
    assert ("Below 0 V" in readings.note) == (quality == "uncertain")
