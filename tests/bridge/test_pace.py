"""The pace of subscriptions: a common grid, shared measurements, beats that were missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.probe import Probe, Script, no_answer
from tests.bridge.rig import Rig
from tests.fake_clock import FakeClock

from wisblock_bridge.runtime.rhythm import Rhythm
from wisblock_bridge.server.status import status

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B, C = b"a", b"b", b"c"


class Timed(Script):
    """Each reading takes a while."""

    rig: Rig
    takes_s = 0.0
    until = 2000.0
    """Afterwards a reading takes no time, or one would be due for ever."""

    def call(self, what: str) -> None:
        super().call(what)
        if what.startswith("read") and self.rig.clock.monotonic() < self.until:
            self.rig.clock.advance(self.takes_s)


@pytest.fixture
def script() -> Timed:
    Probe.script = made = Timed()
    return made


@pytest.fixture
def rig(script: Timed) -> Iterator[Rig]:
    with Rig(clock=FakeClock(1000.0), modules={"PROBE": Probe}) as made:
        script.rig = made
        yield made
        script.gate.set()


def subscribe(rig: Rig, who: bytes = A, every_ms: int = 100, **more: Any) -> int:
    number: int = rig.result(
        who, "subscribe", module="PROBE", slot=1, operation="read", every_ms=every_ms, **more
    )["subscription"]
    return number


def reads(script: Script) -> int:
    return sum(call.startswith("read") for call in script.calls)


def run(rig: Rig, seconds: float, step_s: float = 0.01) -> None:
    """Let time pass; a look may take some of it."""
    end = rig.clock.monotonic() + seconds - step_s / 2
    while rig.clock.monotonic() < end:
        rig.advance(step_s)
        for who in tuple(rig.received):
            rig.sessions.of(who, rig.clock.monotonic())


def late(rig: Rig, number: int, who: bytes = A) -> int:
    return sum(each.get("late", 0) for each in rig.events(who, number))


def in_status(rig: Rig) -> tuple[object, object]:
    """What the module's entry and the counters say."""
    told: Any = status(
        0.0, rig.hardware, rig.slot_manager, rig.sessions, rig.outbox, rig.counters, {}
    )
    return told["slots"][0]["late"], told["counters"]["late"]


def test_equal_subscriptions_share_one_measurement(rig: Rig, script: Timed) -> None:
    script.takes_s = 0.009
    numbers = [subscribe(rig) for _ in range(20)]
    rig.settle()
    run(rig, 0.2)
    begun, told = reads(script), [len(rig.events(A, each)) for each in numbers]
    run(rig, 10.0)
    assert reads(script) - begun == 100
    assert [len(rig.events(A, each)) - was for each, was in zip(numbers, told, strict=True)] == (
        [100] * 20
    )
    assert not any(late(rig, each) for each in numbers)


def test_different_parameters_are_measured_each(rig: Rig, script: Timed) -> None:
    subscribe(rig)
    subscribe(rig, params={"word": "other"})
    rig.settle()
    script.calls.clear()
    run(rig, 1.0)
    assert script.calls.count("read w") == script.calls.count("read other") == 10


def test_a_slower_one_shares_with_a_faster_one_where_their_beats_meet(
    rig: Rig, script: Timed
) -> None:
    subscribe(rig, every_ms=100)
    slow = subscribe(rig, B, every_ms=500)
    rig.settle()
    script.calls.clear()
    seen = len(rig.events(B, slow))
    run(rig, 5.0)
    assert len(rig.events(B, slow)) - seen == 10
    assert reads(script) == 50


def test_who_begins_between_two_beats_joins_the_grid(rig: Rig, script: Timed) -> None:
    first = subscribe(rig)
    rig.settle()
    rig.advance(0.03)
    second = subscribe(rig, B)
    rig.settle()
    assert rig.events(B, second)[0]["initial"]
    assert reads(script) == 2
    run(rig, 1.0)
    assert reads(script) == 12
    assert rig.events(A, first)[-1]["timestamp"] == rig.events(B, second)[-1]["timestamp"]


