"""What RAK12004 and RAK12009 have in common: heater, warm-up, calibration, alerts, failures."""

from __future__ import annotations

import itertools
import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tests.cases import for_each
from tests.chips.transactions import each_failure
from tests.modules.in_slot import InSlot

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.boards.rak7391 import GENERATION_A, GENERATION_C
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.chips.adc121c021 import Sample
from wisblock_bridge.errors import (
    BusError,
    BusFault,
    ErrorCode,
    InUseError,
    NotReadyError,
    OutOfRangeError,
)
from wisblock_bridge.module_api import InMemoryState, Quality
from wisblock_bridge.modules.gas.curves import Curve, Range
from wisblock_bridge.modules.gas.rak12004 import RAK12004
from wisblock_bridge.modules.gas.rak12009 import RAK12009
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.state_store import StateStore

if TYPE_CHECKING:
    from pathlib import Path

    from wisblock_bridge.boards.board import BoardSpec

WARM_S = 180.0
CONVERTER = {RAK12004: 0x54, RAK12009: 0x55}
"""0x51, the address of a RAK12004 as delivered, belongs to the clock of a RAK7391."""


def plugged(product: type[Any], spec: BoardSpec = GENERATION_C) -> InSlot:
    straps = {"ADC121C021": 0x54} if product is RAK12004 else None
    return InSlot(product, spec=spec, addresses=straps)


@pytest.fixture(params=[RAK12004, RAK12009])
def place(request: pytest.FixtureRequest) -> InSlot:
    return plugged(request.param)


@pytest.fixture
def module(place: InSlot) -> Any:
    made = place.make(InMemoryState())
    made.open()
    return made


def warm(place: InSlot, module: Any) -> None:
    module.heater(on=True)
    place.clock.advance(WARM_S)


def air(place: InSlot) -> None:
    """Clean air, where Rs / R0 is 9.6 or 1: by the curve that is 14.868 or 6.778 ppm."""
    place.set("ppm", {RAK12004: 14.868, RAK12009: 6.778}[place.product])  # type: ignore[index]


# -- the heater -----------------------------------------------------------------------------------


def test_open_switches_off_what_the_board_or_a_killed_bridge_left_on(place: InSlot) -> None:
    assert place.wire("IO6").level() == 1  # the expander's weak pull-up
    place.make().open()
    assert place.wire("IO6").level() == 0


def test_a_reading_switches_on_and_release_switches_off(place: InSlot, module: Any) -> None:
    levels: list[int] = []
    place.wire("IO6").listen(levels.append)
    module.read()
    module.read()
    assert levels == [1]
    module.close()
    assert levels == [1, 0]
    assert place.timers.waiting == []


def test_nobody_drives_the_pin_that_the_alert_output_is_wired_to(place: InSlot) -> None:
    place.board.expanders["slots"].write(bytes.fromhex("02 DF"))  # an earlier program: IO5 low
    place.board.expanders["slots"].write(bytes.fromhex("06 DF"))
    assert place.wire("IO5").level() == 0
    place.make().open()
    assert place.wire("IO5").level() == 1


@pytest.mark.parametrize("product", [RAK12004, RAK12009])
def test_a_board_that_does_not_say_where_the_alert_pin_is(product: type[Any]) -> None:
    place = plugged(product, GENERATION_A)
    module = place.make()
    module.open()
    assert module.alert_pin is None
    assert module.read().values["ppm"] > 0
    module.close()
    assert place.wire("IO6").level() == 0


