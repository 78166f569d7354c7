"""RAK12004: the vendor's numbers, without the vendor's mistakes, and the curves of other gases."""

from __future__ import annotations

from typing import Any

import pytest
from tests.modules.in_slot import InSlot

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import InMemoryState, Quality
from wisblock_bridge.modules.gas.rak12004 import RAK12004


@pytest.fixture
def place() -> InSlot:
    return InSlot(RAK12004, addresses={"ADC121C021": 0x54})


@pytest.fixture
def module(place: InSlot) -> Any:
    made = place.make(InMemoryState())
    made.open()
    made.heater(on=True, warm_up_ms=0)
    return made


def apply(place: InSlot, volts: float) -> None:
    place.emulated.converter.analog.connect(lambda: volts)


@pytest.mark.parametrize(
    ("raw", "shown"), [(86, 15.243), (384, 787.447), (385, 792.100), (382, 773.599)]
)
def test_the_documented_readings_without_the_one_percent_in_r0(
    place: InSlot, module: Any, raw: int, shown: float
) -> None:
    """The flow adds 101 times the first sample and divides by 100, so its R0 is 1 % high."""
    apply(place, 86 * 5 / 4095)
    assert module.calibrate().values["r0"] == pytest.approx(49_047 / 1.01, rel=2e-3)
    apply(place, raw * 5 / 4095)
    values = module.read().values
    right = shown * 1.01 ** (-1 / 0.399)
    assert values["ppm"] == pytest.approx(right, rel=5e-3)
    assert values["percent"] == pytest.approx(right / 10_000, rel=5e-3)  # 0.077 %, not 7.7 %
    assert values["voltage"] == pytest.approx(raw * 5 / 4095, abs=5 / 4096)


def test_clean_air(place: InSlot, module: Any) -> None:
    apply(place, 86 * 5 / 4095)
    module.calibrate()
    values = module.read().values
    assert values["ratio"] == pytest.approx(9.6)
    assert values["ppm"] == pytest.approx(14.868, rel=1e-4)
    assert values["range"] == "below_range"


@pytest.mark.parametrize(("volts", "ppm"), [(1.0, 177.221), (2.0, 2070.652)])
def test_with_the_r0_of_the_vendors_script(
    place: InSlot, module: Any, volts: float, ppm: float
) -> None:
    apply(place, volts)
    readings = module.read()
    assert readings.values["ppm"] == pytest.approx(ppm, rel=5e-3)
    assert readings.values["resistance"] == pytest.approx(10_000 * (5 / volts - 1), rel=2e-3)
    assert "Not calibrated" in readings.note


@pytest.mark.parametrize(
    ("curves", "gas", "slope", "intercept", "air"),
    [
        ("classic", "smoke", -0.399, 1.45, 9.6),
        ("classic", "hydrogen", -0.473, 1.411, 9.6),
        ("classic", "lpg", -0.464, 1.273, 9.6),
        ("classic", "methane", -0.380, 1.367, 9.6),
        ("classic", "carbon_monoxide", -0.335, 1.488, 9.6),
        ("classic", "alcohol", -0.378, 1.333, 9.6),
        ("classic", "propane", -0.461, 1.291, 9.6),
        ("v1_5", "methane", -0.572, 0.923, 1.0),
        ("v1_5", "alcohol", -0.559, 1.028, 1.0),
        ("v1_5", "smoke", -0.690, 1.141, 1.0),
        ("v1_5", "propane", -0.707, 1.085, 1.0),
    ],
)
def test_each_gas_with_the_clean_air_ratio_of_its_own_sheet(
    place: InSlot,
    module: Any,
    curves: str,
    gas: str,
    slope: float,
    intercept: float,
    air: float,
) -> None:
    apply(place, 0.25)  # 190 kiloohm
    module.calibrate()
    r0 = 190_000 / air
    resistance = r0 * 10 ** (slope * 3 + intercept)  # in 1000 ppm
    apply(place, 5 * 10_000 / (10_000 + resistance))
    readings = module.read(gas=gas, curves=curves)
    assert readings.values["ppm"] == pytest.approx(1000, rel=0.02)
    assert readings.quality is Quality.GOOD
    (told,) = module.alert(gas=gas, curves=curves, threshold=500.0).look()
    assert told.values["alert"] is True


def test_a_ratio_of_ones_own_is_for_the_sheet_that_it_belongs_to(
    place: InSlot, module: Any
) -> None:
    apply(place, 0.25)
    module.calibrate(clean_air_ratio=4.8)
    apply(place, 1.0)
    assert module.read(gas="smoke", curves="v1_5").values["ratio"] == pytest.approx(
        40 / 190, rel=0.01
    )
    assert module.read(gas="smoke").values["ratio"] == pytest.approx(40 / 190 * 4.8, rel=0.01)


@pytest.mark.parametrize("gas", ["lpg", "hydrogen", "carbon_monoxide"])
def test_a_gas_without_a_curve_is_refused_before_anything_is_sent(place: InSlot, gas: str) -> None:
    for described in (
        RAK12004.description.operations["read"],
        RAK12004.description.events["alert"],
    ):
        assert described.check is not None
        described.check(described.struct(gas=gas))
        with pytest.raises(BadParamsError, match=gas) as caught:
            described.check(described.struct(gas=gas, curves="v1_5"))
        assert caught.value.data["allowed"] == "smoke, propane, methane, alcohol"
    assert place.board.bus.transactions == 0


def test_round_trip_over_the_range_of_the_emulated_product(place: InSlot, module: Any) -> None:
    quantity = place.emulated.quantities()[0]
    for step in range(41):
        value = quantity.low + (quantity.high - quantity.low) * step / 40
        quantity.set(value)
        assert module.read().values["ppm"] == pytest.approx(value, abs=quantity.tolerance)


def test_it_is_called_no_alarm() -> None:
    assert any("no safety device" in each for each in RAK12004.description.details)
