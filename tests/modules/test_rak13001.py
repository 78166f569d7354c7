"""RAK13001: its isolated input; how its relay behaves is in test_relays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.modules.timed_slot import TimedSlot, each_failure

from wisblock_bridge.boards.rak6421 import REVISION_VA, REVISION_VB
from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.errors import BusError
from wisblock_bridge.module_api.needs import LineNeed
from wisblock_bridge.modules.rak13001 import RAK13001

if TYPE_CHECKING:
    from typing import Literal

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.modules.shared.line_watcher import LineEvents

A = b"a"


def opened() -> TimedSlot[RAK13001]:
    slot = TimedSlot(RAK13001)
    slot.module.open()
    return slot


def told(watch: LineEvents) -> list[dict[str, object]]:
    return [each.values for each in watch.look()]


def test_it_has_two_lines() -> None:
    assert list(RAK13001.description.needs.values()) == [LineNeed("IO4"), LineNeed("IO3")]


@for_each(
    ("board", "number", "controller", "line"),
    [
        (GENERATION_C, 1, "slots", 3),
        (GENERATION_C, 2, "slots", 11),
        (REVISION_VA, 1, "soc", 13),
        (REVISION_VA, 2, "soc", 23),
        (REVISION_VB, 1, "soc", 13),
        (REVISION_VB, 2, "soc", 23),
    ],
)
def test_the_line_of_each_board(
    board: BoardSpec, number: Literal[1, 2], controller: str, line: int
) -> None:
    slot = TimedSlot(RAK13001, board, number)
    slot.module.open()
    # The processor's own resistor pulls these lines down: without a pull-up it would read active.
    assert slot.module.input().values == {"active": False}
    slot.board.wires[controller, line].drive("a wire", 0)
    assert slot.module.input().values == {"active": True}


def test_the_input_follows_the_voltage() -> None:
    slot = opened()
    for active in (True, False, True):
        slot.set("active", value=active)
        assert slot.get("active") is active
        assert slot.module.input().values == {"active": active}
    slot.module.set(on=True)
    assert slot.module.input().values == {"active": True}, "relay and input are independent"


def test_polled_changes_are_debounced_from_their_own_time() -> None:
    slot = opened()
    watch = slot.module.input_changed()
    assert (watch.interval_s, watch.descriptor) == (0.01, None)
    assert told(watch) == [{"active": False}]
    slot.set("active", value=True)
    assert told(watch) == []
    slot.clock.advance(0.009)
    slot.set("active", value=False)
    slot.clock.advance(0.001)
    assert told(watch) == [], "it lasted less than 10 ms, as far as was seen"
    slot.clock.advance(0.01)
    slot.set("active", value=True)
    assert told(watch) == []
    edge_ms = slot.clock.timestamp_ms()
    assert watch.look_at == pytest.approx(slot.clock.monotonic() + 0.01)
    slot.clock.advance(0.01)
    (readings,) = watch.look()
    assert readings.values == {"active": True}
    assert readings.timestamp_ms == edge_ms, "the time of the edge, not of the look"
    assert watch.look_at is None
    assert told(watch) == []
    watch.close()


def test_the_end_of_the_debounce_time_is_no_beat_of_the_look() -> None:
    """15 ms after the edge, not at the next of the looks that come every 10 ms."""
    slot = opened()
    watch = slot.module.input_changed(debounce_ms=15)
    watch.look()
    slot.set("active", value=True)
    watch.look()
    assert watch.look_at == pytest.approx(slot.clock.monotonic() + 0.015)
    slot.clock.advance(0.01)
    assert told(watch) == []
    slot.clock.advance(0.005)
    assert told(watch) == [{"active": True}]


@pytest.mark.parametrize(
    ("debounce_ms", "expected"), [(0, [(True, 20), (False, 40), (True, 60)]), (30, [(True, 60)])]
)
def test_changes_that_others_found_are_told_each_with_its_time(
    debounce_ms: int, expected: list[tuple[bool, int]]
) -> None:
    """A slow listener beside a fast one on the same line: nothing is lost between its looks."""
    slot = opened()
    fast = slot.module.input_changed(debounce_ms=0)
    slow = slot.module.input_changed(debounce_ms=debounce_ms, poll_ms=100)
    fast.look()
    slow.look()
    begin_ms = slot.clock.timestamp_ms()
    for active in (True, False, True):
        slot.set("active", value=active)
        slot.clock.advance(0.02)
        fast.look()
    slot.clock.advance(0.03)
    found = [*slow.look(), *slow.look()]
    moments = [(each.values["active"], round(each.timestamp_ms - begin_ms)) for each in found]
    assert moments == expected


def test_without_debouncing_a_change_is_told_at_the_next_look() -> None:
    slot = opened()
    watch = slot.module.input_changed(debounce_ms=0, poll_ms=10)
    assert watch.interval_s == 0.01
    assert told(watch) == [{"active": False}]
    slot.set("active", value=True)
    assert told(watch) == [{"active": True}]


def test_where_the_line_has_an_interrupt_it_is_used() -> None:
    slot = TimedSlot(RAK13001, REVISION_VA)
    slot.module.open()
    watch = slot.module.input_changed(debounce_ms=0)
    assert math.isinf(watch.interval_s)
    assert watch.descriptor is not None
    assert told(watch) == [{"active": False}]
    times = []
    for active in (True, False):
        slot.clock.advance(0.003)
        slot.set("active", value=active)
        times.append(slot.clock.timestamp_ms())
    slot.clock.advance(1.0)
    news = watch.look()
    assert [each.values for each in news] == [{"active": True}, {"active": False}]
    assert [each.timestamp_ms for each in news] == times
    watch.close()


def test_each_listener_has_its_own_debounce_time_where_there_is_an_interrupt() -> None:
    """Whoever came first: the kernel would debounce for all of them."""
    slot = TimedSlot(RAK13001, REVISION_VA)
    slot.module.open()
    watches = {each: slot.module.input_changed(debounce_ms=each) for each in (1000, 20, 0)}
    for watch in watches.values():
        assert told(watch) == [{"active": False}]
    begin_ms = slot.clock.timestamp_ms()
    found: dict[int, list[tuple[object, int]]] = {each: [] for each in watches}
    changes = {10: True, 15: False, 40: True, 45: False, 50: True, 200: False, 1300: True}
    for moment in range(0, 1500, 5):
        if moment in changes:
            slot.set("active", value=changes[moment])
        for debounce_ms, watch in watches.items():
            for each in watch.look():
                at = round(each.timestamp_ms - begin_ms)
                found[debounce_ms].append((each.values["active"], at))
        slot.clock.advance(0.005)
    assert found[0] == [(active, moment) for moment, active in changes.items()]
    assert found[20] == [(True, 50), (False, 200), (True, 1300)]
    assert found[1000] == []
    assert watches[1000].look_at == pytest.approx(slot.clock.monotonic() - 0.2 + 1.0)
    slot.clock.advance(0.8)
    (readings,) = watches[1000].look()
    assert (readings.values, round(readings.timestamp_ms - begin_ms)) == ({"active": True}, 1300)


def test_a_listener_hears_on_when_the_module_is_opened_again() -> None:
    """As after any failure of another line: Linux ends the edges of a line that is set up again."""
    slot = TimedSlot(RAK13001, REVISION_VA)
    slot.module.open()
    watch = slot.module.input_changed(debounce_ms=0)
    assert told(watch) == [{"active": False}]
    slot.module.open()
    slot.set("active", value=True)
    assert told(watch) == [{"active": True}]
    watch.close()
    slot.module.open()
    assert slot.pins.wire("IO3").pull == 1
    again = slot.module.input_changed(debounce_ms=0)
    assert told(again) == [{"active": True}]
    slot.set("active", value=False)
    assert told(again) == [{"active": False}]


def test_changes_that_got_lost_are_counted() -> None:
    slot = TimedSlot(RAK13001, REVISION_VA)
    slot.module.open()
    watch = slot.module.input_changed(debounce_ms=0)
    assert told(watch) == [{"active": False}]
    for number in range(20):
        slot.set("active", value=number % 2 == 0)
    told(watch)
    slot.set("active", value=True)
    assert told(watch) == [{"active": True, "missed": 4}]
    watch.close()


@pytest.mark.parametrize("action", ["input", "event"])
def test_a_failure_at_each_transaction(action: str) -> None:
    def act(slot: TimedSlot[RAK13001]) -> object:
        return slot.module.input() if action == "input" else told(slot.module.input_changed())

    for slot, error in each_failure(opened, act):
        assert isinstance(error, BusError)
        assert error.where.startswith("IO3")
        slot.module.open()
        slot.set("active", value=True)
        assert slot.module.input().values == {"active": True}


def test_close_returns_the_relay_even_if_it_cannot_be_switched_off() -> None:
    slot = opened()
    slot.fail(count=None)
    with pytest.raises(BusError):
        slot.module.close()
    slot.repair()
    slot.module.close()
    assert (slot.drives("IO4"), slot.drives("IO3")) == (0, None)


def test_unplugged_it_leaves_the_pin() -> None:
    slot = opened()
    slot.set("active", value=True)
    slot.board.unplug(1)
    assert slot.module.input().values == {"active": False}


def test_through_the_bridge() -> None:
    with Rig() as rig:
        rig.result(A, "hello", lease_ms=60_000)
        number = rig.result(
            A, "subscribe", module="RAK13001", slot=1, event="input_changed", params={}
        )["subscription"]
        rig.pump_until(lambda: bool(rig.events(A, number)), "the present state")
        assert rig.events(A, number)[0]["initial"] is True
        rig.board.set(1, "active", value=True)
        for _ in range(3):
            rig.advance(0.05)
        events = rig.events(A, number)
        assert [each["readings"] for each in events] == [{"active": False}, {"active": True}]
