"""Steps of a stepper motor: an order that turns, an even pace, and what is told at the end."""

from __future__ import annotations

import itertools
import select

import pytest
from tests.bridge.rig import Rig
from tests.modules.timed_slot import TimedSlot

from wisblock_bridge.errors import BusError
from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.motors.rak17000 import RAK17000
from wisblock_bridge.modules.motors.stepper import Mode

# A+ A- B+ B-, as levels of the inputs AIN1 AIN2 BIN1 BIN2.
PINS = ("SPI_CLK", "SPI_CS", "IO3", "SPI_MOSI")
A_PLUS, A_MINUS, B_PLUS, B_MINUS = 0b1000, 0b0100, 0b0010, 0b0001
CLIENT = b"a"
MotorSlot = TimedSlot[RAK17000]


@pytest.fixture
def slot() -> MotorSlot:
    made = TimedSlot(RAK17000)
    made.module.open()
    made.history.clear()
    return made


def windings(slot: MotorSlot) -> int:
    found = 0
    for pin in PINS:
        found = found << 1 | slot.level(pin)
    return found


def sequence(slot: MotorSlot, steps: int, mode: Mode) -> list[int]:
    """Make steps and tell which windings were under current during each."""
    slot.module.step(steps, rate=100.0, mode=mode, hold=True)
    found = [windings(slot)]
    for _ in range(abs(steps) - 1):
        slot.timers.pass_time(0.01)
        found.append(windings(slot))
    slot.timers.pass_time(0.02)
    return found


WAVE = [B_PLUS, A_MINUS, B_MINUS, A_PLUS]
FULL = [A_PLUS | B_PLUS, A_MINUS | B_PLUS, A_MINUS | B_MINUS, A_PLUS | B_MINUS]
HALF = [
    A_PLUS | B_PLUS,
    B_PLUS,
    A_MINUS | B_PLUS,
    A_MINUS,
    A_MINUS | B_MINUS,
    B_MINUS,
    A_PLUS | B_MINUS,
    A_PLUS,
]


@pytest.mark.parametrize(
    ("mode", "order"), [(Mode.WAVE, WAVE), (Mode.FULL, FULL), (Mode.HALF, HALF)]
)
def test_the_order_of_the_phases(slot: MotorSlot, mode: Mode, order: list[int]) -> None:
    assert sequence(slot, 2 * len(order), mode) == order * 2
    assert sequence(slot, -len(order), mode) == [*order[-2::-1], order[-1]]


def test_a_position_is_kept_from_move_to_move(slot: MotorSlot) -> None:
    assert sequence(slot, 3, Mode.FULL) == FULL[:3]
    assert sequence(slot, 3, Mode.FULL) == [FULL[3], *FULL[:2]]
    assert sequence(slot, 1, Mode.HALF) == [A_MINUS]
    assert sequence(slot, 1, Mode.WAVE) == [B_MINUS]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("steps", [1, 7, 48, 400, -1, -48, -400])
def test_the_motor_turns(slot: MotorSlot, mode: Mode, steps: int) -> None:
    sequence(slot, 8, mode)
    start = slot.get("position")
    assert isinstance(start, float)
    slot.module.step(steps, rate=200.0, mode=mode)
    slot.timers.pass_time(abs(steps) / 200.0 + 0.1)
    assert slot.get("position") == start + (steps / 2 if mode is Mode.HALF else steps)
    slot.module.step(-steps, rate=200.0, mode=mode)
    slot.timers.pass_time(abs(steps) / 200.0 + 0.1)
    assert slot.get("position") == start


def test_the_documented_order_would_not_turn(slot: MotorSlot) -> None:
    """A+ A- B+ B-: a motor trembles. That is why the order here is another one."""
    slot.module.sleep.drive(1)
    positions = set()
    for _ in range(10):
        for winding in (A_PLUS, A_MINUS, B_PLUS, B_MINUS):
            for bit, pin in enumerate(PINS):
                slot.pins.wire(pin).drive("by hand", winding >> 3 - bit & 1)
                slot.pins.wire(pin).drive(
                    "TPT29555 slots" if pin == "IO3" else "pinctrl-bcm2711", None
                )
            slot.clock.advance(0.007)
            positions.add(slot.get("position"))
    assert max(map(abs, positions)) <= 1  # type: ignore[arg-type]


def test_the_pace_is_even_and_does_not_drift(slot: MotorSlot) -> None:
    slot.timers.grain_s = 0.001
    start = slot.clock.monotonic()
    slot.module.step(2404, rate=1000 / 7, mode=Mode.WAVE)  # 7 ms a step, as documented
    slot.timers.pass_time(16.9)
    rises = [at - start for at, pin, level in slot.history if pin in PINS and level]
    assert len(rises) == 2404
    for number in (0, 1, 100, 1000, 2403):
        assert rises[number] == pytest.approx(0.001 + number * 0.007, abs=0.0021)


def test_after_a_hold_up_no_step_is_made_in_a_hurry(slot: MotorSlot) -> None:
    slot.module.step(100, rate=100.0)
    slot.timers.pass_time(0.1)
    slot.clock.advance(0.3)
    slot.history.clear()
    slot.timers.pass_time(0.2)
    times = sorted({round(at, 6) for at, _, _ in slot.history})
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(gaps) >= 0.0099


def test_inputs_fall_before_others_rise(slot: MotorSlot) -> None:
    for mode in Mode:
        sequence(slot, 24, mode)
    levels = dict.fromkeys(PINS, 0)
    for _, pin, level in slot.history:
        if pin in PINS:
            levels[pin] = level
        assert not (levels["SPI_CLK"] and levels["SPI_CS"]), "never a brake in between"
        assert not (levels["IO3"] and levels["SPI_MOSI"])


