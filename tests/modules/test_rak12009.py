"""RAK12009: the vendor's numbers, without the vendor's mistakes, and the other data sheet."""

from __future__ import annotations

from typing import Any

import pytest
from tests.modules.in_slot import InSlot

from wisblock_bridge.module_api import InMemoryState
from wisblock_bridge.modules.gas.rak12009 import RAK12009


@pytest.fixture
def place() -> InSlot:
    return InSlot(RAK12009)


@pytest.fixture
def module(place: InSlot) -> Any:
    made = place.make(InMemoryState())
    made.open()
    made.heater(on=True, warm_up_ms=0)
    return made


def apply(place: InSlot, volts: float) -> None:
    place.emulated.converter.analog.connect(lambda: volts)


@pytest.mark.parametrize(
    ("raw", "shown"), [(179, 6.854), (1125, 74.015), (1121, 73.597), (1112, 72.684)]
)
def test_the_documented_readings_without_the_one_percent_in_r0(
    place: InSlot, module: Any, raw: int, shown: float
) -> None:
    apply(place, 179 * 5 / 4095)
    assert module.calibrate().values["r0"] == pytest.approx(220_494 / 1.01, rel=3e-3)
    apply(place, raw * 5 / 4095)
    values = module.read().values
    right = shown * 1.01 ** (-1 / 0.888)
    assert values["ppm"] == pytest.approx(right, rel=5e-3)
    assert values["percent"] == pytest.approx(right / 10_000, rel=5e-3)


def test_clean_air(place: InSlot, module: Any) -> None:
    apply(place, 179 * 5 / 4095)
    module.calibrate()
    assert module.read().values["ppm"] == pytest.approx(6.778, rel=1e-3)


@pytest.mark.parametrize(("volts", "ppm"), [(1.0, 2.432), (2.0, 7.340)])
def test_with_the_r0_of_the_vendors_script(
    place: InSlot, module: Any, volts: float, ppm: float
) -> None:
    apply(place, volts)
    assert module.read().values["ppm"] == pytest.approx(ppm, rel=5e-3)


@pytest.mark.parametrize("ratio", [1.0, 5.0])
def test_the_classic_mq3(place: InSlot, module: Any, ratio: float) -> None:
    apply(place, 0.05)  # 990 kiloohm, so R0 is a 60th of it
    module.calibrate()
    resistance = ratio * 990_000 / 60
    apply(place, 5 * 10_000 / (10_000 + resistance))
    milligrams_per_litre = 0.3934 * ratio**-1.504
    readings = module.read(curves="mq3")
    assert readings.values["ratio"] == pytest.approx(ratio, rel=0.02)
    assert readings.values["ppm"] == pytest.approx(milligrams_per_litre * 531, rel=0.04)


def test_round_trip_over_the_range_of_the_emulated_product(place: InSlot, module: Any) -> None:
    quantity = place.emulated.quantities()[0]
    for step in range(41):
        value = quantity.low + (quantity.high - quantity.low) * step / 40
        quantity.set(value)
        assert module.read().values["ppm"] == pytest.approx(value, abs=quantity.tolerance)


def test_it_is_called_no_breath_analyser() -> None:
    assert any("no breath analyser" in each for each in RAK12009.description.details)


@pytest.mark.parametrize("threshold", [501.0, 5300.0])
def test_a_threshold_beyond_the_graph_still_alerts(
    place: InSlot, module: Any, threshold: float
) -> None:
    """The graph of an MQ303B ends at 500 ppm: more is never told, and must not pass unnoticed."""
    apply(place, 179 * 5 / 4095)
    module.calibrate()
    assert module.read(threshold=threshold).values["alert"] is False
    (calm,) = (watch := module.alert(threshold=threshold)).look()
    assert calm.values["alert"] is False
    apply(place, 4.5)
    told = module.read(threshold=threshold)
    assert (told.values["ppm"], told.values["range"]) == (500.0, "above_range")
    assert told.values["alert"] is True
    (alarm,) = watch.look()
    assert alarm.values == {"alert": True, "ppm": 500.0}
    apply(place, 179 * 5 / 4095)
    (over,) = watch.look()
    assert over.values["alert"] is False
