"""The emulated world before anybody touches it: what a first look at each module shows.

1. At rest everything reads as the real thing would, not as a row of zeros.
2. In demo mode it moves, without anybody setting anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.emulation.board import EmulatedBoard

if TYPE_CHECKING:
    from wisblock_bridge.module_api import Slot

PERIOD_S = 30.0
"""The period of ``serve --demo``."""


def world(module: str, demo_period_s: float = 0.0) -> tuple[EmulatedBoard, FakeClock]:
    clock = FakeClock()
    board = EmulatedBoard(GENERATION_C, clock, demo_period_s)
    if module:
        board.plug(module, 1)
    return board, clock


def seen(module: str, quantity: str, slot: Slot = 1, seconds: int = 45) -> list[Any]:
    """What a quantity is each second in demo mode."""
    board, clock = world(module, PERIOD_S)
    values = []
    for _ in range(seconds):
        clock.advance(1.0)
        values.append(board.get(slot, quantity))
    return values


@for_each(
    ("module", "quantity", "low", "high"),
    [
        ("RAK5801", "current", 4.0, 20.0),
        ("RAK5811", "voltage", 0.5, 4.9),
        ("RAK16000", "voltage", 3.0, 26.0),
        ("RAK16000", "current", 10.0, 3000.0),
        ("RAK12009", "ppm", 10.0, 100.0),
        *(("RAK16001", f"voltage_{channel}", 0.05, 2.9) for channel in range(8)),
    ],
)
def test_at_rest_and_in_demo_mode(module: str, quantity: str, low: float, high: float) -> None:
    board, _ = world(module)
    resting = board.get(1, quantity)
    assert isinstance(resting, float)
    assert low <= resting <= high
    assert len(set(seen(module, quantity))) > 20


def test_the_inputs_of_the_rak16001_tell_themselves_apart() -> None:
    board, _ = world("RAK16001")
    voltages = [board.get(1, f"voltage_{channel}") for channel in range(8)]
    assert len({round(float(volts), 2) for volts in voltages}) == 8


def test_input_0_of_the_rak16001_can_be_measured_against_input_1() -> None:
    ones = seen("RAK16001", "voltage_1")
    zeros = seen("RAK16001", "voltage_0")
    assert max(ones) < 0.2  # the converter wants the lower one within 0.2 V of ground
    assert all(zero - one > 0.1 for zero, one in zip(zeros, ones, strict=True))


@for_each(("channel", "resting"), [(0, 0.57), (1, 0.0), (2, 0.52), (3, 0.0)])
def test_an_open_input_of_the_board_floats_but_where_modules_give_signals(
    channel: int, resting: float
) -> None:
    board, _ = world("")
    assert board.get("board", f"voltage_{channel}") == pytest.approx(resting)
    assert max(seen("", f"voltage_{channel}", "board")) > 1.0


@pytest.mark.parametrize(
    ("module", "quantity", "line"), [("RAK12006", "motion", 6), ("RAK13001", "active", 3)]
)
def test_in_demo_mode_what_is_true_or_false_changes_by_itself(
    module: str, quantity: str, line: Literal[3, 6]
) -> None:
    assert seen(module, quantity).count(True) >= 6
    assert seen(module, quantity).count(False) >= 6
    board, clock = world(module, PERIOD_S)
    wire = board.wires["slots", line]
    for _ in range(45):
        clock.advance(1.0)
        assert wire.level() == (0 if board.get(1, quantity) else 1)
    board.set(1, quantity, value=True)  # by hand goes before
    clock.advance(PERIOD_S)
    assert (board.get(1, quantity), wire.level()) == (True, 0)
    board.unplug(1)
    assert wire.level() == 1


@pytest.mark.parametrize(("module", "quantity"), [("RAK12006", "motion"), ("RAK13001", "active")])
def test_without_demo_mode_nothing_happens_by_itself(module: str, quantity: str) -> None:
    board, clock = world(module)
    for _ in range(45):
        clock.advance(1.0)
        assert board.get(1, quantity) is False