@pytest.mark.parametrize("codes", [[0, 0, 0, 3], [2, 2, 2, 2], [0, 3, 2, 0]])
def test_the_noise_of_a_missing_element_is_no_reading(
    module: Any, codes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    module.read()
    found = [Sample(code * 5.0 / 4096, clipped=False, code=code) for code in codes]
    monkeypatch.setattr(module.converter, "read_many", lambda count: found[:count])
    with pytest.raises(OutOfRangeError, match="broken or missing"):
        module.read(samples=4)


def test_the_highest_resistance_lies_within_the_catalogue(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module.read()
    found = [Sample(code * 5.0 / 4096, clipped=False, code=code) for code in (2, 2, 2, 3)]
    monkeypatch.setattr(module.converter, "read_many", lambda count: found[:count])
    values = module.read(samples=4).values
    for each in module.description.operations["read"].gives:
        if each.kind == "float" and each.high is not None:
            assert each.low <= values[each.name] <= each.high, each.name


def test_without_readings_it_goes_off(place: InSlot, module: Any) -> None:
    module.read()
    place.timers.pass_time(599)
    assert place.wire("IO6").level() == 1
    module.read()  # 599 s after the first one
    place.timers.pass_time(599)
    assert place.wire("IO6").level() == 1
    place.timers.pass_time(1.1)
    assert place.wire("IO6").level() == 0
    assert place.timers.waiting == []
    module.read()
    assert place.wire("IO6").level() == 1
    place.timers.pass_time(601)
    assert place.wire("IO6").level() == 0


def test_what_was_switched_on_by_hand_stays_on(place: InSlot, module: Any) -> None:
    assert module.heater(on=True).values["on"] is True
    place.timers.pass_time(10_000)
    assert place.wire("IO6").level() == 1
    assert module.read().values["ppm"] > 0


def test_what_was_switched_off_by_hand_stays_off(place: InSlot, module: Any) -> None:
    module.read()
    assert module.heater(on=False).values["on"] is False
    assert place.wire("IO6").level() == 0
    for action in (module.read, module.calibrate, module.alert().look):
        with pytest.raises(NotReadyError, match="switched off") as caught:
            action()
        assert "heater" in caught.value.hint
    assert place.wire("IO6").level() == 0
    module.heater(on=True)
    assert module.read().values["ppm"] > 0


@pytest.mark.parametrize("by_hand", [True, False])
def test_lost_client(place: InSlot, module: Any, by_hand: bool) -> None:  # noqa: FBT001
    module.heater(on=by_hand)
    module.make_safe("heater")
    assert place.wire("IO6").level() == 0
    assert module.read().values["ppm"] > 0  # somebody else reads
    assert place.wire("IO6").level() == 1


def test_opened_anew_it_is_off_and_restores_nothing(place: InSlot, module: Any) -> None:
    module.heater(on=True)
    module.open()
    assert place.wire("IO6").level() == 0
    module.read()
    place.timers.pass_time(601)
    assert place.wire("IO6").level() == 0
    module.heater(on=False)
    module.open()
    with pytest.raises(NotReadyError):  # an off is not forgotten
        module.read()


def test_the_heater_is_an_output_and_an_off_overtakes(place: InSlot) -> None:
    heater = place.product.description.operations["heater"]
    assert heater.drives == "heater"
    assert heater.is_urgent({"on": False})
    assert not heater.is_urgent({"on": True})
    assert heater.payload_param == "on"


def test_a_missing_module_is_told_and_nothing_stays_on(place: InSlot, module: Any) -> None:
    place.board.unplug(1)
    before = place.clock.monotonic()
    for action in (module.read, lambda: module.heater(on=True)):
        with pytest.raises(BusError) as caught:
            action()
        assert caught.value.code is ErrorCode.NO_DEVICE
        assert f"0x{CONVERTER[place.product]:02x}" in caught.value.where  # type: ignore[index]
        assert place.wire("IO6").level() == 0
    assert place.clock.monotonic() - before < 1.2


def test_a_supply_that_starts_slowly_is_waited_for(place: InSlot, module: Any) -> None:
    place.board.bus.fail(CONVERTER[place.product], Fault(FaultKind.NACK, count=20))  # type: ignore[index]
    assert module.read().values["ppm"] > 0


# -- warming up -----------------------------------------------------------------------------------


def test_warming_up_is_said_with_the_time_that_is_left(place: InSlot, module: Any) -> None:
    readings = module.read()
    assert readings.quality is Quality.UNCERTAIN
    assert readings.note.startswith("Warming up, 180 s left.")
    place.clock.advance(100.4)
    assert "80 s left" in module.read().note
    assert module.heater(on=True).values["warm_up_left"] == pytest.approx(79_600, abs=10)
    place.clock.advance(80)
    assert "Warming up" not in module.read().note


def test_a_short_break_does_not_start_it_anew(place: InSlot, module: Any) -> None:
    warm(place, module)
    module.heater(on=False)
    place.clock.advance(10)
    assert module.heater(on=True).values["warm_up_left"] == pytest.approx(10_000, abs=20)
    module.heater(on=False)
    place.clock.advance(100_000)
    assert module.heater(on=True).values["warm_up_left"] == pytest.approx(180_000, abs=20)


def test_how_long_it_takes_can_be_chosen(place: InSlot, module: Any) -> None:
    assert module.heater(on=True, warm_up_ms=0).values["warm_up_left"] == 0
    assert "Warming up" not in module.read().note
    left = module.heater(on=True, warm_up_ms=600_000).values["warm_up_left"]
    assert left == pytest.approx(600_000, abs=100)
    place.clock.advance(1000)
    assert module.heater(on=True, warm_up_ms=600_000).values["warm_up_left"] == 0


def test_a_cold_element_reads_as_gas(place: InSlot, module: Any) -> None:
    place.set("warming_time_constant", 45_000)
    place.set("ppm", 300)
    cold = module.read().values["ppm"]
    place.clock.advance(WARM_S * 2)
    assert cold > module.read().values["ppm"]


# -- calibration ----------------------------------------------------------------------------------


def test_before_the_first_calibration(place: InSlot, module: Any) -> None:
    warm(place, module)
    place.set("ppm", 400)
    readings = module.read()
    assert readings.values["ppm"] == pytest.approx(400, abs=5)
    assert readings.quality is Quality.UNCERTAIN
    assert "Not calibrated" in readings.note
    known = module.calibration()
    assert known.values["calibrated"] is False
    assert known.values["r0"] == {RAK12004: 11_200.0, RAK12009: 16_100.0}[place.product]  # type: ignore[index]
    assert "date" not in known.values
    assert known.quality is Quality.UNCERTAIN


def test_a_cold_sensor_is_not_calibrated(place: InSlot, module: Any) -> None:
    with pytest.raises(NotReadyError, match="warming up, 180 s are left"):
        module.calibrate()
    assert module.memory.recall() == {}
    warm(place, module)
    module.calibrate()
    assert module.memory.recall() != {}


def test_calibrated_it_is_good(place: InSlot, module: Any) -> None:
    warm(place, module)
    air(place)
    calibrated = module.calibrate(samples=10)
    assert calibrated.quality is Quality.GOOD
    moment = datetime.fromisoformat(calibrated.values["date"])
    assert moment.timestamp() == pytest.approx(place.clock.timestamp_ms() / 1000, abs=1.0)
    place.set("ppm", 400)
    readings = module.read()
    assert (readings.quality, readings.note) == (Quality.GOOD, "")
    known = module.calibration()
    assert known.values == {"calibrated": True, "warm_up_left": 0.0} | calibrated.values
    assert known.quality is Quality.GOOD


def test_it_survives_a_restart_for_its_slot(place: InSlot, tmp_path: Path) -> None:
    name = place.product.product.name
    module = place.make(StateStore(tmp_path).of_module(name, 1))
    module.open()
    warm(place, module)
    found = module.calibrate()
    module.close()
    anew = place.make(StateStore(tmp_path).of_module(name, 1))
    told = anew.calibration().values
    assert told == {"calibrated": True, "warm_up_left": 180_000.0} | found.values
    other = place.make(StateStore(tmp_path).of_module(name, 2))
    assert other.calibration().values["calibrated"] is False


def test_a_calibration_that_cannot_be_kept_says_so(place: InSlot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    module = place.make(StateStore(tmp_path / "file").of_module(place.product.product.name, 1))
    module.open()
    warm(place, module)
    found = module.calibrate()
    assert found.quality is Quality.UNCERTAIN
    assert "could not be kept: " in found.note
    assert "lost at the next restart" in found.note
    assert module.calibration().values["calibrated"] is True  # until then it serves


def test_a_damaged_file_is_set_aside(place: InSlot, tmp_path: Path) -> None:
    name = place.product.product.name
    (tmp_path / f"{name}-1.json").write_text('{"air_resistance": 12', encoding="utf-8")
    module = place.make(StateStore(tmp_path).of_module(name, 1))
    assert module.calibration().values["calibrated"] is False
    assert (tmp_path / f"{name}-1.damaged").exists()
    module.open()
    warm(place, module)
    module.calibrate()
    kept = json.loads((tmp_path / f"{name}-1.json").read_text(encoding="utf-8"))
    assert kept["air_resistance"] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"air_resistance": 0.0},
        {"air_resistance": -5.0},
        {"air_resistance": math.inf},
        {"air_resistance": math.nan},
        {"air_resistance": "12"},
        {"air_resistance": True},
        {"air_resistance": None},
        {"clean_air_ratio": 0},
        {"clean_air_ratio": "9.6"},
        {"samples": "10"},
        {"date": 5},
        {"date": ""},
    ],
)
def test_nonsense_counts_as_no_calibration(place: InSlot, wrong: dict[str, object]) -> None:
    right: dict[str, object] = {
        "air_resistance": 50_000.0,
        "clean_air_ratio": None,
        "samples": 10,
        "date": "2025-01-02T03:04:05+00:00",
    }
    memory = InMemoryState()
    memory.remember(right)
    assert place.make(memory).calibration().values["calibrated"] is True
    memory.remember(right | wrong)
    module = place.make(memory)
    assert module.calibration().values["calibrated"] is False
    module.open()
    assert math.isfinite(module.read().values["ppm"])


