"""The timers of one thread: order, cancelling, and when the next one is due."""

from __future__ import annotations

from functools import partial

from tests.fake_clock import FakeClock

from wisblock_bridge.threads.timers import TimerQueue


def run(timers: TimerQueue) -> None:
    for action in timers.due():
        action()


def test_timers_run_in_the_order_in_which_they_are_due() -> None:
    clock, done = FakeClock(), list[str]()
    timers = TimerQueue(clock)
    timers.after(2.0, lambda: done.append("late"))
    timers.at(clock.monotonic() + 1.0, lambda: done.append("first"))
    timers.after(1.0, lambda: done.append("second"))
    run(timers)
    assert done == []
    clock.advance(2.0)
    run(timers)
    assert done == ["first", "second", "late"]
    assert timers.next_due is None


def test_a_cancelled_timer_wakes_nobody() -> None:
    clock, done = FakeClock(), list[str]()
    timers = TimerQueue(clock)
    cancelled = timers.after(1.0, lambda: done.append("cancelled"))
    timers.after(5.0, lambda: done.append("kept"))
    cancelled.cancel()
    assert timers.next_due == clock.monotonic() + 5.0
    clock.advance(5.0)
    run(timers)
    assert done == ["kept"]


def test_an_action_may_set_the_next_timer() -> None:
    clock, done = FakeClock(), list[float]()
    timers = TimerQueue(clock)

    def again() -> None:
        done.append(clock.monotonic())
        timers.after(1.0, again)

    began = clock.monotonic()
    timers.after(1.0, again)
    for _ in range(3):
        clock.advance(1.0)
        run(timers)
    assert done == [began + 1.0, began + 2.0, began + 3.0]


def test_cancelled_timers_do_not_pile_up() -> None:
    """A subscription to a reading a day leaves one behind whenever it ends."""
    clock, done = FakeClock(), list[int]()
    timers = TimerQueue(clock)
    for number in range(20_000):
        timer = timers.after(86_400.0 - number, partial(done.append, number))
        if number % 1000:
            timer.cancel()
    assert len(timers.timers) <= 200
    clock.advance(86_400.0)
    run(timers)
    assert done == list(range(19_000, -1, -1000))
