"""Who is there, for how long, and what happens to what they drive."""

from __future__ import annotations

import pytest
from tests.bridge.rig import Rig
from tests.fake_clock import GatedClock

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.sessions import Output, Session, Sessions

RELAY = Output(Place("RAK13001", 1), "relay")
LED = Output(Place("TPT29555", "board"), "board/7")

# -- the book ---------------------------------------------------------------------------------


@pytest.fixture
def book() -> Sessions:
    return Sessions()


def test_a_session_begins_with_the_first_frame_and_lasts_five_seconds(book: Sessions) -> None:
    session = book.of(b"a", 100.0)
    assert (len(book), session.ends_at) == (1, 105.0)
    assert book.of(b"a", 103.0) is session
    assert session.ends_at == 108.0
    assert book.overdue(107.9) == []
    assert book.overdue(108.0) == [session]
    assert book.next_end() == 108.0


def test_the_next_end_is_the_earliest(book: Sessions) -> None:
    assert book.next_end() is None
    book.of(b"a", 100.0).lease_s = 60.0
    book.of(b"b", 101.0).lease_s = 0.5
    assert book.next_end() == 101.5
    assert [session.identity for session in book] == [b"a", b"b"]


def test_tokens_cannot_be_guessed(book: Sessions) -> None:
    tokens = {book.of(bytes((n,)), 0.0).token for n in range(200)}
    assert len(tokens) == 200
    assert min(map(len, tokens)) >= 22  # 128 bits in base 64


def test_an_output_belongs_to_who_wrote_it_last(book: Sessions) -> None:
    first, second = book.of(b"a", 0.0), book.of(b"b", 0.0)
    book.drive(first, RELAY, "safe")
    book.drive(second, RELAY, "safe")
    book.drive(second, LED, "hold")
    assert book.end(first) == []
    assert book.end(second) == [RELAY]


def test_the_last_word_about_loss_counts(book: Sessions) -> None:
    session = book.of(b"a", 0.0)
    book.drive(session, RELAY, "safe")
    book.drive(session, LED, "hold")
    book.drive(session, RELAY, "hold")
    book.drive(session, LED, "safe")
    assert book.end(session) == [LED]


def test_an_ended_session_drives_nothing_and_its_token_is_void(book: Sessions) -> None:
    session = book.of(b"a", 0.0)
    book.drive(session, RELAY, "safe")
    book.end(session)
    assert not session.alive
    assert len(book) == 0
    later = book.of(b"a", 1.0)
    assert later is not session
    assert book.resume(later, session.token) is None
    book.drive(later, RELAY, "hold")
    assert book.end(later) == []


def test_closing_a_module_forgets_its_outputs(book: Sessions) -> None:
    session = book.of(b"a", 0.0)
    other_slot = Output(Place("RAK13001", 2), "relay")
    for output in (RELAY, other_slot, LED):
        book.drive(session, output, "safe")
    book.forget_outputs(Place("RAK13001", 1))
    assert book.end(session) == [other_slot, LED]


def test_resuming_moves_the_session_to_the_new_connection(book: Sessions) -> None:
    former = book.of(b"old", 0.0)
    book.drive(former, RELAY, "safe")
    fresh = book.of(b"new", 3.0)
    book.drive(fresh, LED, "hold")
    assert book.resume(fresh, former.token) is former
    assert book.of(b"new", 4.0) is former
    assert former.ends_at == 9.0
    assert len(book) == 1
    assert book.resume(former, former.token) is former
    assert book.resume(former, fresh.token) is None
    assert book.of(b"old", 5.0) is not former
    assert book.end(former) == [RELAY]


# -- with a board behind it -------------------------------------------------------------------


def write(rig: Rig, who: bytes, line: int, level: int, on_loss: str = "safe") -> None:
    rig.invoke(
        who, "TPT29555", "board", "write",
        expander="slots", line=line, level=level, on_loss=on_loss,
    )  # fmt: skip


def test_loss_makes_safe_outputs_safe_and_leaves_the_others(rig: Rig) -> None:
    write(rig, b"a", 1, 0)
    write(rig, b"a", 2, 0, "hold")
    write(rig, b"a", 9, 1)
    rig.advance(4.9)
    assert [rig.level("slots", line) for line in (1, 2, 9)] == [0, 0, 1]
    rig.advance(0.2)
    assert [rig.level("slots", line) for line in (1, 2, 9)] == [None, 0, None]


def test_every_request_renews_the_lease(rig: Rig) -> None:
    write(rig, b"a", 1, 0)
    for method in ("ping", "status", "ping", "nonsense"):
        rig.advance(4.0)
        rig.ask(b"a", method)
    rig.advance(4.9)
    assert rig.level("slots", 1) == 0


def test_the_lease_that_was_asked_for_counts(rig: Rig) -> None:
    granted = rig.result(b"a", "hello", client="test", version="1", lease_ms=60_000)
    assert granted["lease_ms"] == 60_000
    write(rig, b"a", 1, 0)
    rig.advance(59.9)
    assert rig.level("slots", 1) == 0
    rig.result(b"a", "hello", client="test", version="1", lease_ms=500)
    rig.advance(0.6)
    assert rig.level("slots", 1) is None


