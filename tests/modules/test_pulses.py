"""Counting pulses: what each kind of input sees, and what it says of what it cannot see."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.bridge.rig import Rig
from tests.fake_clock import FakeClock
from tests.modules.i2c_slot import I2CSlot, NoTimers
from tests.modules.timed_slot import TimedSlot

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BusError, CutShortError, ErrorCode
from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.rak12006 import RAK12006
from wisblock_bridge.modules.rak12015 import RAK12015
from wisblock_bridge.modules.rak13001 import RAK13001
from wisblock_bridge.modules.rak13003 import RAK13003
from wisblock_bridge.modules.shared.pulse_counter import PulseTrain

if TYPE_CHECKING:
    from collections.abc import Callable


class World(FakeClock):
    """A clock on which something happens while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: list[tuple[float, Callable[[], object]]] = []

    def pulses(
        self, count: int, period_s: float, high_s: float, change: Callable[[bool], None]
    ) -> None:
        """Plan pulses, the first one after a third of a period."""
        begin = self._now + period_s / 3
        for number in range(count):
            at = begin + number * period_s
            for moment, high in ((at, True), (at + high_s, False)):
                self.plan.append((moment, partial(change, high)))
        self.plan.sort(key=lambda each: each[0])

    def sleep(self, seconds: float) -> None:
        end = self._now + seconds
        while self.plan and self.plan[0][0] <= end:
            at, action = self.plan.pop(0)
            self._now = max(self._now, at)
            action()
        super().sleep(max(0.0, end - self._now))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    for place in ("timed_slot", "i2c_slot"):
        monkeypatch.setattr(f"tests.modules.{place}.FakeClock", lambda: made)
    return made


def isolated_input(board: Any = None) -> TimedSlot[RAK13001]:
    slot = TimedSlot(RAK13001) if board is None else TimedSlot(RAK13001, board)
    slot.module.open()
    return slot


def test_pulses_of_the_isolated_input_where_it_is_looked_at(world: World) -> None:
    slot = isolated_input()
    world.pulses(20, 0.05, 0.025, lambda on: slot.set("active", value=on))
    result = slot.module.count(window_ms=1000)
    assert result.values == {"pulses": 20}
    assert result.quality is Quality.GOOD
    assert "every 10 ms" in result.note
    assert "50 pulses a second" in result.note


def test_the_frequency_of_the_isolated_input(world: World) -> None:
    slot = isolated_input()
    world.pulses(19, 0.0525, 0.025, lambda on: slot.set("active", value=on))
    result = slot.module.frequency(window_ms=1000)
    assert result.values["frequency"] == pytest.approx(1 / 0.0525, abs=0.3)
    assert result.values["pulses"] == 19


def test_too_fast_for_the_looks_is_uncertain(world: World) -> None:
    slot = isolated_input()
    world.pulses(65, 1 / 65, 1 / 130, lambda on: slot.set("active", value=on))
    result = slot.module.count(window_ms=1000)
    assert result.values["pulses"] != 65
    assert result.quality is Quality.UNCERTAIN
    assert "Too fast" in result.note


def test_a_pulse_between_two_looks_is_missed_there(world: World) -> None:
    """What the note says: this chip keeps nothing."""
    slot = isolated_input()
    world.pulses(5, 0.1, 0.001, lambda on: slot.set("active", value=on))
    assert slot.module.count(window_ms=600).values == {"pulses": 0}


@pytest.mark.parametrize("per_second", [10, 200, 1000])
def test_where_the_kernel_reports_edges_none_is_missed(world: World, per_second: int) -> None:
    slot = isolated_input(REVISION_VA)
    high_s = 0.2 / per_second
    world.pulses(per_second, 1 / per_second, high_s, lambda on: slot.set("active", value=on))
    result = slot.module.frequency(window_ms=1200)
    assert result.values["pulses"] == per_second
    assert result.values["frequency"] == pytest.approx(per_second, rel=1e-3)
    assert (result.quality, result.note) == (Quality.GOOD, "")


def test_edges_that_the_kernel_dropped_are_counted(world: World) -> None:
    """Sixteen are kept for a line; the number of what was lost comes with the next one."""
    slot = isolated_input(REVISION_VA)
    world.pulses(40, 0.00004, 0.00002, lambda on: slot.set("active", value=on))
    late = world.monotonic() + 0.5
    for on in (True, False):
        world.plan.append((late, lambda on=on: slot.set("active", value=on)))  # type: ignore[misc]
    assert slot.module.count(window_ms=1000).values == {"pulses": 41}


