"""One reading of an expander serves all lines and everybody who looks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.bridge.rig import Rig
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.shared_levels import SharedLevels
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B = b"a", b"b"


class Pins:
    """Pins in memory that count how often they were read."""

    def __init__(self) -> None:
        self.levels = 0
        self.reads: list[int] = []
        self.failure: BusError | None = None

    def read(self, mask: int) -> int:
        if self.failure is not None:
            raise self.failure
        self.reads.append(mask)
        return self.levels


def test_two_readers_share_a_reading_of_the_same_moment() -> None:
    clock, pins = FakeClock(), Pins()
    shared = SharedLevels(pins.read, clock)
    one, other = shared.join(0b1), shared.join(0b110)
    assert pins.reads == [0b1, 0b111]
    clock.advance(0.01)
    pins.levels = 0b101
    first = one.look(clock.monotonic() - 0.005)
    clock.advance(0.001)
    second = other.look(clock.monotonic() - 0.005)
    assert len(pins.reads) == 3
    assert [(each.line, each.level) for each in first] == [(0, 1)]
    assert [(each.line, each.level) for each in second] == [(2, 1)]
    assert first[0].seen_at == second[0].seen_at == pytest.approx(clock.monotonic() - 0.001)


def test_a_reader_never_gets_the_same_reading_twice() -> None:
    clock, pins = FakeClock(), Pins()
    reader = SharedLevels(pins.read, clock).join(1)
    pins.levels = 1
    assert [each.level for each in reader.look(clock.monotonic())] == [1]
    assert reader.look(clock.monotonic()) == []
    assert len(pins.reads) == 3


def test_an_older_reading_of_others_does_not_serve() -> None:
    clock, pins = FakeClock(), Pins()
    shared = SharedLevels(pins.read, clock)
    one, other = shared.join(1), shared.join(1)
    one.look(clock.monotonic())
    clock.advance(0.006)
    pins.levels = 1
    assert [each.level for each in other.look(clock.monotonic() - 0.005)] == [1]


def test_only_what_somebody_looks_at_is_asked_for() -> None:
    clock, pins = FakeClock(), Pins()
    shared = SharedLevels(pins.read, clock)
    one, other = shared.join(0b1), shared.join(0b10)
    one.close()
    one.close()
    other.look(clock.monotonic())
    assert pins.reads[-1] == 0b10


def test_a_failure_is_that_of_who_looked_and_leaves_nothing_behind() -> None:
    clock, pins = FakeClock(), Pins()
    shared = SharedLevels(pins.read, clock)
    reader = shared.join(1)
    pins.failure = BusError(BusFault.IO, "Broken.")
    with pytest.raises(BusError):
        reader.look(clock.monotonic())
    with pytest.raises(BusError):
        shared.join(2)
    pins.failure, pins.levels = None, 1
    clock.advance(0.01)
    assert [each.level for each in reader.look(clock.monotonic())] == [1]
    assert pins.reads[-1] == 1


def test_several_threads_at_once() -> None:
    clock, pins = FakeClock(), Pins()
    shared = SharedLevels(pins.read, clock)
    counts = [0] * 4

    def look(number: int) -> None:
        reader = shared.join(1)
        for _ in range(500):
            counts[number] += len(reader.look(clock.monotonic()))
            pins.levels ^= 1
        reader.close()

    threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert all(counts)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig(clock=FakeClock(1000.0)) as made:
        yield made


def test_one_transaction_serves_both_slots_and_all_who_listen(rig: Rig) -> None:
    for slot, module, event in ((1, "RAK13001", "input_changed"), (2, "RAK12006", "motion")):
        for who in (A, B):
            params = {"debounce_ms": 0} if module == "RAK13001" else {}
            rig.result(who, "subscribe", module=module, slot=slot, event=event, params=params)
    rig.result(
        A, "subscribe", module="TPT29555", slot="board", event="change",
        params={"expander": "slots"},
    )  # fmt: skip
    rig.settle()
    rig.advance(0.01)
    before = rig.transactions
    for _ in range(50):
        rig.advance(0.01)
    looks = rig.transactions - before
    assert 50 <= looks <= 52, "besides the looks, only what checks the supply"


def test_nobody_reads_when_nobody_listens(rig: Rig) -> None:
    number = rig.result(
        A, "subscribe", module="TPT29555", slot="board", event="change",
        params={"expander": "slots"},
    )["subscription"]  # fmt: skip
    rig.settle()
    rig.result(A, "unsubscribe", subscription=number)
    rig.settle()
    before = rig.transactions
    for _ in range(20):
        rig.advance(0.1)
    assert rig.transactions == before


def test_a_slow_listener_makes_the_looks_rare(rig: Rig) -> None:
    rig.result(
        A, "subscribe", module="TPT29555", slot="board", event="change",
        params={"expander": "slots", "poll_ms": 500},
    )  # fmt: skip
    rig.settle()
    before = rig.transactions
    for _ in range(100):
        rig.advance(0.02)
    assert rig.transactions - before == 4


def test_from_an_edge_to_its_message_with_the_defaults(rig: Rig) -> None:
    """5 ms to the look and 10 ms of debouncing on average; 20 ms at worst."""
    number = rig.result(A, "subscribe", module="RAK13001", slot=1, event="input_changed")[
        "subscription"
    ]
    rig.settle()
    took_ms = []
    for attempt in range(20):
        for _ in range(40 + attempt):  # another moment of the 10 ms each time
            rig.advance(0.001)
            rig.sessions.of(A, rig.clock.monotonic())
        seen = len(rig.events(A, number))
        rig.board.set(1, "active", attempt % 2 == 0)
        waited_ms = 0
        while len(rig.events(A, number)) == seen:
            rig.advance(0.001)
            waited_ms += 1
            assert waited_ms <= 30
        took_ms.append(waited_ms)
    assert sorted(took_ms)[10] <= 16
    assert max(took_ms) <= 20
