"""RAK12015: pulses are counted, rest is rest, and the other slot gets its turn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from tests.cases import for_each
from tests.chips.transactions import each_failure
from tests.modules.in_slot import InSlot

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.errors import BusError
from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.rak12015 import RAK12015, PulseCounter


@pytest.fixture
def place() -> InSlot:
    return InSlot(RAK12015)


@pytest.fixture
def module(place: InSlot) -> Any:
    made = place.make()
    made.open()
    return made


def at_pin(place: InSlot, volts: float) -> None:
    place.board.slots[place.slot].analog("AIN1").connect(lambda: volts)


@for_each("slot", [1, 2])
@for_each("spec", [GENERATION_C, REVISION_VA], ids=["RAK7391", "RAK6421"])
def test_at_rest_and_shaken(slot: int, spec: Any) -> None:
    place = InSlot(RAK12015, slot=slot, spec=spec)
    module = place.make()
    module.open()
    rest = module.read()
    assert rest.values["vibration"] is False
    assert rest.values["peak"] == 0.0
    assert rest.values["pulses"] == 0
    assert (rest.quality, rest.note) == (Quality.GOOD, "")
    place.set("peak", 0.65)
    shaken = module.read()
    assert shaken.values["vibration"] is True
    assert shaken.values["peak"] == pytest.approx(0.65, abs=0.000125)
    assert shaken.values["pulses"] in {12, 13}  # 50 Hz for a quarter of a second
    assert shaken.values["conversions"] >= 0.25 * 700
    place.set("peak", 0.0)
    assert module.read().values["vibration"] is False


@pytest.mark.parametrize("frequency", [1, 20, 75, 150])
def test_pulses(place: InSlot, module: Any, frequency: int) -> None:
    place.set("peak", 1.0)
    place.set("frequency", frequency)
    assert module.read(window_ms=2000).values["pulses"] == pytest.approx(2 * frequency, abs=1)


@pytest.mark.parametrize(
    ("raw", "vibration"),
    [(0, False), (-40, False), (39, False), (40, False), (799, False), (800, True), (1520, True)],
)
def test_documented_codes(place: InSlot, module: Any, raw: int, vibration: bool) -> None:  # noqa: FBT001
    """5 mV are noise, not an alarm, and neither are -5 mV."""
    at_pin(place, raw * 0.000125)
    values = module.read(window_ms=10).values
    assert values["vibration"] is vibration
    assert values["peak"] == pytest.approx(max(raw, 0) * 0.000125)


@pytest.mark.parametrize(("volts", "printed"), [(0.19, "0.19"), (0.2, "0.20"), (0.41, "0.41")])
def test_documented_peaks(place: InSlot, module: Any, volts: float, printed: str) -> None:
    place.set("peak", volts)
    assert f"{module.read().values['peak']:.2f}" == printed


def test_the_threshold_can_be_chosen(place: InSlot, module: Any) -> None:
    place.set("peak", 0.3)
    assert module.read(threshold=0.3).values["vibration"] is True
    assert module.read(threshold=0.31).values == {
        "vibration": False,
        "peak": pytest.approx(0.3),
        "pulses": 0,
        "conversions": pytest.approx(200, abs=50),
    }


def test_a_pulse_that_trembles_is_one() -> None:
    counter = PulseCounter(0.1)
    counter.take([0.0, 0.2, 0.09, 0.2, 0.06, 0.11, 0.04, 0.3, 0.0, 0.09, 0.0])
    assert (counter.pulses, counter.peak, counter.conversions) == (2, 0.3, 11)


def test_stuck_high_is_said(place: InSlot, module: Any) -> None:
    at_pin(place, 2.5)
    readings = module.read()
    assert readings.values["pulses"] == 1
    assert readings.quality is Quality.UNCERTAIN
    assert "stuck" in readings.note


def test_few_looks_are_said(place: InSlot, module: Any) -> None:
    place.board.bus.fail(0x4B, Fault(FaultKind.SLOW))
    readings = module.read()
    assert readings.quality is Quality.UNCERTAIN
    assert "looks a second" in readings.note
    assert readings.values["conversions"] < 10


def test_the_window_is_as_long_as_asked_for(place: InSlot, module: Any) -> None:
    module.read(window_ms=10)
    for window_ms in (10, 250, 2000):
        before = place.clock.monotonic()
        module.read(window_ms=window_ms)
        passed = place.clock.monotonic() - before
        assert window_ms / 1000 <= passed < window_ms / 1000 + 0.005


def test_a_failure_at_every_transaction_is_told_and_over_afterwards(place: InSlot) -> None:
    module = place.make()

    def read() -> None:
        module.read(window_ms=10)

    for number, error in each_failure(place.bus, read, read):
        assert error.where.startswith("AIN1"), number
        assert module.read(window_ms=10).values["peak"] == 0.0, number


def test_events(place: InSlot, module: Any) -> None:
    watch = module.vibration(hold_ms=1000, window_ms=100, poll_ms=200)
    assert watch.interval_s == 0.2

    def look() -> list[dict[str, object]]:
        place.clock.advance(0.1)
        return [each.values for each in watch.look()]

    assert look() == [{"vibration": False, "peak": 0.0, "pulses": 0}]
    assert look() == []
    place.set("peak", 0.5)
    (begun,) = look()
    assert (begun["vibration"], begun["peak"]) == (True, pytest.approx(0.5))
    assert begun["pulses"] in {4, 5, 6}
    place.set("peak", 0.8)
    assert look() == []
    place.set("peak", 0.0)
    assert [look() for _ in range(4)] == [[]] * 4  # 0.8 s of quiet are not yet enough
    ended = next(found[0] for found in iter(look, None) if found)
    assert (ended["vibration"], ended["peak"]) == (False, pytest.approx(0.8))
    assert ended["pulses"] in {8, 9, 10, 11, 12}
    assert look() == []
    place.set("peak", 0.3)
    assert look()[0]["peak"] == pytest.approx(0.3)  # counted from the start again


def test_an_event_goes_on_after_a_failure(place: InSlot, module: Any) -> None:
    watch = module.vibration()
    watch.look()
    place.board.bus.fail(0x4B, Fault(FaultKind.NACK, count=1))
    with pytest.raises(BusError):
        watch.look()
    place.set("peak", 0.5)
    assert watch.look()[0].values["vibration"] is True


@for_each(
    "params",
    [{"window_ms": 9}, {"window_ms": 5001}, {"threshold": 0.0}, {"threshold": 3.5}, {"window": 10}],
)
def test_bad_parameters_are_refused_by_the_description(params: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(params, RAK12015.description.operations["read"].struct)


def test_the_other_slot_is_not_starved(place: InSlot, module: Any) -> None:
    """Two modules convert at once: each gets its turns, and never the other's value."""
    other = InSlot(RAK12015, slot=2, board=place.board)
    # One owner of the chip for both slots, as in the bridge.
    theirs = other.product(
        {"sensor": place.slot_manager._part(RAK12015.description.needs["sensor"], 2)},
        place.clock,
        other.timers,
    )
    at_pin(place, 0.75)
    at_pin(other, 1.5)
    start = threading.Barrier(2)

    def look(mine: Any) -> Any:
        start.wait(30)
        return mine.read(window_ms=2000).values

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(look, (module, theirs))
    assert first["peak"] == pytest.approx(0.75)
    assert second["peak"] == pytest.approx(1.5)
    # 800 each when both begin at the same moment; one that never gets a turn would have 1.
    assert min(first["conversions"], second["conversions"]) > 100


def test_the_peak_lies_within_the_catalogue() -> None:
    counter = PulseCounter(0.1)
    counter.take([-0.01, 3.42, 0.0])  # an input above the converter's supply
    assert counter.peak == 3.3
    (peak,) = [
        each for each in RAK12015.description.operations["read"].gives if each.name == "peak"
    ]
    assert peak.high == 3.3