def test_a_pulse_under_way_at_the_begin_is_none() -> None:
    train = PulseTrain(begins_with=0, level=0)
    train.take(1, 10.0)
    assert train.pulses == 0
    train.take(0, 20.0)
    train.take(1, 30.0)
    train.take(0, 40.0)
    assert (train.pulses, train.frequency_hz) == (2, 50.0)


@pytest.mark.parametrize(("pulses", "expected"), [(0, 0.0), (1, 0.0), (2, 10.0)])
def test_a_frequency_needs_two_pulses(pulses: int, expected: float) -> None:
    train = PulseTrain(begins_with=1, level=0)
    for number in range(pulses):
        train.take(1, 100.0 * number)
        train.take(0, 100.0 * number + 50)
    assert train.frequency_hz == expected


def test_motions_are_counted(world: World) -> None:
    slot = TimedSlot(RAK12006)
    slot.module.open()
    world.pulses(4, 4.5, 2.0, lambda on: slot.set("motion", value=on))
    unsettled = slot.module.count(window_ms=10_000)
    assert (unsettled.values, unsettled.quality) == ({"pulses": 2}, Quality.UNCERTAIN)
    assert "settling" in unsettled.note
    world.advance(30.0)
    world.plan.clear()
    slot.set("motion", value=False)
    world.pulses(4, 4.5, 2.0, lambda on: slot.set("motion", value=on))
    settled = slot.module.frequency(window_ms=20_000)
    assert settled.values["pulses"] == 4
    assert settled.values["frequency"] == pytest.approx(1 / 4.5, rel=0.05)
    assert settled.quality is Quality.GOOD


def test_edges_from_before_a_count_are_not_in_it(world: World) -> None:
    """Somebody listens, and has not taken yet what was before the count began."""
    slot = isolated_input(REVISION_VA)
    listener = slot.module.input_changed(debounce_ms=0)
    listener.look()
    for active in (True, False, True, False):
        slot.set("active", value=active)
    world.pulses(3, 0.05, 0.02, lambda on: slot.set("active", value=on))
    assert slot.module.count(window_ms=200).values == {"pulses": 3}
    assert [each.values["active"] for each in listener.look()] == [True, False] * 5


# -- what is due meanwhile ------------------------------------------------------------------------


def test_the_pulse_of_the_relay_ends_in_time_during_a_count(world: World) -> None:
    slot = isolated_input()
    assert slot.module.pulse(100).values == {"on": True}
    began = world.monotonic()
    world.pulses(10, 0.1, 0.05, lambda on: slot.set("active", value=on))
    assert slot.module.count(window_ms=2000).values == {"pulses": 10}
    assert slot.changes("IO4")[-2:] == [1, 0]
    ended = [at for at, pin, level in slot.history if (pin, level) == ("IO4", 0)][-1]
    assert 0.1 <= ended - began <= 0.12
    # Nor does it end once more: the relay may be on again by then.
    slot.module.set(on=True)
    slot.timers.pass_time(1.0)
    assert slot.level("IO4") == 1


@pytest.mark.usefixtures("world")
def test_an_off_that_failed_is_tried_again_during_a_count() -> None:
    slot = isolated_input()
    slot.module.set(on=True)
    slot.fail(count=1)
    with pytest.raises(BusError):
        slot.module.set(on=False)
    assert slot.level("IO4") == 1
    slot.repair()
    slot.module.count(window_ms=1000)
    assert slot.level("IO4") == 0


def test_a_pulse_that_cannot_be_ended_ends_the_count(world: World) -> None:
    slot = isolated_input()
    slot.module.pulse(100)
    world.plan.append((world.monotonic() + 0.095, partial(slot.fail, count=None)))
    with pytest.raises(BusError):
        slot.module.count(window_ms=2000)
    slot.repair()
    slot.timers.pass_time(1.0)
    assert slot.level("IO4") == 0


def test_the_pulse_of_an_expanders_line_ends_in_time_during_a_count() -> None:
    clock = World()
    with Rig(clock=clock) as rig:
        rig.result(b"a", "hello", lease_ms=60_000)
        moments: list[tuple[int, float]] = []
        rig.board.wires["board", 6].listen(lambda level: moments.append((level, clock.monotonic())))
        where: Any = {"expander": "board", "line": 6}
        assert rig.invoke(b"a", "TPT29555", "board", "pulse", **where, ms=100) == {"level": 0}
        rig.invoke(b"a", "TPT29555", "board", "count", expander="board", line=9, window_ms=2000)
        (begun, began), (ended, at) = moments
        assert (begun, ended) == (0, 1)
        assert 0.1 <= at - began <= 0.12


# -- a chip that keeps a short pulse --------------------------------------------------------------