def test_a_ratio_of_ones_own(place: InSlot, module: Any) -> None:
    warm(place, module)
    usual = module.calibrate()
    own = module.calibrate(clean_air_ratio=usual.values["clean_air_ratio"] * 2)
    assert own.values["r0"] == pytest.approx(usual.values["r0"] / 2, rel=1e-9)
    assert own.values["clean_air_ratio"] == usual.values["clean_air_ratio"] * 2
    assert module.calibration().values["r0"] == own.values["r0"]


# -- limits ---------------------------------------------------------------------------------------


def test_never_infinity_nor_nan_whatever_the_voltage(place: InSlot, module: Any) -> None:
    warm(place, module)
    finite = 0
    for code in range(0, 4096, 5):
        place.emulated.converter.analog.connect(lambda code=code: code * 5.0 / 4096)
        try:
            values = module.read(samples=1).values
        except OutOfRangeError as error:
            assert code <= 2 or code >= 4090, error  # noqa: PT017  (only there may it be refused)
            continue
        finite += 1
        assert all(math.isfinite(each) for each in values.values() if isinstance(each, float))
        assert values["percent"] == pytest.approx(values["ppm"] / 10_000)
    assert finite == 817


@pytest.mark.parametrize("code", [0, 2])
def test_a_missing_element(place: InSlot, module: Any, code: int) -> None:
    place.emulated.converter.analog.connect(lambda: code * 5.0 / 4096)
    with pytest.raises(OutOfRangeError, match="broken or missing"):
        module.read()


