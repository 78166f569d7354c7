"""The line of the log about clients that do not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_clock import FakeClock

from wisblock_bridge.server.deaf_clients import DeafClients
from wisblock_bridge.threads.timers import TimerQueue

if TYPE_CHECKING:
    import pytest


def turn(timers: TimerQueue) -> None:
    for action in timers.due():
        action()


def test_one_line_names_all_of_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    timers = TimerQueue(clock)
    deaf = DeafClients(timers)
    for number in range(40):
        deaf.note(f"client {number}")
    turn(timers)
    assert not caplog.messages
    clock.advance(1.1)
    turn(timers)
    (line,) = caplog.messages
    assert line.startswith("40 clients do not read their replies and were disconnected: client 0, ")
    assert line.endswith("client 31 and 8 more")


def test_a_single_one(caplog: pytest.LogCaptureFixture) -> None:
    deaf = DeafClients(TimerQueue(FakeClock()))
    deaf.note("flow")
    deaf.write()
    deaf.write()
    assert caplog.messages == ["client flow does not read its replies and was disconnected"]


def test_the_log_is_not_filled(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    timers = TimerQueue(clock)
    deaf = DeafClients(timers)
    for _ in range(50):
        deaf.note("again")
        clock.advance(1.1)
        turn(timers)
    assert 5 <= len(caplog.messages) <= 10
