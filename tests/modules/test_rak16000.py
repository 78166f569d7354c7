"""RAK16000: currents, voltages and power come out as they went in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.cases import for_each
from tests.chips.transactions import each_failure
from tests.modules.in_slot import InSlot

from wisblock_bridge.errors import BusError, InUseError, NotReadyError, OutOfRangeError
from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.rak16000 import RAK16000
from wisblock_bridge.runtime.place import Place


@pytest.fixture
def place() -> InSlot:
    return InSlot(RAK16000)


@pytest.fixture
def module(place: InSlot) -> Any:
    made = place.make()
    made.open()
    return made


@pytest.mark.parametrize(
    ("current_ma", "voltage", "power"),
    [
        (500.0, 12.0, 6.0),
        (1000.0, 5.0, 5.0),
        (50.0, 3.3, 0.165),  # the monitor's own register has steps of 2 mW: 0.164
        (-0.1, 12.0, -0.0012),  # and would say 0
        (0.1, 3.3, 0.00033),
        (-500.0, 12.0, -6.0),
        (3150.0, 24.0, 75.6),
        (0.0, 3.348, 0.0),
    ],
)
def test_vectors(
    place: InSlot, module: Any, current_ma: float, voltage: float, power: float
) -> None:
    place.set("current", current_ma)
    place.set("voltage", voltage)
    readings = module.read()
    assert readings.values == {
        "current": pytest.approx(current_ma, abs=0.1),
        "voltage": pytest.approx(voltage, abs=0.002),
        "power": pytest.approx(power, abs=0.00001),
        "shunt_voltage": pytest.approx(current_ma * 0.1, abs=0.005),
    }
    assert (readings.quality, readings.note) == (Quality.GOOD, "")
    assert readings.timestamp_ms == place.clock.timestamp_ms()


def test_round_trip_over_the_ranges_of_the_emulated_product(place: InSlot, module: Any) -> None:
    for quantity in place.emulated.quantities():
        for step in range(21):
            value = quantity.low + (quantity.high - quantity.low) * step / 20
            quantity.set(value)
            found = module.read().values[quantity.name]
            assert found == pytest.approx(value, abs=quantity.tolerance)


@pytest.mark.parametrize(
    ("shunt_ohm", "current_ma"),
    [(0.05, 1000.0), (0.1, 500.0), (0.033, 1515.15), (1.0, 50.0), (10.0, 5.0), (0.001, 50_000.0)],
)
def test_another_shunt(module: Any, shunt_ohm: float, current_ma: float) -> None:
    """The world has 50 mV across the shunt: 500 mA through 0.1 ohm."""
    for _ in range(2):  # what was set for another client does not stay
        found = module.read(shunt_ohm=shunt_ohm).values
        assert found["shunt_voltage"] == pytest.approx(50.0, abs=0.005)
        assert found["current"] == pytest.approx(current_ma, rel=0.0005)
        assert found["power"] == pytest.approx(12.0 * current_ma / 1000.0, rel=0.0005)
        assert module.read().values["current"] == pytest.approx(500.0, abs=0.1)


def test_the_limit_is_that_of_the_shunt(place: InSlot, module: Any) -> None:
    place.set("current", 3250.0)
    with pytest.raises(OutOfRangeError, match=r"beyond 0\.32 A") as caught:
        module.read(shunt_ohm=1.0)
    assert "1 ohm" in caught.value.hint
    place.set("current", 3150.0)
    assert module.read(shunt_ohm=0.01).values["current"] == pytest.approx(31_500.0, abs=1.0)


@for_each("shunt_ohm", [0, 0.0005, 10.1, -0.1, "0.1"])
def test_shunts_that_cannot_be(shunt_ohm: object) -> None:
    struct = RAK16000.description.operations["read"].struct
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"shunt_ohm": shunt_ohm}, struct)


@pytest.mark.parametrize(("voltage", "current_ma"), [(32.764, 3190.0), (0.0, -3190.0), (33.5, 0.0)])
def test_readings_lie_within_the_catalogue(
    place: InSlot, module: Any, voltage: float, current_ma: float
) -> None:
    place.set("voltage", voltage)
    place.set("current", current_ma)
    values = module.read().values
    for each in RAK16000.description.operations["read"].gives:
        assert each.low is not None
        assert each.high is not None
        assert each.low <= values[each.name] <= each.high, each.name


def test_measurements_are_averaged(place: InSlot, module: Any) -> None:
    currents = iter([0.1, 0.2, 0.6])
    place.emulated.monitor.current_a = lambda: next(currents)
    assert module.read(samples=3).values["current"] == pytest.approx(300.0, abs=0.1)


@pytest.mark.parametrize("current_ma", [3250.0, -3300.0])
def test_beyond_the_shunt_is_an_error(place: InSlot, module: Any, current_ma: float) -> None:
    place.set("current", current_ma)
    with pytest.raises(OutOfRangeError, match=r"beyond 3\.2 A") as caught:
        module.read()
    assert caught.value.where == "INA219 0x41 on i2c-1"
    place.set("current", 100.0)
    assert module.read().values["current"] == pytest.approx(100.0, abs=0.1)


def test_a_voltage_that_destroys_it_is_told(place: InSlot, module: Any) -> None:
    place.set("voltage", 26.4)
    readings = module.read()
    assert readings.values["voltage"] == pytest.approx(26.4, abs=0.004)
    assert readings.quality is Quality.UNCERTAIN
    assert "26 V" in readings.note


def test_a_brown_out_does_not_make_the_current_0(place: InSlot, module: Any) -> None:
    place.set("current", 500.0)
    module.read()
    place.emulated.monitor.power_cycle()
    assert module.read().values["current"] == pytest.approx(500.0, abs=0.1)


def test_a_failure_at_every_transaction_is_told_and_over_afterwards(place: InSlot) -> None:
    made = place.make()

    def read() -> None:
        made.read()

    def reset() -> None:
        nonlocal made
        place.emulated.monitor.power_cycle()
        made = place.make()

    for number, error in each_failure(place.bus, read, reset):
        assert "0x41" in error.where, number
        made.open()
        assert made.read().values["current"] == pytest.approx(500.0, abs=0.1), number


def test_a_monitor_that_never_finishes(place: InSlot, module: Any) -> None:
    place.emulated.monitor.never_ready = True
    with pytest.raises(NotReadyError):
        module.read()
    place.emulated.monitor.never_ready = False
    assert module.read().values["voltage"] == pytest.approx(12.0, abs=0.004)


def test_unplugged_nobody_answers(place: InSlot, module: Any) -> None:
    place.board.unplug(1)
    with pytest.raises(BusError) as caught:
        module.read()
    assert caught.value.code == "no_device"
    assert 0x41 not in place.board.bus.addresses


def test_two_of_them_at_two_addresses() -> None:
    place = InSlot(RAK16000, slot=1, others={"INA219": 0x45})
    other = InSlot(RAK16000, slot=2, addresses={"INA219": 0x45}, board=place.board)
    place.set("current", 100.0)
    other.set("current", 900.0)
    assert place.make().read().values["current"] == pytest.approx(100.0, abs=0.1)
    assert other.make().read().values["current"] == pytest.approx(900.0, abs=0.1)


def test_two_at_one_address_are_refused_with_both_names(place: InSlot) -> None:
    place.slot_manager.reservations.reserve(
        Place("RAK16000", 1), place.slot_manager._wanted(RAK16000, 1)
    )
    with pytest.raises(InUseError) as caught:
        place.slot_manager.worker(Place("RAK16000", 2))
    assert "I2C address 0x41 is held by RAK16000 in slot 1" in str(caught.value)
    assert "RAK16000 in slot 2" in str(caught.value)


@for_each("samples", [0, 257, 1.5, "1", None, True])
def test_bad_parameters_are_refused_by_the_description(samples: object) -> None:
    struct = RAK16000.description.operations["read"].struct
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"samples": samples}, struct)


def test_more_than_it_bears_is_said_though_the_mean_is_harmless(place: InSlot, module: Any) -> None:
    """One of ten measurements above 26 V: once is enough to do damage."""
    place.set("voltage", 5.0)
    steps = iter([5.0] * 4 + [30.0] + [5.0] * 5)
    module.check_cancelled = lambda: place.set("voltage", next(steps))
    readings = module.read(samples=10)
    assert readings.values["voltage"] == pytest.approx(7.5, abs=0.004)
    assert readings.quality is Quality.UNCERTAIN
    assert "26 V" in readings.note