def test_a_broken_element_from_the_back_door(place: InSlot, module: Any) -> None:
    place.set("broken", value=1)
    with pytest.raises(OutOfRangeError, match="broken or missing"):
        module.read()
    place.set("broken", value=0)
    assert module.read().values["ppm"] > 0


@pytest.mark.parametrize("code", [4090, 4095])
def test_a_shorted_element(place: InSlot, module: Any, code: int) -> None:
    place.emulated.converter.analog.connect(lambda: code * 5.0 / 4096)
    with pytest.raises(OutOfRangeError, match="shorted"):
        module.read()


def test_beyond_the_graph_is_said(place: InSlot, module: Any) -> None:
    warm(place, module)
    low, high = {RAK12004: (300.0, 10_000.0), RAK12009: (25.0, 500.0)}[place.product]  # type: ignore[index]
    module.memory.remember(
        {
            "air_resistance": module.calibration().values["air_resistance"],
            "clean_air_ratio": None,
            "samples": 1,
            "date": "2025-01-02T03:04:05+00:00",
        }
    )
    place.set("ppm", low / 4)
    readings = module.read()
    assert readings.values["ppm"] == pytest.approx(low / 4, rel=0.05)
    assert readings.values["range"] == "below_range"
    assert (readings.quality, readings.note) == (
        Quality.UNCERTAIN,
        f"Below {low:.0f} ppm, where the graph begins.",
    )
    place.set("ppm", high * 4)
    readings = module.read()
    assert readings.values["ppm"] == high
    assert readings.values["range"] == "above_range"
    assert (readings.quality, readings.note) == (
        Quality.UNCERTAIN,
        f"{high:.0f} ppm or more, where the graph ends.",
    )
    place.set("ppm", low * 2)
    readings = module.read()
    assert readings.values["range"] == "in_range"
    assert readings.quality is Quality.GOOD


