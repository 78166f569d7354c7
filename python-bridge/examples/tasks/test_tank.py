"""Tests of the tank, on an emulated board: `pytest test_tank.py`."""

import pytest
from tank import litres, pump_may_run

from wisblock_bridge.testing import EmulatedBoard


def test_the_level_follows_the_current(wisblock_board: EmulatedBoard) -> None:
    wisblock_board.plug(1, "RAK5801")
    for current_ma, expected in ((4.0, 0.0), (12.0, 500.0), (20.0, 1000.0)):
        wisblock_board.slot1.current = current_ma
        assert litres(wisblock_board.bridge, 1000.0) == pytest.approx(expected, abs=1.0)


def test_a_broken_wire_is_not_an_empty_tank(wisblock_board: EmulatedBoard) -> None:
    wisblock_board.plug(1, "RAK5801").current = 0.0
    with pytest.raises(ValueError, match="the loop is open"):
        litres(wisblock_board.bridge, 1000.0)


def test_the_pump_stops_when_the_level_is_not_known(wisblock_board: EmulatedBoard) -> None:
    wisblock_board.plug(1, "RAK5801").current = 15.0
    assert pump_may_run(wisblock_board.bridge)
    wisblock_board.fail(1, "nack")
    assert not pump_may_run(wisblock_board.bridge)
