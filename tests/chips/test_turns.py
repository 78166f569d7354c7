"""The lock of a chip: one at a time, first come first served."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from wisblock_bridge.chips.turns import Turns

LIMIT_S = 30.0


def await_waiting(turns: Turns, number: int) -> None:
    """Wait until so many threads queue up."""
    deadline = time.monotonic() + LIMIT_S
    while len(turns._waiting) < number:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_whoever_waited_longest_is_next() -> None:
    turns, order = Turns(), list[int]()

    def take(number: int) -> None:
        with turns:
            order.append(number)

    with ThreadPoolExecutor(5) as pool:
        with turns:
            jobs = []
            for number in range(5):
                jobs.append(pool.submit(take, number))
                await_waiting(turns, number + 1)
        for job in jobs:
            job.result(LIMIT_S)
    assert order == [0, 1, 2, 3, 4]


def test_who_takes_it_again_and_again_lets_others_in_between() -> None:
    turns, order = Turns(), list[str]()

    def take_once() -> None:
        with turns:
            order.append("other")

    with ThreadPoolExecutor(1) as pool:
        with turns:
            job = pool.submit(take_once)
            await_waiting(turns, 1)
        for _ in range(100):
            with turns:
                order.append("greedy")
        job.result(LIMIT_S)
    assert order[0] == "other"


def test_never_two_at_once() -> None:
    turns, inside, most = Turns(), 0, 0
    start = threading.Barrier(4)

    def work() -> None:
        nonlocal inside, most
        start.wait(LIMIT_S)
        for _ in range(500):
            with turns:
                inside += 1
                most = max(most, inside)
                inside -= 1

    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(work) for _ in range(4)]:
            job.result(LIMIT_S)
    assert (most, inside) == (1, 0)


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="inside"), turns:
        raise ValueError("inside")
    with turns:
        pass