@for_each("ratio", [1e-300, 1e-9, 1e9, 1e300])
def test_a_curve_bears_any_ratio(ratio: float) -> None:
    ppm, place = Curve(-0.399, 1.45, 9.6, 300.0, 10_000.0).concentration(ratio)
    assert 0 < ppm <= 10_000.0
    assert place is (Range.ABOVE_RANGE if ratio < 1 else Range.BELOW_RANGE)


def test_conversions_are_averaged(place: InSlot, module: Any) -> None:
    module.read(samples=1)
    # A result that is read starts the next conversion; the first is that of the reading before.
    volts = itertools.chain([1.0, 2.0, 4.5], itertools.repeat(0.5))
    place.emulated.converter.analog.connect(lambda: next(volts))
    assert module.read(samples=3).values["voltage"] == pytest.approx(2.5, abs=0.002)


@pytest.mark.parametrize(("samples", "transactions"), [(1, 1), (16, 1), (32, 1), (33, 2), (100, 4)])
def test_many_conversions_are_one_transaction(
    place: InSlot, module: Any, samples: int, transactions: int
) -> None:
    module.read()
    before = place.board.bus.transactions
    module.read(samples=samples)
    assert place.board.bus.transactions - before == transactions


# -- alerts ---------------------------------------------------------------------------------------


def test_alerts(place: InSlot, module: Any) -> None:
    watch = module.alert(threshold=400.0, poll_ms=2000)
    assert watch.interval_s == 2.0
    place.set("ppm", 450)
    (first,) = watch.look()
    assert first.values["alert"] is False
    assert list(first.values) == ["alert", "ppm"]
    assert "Warming up" in first.note
    assert watch.look() == []
    place.clock.advance(WARM_S)
    (begun,) = watch.look()
    assert begun.values == {"alert": True, "ppm": pytest.approx(450, abs=5)}
    for ppm in (420, 390, 365):  # not yet 10 % below
        place.set("ppm", ppm)
        assert watch.look() == []
    place.set("ppm", 355)
    (ended,) = watch.look()
    assert ended.values == {"alert": False, "ppm": pytest.approx(355, abs=5)}
    place.set("ppm", 390)
    assert watch.look() == []
    place.set("ppm", 405)
    (again,) = watch.look()
    assert again.values["alert"] is True


def test_what_was_told_while_warming_up_is_told_again_when_it_is_certain(
    place: InSlot, module: Any
) -> None:
    warm(place, module)
    air(place)
    module.calibrate()
    module.heater(on=False)
    place.clock.advance(WARM_S)
    module.heater(on=True)
    watch = module.alert(threshold=400.0)
    (first,) = watch.look()
    assert (first.values["alert"], first.quality) == (False, Quality.UNCERTAIN)
    place.set("ppm", 350.0)
    place.clock.advance(WARM_S)
    (certain,) = watch.look()
    assert (certain.values["alert"], certain.quality) == (False, Quality.GOOD)
    assert watch.look() == []


