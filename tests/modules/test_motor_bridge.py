"""Speeds by pulses: the mean is exact, ramps are even, a change of direction passes standstill."""

from __future__ import annotations

from typing import Literal

import pytest
from tests.cases import for_each
from tests.modules.timed_slot import TimedSlot

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.modules.motors.rak17000 import RAK17000

INPUTS = {"A": ("SPI_CLK", "SPI_CS"), "B": ("IO3", "SPI_MOSI")}
Bridge = Literal["A", "B"]
MotorSlot = TimedSlot[RAK17000]


def opened(grain_s: float = 0.0, *, hat: bool = False) -> MotorSlot:
    slot = TimedSlot(RAK17000, REVISION_VA if hat else GENERATION_C, grain_s=grain_s)
    slot.module.open()
    slot.history.clear()
    return slot


def inputs(slot: MotorSlot, bridge: str) -> tuple[int, int]:
    first, second = INPUTS[bridge]
    return slot.level(first), slot.level(second)


def shares(slot: MotorSlot, bridge: str, seconds: float) -> dict[tuple[int, int], float]:
    """Let time pass and tell which share of it the two inputs had which levels."""
    found: dict[tuple[int, int], float] = {}
    levels, since = inputs(slot, bridge), slot.clock.monotonic()
    end = since + seconds
    slot.history.clear()
    slot.timers.pass_time(seconds)
    first, second = INPUTS[bridge]
    for at, pin, level in [*slot.history, (end, "", 0)]:
        found[levels] = found.get(levels, 0.0) + (at - since) / seconds
        since = at
        levels = (
            level if pin == first else levels[0],
            level if pin == second else levels[1],
        )
    return {levels: round(share, 6) for levels, share in found.items() if share > 0.0}


@for_each("duty", [0.02, 0.05, 0.25, 0.5, 0.75, 0.9, 0.97])
@for_each(
    ("bridge", "direction", "hat", "on", "off"),
    [
        ("A", 1, False, (1, 0), (0, 0)),
        ("A", -1, False, (0, 1), (0, 0)),
        ("B", 1, False, (1, 0), (1, 1)),  # slow decay: only the second input can be pulsed
        ("B", -1, False, (0, 1), (0, 0)),
        ("B", 1, True, (1, 0), (0, 0)),
        ("B", -1, True, (0, 1), (0, 0)),
    ],
)
def test_shares_of_the_levels(
    duty: float,
    bridge: Bridge,
    direction: int,
    hat: bool,  # noqa: FBT001
    on: tuple[int, int],
    off: tuple[int, int],
) -> None:
    slot = opened(hat=hat)
    slot.module.drive(bridge, direction * duty * 100.0, watchdog_ms=0)
    found = shares(slot, bridge, 2.0)
    assert found == {on: pytest.approx(duty, abs=0.001), off: pytest.approx(1 - duty, abs=0.001)}
    edges = len(slot.changes(INPUTS[bridge][0])) + len(slot.changes(INPUTS[bridge][1]))
    assert edges <= 201
    assert edges >= (190 if duty >= 0.025 else 100), "50 pulses a second, if none is too short"


@for_each("percent", [1.0, 3.0, 4.9, 5.0, 12.5, 33.3, 50.0, 66.7, 95.1, 99.0])
@for_each("frequency", [20.0, 50.0, 130.0])
def test_the_mean_is_exact_on_a_computer_with_coarse_timers(
    percent: float, frequency: float
) -> None:
    slot = opened(grain_s=0.001)
    slot.module.drive("A", percent, frequency=frequency, watchdog_ms=0)
    found = shares(slot, "A", 10.0)
    assert found[1, 0] == pytest.approx(percent / 100.0, abs=0.002)
    # Whole periods without a pulse, or without a gap, are what exactness costs at the ends.
    assert len(slot.changes("SPI_CLK")) <= 2 * 10.0 * frequency + 1


def test_periods_do_not_drift() -> None:
    slot = opened(grain_s=0.001)
    start = slot.clock.monotonic()
    slot.module.drive("A", 50.0, frequency=60.0, watchdog_ms=0)
    slot.timers.pass_time(100.0)
    rises = [at for at, pin, level in slot.history if (pin, level) == ("SPI_CLK", 1)]
    assert 5999 <= len(rises) <= 6001
    for number in (0, 1000, 3000, 5900):
        assert rises[number] - start - 0.001 == pytest.approx(number / 60.0, abs=0.002)


def test_after_a_hold_up_nothing_is_made_up_for_in_a_burst() -> None:
    slot = opened()
    slot.module.drive("A", 50.0, watchdog_ms=0)
    slot.timers.pass_time(0.105)
    slot.clock.advance(3.0)  # the thread did not get its turn
    slot.history.clear()
    slot.timers.pass_time(1.0)
    assert len(slot.changes("SPI_CLK")) <= 102


