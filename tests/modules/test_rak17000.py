"""RAK17000: pins, truth table, safety, who may use it. Pulses and steps have tests of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.modules.timed_slot import TimedSlot, each_failure

from wisblock_bridge.boards.rak6421 import REVISION_VA, REVISION_VB
from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.modules.motors.rak17000 import RAK17000
from wisblock_bridge.runtime.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec

A, B = b"a", b"b"
INPUTS = {"A": ("SPI_CLK", "SPI_CS"), "B": ("IO3", "SPI_MOSI")}
Bridge = Literal["A", "B"]
OTHER: dict[Bridge, Bridge] = {"A": "B", "B": "A"}
MotorSlot = TimedSlot[RAK17000]


def opened(board: BoardSpec = GENERATION_C) -> MotorSlot:
    slot = TimedSlot(RAK17000, board)
    slot.module.open()
    slot.history.clear()
    return slot


def running() -> MotorSlot:
    """Both motors run, bridge A by pulses."""
    slot = opened()
    slot.module.drive("A", 50.0)
    slot.module.drive("B", -100.0)
    return slot


def inputs(slot: MotorSlot, bridge: str) -> tuple[int, int]:
    first, second = INPUTS[bridge]
    return slot.level(first), slot.level(second)


def asleep(slot: MotorSlot) -> bool:
    return slot.drives("IO6") == 0


def is_safe(slot: MotorSlot) -> bool:
    return asleep(slot) and inputs(slot, "A") == inputs(slot, "B") == (0, 0)


@pytest.fixture
def slot() -> MotorSlot:
    return opened()


@for_each(
    ("board", "number", "pins"),
    [
        (GENERATION_C, 1, ["soc 11", "soc 8", "slots 3", "soc 10", "slots 6"]),
        (GENERATION_C, 2, ["soc 11", "soc 7", "slots 11", "soc 10", "slots 14"]),
        (REVISION_VA, 1, ["soc 11", "soc 8", "soc 13", "soc 10", "soc 12"]),
        (REVISION_VA, 2, ["soc 11", "soc 7", "soc 23", "soc 10", "soc 22"]),
        (REVISION_VB, 1, ["soc 11", "soc 8", "soc 13", "soc 10", "soc 22"]),
        (REVISION_VB, 2, ["soc 11", "soc 7", "soc 23", "soc 10", "soc 18"]),
    ],
)
def test_the_lines_of_each_board(board: BoardSpec, number: Literal[1, 2], pins: list[str]) -> None:
    slot = TimedSlot(RAK17000, board, number)

    def levels() -> list[int]:
        found = []
        for pin in pins:
            controller, offset = pin.split()
            found.append(slot.board.wires[controller, int(offset)].level())
        return found

    module = slot.module
    module.open()
    assert levels() == [0, 0, 0, 0, 0]
    cases: list[tuple[Bridge, float, list[int]]] = [
        ("A", 100.0, [1, 0, 0, 0, 1]),
        ("A", -100.0, [0, 1, 0, 0, 1]),
        ("A", 0.0, [0, 0, 0, 0, 0]),
        ("B", 100.0, [0, 0, 1, 0, 1]),
        ("B", -100.0, [0, 0, 0, 1, 1]),
    ]
    for bridge, speed, expected in cases:
        module.drive(bridge, speed)
        slot.timers.pass_time(0.1)
        assert levels() == expected, (bridge, speed)
    module.stop()
    assert levels() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("bridge", ["A", "B"])
def test_the_truth_table(slot: MotorSlot, bridge: Bridge) -> None:
    module, other = slot.module, OTHER[bridge]
    assert module.drive(bridge, 100.0).values == {"speed": 100.0}
    assert inputs(slot, bridge) == (1, 0)
    assert module.brake(bridge).values == {"state": "brake"}
    assert inputs(slot, bridge) == (1, 1)
    assert not asleep(slot)
    assert module.drive(bridge, -100.0).values == {"speed": -100.0}
    assert inputs(slot, bridge) == (0, 1)
    assert inputs(slot, other) == (0, 0)
    assert module.coast(bridge).values == {"state": "asleep"}
    assert is_safe(slot)


@pytest.mark.parametrize("bridge", ["A", "B"])
def test_state(slot: MotorSlot, bridge: Bridge) -> None:
    module, other = slot.module, OTHER[bridge]
    assert module.state(bridge).values == {"speed": 0.0, "state": "asleep"}
    module.drive(bridge, -30.0)
    assert module.state(bridge).values == {"speed": -30.0, "state": "run"}
    assert module.state(other).values == {"speed": 0.0, "state": "coast"}
    module.brake(bridge)
    assert module.state(bridge).values == {"speed": 0.0, "state": "brake"}
    module.drive(bridge, 0.0)
    assert module.state(bridge).values == {"speed": 0.0, "state": "asleep"}


def test_the_driver_is_awake_before_its_inputs_rise_and_after_they_fell(slot: MotorSlot) -> None:
    slot.module.drive("A", 100.0)
    assert slot.clock.sleeps == [0.001]
    (woken, *_), (rose, *_) = slot.history
    assert rose - woken == pytest.approx(0.001)
    slot.module.stop()
    assert [(pin, level) for _, pin, level in slot.history] == [
        ("IO6", 1),
        ("SPI_CLK", 1),
        ("SPI_CLK", 0),
        ("IO6", 0),
    ]


def test_the_driver_sleeps_only_when_nothing_runs(slot: MotorSlot) -> None:
    slot.module.drive("A", 100.0)
    slot.module.drive("B", 100.0)
    assert slot.module.coast("A").values == {"state": "coast"}
    assert not asleep(slot)
    slot.module.drive("B", 0.0)
    assert asleep(slot)


# -- watchdog -------------------------------------------------------------------------------------


def test_a_run_that_is_not_renewed_stops(slot: MotorSlot) -> None:
    slot.module.drive("A", 100.0, watchdog_ms=500)
    slot.timers.pass_time(0.4)
    slot.module.drive("A", 100.0, watchdog_ms=500)
    slot.timers.pass_time(0.499)
    assert inputs(slot, "A") == (1, 0)
    assert slot.changes("SPI_CLK") == [1], "renewing it does not disturb it"
    slot.timers.pass_time(0.002)
    assert is_safe(slot)
    assert slot.module.state("A").values == {"speed": 0.0, "state": "asleep"}
    assert slot.timers.waiting == 0


def test_it_stops_after_10_s_unless_told_otherwise(slot: MotorSlot) -> None:
    slot.module.drive("A", 70.0)
    slot.module.drive("B", 100.0, watchdog_ms=0)
    slot.timers.pass_time(9.9)
    assert slot.module.state("A").values["state"] == "run"
    slot.timers.pass_time(0.2)
    assert slot.module.state("A").values["state"] == "coast"
    slot.timers.pass_time(10_000.0)
    assert inputs(slot, "B") == (1, 0)


@pytest.mark.parametrize("command", ["brake", "coast", "zero", "stop"])
def test_the_watchdog_of_a_run_that_is_over_is_over(slot: MotorSlot, command: str) -> None:
    slot.module.drive("A", 100.0, watchdog_ms=500)
    {
        "brake": lambda: slot.module.brake("A"),
        "coast": lambda: slot.module.coast("A"),
        "zero": lambda: slot.module.drive("A", 0.0),
        "stop": slot.module.stop,
    }[command]()
    before = inputs(slot, "A")
    slot.timers.pass_time(1.0)
    assert inputs(slot, "A") == before
    assert slot.timers.waiting == 0


# -- safe -----------------------------------------------------------------------------------------


@for_each("latches", ["00", "FF", "48", "40", "08"])
@for_each("directions", ["FF", "B7", "00"])
def test_safe_before_the_first_command(latches: str, directions: str) -> None:
    slot = TimedSlot(RAK17000)
    slot.expander(f"02 {latches} FF")
    slot.expander(f"06 {directions} FF")
    soc = slot.hardware.controller("soc")
    for line in (11, 8, 10):  # an earlier bridge was killed while it braked
        soc.make_output(line, 1)
    slot.history.clear()
    slot.module.open()
    assert is_safe(slot)
    assert all(level == 0 for _, _, level in slot.history), "nothing rises on the way"
    assert slot.history[0][1] == "IO6" or slot.changes("IO6") == [], "sleep comes first"
    assert slot.clock.sleeps == []


@for_each("how", ["stop", "close", "make_safe *", "open"])
def test_safe_afterwards(how: str) -> None:
    slot = running()
    slot.timers.pass_time(0.005)
    assert inputs(slot, "A") == (1, 0)
    {
        "stop": slot.module.stop,
        "close": slot.module.close,
        "make_safe *": lambda: slot.module.make_safe("*"),
        "open": slot.module.open,
    }[how]()
    assert is_safe(slot)
    slot.history.clear()
    slot.timers.pass_time(60.0)
    assert slot.history == []
    assert slot.timers.waiting == 0


def test_a_bridge_is_made_safe_by_itself() -> None:
    slot = running()
    slot.module.make_safe("A")
    assert inputs(slot, "A") == (0, 0)
    assert inputs(slot, "B") == (0, 1)
    slot.module.make_safe("steps")
    assert inputs(slot, "B") == (0, 1), "nobody steps: the motor belongs to somebody else"
    slot.module.make_safe("B")
    assert is_safe(slot)


def test_close_returns_every_line_even_if_the_expander_is_dead() -> None:
    slot = running()
    slot.fail(count=None)
    with pytest.raises(BusError):
        slot.module.close()
    assert (inputs(slot, "A"), slot.level("SPI_MOSI")) == ((0, 0), 0)
    slot.repair()
    slot.module.close()
    assert is_safe(slot)


ACTIONS: dict[str, Callable[[MotorSlot], object]] = {
    "drive": lambda slot: slot.module.drive("A", 60.0),
    "drive B": lambda slot: slot.module.drive("B", 60.0),
    "reverse B": lambda slot: slot.module.drive("B", -60.0),
    "brake": lambda slot: slot.module.brake("B"),
    "step": lambda slot: slot.module.step(100),
    "stop": lambda slot: slot.module.stop(),
    "open": lambda slot: slot.module.open(),
    "close": lambda slot: slot.module.close(),
    "make_safe": lambda slot: slot.module.make_safe("*"),
}


@for_each("action", ACTIONS)
def test_a_failure_at_each_transaction(action: str) -> None:
    for slot, error in each_failure(opened, ACTIONS[action]):
        assert isinstance(error, BusError)
        assert error.where.startswith(("IO3", "IO6"))
        slot.timers.pass_time(1.0)
        assert is_safe(slot), "a failed command leaves everything at rest"
        slot.module.open()
        slot.module.drive("B", 100.0)
        slot.module.drive("A", 100.0)
        slot.timers.pass_time(5.0)
        assert (inputs(slot, "A"), inputs(slot, "B")) == ((1, 0), (1, 0))


@for_each("action", ["stop", "close", "make_safe", "open"])
def test_a_failure_at_each_transaction_while_it_runs(action: str) -> None:
    for slot, _ in each_failure(running, ACTIONS[action]):
        slot.timers.pass_time(1.0)
        if action == "close":
            slot.module.close()
        assert is_safe(slot)


def test_coast_that_fails_is_tried_until_it_works() -> None:
    slot = running()
    slot.fail(count=None)
    with pytest.raises(BusError):
        slot.module.stop()
    assert (inputs(slot, "A"), slot.level("SPI_MOSI")) == ((0, 0), 0), "what answers is low at once"
    assert not asleep(slot)
    slot.timers.pass_time(100.0)
    slot.repair()
    slot.timers.pass_time(10.1)
    assert is_safe(slot)


def test_a_failure_at_a_timers_time_stops_everything() -> None:
    slot = opened()
    slot.module.drive("A", 100.0, watchdog_ms=0)
    slot.module.drive("B", 100.0, ramp_ms=1000, watchdog_ms=0)
    slot.timers.pass_time(0.5)
    slot.module.drive("B", -50.0, ramp_ms=1000, watchdog_ms=0)
    slot.fail(count=2)
    slot.timers.pass_time(2.0)
    assert len(slot.timers.errors) == 1
    assert is_safe(slot)


# -- the SPI pins ---------------------------------------------------------------------------------


def test_a_pin_that_the_kernel_holds_is_told_and_the_common_pins_are_left_alone() -> None:
    slot = TimedSlot(RAK17000, held="SPI_CS")
    soc = slot.hardware.controller("soc")
    for line in (11, 10):
        soc.make_output(line, 1)  # somebody's SPI
    with pytest.raises(BusError) as caught:
        slot.module.open()
    error = caught.value
    assert error.fault is BusFault.HELD
    assert "spi0 CS0" in error.message
    assert "dtparam=spi=off" in error.hint
    assert error.where.startswith("SPI_CS")
    assert (slot.level("SPI_CLK"), slot.level("SPI_MOSI")) == (1, 1)
    assert asleep(slot), "the motors are safe all the same"
    assert slot.timers.waiting == 0


def test_only_one_of_them_fits_a_board() -> None:
    with Rig() as rig:
        assert rig.invoke(A, "RAK17000", 1, "stop") == {"state": "asleep"}
        before = rig.transactions
        error = rig.refused(A, "RAK17000", 2, "drive", bridge="A", speed=10.0)
        assert error["code"] == "in_use"
        assert "RAK17000 in slot 1" in error["message"]
        assert "SPI_CLK" in error["message"]
        assert "RAK17000 in slot 2" in error["where"]
        assert rig.transactions == before


# -- through the bridge ---------------------------------------------------------------------------


def motor(rig: Rig, operation: str, who: bytes = A, **params: object) -> Any:
    return rig.invoke(who, "RAK17000", 1, operation, **params)


def bridge_lines(rig: Rig, bridge: str) -> tuple[int, int]:
    first, second = (rig.board.slots[1].wire(pin) for pin in INPUTS[bridge])
    return first.level(), second.level()


@pytest.fixture
def rig() -> Rig:  # type: ignore[misc]
    with Rig() as made:
        yield made


def test_a_lost_client_stops_its_motor_and_no_other(rig: Rig) -> None:
    rig.result(B, "hello", lease_ms=60_000)
    motor(rig, "drive", bridge="A", speed=100.0, watchdog_ms=0)
    motor(rig, "drive", B, bridge="B", speed=100.0, watchdog_ms=0)
    rig.advance(6.0)
    assert (bridge_lines(rig, "A"), bridge_lines(rig, "B")) == ((0, 0), (1, 0))


def test_a_stop_overtakes_what_is_queued(rig: Rig) -> None:
    motor(rig, "drive", bridge="A", speed=100.0)
    worker = rig.slot_manager.find(Place("RAK17000", 1))
    assert worker is not None
    operations = RAK17000.description.operations
    for name, urgent in (("drive", False), ("step", False), ("stop", True), ("coast", True)):
        assert operations[name].is_urgent({"bridge": "A"}) is urgent
    assert operations["stop"].drives == "*"
    assert operations["drive"].output({"bridge": "B"}) == "B"
    assert motor(rig, "stop") == {"state": "asleep"}
    assert bridge_lines(rig, "A") == (0, 0)


def test_pulses_go_on_by_themselves_through_the_worker(rig: Rig) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    motor(rig, "drive", bridge="A", speed=25.0)
    for _ in range(100):
        rig.advance(0.005)
    assert rig.board.get(1, "speed_A") == pytest.approx(25.0, abs=0.5)


@for_each(
    ("operation", "params"),
    [
        ("drive", {"bridge": "C", "speed": 1.0}),
        ("drive", {"bridge": "A"}),
        ("drive", {"speed": 1.0}),
        ("drive", {"bridge": "A", "speed": 100.5}),
        ("drive", {"bridge": "A", "speed": -101.0}),
        ("drive", {"bridge": "A", "speed": "50"}),
        ("drive", {"bridge": "A", "speed": 1.0, "ramp_ms": -1}),
        ("drive", {"bridge": "A", "speed": 1.0, "frequency": 4.9}),
        ("drive", {"bridge": "A", "speed": 1.0, "frequency": 1000.0}),
        ("drive", {"bridge": "A", "speed": 1.0, "watchdog_ms": -1}),
        ("brake", {"bridge": "a"}),
        ("coast", {}),
        ("stop", {"bridge": "A"}),
        ("step", {"steps": 1.5}),
        ("step", {"steps": 2_000_000}),
        ("step", {"steps": 1, "rate": 0.0}),
        ("step", {"steps": 1, "rate": 501.0}),
        ("step", {"steps": 1, "mode": "micro"}),
        ("state", {}),
    ],
)
def test_bad_parameters(operation: str, params: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(params, RAK17000.description.operations[operation].struct)