def test_bye_makes_safe_and_ends(rig: Rig) -> None:
    write(rig, b"a", 1, 0)
    write(rig, b"a", 2, 0, "hold")
    token = rig.result(b"a", "hello")["session"]
    assert rig.result(b"a", "bye") == {}
    rig.settle()
    assert [rig.level("slots", line) for line in (1, 2)] == [None, 0]
    assert not rig.result(b"a", "hello", resume=token)["resumed"]


def test_a_quick_return_keeps_outputs(rig: Rig) -> None:
    token = rig.result(b"old", "hello")["session"]
    write(rig, b"old", 1, 0)
    rig.advance(4.0)
    resumed = rig.result(b"new", "hello", resume=token)
    assert (resumed["resumed"], resumed["session"]) == (True, token)
    rig.advance(4.9)
    assert rig.level("slots", 1) == 0
    rig.advance(0.2)
    assert rig.level("slots", 1) is None


def test_a_late_return_finds_nothing(rig: Rig) -> None:
    token = rig.result(b"old", "hello")["session"]
    write(rig, b"old", 1, 0)
    rig.advance(5.1)
    fresh = rig.result(b"new", "hello", resume=token)
    assert not fresh["resumed"]
    assert fresh["session"] != token
    assert rig.level("slots", 1) is None


def test_the_output_of_a_lost_client_that_another_took_over_stays(rig: Rig) -> None:
    write(rig, b"a", 1, 0)
    rig.advance(3.0)
    write(rig, b"b", 1, 0)
    rig.advance(3.0)
    assert rig.level("slots", 1) == 0
    rig.advance(3.0)
    assert rig.level("slots", 1) is None


def test_a_transient_failure_does_not_leave_an_output_on(rig: Rig) -> None:
    """The bus fails just when the output is to be made safe: it is tried again."""
    write(rig, b"a", 1, 0)
    rig.board.bus.fail(0x26, Fault(FaultKind.NACK, count=2))
    rig.advance(5.1)
    for _ in range(20):
        rig.advance(1.0)
    assert rig.level("slots", 1) is None


def test_who_writes_while_it_is_tried_again_is_not_disturbed(rig: Rig) -> None:
    write(rig, b"a", 1, 0)
    rig.board.bus.fail(0x26, Fault(FaultKind.NACK, count=1))
    rig.advance(5.1)
    assert rig.level("slots", 1) == 0
    rig.result(b"b", "hello", lease_ms=60_000)
    write(rig, b"b", 1, 0)
    for _ in range(20):
        rig.advance(1.0)
    assert rig.level("slots", 1) == 0


def release(rig: Rig) -> int:
    return rig.send(b"a", "release", module="TPT29555", slot="board", outputs=["slots/1"])


def test_an_output_that_was_made_safe_at_the_second_request_is_left_alone(rig: Rig) -> None:
    """The retry of the first request switched off what was switched on since."""
    rig.result(b"a", "hello", lease_ms=60_000)
    write(rig, b"a", 1, 0)
    rig.board.bus.fail(0x26, Fault(FaultKind.NACK, count=1))
    assert rig.error(b"a", release(rig))["code"] == "no_device"
    assert rig.code(b"a", release(rig)) == "ok"
    write(rig, b"a", 1, 0)
    for _ in range(20):
        rig.advance(1.0)
    assert rig.level("slots", 1) == 0


def test_whoever_asks_for_an_output_to_be_made_safe_is_answered_each_time(rig: Rig) -> None:
    rig.result(b"a", "hello", lease_ms=60_000)
    write(rig, b"a", 1, 0)
    rig.board.fault((0x26,), Fault(FaultKind.NACK))
    codes = [rig.error(b"a", release(rig))["code"] for _ in range(3)]
    assert codes == ["no_device"] * 3
    rig.settle()  # the answer comes before the next attempt is planned
    rig.board.fault((0x26,), None)
    rig.advance(11.0)
    assert rig.level("slots", 1) is None


def test_an_off_that_failed_does_not_end_the_attempts(rig: Rig) -> None:
    """Whoever asked for it lives on, and does not ask again."""
    rig.result(b"b", "hello", lease_ms=60_000)
    write(rig, b"a", 1, 0)
    rig.board.fault((0x26,), Fault(FaultKind.NACK))
    rig.advance(5.1)
    failed = rig.refused(b"b", "TPT29555", "board", "release", expander="slots", line=1)
    assert failed["code"] == "no_device"
    rig.board.fault((0x26,), None)
    for _ in range(11):
        rig.advance(1.0)
    assert rig.level("slots", 1) is None


def test_a_failure_of_another_operation_does_not_forget_what_is_driven(rig: Rig) -> None:
    write(rig, b"a", 1, 0)
    rig.board.bus.fail(0x26, Fault(FaultKind.EIO, count=1))
    refused = rig.refused(b"a", "TPT29555", "board", "read", expander="slots", line=3)
    assert refused["code"] == "bus_error"
    rig.invoke(b"a", "TPT29555", "board", "read", expander="slots", line=3)
    rig.advance(5.1)
    assert rig.level("slots", 1) is None