def test_everybody_has_a_threshold_of_their_own(place: InSlot, module: Any) -> None:
    warm(place, module)
    place.set("ppm", 300)
    assert module.alert(threshold=200.0).look()[0].values["alert"] is True
    assert module.alert(threshold=400.0).look()[0].values["alert"] is False
    assert module.read(threshold=200.0).values["alert"] is True
    assert module.read(threshold=400.0).values["alert"] is False


# -- failures -------------------------------------------------------------------------------------


def test_off_after_any_failure_of_open_and_close(place: InSlot, module: Any) -> None:
    for action in (module.open, module.close, lambda: module.make_safe("heater")):
        for number, error in each_failure(
            place.bus, action, lambda: (module.open(), module.read())
        ):
            assert error.where.startswith(("IO6", "IO5")), number
            module.open()
            assert place.wire("IO6").level() == 0, number
            assert module.read().values["ppm"] > 0, number


@pytest.mark.parametrize(("cold_start", "transactions"), [(True, 5), (False, 1)])
@pytest.mark.parametrize("delivered", [True, False])
def test_a_failure_at_every_transaction_is_told_and_over_afterwards(
    place: InSlot,
    cold_start: bool,  # noqa: FBT001
    transactions: int,
    delivered: bool,  # noqa: FBT001
) -> None:
    failures = 0
    for number in range(transactions + 1):
        place.bus.break_at(None, BusFault.IO, delivered=False)
        module = place.make()
        module.open()
        if not cold_start:
            module.read()
        place.bus.break_at(number, BusFault.IO, delivered=delivered)
        try:
            module.read(samples=3)
        except BusError as error:
            failures += 1
            assert error.fault is BusFault.IO  # noqa: PT017  (the loop goes on)
        place.bus.break_at(None, BusFault.IO, delivered=False)
        module.open()
        assert place.wire("IO6").level() == 0, number
        assert module.read().values["ppm"] > 0, number
    assert failures == transactions


def test_bad_parameters_are_refused_by_the_description(place: InSlot) -> None:
    operations = place.product.description.operations
    for operation, params in (
        ("read", {"samples": 0}),
        ("read", {"threshold": 0.0}),
        ("read", {"threshold": 1e6}),
        ("read", {"curves": "old"}),
        ("calibrate", {"samples": 1001}),
        ("calibrate", {"clean_air_ratio": 0}),
        ("calibration", {"samples": 1}),
        ("heater", {}),
        ("heater", {"on": "off"}),
        ("heater", {"on": True, "warm_up_ms": -1}),
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(params, operations[operation].struct)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"poll_ms": 10}, place.product.description.events["alert"].struct)


# -- addresses ------------------------------------------------------------------------------------


def test_at_the_address_of_the_boards_clock_it_is_refused_with_both_names() -> None:
    place = InSlot(RAK12004)
    with pytest.raises(InUseError) as caught:
        place.slot_manager.worker(Place("RAK12004", 1))
    text = str(caught.value)
    assert "RAK12004 in slot 1" in text
    assert "I2C address 0x51 is held by the clock PCF85063A" in text
    assert place.board.bus.transactions == 0


def test_on_a_board_without_a_clock_it_works_as_delivered() -> None:
    place = InSlot(RAK12004, spec=REVISION_VA)
    module = place.make()
    assert place.wire("IO6").level() == 0
    module.open()
    assert module.read().values["ppm"] == pytest.approx(600, abs=10)
    module.close()
    assert place.wire("IO6").level() == 0


def test_both_together() -> None:
    place = InSlot(RAK12009, others={"ADC121C021": 0x54})
    other = InSlot(RAK12004, slot=2, addresses={"ADC121C021": 0x54}, board=place.board)
    mine, theirs = place.make(), other.make()
    mine.open()
    theirs.open()
    place.set("ppm", 400)
    other.set("ppm", 350)
    assert mine.read().values["ppm"] == pytest.approx(400, abs=5)
    assert theirs.read().values["ppm"] == pytest.approx(350, abs=5)
    mine.close()
    assert other.wire("IO6").level() == 1
