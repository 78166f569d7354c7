"""The bridge's clock as the Python client knows it."""

from __future__ import annotations

import time

import pytest
from tests.cases import for_each

from wisblock_bridge.client.bridge_clock import BridgeClock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_nothing_is_known_before_a_reply() -> None:
    assert BridgeClock().deadline_ms(500.0) is None


@for_each("result", [{}, None, 5, {"clock_ms": "5"}, {"clock_ms": True}, {"clock_ms": None}])
def test_a_reply_without_a_clock_says_nothing(result: object) -> None:
    clock = BridgeClock()
    clock.note(result)
    assert clock.deadline_ms(500.0) is None


def test_a_deadline_is_in_the_bridges_clock(now: list[float]) -> None:
    clock = BridgeClock()
    clock.note({"clock_ms": 7_000.0})
    assert clock.deadline_ms(500.0) == 7_500.0
    now[0] += 2.0
    assert clock.deadline_ms(500.0) == 9_500.0


def test_a_reply_that_was_late_does_not_count_against_a_better_one(now: list[float]) -> None:
    clock = BridgeClock()
    clock.note({"clock_ms": 7_000.0})
    now[0] += 3.0
    clock.note({"clock_ms": 7_010.0})  # it was read 2.99 s ago
    assert clock.deadline_ms(0.0) == 10_000.0


def test_a_clock_that_runs_slower_is_followed(now: list[float]) -> None:
    clock = BridgeClock()
    for second in range(9):
        clock.note({"clock_ms": 7_000.0 + second * 990.0})
        now[0] += 1.0
    # The first reply, from when the two were nearest, is forgotten by now.
    assert clock.deadline_ms(0.0) == pytest.approx(7_000.0 + 990.0 + 8_000.0)


def test_another_bridge_has_another_clock() -> None:
    clock = BridgeClock()
    clock.note({"clock_ms": 7_000.0})
    clock.forget()
    assert clock.deadline_ms(500.0) is None