class Plugged(I2CSlot):
    """A RAK13003 in slot 1."""

    def __init__(self) -> None:
        super().__init__(RAK13003)
        self.module = RAK13003(self.parts, self.clock, NoTimers())
        self.module.open()
        for wire in self.emulated.wires:
            wire.drive("outside", 0)

    def level(self, pin: int) -> Callable[[bool], None]:
        return lambda high: self.emulated.wires[pin].drive("outside", int(high))


@pytest.mark.parametrize("pin", [0, 6, 8, 15])
@pytest.mark.parametrize("high_s", [0.00001, 0.004, 0.03])
def test_a_short_pulse_is_kept_by_the_chip(world: World, pin: int, high_s: float) -> None:
    plugged = Plugged()
    world.pulses(20, 0.047, high_s, plugged.level(pin))
    result = plugged.module.count(pin, window_ms=1000)
    assert result.values == {"pulses": 20}
    assert result.quality is Quality.GOOD
    assert "kept by the chip" in result.note


def test_the_frequency_of_short_pulses(world: World) -> None:
    plugged = Plugged()
    world.pulses(20, 0.047, 0.0001, plugged.level(3))
    result = plugged.module.frequency(3, window_ms=1000)
    assert result.values["frequency"] == pytest.approx(1 / 0.047, abs=0.3)


def test_pulses_may_begin_with_falling_edges(world: World) -> None:
    plugged = Plugged()
    plugged.level(2)(True)  # noqa: FBT003
    world.pulses(7, 0.1, 0.0001, lambda low: plugged.level(2)(not low))
    assert plugged.module.count(2, edge="falling", window_ms=1000).values == {"pulses": 7}


def test_other_pins_of_the_port_do_not_disturb(world: World) -> None:
    plugged = Plugged()
    world.pulses(10, 0.09, 0.0001, plugged.level(4))
    world.pulses(300, 0.003, 0.001, plugged.level(5))
    assert plugged.module.count(4, window_ms=1000).values == {"pulses": 10}


def test_more_than_one_between_two_looks_is_uncertain(world: World) -> None:
    plugged = Plugged()
    world.pulses(400, 0.0025, 0.001, plugged.level(1))
    result = plugged.module.count(1, window_ms=1000)
    assert cast("int", result.values["pulses"]) <= 100
    assert result.quality is Quality.UNCERTAIN
    assert "100 pulses a second are the most" in result.note


def test_it_takes_one_transaction_for_a_look_and_leaves_no_interrupts(world: World) -> None:
    plugged = Plugged()
    before = plugged.board.bus.transactions
    plugged.module.count(1, window_ms=1000)
    assert plugged.board.bus.transactions - before <= 100 + 5  # begin 2, last level 1, end 2
    assert plugged.board.bus.transfer(0x20, Write(b"\x04"), Read(2)) == bytes(2), "GPINTEN"
    assert world.sleeps


def test_a_failure_ends_it_and_the_next_count_works(world: World) -> None:
    plugged = Plugged()
    plugged.board.bus.fail(0x20, Fault(FaultKind.NACK, skip=20, count=5))
    with pytest.raises(BusError):
        plugged.module.count(1, window_ms=1000)
    plugged.board.bus.fail(0x20, None)
    world.pulses(3, 0.1, 0.001, plugged.level(1))
    assert plugged.module.count(1, window_ms=1000).values == {"pulses": 3}


def test_a_stop_cuts_it_short(world: World) -> None:
    slot = isolated_input()
    asked = []

    def cancelled() -> None:
        asked.append(world.monotonic())
        if len(asked) == 10:
            raise CutShortError(ErrorCode.EXPIRED, "A stop came.")

    slot.module.check_cancelled = cancelled
    begin = world.monotonic()
    with pytest.raises(CutShortError):
        slot.module.count(window_ms=20_000)
    assert world.monotonic() - begin < 0.2


