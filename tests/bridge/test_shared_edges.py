"""One line's changes for several readers, and an event beside a count of the same line."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

import pytest
from tests.bridge.rig import Rig
from tests.fake_clock import FakeClock

from wisblock_bridge.boards import rak6421
from wisblock_bridge.buses.gpio import Edge
from wisblock_bridge.buses.shared_edges import SharedEdges
from wisblock_bridge.threads.mailbox import MANY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Source:
    """What a kernel has for one line."""

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK)
        self.edges: list[Edge] = []
        self.is_open = True

    def happen(self, *levels: int) -> None:
        self.edges += [Edge(level, 0.0) for level in levels]
        os.eventfd_write(self.descriptor, 1)

    def read(self) -> list[Edge]:
        if self.edges:
            os.eventfd_read(self.descriptor)
        found, self.edges = self.edges, []
        return found

    def close(self) -> None:
        assert self.is_open
        self.is_open = False
        os.close(self.descriptor)


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    if made.is_open:
        made.close()


def readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0.0)[0])


def levels(edges: list[Edge]) -> list[int]:
    return [edge.level for edge in edges]


def test_what_one_reader_took_still_wakes_the_others(source: Source) -> None:
    shared = SharedEdges()
    first, second = shared.join(lambda: source), shared.join(lambda: source)
    assert first.descriptor == second.descriptor
    assert not readable(first.descriptor)
    source.happen(1, 0)
    assert readable(first.descriptor)
    assert levels(first.read()) == [1, 0]
    assert readable(second.descriptor), "the second one would never look"
    source.happen(1)
    assert levels(first.read()) == [1]
    assert levels(second.read()) == [1, 0, 1]
    assert not readable(second.descriptor)
    assert second.read() == []


def test_a_reader_that_leaves_takes_what_waits_for_it_with_it(source: Source) -> None:
    shared = SharedEdges()
    first, second = shared.join(lambda: source), shared.join(lambda: source)
    source.happen(1)
    first.read()
    second.close()
    second.close()
    assert not readable(first.descriptor)
    first.close()
    assert not source.is_open


def test_a_line_can_be_listened_to_again(source: Source) -> None:
    shared = SharedEdges()
    shared.join(lambda: source).close()
    later = Source()
    reader = shared.join(lambda: later)
    later.happen(0)
    assert readable(reader.descriptor)
    assert levels(reader.read()) == [0]
    reader.close()
    assert not later.is_open


def test_a_source_that_cannot_be_watched_is_closed(source: Source) -> None:
    class Odd(Source):
        descriptor = -1

        def __init__(self) -> None:
            self.is_open, self.edges = True, []

        def close(self) -> None:
            self.is_open = False

    odd, shared = Odd(), SharedEdges()
    with pytest.raises((OSError, ValueError)):
        shared.join(lambda: odd)
    assert not odd.is_open
    assert levels(shared.join(lambda: source).read()) == []


class Moment(FakeClock):
    """A clock at which something happens while somebody sleeps."""

    happens: tuple[float, Callable[[], object]] | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds + 1e-6)  # as the system's, never too short
        if self.happens is not None and self.monotonic() >= self.happens[0]:
            action, self.happens = self.happens[1], None
            action()


@pytest.mark.parametrize("before_the_end_s", [0.0001, 0.001, 0.003, 0.010])
def test_an_edge_at_the_end_of_a_count_is_reported(before_the_end_s: float) -> None:
    """The count took it from the kernel, and nothing woke the subscription."""
    clock = Moment()
    with Rig(rak6421.REVISION_VA, clock) as rig:
        who = b"a"
        rig.result(who, "hello", lease_ms=60_000)
        number = rig.result(
            who, "subscribe", module="RAK13001", slot=1, event="input_changed",
            params={"debounce_ms": 0},
        )["subscription"]  # fmt: skip
        rig.settle()
        (first,) = rig.events(who, number)
        value = rig.result(who, "emulator.get", slot=1, quantity="active")["value"]
        end = clock.monotonic() + 1.0
        clock.happens = (end - before_the_end_s, lambda: rig.board.set(1, "active", 1 - value))
        counted = rig.invoke(who, "RAK13001", 1, "count", window_ms=1000)
        assert counted["pulses"] in {0, 1}
        rig.pump_until(lambda: len(rig.events(who, number)) > 1, "the edge is reported")
        assert rig.events(who, number)[1]["readings"] != first["readings"]


def test_edges_do_not_pile_up_before_a_loop_that_cannot_pass_them_on() -> None:
    with Rig(rak6421.REVISION_VA) as rig:
        clients = [b"%d" % number for number in range(4)]
        numbers: dict[bytes, list[int]] = {}
        for who in clients:
            rig.result(who, "hello", lease_ms=60_000)
            numbers[who] = [
                rig.result(
                    who, "subscribe", module="RAK13001", slot=1, event="input_changed",
                    params={"debounce_ms": 0},
                )["subscription"]
                for _ in range(200)
            ]  # fmt: skip
        rig.settle()
        value = rig.result(clients[0], "emulator.get", slot=1, quantity="active")["value"]
        for _ in range(11):  # fewer than the kernel keeps
            value = 1 - value
            rig.board.set(1, "active", value)
            time.sleep(0.004)
        assert len(rig.mailbox._items) <= MANY + 3 * 800  # not 11 times as many
        last = [rig.events(who, numbers[who][-1]) for who in clients]
        rig.pump_until(
            lambda: all(
                rig.events(who, numbers[who][-1])[-1]["readings"]["active"] == bool(value)
                for who in clients
            ),
            "the last edge comes all the same",
        )
        assert all(len(each) == 1 for each in last), "nothing was passed on before"