def test_the_answer_tells_how_long_it_takes(slot: MotorSlot) -> None:
    assert slot.module.step(200, rate=400.0).values == {"steps": 200, "duration": 500.0}
    assert slot.module.step(-3, rate=0.5).values == {"steps": -3, "duration": 6000.0}


def test_at_the_end_the_windings_are_free_and_the_driver_sleeps(slot: MotorSlot) -> None:
    slot.module.step(4, rate=100.0)
    slot.timers.pass_time(0.0399)
    assert (windings(slot) != 0, slot.get("awake")) == (True, True)
    slot.timers.pass_time(0.0002)
    assert (windings(slot), slot.get("awake")) == (0, False)
    assert slot.timers.waiting == 0


def test_held_the_windings_stay_under_current(slot: MotorSlot) -> None:
    slot.module.step(2, rate=100.0, hold=True)
    slot.timers.pass_time(100.0)
    assert windings(slot) == FULL[1]
    assert slot.module.state("A").values == {"speed": 0.0, "state": "step"}
    assert slot.module.coast("A").values == {"state": "asleep"}
    assert windings(slot) == 0


def test_no_step_at_all(slot: MotorSlot) -> None:
    slot.module.drive("A", 100.0, watchdog_ms=0)
    assert slot.module.step(0).values == {"steps": 0, "duration": 0.0}
    assert (windings(slot), slot.get("awake")) == (0, False)
    slot.module.step(0, hold=True)
    assert windings(slot) != 0


def test_done(slot: MotorSlot) -> None:
    watch = slot.module.done()
    (initial,) = watch.look()
    assert (initial.values, initial.quality) == ({"steps": 0}, Quality.GOOD)
    assert watch.look() == []
    slot.module.step(-5, rate=100.0)
    assert watch.look() == []
    slot.timers.pass_time(0.051)
    assert watch.descriptor is not None
    assert select.select([watch.descriptor], [], [], 0)[0]
    (done,) = watch.look()
    assert (done.values, done.quality, done.note) == ({"steps": -5}, Quality.GOOD, "")
    assert not select.select([watch.descriptor], [], [], 0)[0]
    late = slot.module.done()
    assert [each.values for each in late.look()] == [{"steps": -5}]
    for each in (watch, late, late):
        each.close()
    slot.module.step(1)
    slot.timers.pass_time(1.0)


@pytest.mark.parametrize("command", ["stop", "coast", "brake", "drive", "step", "lost", "close"])
def test_a_move_that_is_stopped_says_so(slot: MotorSlot, command: str) -> None:
    watch = slot.module.done()
    watch.look()
    slot.module.step(100, rate=100.0)
    slot.timers.pass_time(0.095)
    {
        "stop": slot.module.stop,
        "coast": lambda: slot.module.coast("A"),
        "brake": lambda: slot.module.brake("B"),
        "drive": lambda: slot.module.drive("B", 100.0, watchdog_ms=0),
        "step": lambda: slot.module.step(1),
        "lost": lambda: slot.module.make_safe("steps"),
        "close": slot.module.close,
    }[command]()
    (stopped,) = watch.look()
    assert (stopped.values, stopped.quality) == ({"steps": 10}, Quality.UNCERTAIN)
    assert stopped.note == "Stopped after 10 of 100 steps."
    levels = windings(slot)
    assert levels == {"brake": 0b0011, "drive": 0b0010, "step": levels}.get(command, 0)
    slot.history.clear()
    slot.timers.pass_time(5.0)
    assert len(slot.history) <= (4 if command == "step" else 0)


def test_who_drives_a_bridge_does_not_end_the_move_of_another_by_going(slot: MotorSlot) -> None:
    slot.module.step(100, rate=100.0)
    slot.module.make_safe("A")
    slot.timers.pass_time(2.0)
    assert slot.get("position") == 99.5  # the first step is half a one: from one winding to both


def test_a_failure_in_the_middle_stops_the_move(slot: MotorSlot) -> None:
    watch = slot.module.done()
    watch.look()
    slot.module.step(100, rate=100.0)
    slot.timers.pass_time(0.1)
    slot.fail(count=3)
    slot.timers.pass_time(1.0)
    assert [type(each) for each in slot.timers.errors] == [BusError]
    assert (windings(slot), slot.get("awake")) == (0, False)
    (stopped,) = watch.look()
    assert stopped.quality is Quality.UNCERTAIN
    slot.module.open()
    slot.module.step(4)
    slot.timers.pass_time(1.0)
    assert [each.values for each in watch.look()] == [{"steps": 4}]


def test_through_the_bridge() -> None:
    with Rig() as rig:
        rig.result(CLIENT, "hello", lease_ms=60_000)
        number = rig.result(
            CLIENT, "subscribe", module="RAK17000", slot=2, event="done", params={}
        )["subscription"]
        rig.pump_until(lambda: bool(rig.events(CLIENT, number)), "the last move")
        rig.invoke(CLIENT, "RAK17000", 2, "step", steps=3, rate=10.0, mode="wave")
        for _ in range(4):
            rig.advance(0.1)
        rig.pump_until(lambda: len(rig.events(CLIENT, number)) > 1, "the end of the move")
        events = rig.events(CLIENT, number)
        assert [each["readings"] for each in events] == [{"steps": 0}, {"steps": 3}]
        assert events[0]["initial"] is True
        assert rig.board.get(2, "position") == 3.0
