"""RAK13007: what it says of itself; how its relay behaves is in test_relays."""

from __future__ import annotations

from tests.modules.timed_slot import TimedSlot

from wisblock_bridge.module_api.needs import LineNeed
from wisblock_bridge.modules.rak13007 import RAK13007


def test_it_has_one_line() -> None:
    assert list(RAK13007.description.needs.values()) == [LineNeed("IO4")]


def test_it_knows_no_input() -> None:
    assert not RAK13007.description.events
    assert list(RAK13007.description.operations) == ["set", "toggle", "pulse", "state"]


def test_as_documented_low_5_s_high_5_s() -> None:
    slot = TimedSlot(RAK13007, slot=2)
    slot.module.open()
    start = slot.clock.monotonic()
    slot.history.clear()
    for number in range(4):
        slot.module.set(on=bool(number % 2))
        slot.timers.pass_time(5.0)
    assert [(round(at - start, 6), level) for at, _, level in slot.history] == [
        (5.0, 1),
        (10.0, 0),
        (15.0, 1),
    ]


def test_unplugged_it_no_longer_follows() -> None:
    slot = TimedSlot(RAK13007)
    slot.module.open()
    slot.module.set(on=True)
    assert slot.get("operations") == 1
    slot.board.unplug(1)
    slot.board.plug("RAK13007", 1)
    assert slot.get("operations") == 0
