"""RAK12006: motion pulls a line low, and the first half minute is uncertain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.cases import for_each
from tests.modules.timed_slot import TimedSlot, each_failure

from wisblock_bridge.boards.rak6421 import REVISION_VA, REVISION_VB
from wisblock_bridge.boards.rak7391 import GENERATION_A, GENERATION_C
from wisblock_bridge.errors import BusError
from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.rak12006 import RAK12006

if TYPE_CHECKING:
    from typing import Literal

    from wisblock_bridge.boards.board import BoardSpec


def opened(board: BoardSpec = GENERATION_C, number: Literal[1, 2] = 1) -> TimedSlot[RAK12006]:
    slot = TimedSlot(RAK12006, board, number)
    slot.module.open()
    return slot


@for_each(
    ("board", "number", "controller", "line"),
    [
        (GENERATION_C, 1, "slots", 6),
        (GENERATION_C, 2, "slots", 14),
        (GENERATION_A, 1, "slots", 6),
        (GENERATION_A, 2, "slots", 7),
        (REVISION_VA, 1, "soc", 12),
        (REVISION_VA, 2, "soc", 22),
        (REVISION_VB, 1, "soc", 22),
        (REVISION_VB, 2, "soc", 18),
    ],
)
def test_the_line_of_each_board(
    board: BoardSpec, number: Literal[1, 2], controller: str, line: int
) -> None:
    slot = opened(board, number)
    slot.set("motion", value=True)
    assert slot.board.wires[controller, line].level() == 0
    assert slot.module.read().values == {"motion": True}
    slot.set("motion", value=False)
    assert slot.board.wires[controller, line].level() == 1
    assert slot.module.read().values == {"motion": False}


@pytest.mark.parametrize("board", [GENERATION_C, REVISION_VA])
def test_not_plugged_in_it_sees_no_motion(board: BoardSpec) -> None:
    slot = opened(board)
    slot.set("motion", value=True)
    slot.board.unplug(1)
    assert slot.module.read().values == {"motion": False}


def test_the_other_polarity() -> None:
    slot = opened()
    for motion in (True, False):
        slot.set("motion", value=motion)
        assert slot.module.read(active_low=False).values == {"motion": not motion}
    watch = slot.module.motion(active_low=False)
    assert [each.values for each in watch.look()] == [{"motion": True}]


def test_the_first_half_minute_is_uncertain() -> None:
    slot = opened()
    for passed, left in ((0.0, "30 s"), (10.0, "20 s"), (19.5, "1 s")):
        slot.clock.advance(passed)
        readings = slot.module.read()
        assert readings.quality is Quality.UNCERTAIN
        assert f"for {left}" in readings.note
    slot.clock.advance(0.5)
    readings = slot.module.read()
    assert (readings.quality, readings.note) == (Quality.GOOD, "")


def test_a_failure_of_the_bus_does_not_cool_it_down() -> None:
    slot = opened()
    slot.clock.advance(40.0)
    slot.module.open()
    assert slot.module.read().quality is Quality.GOOD


def test_motion_is_told_where_the_line_is_looked_at() -> None:
    slot = opened()
    slot.clock.advance(31.0)
    watch = slot.module.motion()
    assert (watch.interval_s, watch.descriptor) == (0.01, None)
    seen = [(each.values["motion"], each.quality) for each in watch.look()]
    for motion in (True, True, False):
        slot.set("motion", value=motion)
        slot.clock.advance(0.01)
        seen += [(each.values["motion"], each.quality) for each in watch.look()]
    assert seen == [(False, Quality.GOOD), (True, Quality.GOOD), (False, Quality.GOOD)]


def test_when_it_has_settled_the_last_state_is_told_once_more() -> None:
    slot = opened()
    watch = slot.module.motion()
    (first,) = watch.look()
    assert first.quality is Quality.UNCERTAIN
    slot.clock.advance(29.9)
    assert watch.look() == []
    slot.clock.advance(0.2)
    (settled,) = watch.look()
    assert (settled.values, settled.quality) == ({"motion": False}, Quality.GOOD)
    assert settled.timestamp_ms == slot.clock.timestamp_ms()
    assert watch.look() == []


def test_where_edges_wake_it_it_is_looked_at_when_it_has_settled() -> None:
    slot = opened(REVISION_VA)
    watch = slot.module.motion()
    slot.clock.advance(10.0)
    watch.look()
    assert watch.look_at == pytest.approx(slot.clock.monotonic() + 20.0)
    slot.set("motion", value=True)
    (begun,) = watch.look()
    assert begun.quality is Quality.UNCERTAIN
    slot.clock.advance(20.0)
    (settled,) = watch.look()
    assert (settled.values, settled.quality) == ({"motion": True}, Quality.GOOD)
    assert math.isinf(watch.interval_s)
    assert watch.look() == []
    watch.close()


def test_motion_is_told_where_the_line_has_an_interrupt() -> None:
    slot = opened(REVISION_VA)
    watch = slot.module.motion()
    assert math.isinf(watch.interval_s)
    (first,) = watch.look()
    assert (first.values, first.quality) == ({"motion": False}, Quality.UNCERTAIN)
    slot.clock.advance(35.0)
    slot.set("motion", value=True)
    at = slot.clock.timestamp_ms()
    slot.clock.advance(0.2)
    (readings,) = watch.look()
    assert (readings.values, readings.timestamp_ms) == ({"motion": True}, at)
    assert readings.quality is Quality.GOOD
    watch.close()


def test_changes_that_got_lost_are_counted() -> None:
    slot = opened(REVISION_VA)
    watch = slot.module.motion()
    watch.look()
    for number in range(19):
        slot.set("motion", value=number % 2 == 0)
    watch.look()
    slot.set("motion", value=False)
    (readings,) = watch.look()
    assert readings.values == {"motion": False, "missed": 3}
    watch.close()


def test_it_drives_nothing() -> None:
    slot = TimedSlot(RAK12006)
    slot.expander("02 BF FF")  # an earlier owner drives IO6 low
    slot.expander("06 BF FF")
    slot.module.open()
    assert slot.drives("IO6") is None
    slot.module.close()
    assert slot.drives("IO6") is None


@pytest.mark.parametrize("action", ["read", "motion", "open"])
def test_a_failure_at_each_transaction(action: str) -> None:
    def act(slot: TimedSlot[RAK12006]) -> object:
        if action == "open":
            slot.module.open()
            return None
        return slot.module.read() if action == "read" else slot.module.motion().look()

    for slot, error in each_failure(opened, act):
        assert isinstance(error, BusError)
        assert error.where.startswith("IO6")
        slot.module.open()
        slot.set("motion", value=True)
        assert slot.module.read().values == {"motion": True}


@for_each(
    ("name", "params"),
    [
        ("read", {"active_low": 1}),
        ("read", {"active_low": None}),
        ("read", {"level": True}),
        ("motion", {"poll_ms": 9}),
        ("motion", {"poll_ms": 60_001}),
        ("motion", {"debounce_ms": -1}),
    ],
)
def test_bad_parameters(name: str, params: dict[str, object]) -> None:
    description = RAK12006.description
    struct = {**description.operations, **description.events}[name].struct
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(params, struct)