@pytest.mark.parametrize("speed", [100.0, -100.0])
def test_full_speed_needs_no_timer(speed: float) -> None:
    slot = opened()
    slot.module.drive("A", speed, watchdog_ms=0)
    assert slot.timers.waiting == 0
    assert inputs(slot, "A") == ((1, 0) if speed > 0 else (0, 1))


def test_the_expander_is_left_alone_between_changes_of_direction() -> None:
    slot = opened()
    slot.module.drive("B", 40.0, watchdog_ms=0)
    before = slot.transactions
    slot.timers.pass_time(5.0)
    assert slot.transactions == before
    slot.module.drive("B", -40.0, watchdog_ms=0)
    slot.timers.pass_time(5.0)
    assert slot.transactions - before == 2, "latch and direction of one line, once"


def test_a_ramp_is_even() -> None:
    slot = opened()
    slot.module.drive("A", 100.0, ramp_ms=2000, watchdog_ms=0)
    for tenth in range(1, 10):
        slot.timers.pass_time(0.2)
        assert slot.module.state("A").values["speed"] == pytest.approx(10.0 * tenth)
        assert slot.get("speed_A") == pytest.approx(10.0 * tenth - 5.0, abs=2.0)
    slot.timers.pass_time(0.5)
    assert slot.module.state("A").values == {"speed": 100.0, "state": "run"}
    assert slot.timers.waiting == 0
    slot.module.drive("A", 0.0, ramp_ms=1000)
    slot.timers.pass_time(0.5)
    assert slot.module.state("A").values["speed"] == pytest.approx(50.0)
    slot.timers.pass_time(0.6)
    assert slot.module.state("A").values == {"speed": 0.0, "state": "asleep"}
    assert slot.timers.waiting == 0


def test_a_ramp_begins_where_the_other_one_was() -> None:
    slot = opened()
    slot.module.drive("A", 80.0, ramp_ms=1000, watchdog_ms=0)
    slot.timers.pass_time(0.5)
    slot.module.drive("A", 20.0, ramp_ms=1000, watchdog_ms=0)
    assert slot.module.state("A").values["speed"] == pytest.approx(40.0)
    slot.timers.pass_time(0.5)
    assert slot.module.state("A").values["speed"] == pytest.approx(30.0)


@for_each("bridge", ["A", "B"])
@for_each("ramp_ms", [0, 400])
@for_each("speed", [100.0, 60.0, -100.0, -60.0])
def test_a_change_of_direction_passes_standstill(
    bridge: Bridge, ramp_ms: int, speed: float
) -> None:
    slot = opened()
    slot.module.drive(bridge, speed, watchdog_ms=0)
    slot.timers.pass_time(0.213)
    slot.history.clear()
    before = inputs(slot, bridge)
    slot.module.drive(bridge, -speed, ramp_ms=ramp_ms, watchdog_ms=0)
    seen = [(slot.clock.monotonic(), before)]
    end = slot.clock.monotonic() + 1.0
    while slot.clock.monotonic() < end:
        slot.timers.pass_time(0.0005)
        levels = inputs(slot, bridge)
        if levels != seen[-1][1]:
            seen.append((slot.clock.monotonic(), levels))
    forward, reverse = (1, 0), (0, 1)
    driven = [levels for _, levels in seen if levels in {forward, reverse}]
    was, becomes = (forward, reverse) if speed > 0 else (reverse, forward)
    first = driven.index(becomes)
    assert was not in driven[first:], "there is one change and no way back"
    begins = next(at for at, levels in seen if levels == becomes)
    still = max(at for at, levels in seen if at < begins and levels == (0, 0))
    assert begins - still >= 0.019, "one period of the pulses at standstill"
    assert slot.module.state(bridge).values["speed"] == -speed


def test_a_new_speed_takes_effect_with_the_next_period() -> None:
    slot = opened()
    slot.module.drive("A", 10.0, watchdog_ms=0)
    slot.timers.pass_time(1.0)
    slot.module.drive("A", 90.0, watchdog_ms=0)
    slot.timers.pass_time(0.021)
    assert shares(slot, "A", 1.0)[1, 0] == pytest.approx(0.9, abs=0.02)


def test_both_bridges_have_their_own_speed() -> None:
    slot = opened()
    slot.module.drive("A", 20.0, watchdog_ms=0)
    slot.module.drive("B", -70.0, frequency=100.0, watchdog_ms=0)
    slot.timers.pass_time(1.0)
    assert slot.get("speed_A") == pytest.approx(20.0, abs=0.5)
    assert slot.get("speed_B") == pytest.approx(-70.0, abs=0.5)


def test_as_documented_up_and_down_in_steps_of_20_ms() -> None:
    """The vendor's example: 0, 1 ... 100 %, 20 ms each, and back; a ramp of 2 s is the same."""
    slot = opened()
    slot.module.drive("A", 100.0, ramp_ms=2020, watchdog_ms=0)
    means = []
    for _ in range(101):
        slot.timers.pass_time(0.02)
        means.append(slot.module.state("A").values["speed"])
    assert means == [pytest.approx((number + 1) / 1.01) for number in range(101)]
