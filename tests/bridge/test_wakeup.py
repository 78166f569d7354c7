"""The wake-up event of a worker's thread: what ends the wait, and how exact its end is."""

from __future__ import annotations

import fcntl
import os
import resource
import time
from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.threads.wakeup import WakeupEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

FD_SETSIZE = 1024
"""select(2): "select() can monitor only file descriptors numbers that are less than"."""


@pytest.fixture
def wakeup() -> Iterator[WakeupEvent]:
    found = WakeupEvent()
    yield found
    found.close()


def lateness_s(wakeup: WakeupEvent, seconds: float) -> float:
    begin = time.monotonic()
    assert wakeup.wait(seconds) == []
    return time.monotonic() - begin - seconds


def test_a_wait_ends_when_it_is_over_not_at_the_next_whole_millisecond(
    wakeup: WakeupEvent,
) -> None:
    """The best of many: a busy computer makes single waits longer, never shorter."""
    for seconds in (0.0101, 0.0031, 0.0002):
        late = [lateness_s(wakeup, seconds) for _ in range(30)]
        assert 0.0 <= min(late) < 0.0005, seconds


def test_what_was_set_before_ends_the_wait_once(wakeup: WakeupEvent) -> None:
    wakeup.set()
    wakeup.set()
    begin = time.monotonic()
    assert wakeup.wait(30.0) == []
    assert time.monotonic() - begin < 15.0
    assert lateness_s(wakeup, 0.001) >= 0.0


@pytest.mark.parametrize("seconds", [30.0, None])
def test_a_descriptor_ends_the_wait_while_it_is_waited_for(
    wakeup: WakeupEvent, seconds: float | None
) -> None:
    reading, writing = os.pipe()
    try:
        wakeup.add(reading)
        os.write(writing, b"x")
        assert wakeup.wait(seconds) == [reading]
        wakeup.set()
        assert wakeup.wait(seconds) == [reading]
        wakeup.remove(reading)
        wakeup.set()
        assert wakeup.wait(seconds) == []
    finally:
        os.close(reading)
        os.close(writing)


def test_a_descriptor_that_was_closed_is_shown_to_its_owner(wakeup: WakeupEvent) -> None:
    """A port that was unplugged, say: the thread goes on, and who reads it finds out."""
    reading, writing = os.pipe()
    wakeup.add(reading)
    os.close(reading)
    os.close(writing)
    assert wakeup.wait(30.0) == [reading]
    wakeup.remove(reading)
    assert lateness_s(wakeup, 0.001) >= 0.0


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * FD_SETSIZE
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("no process may have so many descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_descriptors")
def test_a_descriptor_beyond_what_select_knows_is_waited_for_as_well(wakeup: WakeupEvent) -> None:
    reading, writing = os.pipe()
    high = fcntl.fcntl(reading, fcntl.F_DUPFD, FD_SETSIZE)
    try:
        wakeup.add(high)
        assert lateness_s(wakeup, 0.0031) >= 0.0
        os.write(writing, b"x")
        assert wakeup.wait(30.0) == [high]
        wakeup.remove(high)
        late = min(lateness_s(wakeup, 0.0101) for _ in range(30))
        assert 0.0 <= late < 0.0005
    finally:
        for each in (reading, writing, high):
            os.close(each)