def test_there_is_no_drift(rig: Rig, script: Timed) -> None:
    script.takes_s = 0.037
    number = subscribe(rig)
    rig.settle()
    run(rig, 20.0, 0.001)
    moments = [each["timestamp"] - 1_700_000_000_000.0 - 37.0 for each in rig.events(A, number)]
    assert all(moment % 100.0 < 2.0 or moment % 100.0 > 99.9 for moment in moments)
    assert len(moments) == pytest.approx(201, abs=1)


def test_missed_beats_are_counted_and_told_with_the_next_event(rig: Rig) -> None:
    number = subscribe(rig)
    rig.settle()
    assert "late" not in rig.events(A, number)[0]
    rig.advance(0.1)
    assert "late" not in rig.events(A, number)[1]
    rig.advance(1.05)
    assert rig.events(A, number)[2]["late"] == 9
    rig.advance(0.1)
    assert "late" not in rig.events(A, number)[3]
    assert in_status(rig) == (9, 9)


def test_what_is_delivered_and_what_is_late_is_what_was_asked_for(rig: Rig, script: Timed) -> None:
    script.takes_s, script.until = 0.27, 1030.0
    number = subscribe(rig)
    rig.settle()
    delivered = len(rig.events(A, number))
    assert delivered == pytest.approx(30.0 / 0.27, rel=0.05)
    assert delivered + late(rig, number) == pytest.approx(300, abs=4)


def test_beats_under_a_dead_band_are_told_as_late_with_the_next_change(
    rig: Rig, script: Timed
) -> None:
    number = subscribe(rig, deadband=0.5)
    rig.settle()
    rig.advance(1.05)
    assert len(rig.events(A, number)) == 1
    assert in_status(rig) == (9, 0), "the counter follows when the client is told"
    script.values = [2.0]
    rig.advance(0.1)
    assert rig.events(A, number)[1]["late"] == 9


def test_what_a_slow_client_is_not_sent_tells_what_was_late_later(rig: Rig) -> None:
    number = subscribe(rig)
    rig.settle()
    rig.full.add(A)
    rig.advance(1.05)
    rig.advance(1.0)
    rig.full.clear()
    rig.outbox.retry()
    assert late(rig, number) == 9 + 9


def test_a_failure_is_no_missed_beat(rig: Rig, script: Timed) -> None:
    number = subscribe(rig)
    rig.settle()
    script.failures += [no_answer() for _ in range(6)]
    run(rig, 30.0, 0.05)
    codes = [each["error"]["code"] for each in rig.events(A, number) if "error" in each]
    assert codes == ["no_device"]
    assert late(rig, number) == 0


def test_a_shared_failure_is_told_to_everybody_once(rig: Rig, script: Timed) -> None:
    numbers = [subscribe(rig) for _ in range(3)]
    rig.settle()
    script.failures.append(no_answer())
    run(rig, 1.0)
    for number in numbers:
        found = ["error" in each for each in rig.events(A, number)]
        assert found.count(True) == 1
        assert found[-1] is False


def test_equal_requests_that_wait_share_one_measurement(rig: Rig, script: Timed) -> None:
    rig.send_invoke(A, "PROBE", 1, "hang")
    assert script.entered.wait(60)
    numbers = [(who, rig.send_invoke(who, "PROBE", 1, "read")) for who in (A, B, C, A)]
    other = rig.send_invoke(B, "PROBE", 1, "read", word="other")
    script.gate.set()
    replies = [rig.reply(who, number) for who, number in numbers]
    assert all(each["ok"] for each in replies)
    assert len({each["result"]["timestamp"] for each in replies}) == 1
    assert rig.reply(B, other)["result"]["readings"]["word"] == "other"
    assert script.calls == ["open", "hang", "read w", "read other"]