@pytest.mark.parametrize("hours", [-1.0, 1.0])
def test_a_clock_that_is_set_meanwhile_does_not_change_a_frequency(
    world: World, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """The first step of NTP on a board without a clock of its own falls into a count."""
    shift_ms = [0.0]
    true_ms = FakeClock.timestamp_ms
    monkeypatch.setattr(World, "timestamp_ms", lambda self: true_ms(self) + shift_ms[0])

    def set_clock() -> None:
        shift_ms[0] += hours * 3_600_000.0

    for board in (None, REVISION_VA):
        slot = isolated_input(board)
        world.pulses(20, 0.05, 0.025, lambda on: slot.set("active", value=on))  # noqa: B023
        world.plan.append((world.monotonic() + 0.5, set_clock))
        world.plan.sort(key=lambda each: each[0])
        found = slot.module.frequency(window_ms=1000).values
        assert found == {"frequency": pytest.approx(20.0, abs=0.3), "pulses": 20}
    plugged = Plugged()
    world.pulses(20, 0.05, 0.001, plugged.level(3))
    world.plan.append((world.monotonic() + 0.5, set_clock))
    world.plan.sort(key=lambda each: each[0])
    found = plugged.module.frequency(3, window_ms=1000).values
    assert found == {"frequency": pytest.approx(20.0, abs=0.3), "pulses": 20}


@pytest.mark.parametrize("debounce_ms", [10, 10_000])
def test_a_count_is_not_debounced_for_somebody_else(world: World, debounce_ms: int) -> None:
    slot = isolated_input(REVISION_VA)
    listener = slot.module.input_changed(debounce_ms=debounce_ms)
    listener.look()
    world.pulses(20, 0.05, 0.002, lambda on: slot.set("active", value=on))
    assert slot.module.count(window_ms=1200).values == {"pulses": 20}
    assert listener.look() == []


@pytest.mark.parametrize("high_s", [0.0001, 0.03])
def test_a_supply_that_breaks_down_during_a_count_is_said(world: World, high_s: float) -> None:
    plugged = Plugged()
    world.pulses(20, 0.047, high_s, plugged.level(3))
    world.plan.append((world.monotonic() + 0.41, plugged.emulated.silicon.power_cycle))
    world.plan.sort(key=lambda each: each[0])
    result = plugged.module.count(3, window_ms=1000)
    assert result.quality is Quality.UNCERTAIN
    assert "supply" in result.note
    world.plan.clear()
    world.pulses(20, 0.047, high_s, plugged.level(3))
    again = plugged.module.count(3, window_ms=1000)
    assert (again.values, again.quality) == ({"pulses": 20}, Quality.GOOD)


# -- over the wire --------------------------------------------------------------------------------


def test_the_expander_of_the_board() -> None:
    clock = World()
    with Rig(clock=clock) as rig:
        wire = rig.board.wires["slots", 3]
        wire.drive("outside", 0)

        def result(operation: str) -> Any:
            clock.pulses(15, 0.06, 0.03, lambda high: wire.drive("outside", int(high)))
            number = rig.send_invoke(b"a", "TPT29555", "board", operation, expander="slots", line=3)
            return rig.reply(b"a", number)["result"]

        counted, measured = result("count"), result("frequency")
        assert counted["readings"] == {"pulses": 15}
        assert "50 pulses a second" in counted["note"]
        assert measured["readings"]["frequency"] == pytest.approx(1 / 0.06, abs=0.3)


@pytest.mark.parametrize("before_end_s", [0.001, 0.1])
@pytest.mark.parametrize("ends", ["by itself", "cut short"])
def test_an_edge_at_the_end_of_a_count_is_reported(ends: str, before_end_s: float) -> None:
    """The count takes it from the kernel as well; who listens does not wait for the next edge."""
    clock = World()
    with Rig(REVISION_VA, clock=clock) as rig:
        rig.board.plug("RAK13001", 1)
        rig.result(b"a", "hello", lease_ms=60_000)
        where: Any = {"module": "RAK13001", "slot": 1}
        params = {"debounce_ms": 0}
        number = rig.result(b"a", "subscribe", **where, event="input_changed", params=params)
        subscription = number["subscription"]
        rig.settle()
        end = clock.monotonic() + 1.0
        clock.plan.append((end - before_end_s, lambda: rig.board.set(1, "active", value=True)))
        if ends == "cut short":
            off: Any = {**where, "operation": "set", "params": {"on": False}}
            clock.plan.append(
                (end - before_end_s, lambda: rig.send(b"a", "invoke", **off) and None)
            )
        count = rig.send_invoke(b"a", "RAK13001", 1, "count", window_ms=1000)
        rig.reply(b"a", count)
        rig.pump_until(lambda: len(rig.events(b"a", subscription)) == 2, "the edge is reported")
        states = [each["readings"] for each in rig.events(b"a", subscription)]
        assert states == [{"active": False}, {"active": True}]


def test_vibrations_are_counted() -> None:
    with Rig() as rig:
        rig.board.plug("RAK12015", 1)
        assert rig.invoke(b"a", "RAK12015", 1, "count", window_ms=500) == {"pulses": 0}
        rig.board.set(1, "peak", 1.0)
        rig.board.set(1, "frequency", 20.0)
        found = rig.invoke(b"a", "RAK12015", 1, "frequency", window_ms=2000)
        assert found["frequency"] == pytest.approx(20.0, rel=0.1)
        assert found["pulses"] == pytest.approx(40, abs=3)
    assert RAK12015.description.operations["count"].reads_only