# -- work in progress -------------------------------------------------------------------------


@pytest.fixture
def gated() -> GatedClock:
    return GatedClock()


def hold_up(rig: Rig, clock: GatedClock) -> None:
    """Let the expanders' worker hang in a transaction until the gate opens."""
    rig.board.bus.fail(0x26, Fault(FaultKind.SLOW, count=1))
    rig.send_invoke(b"blocker", "TPT29555", "board", "read_all", expander="slots")
    assert clock.entered.wait(60)


def test_queued_work_of_a_dead_session_is_not_started(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        rig.result(b"blocker", "hello", lease_ms=60_000)
        hold_up(rig, gated)
        queued = rig.send_invoke(
            b"a", "TPT29555", "board", "write", 60_000, expander="slots", line=1, level=0
        )
        rig.result(b"a", "bye")
        gated.gate.set()
        assert rig.error(b"a", queued)["code"] == "expired"
        rig.settle()
        assert rig.level("slots", 1) is None


def test_work_that_ends_after_its_session_is_made_safe(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        rig.invoke(b"x", "TPT29555", "board", "read", expander="slots", line=0)
        rig.board.bus.fail(0x26, Fault(FaultKind.SLOW, count=1))
        written = rig.send_invoke(
            b"a", "TPT29555", "board", "write", expander="slots", line=1, level=0
        )
        assert gated.entered.wait(60)
        rig.result(b"a", "bye")
        gated.gate.set()
        assert rig.code(b"a", written) == "ok"
        rig.settle()
        assert rig.level("slots", 1) is None


def test_replies_of_an_old_connection_stay_with_it(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        token = rig.result(b"old", "hello", lease_ms=60_000)["session"]
        rig.result(b"blocker", "hello", lease_ms=60_000)
        hold_up(rig, gated)
        queued = rig.send_invoke(
            b"old", "TPT29555", "board", "write", 60_000, expander="slots", line=1, level=0
        )
        assert rig.result(b"new", "hello", lease_ms=60_000, resume=token)["resumed"]
        gated.gate.set()
        assert rig.code(b"old", queued) == "ok"
        assert rig.find(b"new", queued) is None
        # What it wrote belongs to the session all the same.
        rig.result(b"new", "bye")
        rig.settle()
        assert rig.level("slots", 1) is None


def test_what_was_asked_before_resuming_belongs_to_the_resumed_session(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        token = rig.result(b"old", "hello", lease_ms=60_000)["session"]
        rig.result(b"blocker", "hello", lease_ms=60_000)
        hold_up(rig, gated)
        early = rig.send_invoke(
            b"new", "TPT29555", "board", "write", 60_000, expander="slots", line=1, level=0
        )
        assert rig.result(b"new", "hello", lease_ms=60_000, resume=token)["resumed"]
        gated.gate.set()
        assert rig.code(b"new", early) == "ok"
        (session,) = (each for each in rig.sessions if each.identity == b"new")
        assert session.in_flight == 0
        assert session.outputs == {Output(Place("TPT29555", "board"), "slots/1"): "safe"}
        rig.advance(60.1)
        assert rig.level("slots", 1) is None


def test_an_early_request_dies_with_the_resumed_session(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        token = rig.result(b"old", "hello", lease_ms=60_000)["session"]
        rig.result(b"blocker", "hello", lease_ms=60_000)
        hold_up(rig, gated)
        early = rig.send_invoke(
            b"new", "TPT29555", "board", "write", 60_000, expander="slots", line=1, level=0
        )
        rig.result(b"new", "hello", resume=token)
        rig.result(b"new", "bye")
        gated.gate.set()
        assert rig.error(b"new", early)["code"] == "expired"
        assert rig.level("slots", 1) is None


def test_subscriptions_are_asked_for_anew(rig: Rig) -> None:
    token = rig.result(b"old", "hello")["session"]
    subscription = rig.result(
        b"old", "subscribe",
        module="TPT29555", slot="board", operation="read_all",
        params={"expander": "slots"}, every_ms=100,
    )["subscription"]  # fmt: skip
    rig.pump_until(lambda: bool(rig.events(b"old", subscription)), "the first value")
    rig.settle()
    early = rig.result(
        b"new", "subscribe",
        module="TPT29555", slot="board", operation="read_all",
        params={"expander": "board"}, every_ms=100,
    )["subscription"]  # fmt: skip
    rig.result(b"new", "hello", resume=token)
    rig.pump_until(lambda: bool(rig.events(b"new", early)), "the first value")
    rig.settle()
    seen = len(rig.events(b"old", subscription))
    rig.advance(0.5)
    rig.advance(0.5)
    assert len(rig.events(b"new", early)) >= 2
    assert not rig.events(b"new", subscription)
    assert len(rig.events(b"old", subscription)) == seen
    rig.result(b"new", "unsubscribe", subscription=early)


def test_a_session_is_a_bookkeeping_entry_only() -> None:
    session = Session(b"a", "t", 5.0, 10.0)
    assert (session.ends_at, session.in_flight, session.alive) == (15.0, 0, True)