def test_a_request_and_a_subscription_share_one_measurement(rig: Rig, script: Timed) -> None:
    number = subscribe(rig)
    rig.settle()
    rig.send_invoke(A, "PROBE", 1, "hang")
    assert script.entered.wait(60)
    rig.clock.advance(0.1)
    asked = rig.send_invoke(B, "PROBE", 1, "read")
    script.gate.set()
    reply = rig.reply(B, asked)
    rig.settle()
    assert rig.events(A, number)[-1]["timestamp"] == reply["result"]["timestamp"]
    assert reads(script) == 2


def test_what_was_asked_after_a_change_sees_the_change(rig: Rig, script: Timed) -> None:
    rig.send_invoke(A, "PROBE", 1, "hang")
    assert script.entered.wait(60)
    before = rig.send_invoke(A, "PROBE", 1, "read")
    change = rig.send_invoke(A, "PROBE", 1, "set", which="a", on=True)
    after = rig.send_invoke(A, "PROBE", 1, "read")
    script.gate.set()
    assert [rig.code(A, each) for each in (before, change, after)] == ["ok"] * 3
    assert script.calls == ["open", "hang", "read w", "set a True", "read w"]


def test_a_request_that_comes_while_it_is_measured_gets_the_next_one(
    rig: Rig, script: Timed
) -> None:
    """A measurement begins after each request that it answers."""
    first = rig.send_invoke(A, "PROBE", 1, "measure")
    assert script.entered.wait(60)
    second = rig.send_invoke(B, "PROBE", 1, "measure")
    script.gate.set()
    assert rig.code(A, first) == rig.code(B, second) == "ok"
    assert script.calls == ["open", "measure", "measure"]


def test_what_acts_is_never_shared(rig: Rig, script: Timed) -> None:
    rig.send_invoke(A, "PROBE", 1, "hang")
    assert script.entered.wait(60)
    numbers = [rig.send_invoke(A, "PROBE", 1, "set", which="a", on=True) for _ in range(3)]
    script.gate.set()
    assert [rig.code(A, each) for each in numbers] == ["ok"] * 3
    assert script.calls == ["open", "hang", *["set a True"] * 3]


def test_a_shared_measurement_is_not_for_who_waited_too_long(rig: Rig, script: Timed) -> None:
    rig.send_invoke(A, "PROBE", 1, "hang")
    assert script.entered.wait(60)
    patient = rig.send_invoke(A, "PROBE", 1, "read", 60_000)
    hasty = rig.send_invoke(B, "PROBE", 1, "read", 100)
    rig.clock.advance(0.2)
    script.gate.set()
    assert (rig.code(A, patient), rig.code(B, hasty)) == ("ok", "expired")
    assert script.calls == ["open", "hang", "read w"]


def test_the_beats_of_a_rhythm() -> None:
    rhythm = Rhythm(0.1)
    assert rhythm.begin(1000.05) == 0
    assert rhythm.next_due == pytest.approx(1000.1)
    assert rhythm.begin(1000.07) == 0, "between two beats"
    assert rhythm.next_due == pytest.approx(1000.1)
    assert rhythm.begin(1000.1) == 0
    assert rhythm.next_due == pytest.approx(1000.2)
    assert rhythm.begin(1000.299) == 0, "late, but before the next one"
    assert rhythm.begin(1000.7) == 4, "of .3 .4 .5 .6; .7 is served"
    assert rhythm.next_due == pytest.approx(1000.8)
    rhythm.restart()
    assert rhythm.begin(2000.0) == 0


def test_beats_do_not_depend_on_rounding() -> None:
    """Each beat is served once, however the clock's reading of it was rounded."""
    for every_s in (0.01, 0.1, 0.3, 0.7, 1.1):
        rhythm = Rhythm(every_s)
        rhythm.begin(123_456.0)
        for _ in range(10_000):
            due = rhythm.next_due
            assert rhythm.begin(due) == 0
            assert rhythm.next_due == pytest.approx(due + every_s, abs=1e-6)
