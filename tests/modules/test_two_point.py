"""Two-point calibration and damping of the analog inputs, for each product that has them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tests.cases import for_each
from tests.modules.in_slot import InSlot

from wisblock_bridge.errors import BusError, OutOfRangeError
from wisblock_bridge.module_api import InMemoryState, Module, ModuleState, Quality, Result
from wisblock_bridge.modules.rak5801 import RAK5801
from wisblock_bridge.modules.rak5811 import RAK5811
from wisblock_bridge.modules.rak16001 import RAK16001
from wisblock_bridge.runtime.state_store import StateStore

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Input:
    """One input of a product: what tests have to know of it.

    ``low`` and ``high`` are two points that can be calibrated, ``near`` is too near to ``low``,
    ``wrong`` is an error that no input has, ``right`` one that it may have. ``step`` is what the
    converter resolves.
    """

    product: type[Module]
    quantity: str
    reading: str
    low: float
    high: float
    near: float
    wrong: float
    right: float
    step: float
    chosen: dict[str, int]


INPUTS = [
    Input(RAK5801, "current", "current", 4.0, 20.0, 7.9, 1.61, 0.2, 0.0009, {}),
    Input(RAK5811, "voltage", "voltage", 0.5, 4.5, 1.7, 0.51, 0.05, 0.00022, {}),
    Input(RAK16001, "voltage_3", "voltage", 0.4, 2.6, 1.1, 0.32, 0.05, 0.012, {"channel": 3}),
]


class Rig:
    """A product in slot 1."""

    def __init__(self, facts: Input, memory: ModuleState | None = None) -> None:
        self.facts = facts
        self.place = InSlot(facts.product)
        self.module = self.make(memory or InMemoryState())

    def make(self, memory: ModuleState) -> Any:
        made = self.place.make(memory)
        made.open()
        return made

    def world(self, value: float) -> None:
        self.place.set(self.facts.quantity, value)

    def read(self, **params: Any) -> Result:
        found: Result = self.module.read(**{"samples": 1} | self.facts.chosen | params)
        return found

    def value(self, **params: Any) -> float:
        found = self.read(**params).values[self.facts.reading]
        assert isinstance(found, float)
        return found

    def calibrate(self, point: str, world: float, actual: float) -> Result:
        self.world(world)
        found: Result = self.module.calibrate(
            point=point, actual=actual, samples=4, **self.facts.chosen
        )
        return found

    def calibration(self) -> dict[str, object]:
        found: dict[str, object] = self.module.calibration(**self.facts.chosen).values
        return found


@pytest.fixture(params=INPUTS, ids=lambda each: each.product.product.name)
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(request.param)


def test_two_points_correct_offset_and_slope(rig: Rig) -> None:
    facts = rig.facts
    assert rig.calibration() == {"calibrated": False, "points": 0, "slope": 1.0, "offset": 0.0}
    assert "calibrated" not in rig.read().values
    # The world shows 2 % more and one ``right`` less than there really is.
    shown = [(1.02 * true - facts.right) for true in (facts.low, facts.high)]
    first = rig.calibrate("low", shown[0], facts.low)
    assert first.quality is Quality.GOOD
    assert first.values["points"] == 1
    assert first.values["slope"] == 1.0
    assert rig.value() == pytest.approx(facts.low, abs=facts.step)
    second = rig.calibrate("high", shown[1], facts.high).values
    assert second["points"] == 2
    assert second["actual"] == facts.high
    assert second["measured"] == pytest.approx(shown[1], abs=facts.step)
    distance = facts.high - facts.low
    assert second["slope"] == pytest.approx(1 / 1.02, abs=2 * facts.step / distance)
    moment = datetime.fromisoformat(str(second["date"]))
    assert moment.timestamp() == pytest.approx(rig.place.clock.timestamp_ms() / 1000, abs=1.0)
    for share in (0.0, 0.3, 0.8, 1.0):
        true = facts.low + share * distance
        rig.world(1.02 * true - facts.right)
        assert rig.value() == pytest.approx(true, abs=3 * facts.step)
        assert rig.read().values["calibrated"] is True
    known = rig.calibration()
    assert known["calibrated"] is True
    assert {key: known[key] for key in ("slope", "offset", "date")} == {
        key: second[key] for key in ("slope", "offset", "date")
    }


def test_the_order_of_the_points_does_not_matter(rig: Rig) -> None:
    facts = rig.facts
    rig.calibrate("high", facts.high + facts.right, facts.high)
    rig.calibrate("low", facts.low - facts.right / 2, facts.low)
    rig.world(facts.low - facts.right / 2)
    assert rig.value() == pytest.approx(facts.low, abs=2 * facts.step)
    rig.world(facts.high + facts.right)
    assert rig.value() == pytest.approx(facts.high, abs=2 * facts.step)


def test_what_cannot_be_is_refused_and_changes_nothing(rig: Rig) -> None:
    facts = rig.facts
    rig.calibrate("low", facts.low, facts.low + facts.right)
    before = rig.calibration()
    for point, world, actual in [
        ("low", facts.low + facts.wrong, facts.low),  # wrong by more than a tenth of the range
        ("high", facts.near, facts.near),  # too near to the other point
        ("high", facts.high, facts.high - facts.wrong),
    ]:
        with pytest.raises(OutOfRangeError, match="left as it was") as caught:
            rig.calibrate(point, world, actual)
        assert caught.value.hint
        assert caught.value.where
        assert rig.calibration() == before
    rig.calibrate("high", facts.high, facts.high)
    before = rig.calibration()
    with pytest.raises(OutOfRangeError, match="apart"):
        rig.calibrate("low", facts.high, facts.high)  # beyond the other one's place
    assert rig.calibration() == before


@for_each("wrong", [-0.1, 60.0, "1", None, True])
def test_true_values_that_cannot_be_measured_are_refused_by_the_description(
    rig: Rig, wrong: object
) -> None:
    struct = rig.facts.product.description.operations["calibrate"].struct
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"point": "low", "actual": wrong, **rig.facts.chosen}, struct)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"point": "middle", "actual": 1.0, **rig.facts.chosen}, struct)


def test_clearing(rig: Rig) -> None:
    facts = rig.facts
    rig.calibrate("low", facts.low, facts.low + facts.right)
    cleared = rig.module.clear_calibration(**facts.chosen)
    assert cleared.values == {"calibrated": False}
    assert rig.value() == pytest.approx(facts.low, abs=facts.step)
    assert rig.calibration()["calibrated"] is False
    assert rig.module.clear_calibration(**facts.chosen).values == {"calibrated": False}


def test_it_survives_a_restart_for_its_slot(rig: Rig, tmp_path: Path) -> None:
    facts, name = rig.facts, rig.facts.product.product.name
    rig.module = rig.make(StateStore(tmp_path).of_module(name, 1))
    found = rig.calibrate("low", facts.low, facts.low + facts.right)
    assert found.quality is Quality.GOOD
    rig.module = rig.make(StateStore(tmp_path).of_module(name, 1))
    assert rig.value() == pytest.approx(facts.low + facts.right, abs=facts.step)
    assert rig.calibration()["date"] == found.values["date"]
    rig.module = rig.make(StateStore(tmp_path).of_module(name, 2))
    assert rig.value() == pytest.approx(facts.low, abs=facts.step)
    rig.module = rig.make(StateStore(tmp_path).of_module(name, 1))
    rig.module.clear_calibration(**facts.chosen)
    rig.module = rig.make(StateStore(tmp_path).of_module(name, 1))
    assert rig.calibration()["calibrated"] is False


def test_one_that_cannot_be_kept_says_so(rig: Rig, tmp_path: Path) -> None:
    facts, name = rig.facts, rig.facts.product.product.name
    (tmp_path / "file").write_text("")
    rig.module = rig.make(StateStore(tmp_path / "file").of_module(name, 1))
    for found in (
        rig.calibrate("low", facts.low, facts.low + facts.right),
        rig.module.clear_calibration(**facts.chosen),
    ):
        assert found.quality is Quality.UNCERTAIN
        assert "could not be kept: " in found.note
        assert "lost at the next restart" in found.note


@pytest.mark.parametrize(
    "wrong",
    [
        {"actual": "5"}, {"actual": None}, {"actual": True}, {"actual": 1e300}, {"measured": -1e9},
        {"date": ""}, {"date": 7}, {"measured": float("nan")},
    ],
)  # fmt: skip
def test_nonsense_that_was_kept_counts_as_no_calibration(
    rig: Rig, wrong: dict[str, object]
) -> None:
    facts = rig.facts
    right: dict[str, object] = {
        "measured": facts.low, "actual": facts.low + facts.right, "date": "2026-01-01T00:00:00"
    }  # fmt: skip
    channel = str(facts.chosen.get("channel", 1))
    for pair, calibrated in ((right, True), (right | wrong, False)):
        memory = InMemoryState()
        memory.remember({"calibration": {channel: {"low": pair}}})
        rig.module = rig.make(memory)
        assert rig.calibration()["calibrated"] is calibrated
    for facts_kept in ({"calibration": [1]}, {"calibration": {channel: 3}}, {"calibration": None}):
        memory = InMemoryState()
        memory.remember(facts_kept)
        rig.module = rig.make(memory)
        assert rig.calibration()["calibrated"] is False


def test_what_is_kept_are_the_points(rig: Rig, tmp_path: Path) -> None:
    name = rig.facts.product.product.name
    rig.module = rig.make(StateStore(tmp_path).of_module(name, 1))
    rig.calibrate("low", rig.facts.low, rig.facts.low + rig.facts.right)
    kept = json.loads((tmp_path / f"{name}-1.json").read_text(encoding="utf-8"))
    (points,) = kept["calibration"].values()
    assert points["low"]["actual"] == rig.facts.low + rig.facts.right
    assert set(points["low"]) == {"measured", "actual", "date"}


def test_calibrated_readings_lie_within_the_catalogue(rig: Rig) -> None:
    facts = rig.facts
    limits = next(
        each
        for each in facts.product.description.operations["read"].gives
        if each.name == facts.reading
    )
    assert limits.low is not None
    assert limits.high is not None
    rig.calibrate("low", facts.low, facts.low - facts.right)
    rig.world(0.0)
    assert rig.value() == limits.low
    rig.calibrate("low", facts.low, facts.low + facts.right)
    rig.world(limits.high)
    try:
        found = rig.read()
    except OutOfRangeError:
        assert facts.product is RAK5811  # beyond what the terminal bears
    else:
        assert found.values[facts.reading] == pytest.approx(limits.high, abs=1e-9)
        assert found.quality is Quality.UNCERTAIN


def test_the_inputs_of_one_module_have_their_own() -> None:
    rig = Rig(INPUTS[2])
    rig.calibrate("low", 0.5, 0.6)
    rig.place.set("voltage_4", 0.5)
    values = rig.module.read_all().values
    assert values["voltage_3"] == pytest.approx(0.6, abs=0.012)
    assert values["voltage_4"] == pytest.approx(0.5, abs=0.012)
    assert values["calibrated_inputs"] == [3]
    assert "calibrated" not in rig.module.read(channel=4).values
    rig.module.clear_calibration(channel=3)
    assert "calibrated_inputs" not in rig.module.read_all().values


def test_an_input_at_its_end_is_not_calibrated() -> None:
    for facts, beyond in ((INPUTS[0], 23.0), (INPUTS[1], 5.6), (INPUTS[2], 3.1)):
        rig = Rig(facts)
        with pytest.raises(OutOfRangeError):
            rig.calibrate("high", beyond, facts.high)
        assert rig.calibration()["calibrated"] is False


# -- damping --------------------------------------------------------------------------------------


def test_a_step_follows_the_exponential_whatever_the_rate(rig: Rig) -> None:
    facts = rig.facts
    start, step = facts.low + (facts.high - facts.low) / 2, facts.right
    for each_s in (0.5, 2.0, 7.0):
        rig.module.open()
        rig.module.clear_calibration(**facts.chosen)
        rig.world(start)
        base = rig.value(damping_s=10.0)
        assert base == pytest.approx(start, abs=facts.step)
        rig.world(start + step)
        began = rig.place.clock.monotonic()
        for _ in range(4):
            rig.place.clock.advance(each_s)
            found = rig.value(damping_s=10.0)
            passed = rig.place.clock.monotonic() - began
            # The first reading of the new value comes after ``each_s`` and counts for all of it.
            exact = start + step * -math.expm1(-passed / 10.0)
            assert found == pytest.approx(exact, abs=1.5 * facts.step)
        assert rig.value() == pytest.approx(start + step, abs=facts.step)  # without, at once


def test_what_starts_the_filter_again(rig: Rig) -> None:
    facts = rig.facts
    middle, step = facts.low + (facts.high - facts.low) / 2, facts.right

    def settle() -> None:
        rig.world(middle)
        rig.place.clock.advance(1000.0)
        assert rig.value(damping_s=10.0) == pytest.approx(middle, abs=facts.step)
        rig.place.clock.advance(1.0)

    settle()
    rig.world(middle + step)
    assert rig.value(damping_s=10.0) < middle + step / 2  # it damps
    settle()
    rig.world(middle + facts.wrong)  # a jump by more than a tenth of the range
    assert rig.value(damping_s=10.0) == pytest.approx(middle + facts.wrong, abs=facts.step)
    settle()
    rig.world(middle + step)
    rig.place.clock.advance(51.0)  # a pause of five time constants
    assert rig.value(damping_s=10.0) == pytest.approx(middle + step, abs=facts.step)
    settle()
    rig.calibrate("low", middle, middle + step)  # what was measured before means something else
    assert rig.value(damping_s=10.0) == pytest.approx(middle + step, abs=facts.step)


def test_a_fault_starts_the_filter_again() -> None:
    rig = Rig(INPUTS[0])
    rig.world(4.2)
    rig.value(damping_s=100.0)
    rig.place.clock.advance(1.0)
    rig.world(3.5)
    found = rig.read(damping_s=100.0).values
    assert found["loop"] == "fault_low"
    assert found["current"] == pytest.approx(3.5, abs=0.001)  # told at once
    rig.place.clock.advance(1.0)
    rig.world(4.2)
    assert rig.value(damping_s=100.0) == pytest.approx(4.2, abs=0.001)


def test_a_failure_of_the_bus_starts_the_filter_again(rig: Rig) -> None:
    facts = rig.facts
    rig.world(facts.high - facts.right)
    rig.value(damping_s=100.0)
    rig.module.open()  # as the worker does after any failure of the bus
    rig.world(facts.high)
    rig.place.clock.advance(1.0)
    assert rig.value(damping_s=100.0) == pytest.approx(facts.high, abs=facts.step)


def test_each_time_constant_has_its_filter_and_their_number_is_bounded(rig: Rig) -> None:
    facts = rig.facts
    start = facts.low + (facts.high - facts.low) / 2
    rig.world(start)
    for number in range(200):
        rig.value(damping_s=10.0 + number)
    rig.world(start + facts.right)
    rig.place.clock.advance(5.0)
    quick, slow = rig.value(damping_s=190.0), rig.value(damping_s=209.0)
    assert start < slow < quick < start + facts.right / 2
    assert len(rig.module._damping._states) <= 32


@for_each("wrong", [-0.1, 3600.1, "1", None])
def test_time_constants_that_cannot_be(rig: Rig, wrong: object) -> None:
    struct = rig.facts.product.description.operations["read"].struct
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"damping_s": wrong}, struct)


def test_a_failure_while_calibrating_changes_nothing(rig: Rig) -> None:
    address = 0x48 if rig.facts.product is RAK16001 else 0x4B
    rig.place.board.bus.detach(address)
    with pytest.raises(BusError):
        rig.calibrate("low", rig.facts.low, rig.facts.low)
    assert rig.calibration()["calibrated"] is False
