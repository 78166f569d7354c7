"""One thread per module: order, deadlines, overtaking, failures, closing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.bridge.probe import Look, Probe, Script, no_answer, out_of_range
from tests.bridge.rig import Rig
from tests.fake_clock import GatedClock

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.errors import CutShortError, ErrorCode
from wisblock_bridge.modules.lora.rak13300 import Desk
from wisblock_bridge.runtime.job_queue import MAX_QUEUED
from wisblock_bridge.runtime.lifecycle import ModuleLifecycle
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.server.dispatch import MAX_LEFT
from wisblock_bridge.threads.mailbox import MANY
from wisblock_bridge.wire.limits import MAX_IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.module_api import Slot

A, B = b"a", b"b"


@pytest.fixture
def script() -> Script:
    made = Script()
    Probe.script = made
    return made


@pytest.fixture
def rig(script: Script) -> Iterator[Rig]:
    with Rig(modules={"PROBE": Probe}) as made:
        yield made
        script.gate.set()


def read(rig: Rig, word: str = "w", timeout_ms: int | None = None, who: bytes = A) -> int:
    return rig.send_invoke(who, "PROBE", 1, "read", timeout_ms, word=word)


def on(rig: Rig, which: str, who: bytes = A) -> int:
    return rig.send_invoke(who, "PROBE", 1, "set", which=which, on=True)


def off(rig: Rig, which: str, who: bytes = A) -> int:
    return rig.send_invoke(who, "PROBE", 1, "set", which=which, on=False)


def hang(rig: Rig, script: Script, who: bytes = b"blocker") -> int:
    number = rig.send_invoke(who, "PROBE", 1, "hang")
    assert script.entered.wait(60)
    return number


def test_the_module_is_opened_once_and_asked_in_order(rig: Rig, script: Script) -> None:
    numbers = [read(rig, str(number)) for number in range(5)]
    assert [rig.code(A, number) for number in numbers] == ["ok"] * 5
    assert script.calls == ["open", "read 0", "read 1", "read 2", "read 3", "read 4"]
    order = [message["id"] for message in rig.received[A]]
    assert order == numbers


def test_what_waited_too_long_is_not_started(rig: Rig, script: Script) -> None:
    hang(rig, script)
    late = read(rig, "late", 100)
    patient = read(rig, "patient", 60_000)
    rig.clock.advance(0.2)
    script.gate.set()
    error = rig.error(A, late)
    assert (error["code"], error["where"]) == ("expired", "PROBE in slot 1")
    assert rig.code(A, patient) == "ok"
    assert "read late" not in script.calls
    assert rig.counters.errors == {"expired": 1}


def test_without_a_time_out_two_seconds_count(rig: Rig, script: Script) -> None:
    hang(rig, script)
    late = read(rig, "late")
    rig.clock.advance(2.1)
    script.gate.set()
    assert rig.code(A, late) == "expired"


def test_no_time_at_all(rig: Rig, script: Script) -> None:
    """With 0 ms a request is started at once or not at all."""
    assert rig.code(A, read(rig, "quick", 0)) == "ok"
    hang(rig, script)
    number = read(rig, "late", 0)
    rig.clock.advance(0.001)
    script.gate.set()
    assert rig.code(A, number) == "expired"
    assert script.calls == ["open", "read quick", "hang"]


def test_an_off_overtakes_what_is_queued_for_its_output(rig: Rig, script: Script) -> None:
    hang(rig, script)
    on_a, on_b = on(rig, "a"), on(rig, "b")
    reading = read(rig)
    others_on_a = on(rig, "a", B)
    off_a = off(rig, "a")
    on_again = on(rig, "a")
    script.gate.set()
    assert rig.error(A, on_a)["code"] == "expired"
    assert "overtook" in rig.error(B, others_on_a)["message"]
    assert [rig.code(A, number) for number in (on_b, reading, off_a, on_again)] == ["ok"] * 4
    assert script.calls == ["open", "hang", "set a False", "set b True", "read w", "set a True"]


def test_offs_are_not_overtaken(rig: Rig, script: Script) -> None:
    hang(rig, script)
    numbers = [off(rig, "a") for _ in range(3)]
    script.gate.set()
    assert [rig.code(A, number) for number in numbers] == ["ok"] * 3


def test_release_of_an_expander_line_overtakes_its_writes() -> None:
    clock = GatedClock()
    with Rig(clock=clock) as rig:
        rig.board.bus.fail(0x26, Fault(FaultKind.SLOW, count=1))
        rig.send_invoke(b"blocker", "TPT29555", "board", "read_all", expander="slots")
        assert clock.entered.wait(60)

        def line(operation: str, number: int, **more: object) -> int:
            return rig.send_invoke(
                A, "TPT29555", "board", operation, 60_000, expander="slots", line=number, **more
            )

        writes = [line("write", 1, level=0), line("toggle", 1), line("pulse", 1, ms=50)]
        other = line("write", 2, level=0)
        release = line("release", 1)
        clock.gate.set()
        assert [rig.code(A, number) for number in writes] == ["expired"] * 3
        assert [rig.code(A, number) for number in (other, release)] == ["ok", "ok"]
        assert (rig.level("slots", 1), rig.level("slots", 2)) == (None, 0)


def test_a_queue_is_bounded(rig: Rig, script: Script) -> None:
    hang(rig, script)
    numbers = [(A, read(rig)) for _ in range(MAX_IN_FLIGHT)]
    numbers += [(B, read(rig, who=B)) for _ in range(10)]
    refused = [rig.error(who, number) for who, number in numbers[MAX_QUEUED + 1 :]]
    assert [error["code"] for error in refused] == ["busy"] * 9, "one of each client gets in"
    assert refused[0]["where"] == "PROBE in slot 1"
    urgent = off(rig, "a", B)  # an off gets in all the same
    script.gate.set()
    assert {rig.code(*each) for each in numbers[: MAX_QUEUED + 1]} == {"ok"}
    assert rig.code(B, urgent) == "ok"
    assert script.calls[2] == "set a False"
    assert rig.code(B, read(rig, who=B)) == "ok"


def test_the_257th_request_in_flight_is_busy(rig: Rig, script: Script) -> None:
    first = hang(rig, script, A)
    numbers = [read(rig) for _ in range(255)]
    one_more = read(rig)
    assert rig.error(A, one_more)["code"] == "busy"
    assert rig.code(A, rig.send(A, "ping")) == "busy"
    assert rig.code(B, rig.send(B, "ping")) == "ok"  # others are not concerned
    script.gate.set()
    assert {rig.code(A, number) for number in (first, *numbers)} == {"ok"}
    assert rig.code(A, rig.send(A, "ping")) == "ok"


def test_a_failure_names_the_place_and_ends(rig: Rig, script: Script) -> None:
    assert rig.code(A, read(rig)) == "ok"
    script.failures.append(no_answer())
    error = rig.error(A, read(rig))
    assert (error["code"], error["where"]) == ("no_device", "PROBE in slot 1, 0x11 on i2c-1")
    (slot,) = rig.slot_manager
    assert (slot.health.errors, str(slot.health.last_error and slot.health.last_error.code)) == (
        1,
        "no_device",
    )
    assert rig.code(A, read(rig)) == "ok"
    assert [each.health.last_error for each in rig.slot_manager] == [None]
    assert script.calls == ["open", "read w", "read w", "open", "read w"]


def test_a_bad_measurement_does_not_reopen(rig: Rig, script: Script) -> None:
    assert rig.code(A, read(rig)) == "ok"
    script.failures.append(out_of_range())
    error = rig.error(A, read(rig))
    assert (error["code"], error["hint"], error["where"]) == (
        "out_of_range",
        "Take less.",
        "PROBE in slot 1",
    )
    assert rig.code(A, read(rig)) == "ok"
    assert script.calls.count("open") == 1


def test_opening_is_tried_again(rig: Rig, script: Script) -> None:
    script.failures += [no_answer(), no_answer()]
    assert [rig.code(A, read(rig)) for _ in range(3)] == ["no_device", "no_device", "ok"]
    assert script.calls == ["open", "open", "open", "read w"]


def test_a_defect_is_internal_and_stays_inside(
    rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    assert rig.code(A, read(rig)) == "ok"
    script.failures.append(KeyError("secret detail"))
    error = rig.error(A, read(rig))
    assert (error["code"], error["where"]) == ("internal", "PROBE in slot 1")
    assert "secret" not in str(error)
    assert "secret detail" in caplog.text
    assert error["data"]["id"] in caplog.text
    assert rig.code(A, read(rig)) == "ok"


@pytest.mark.parametrize("value", [object(), 2**70, {1, 2}])
def test_a_reading_that_cannot_be_sent_is_a_defect(rig: Rig, script: Script, value: object) -> None:
    script.values = [value, 1.0] if not isinstance(value, set) else [object(), 1.0]
    assert rig.code(A, read(rig)) == "internal"
    assert rig.code(A, read(rig)) == "ok"


def test_an_event_that_cannot_be_sent_is_told_and_passes(rig: Rig, script: Script) -> None:
    script.values = [1.0, object(), 3.0]
    number = rig.result(A, "subscribe", module="PROBE", slot=1, event="changed")["subscription"]
    rig.pump_until(lambda: len(rig.events(A, number)) >= 1, "the first value")
    rig.settle()
    rig.advance(0.11)
    rig.advance(0.11)
    first, second, third = rig.events(A, number)
    assert (first["readings"]["value"], third["readings"]["value"]) == (1.0, 3.0)
    assert second["error"]["code"] == "internal"
    sequence = 0
    for message in (first, second, third):
        assert message["sequence"] == sequence + 1 + message["lost"]
        sequence = message["sequence"]


def test_timers_run_between_jobs(rig: Rig, script: Script) -> None:
    rig.reply(A, rig.send_invoke(A, "PROBE", 1, "later", ms=500))
    rig.reply(A, rig.send_invoke(A, "PROBE", 1, "later", ms=200))
    rig.advance(0.1)
    assert script.calls == ["open"]
    rig.advance(0.15)
    assert script.calls == ["open", "timer 200"]
    script.failures.append(RuntimeError("a timer may fail"))
    rig.advance(1.0)
    assert rig.code(A, read(rig)) == "ok"
    assert script.calls[:3] == ["open", "timer 200", "timer 500"]


def measure(rig: Rig, script: Script, who: bytes = A) -> int:
    number = rig.send_invoke(who, "PROBE", 1, "measure", 60_000)
    assert script.entered.wait(60)
    return number


def test_a_long_measurement_gives_way_to_the_closing_of_its_module(
    rig: Rig, script: Script
) -> None:
    number = measure(rig, script)
    queued = read(rig)
    release = rig.send(B, "release", module="PROBE", slot=1, force=True)
    assert rig.error(A, number) == {
        "code": "closing",
        "message": "PROBE in slot 1 was released by force by an unnamed client before this was "
        "finished.",
        "where": "PROBE in slot 1",
    }
    assert (rig.code(A, queued), rig.code(B, release)) == ("closing", "ok")
    assert script.calls == ["open", "measure", "close"]


def test_a_long_measurement_gives_way_to_a_stop(rig: Rig, script: Script) -> None:
    number = measure(rig, script)
    later = read(rig)
    stop = off(rig, "a", B)
    assert rig.error(A, number)["code"] == "expired"
    assert (rig.code(B, stop), rig.code(A, later)) == ("ok", "ok")
    assert script.calls == ["open", "measure", "set a False", "read w"]
    (worker,) = rig.slot_manager
    assert (worker.health.errors, worker.health.last_error) == (0, None)


def test_a_long_measurement_gives_way_to_an_output_whose_client_is_gone(
    rig: Rig, script: Script
) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    assert rig.code(B, on(rig, "a", B)) == "ok"
    number = measure(rig, script)
    rig.clock.advance(6.0)
    for action in rig.timer_queue.due():
        action()
    assert rig.error(A, number)["code"] == "expired"
    rig.settle()
    assert script.calls == ["open", "set a True", "measure", "safe a"]


def test_a_long_measurement_gives_way_to_nothing_else(rig: Rig, script: Script) -> None:
    number = measure(rig, script)
    others = [read(rig), on(rig, "a", B)]
    asked = rig.send(B, "subscribe", module="PROBE", slot=1, event="changed")
    rig.result(B, "unsubscribe", subscription=rig.reply(B, asked)["result"]["subscription"])
    script.gate.set()
    assert rig.code(A, number) == "ok"
    assert [rig.code(who, each) for who, each in zip((A, B), others, strict=True)] == ["ok"] * 2


def test_a_reading_of_a_subscription_that_gave_way_is_taken_again(rig: Rig, script: Script) -> None:
    asked = rig.send(A, "subscribe", module="PROBE", slot=1, operation="measure", every_ms=60_000)
    number = rig.reply(A, asked)["result"]["subscription"]
    assert script.entered.wait(60)
    assert rig.code(B, off(rig, "a", B)) == "ok"
    script.gate.set()
    rig.settle()
    assert rig.events(A, number) == []
    rig.advance(0.11)
    assert [each.get("initial") for each in rig.events(A, number)] == [True]
    assert script.calls == ["open", "measure", "set a False", "measure"]


@pytest.mark.parametrize(
    ("module", "slot", "operation", "params"),
    [
        ("ADC", "board", "read", {"samples": 1024}),
        ("ADC", "board", "read_differential", {"samples": 1024}),
        ("RAK5801", 1, "read", {"samples": 1024}),
        ("RAK5811", 1, "read", {"samples": 1024}),
        ("RAK12009", 1, "read", {"samples": 1000}),
        ("RAK12015", 1, "read", {"window_ms": 5000}),
        ("RAK13600", 1, "read_tag", {"timeout_ms": 10_000}),
        ("RAK16000", 1, "read", {"samples": 256}),
        ("RAK16001", 1, "read", {"samples": 256}),
        ("RAK16001", 1, "read_all", {"samples": 256}),
    ],
)
def test_what_takes_long_gives_way_at_every_step(
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    slot: Slot,
    operation: str,
    params: dict[str, int],
) -> None:
    steps: list[float] = []

    def third_time(lifecycle: ModuleLifecycle) -> None:
        steps.append(lifecycle._clock.monotonic())
        if len(steps) == 3:
            raise CutShortError(ErrorCode.EXPIRED, "It was cut short.")

    monkeypatch.setattr(ModuleLifecycle, "_yield_if_cancelled", third_time)
    with Rig() as rig:
        if module == "RAK13600":
            rig.result(A, "emulator.plug", slot=slot, module=module)
            rig.result(A, "emulator.set", slot=slot, quantity="tag", value="")
        assert rig.refused(A, module, slot, operation, **params)["code"] == "expired"
        assert len(steps) == 3
        assert steps[2] - steps[0] < 1.0
        monkeypatch.undo()
        if module == "RAK13600":
            rig.result(A, "emulator.set", slot=slot, quantity="tag", value="01020304")
        rig.invoke(A, module, slot, operation, **params)


def test_a_worker_tells_a_radio_who_waits(rig: Rig) -> None:
    """A radio that waits for a packet asks it, and would not notice if it were not there."""
    assert rig.code(A, read(rig)) == "ok"
    (worker,) = rig.slot_manager
    assert isinstance(worker, Desk)


class Slow(Script):
    """Each call takes 20 ms of the fake clock, until 50 jobs are done: then time stands still.

    Otherwise looks would be due for ever, and the test could not read as fast as they tell.
    """

    rig: Rig
    jobs = 0

    def call(self, what: str) -> None:
        self.jobs += what.startswith("read job")
        if self.jobs < 50:
            self.rig.clock.advance(0.02)
        super().call(what)


def test_many_subscriptions_do_not_keep_requests_waiting_nor_the_other_way_round() -> None:
    """Twenty looks are due at any time; each request waits for one of them, not for all."""
    Probe.script = script = Slow()
    with Rig(modules={"PROBE": Probe}) as rig:
        script.rig = rig
        hang(rig, script)
        for number in range(20):
            rig.result(
                A, "subscribe", module="PROBE", slot=1, operation="read",
                params={"word": f"look {number}"}, every_ms=10,
            )  # fmt: skip
        numbers = [read(rig, f"job {number}", 60_000) for number in range(50)]
        script.gate.set()
        assert {rig.code(A, number) for number in numbers} == {"ok"}
        calls = [call[:8] for call in script.calls]
        turns = calls[calls.index("read job") :]
        turns = turns[: len(turns) - turns[::-1].index("read job")]
        assert turns.count("read job") == 50
        assert 45 <= turns.count("read loo") <= 55


def test_what_is_seen_does_not_pile_up_before_a_loop_that_cannot_pass_it_on(
    rig: Rig, script: Script
) -> None:
    """With 2000 readings due every 10 ms the mailbox grew for as long as that went on."""
    clients = [b"%d" % number for number in range(8)]
    for who in clients:
        rig.result(who, "hello", lease_ms=60_000)
        for _ in range(100):
            rig.result(who, "subscribe", module="PROBE", slot=1, operation="read", every_ms=10)
    rig.settle()
    worker = rig.slot_manager.worker(Place("PROBE", 1))
    for _ in range(200):
        rig.clock.advance(0.01)
        worker.wake()
        time.sleep(0.002)
    # As many as make it too many, and those of one measurement that had begun.
    assert len(rig.mailbox._items) <= MANY + 800
    number = rig.send_invoke(A, "PROBE", 1, "set", 60_000, which="a", on=True)
    end = time.monotonic() + 20.0
    while "set a True" not in script.calls:
        assert time.monotonic() < end, "requests wait for the loop, too"
        time.sleep(0.002)
    assert rig.code(A, number) == "ok"
    rig.settle()
    late = sum(message.get("late", 0) for message in rig.received[clients[0]])
    assert late > 100 * 100, "missed beats are counted"


def test_what_waits_of_a_client_that_has_left_is_not_started(rig: Rig, script: Script) -> None:
    """Its lease runs on, because it may come back; what it had asked before is not done for it."""
    hang(rig, script)
    for who in (A, B):
        rig.result(who, "hello", lease_ms=60_000)
        on(rig, "a" if who == A else "b", who)
        read(rig, who.decode(), 60_000, who)
        off(rig, "a" if who == A else "b", who)
        on(rig, "a" if who == A else "b", who)
    rig.gone.add(A)
    rig.dispatcher.connection_left(A)
    script.gate.set()
    rig.settle()
    assert script.calls == ["open", "hang", "set b False", "read b", "set b True"]
    assert rig.slot_manager.worker(Place("PROBE", 1)).unanswered == 0


def test_nothing_is_measured_for_a_client_that_has_left(rig: Rig, script: Script) -> None:
    """It subscribes again when it comes back, so nobody ever gets what is measured meanwhile."""
    for who in (A, B):
        rig.result(who, "hello", lease_ms=60_000)
        rig.result(
            who, "subscribe", module="PROBE", slot=1, operation="read", every_ms=100,
            params={"word": who.decode()},
        )  # fmt: skip
        rig.result(who, "observe")
    rig.settle()
    script.calls.clear()
    rig.gone.add(A)
    rig.dispatcher.connection_left(A)
    rig.advance(0.0)
    for _ in range(3):
        rig.advance(0.1)
    assert set(script.calls) == {"read b"}
    assert rig.slot_manager.worker(Place("PROBE", 1)).watched == 1
    assert len(rig.sessions) == 2, "its lease runs on"


def test_a_client_that_came_back_at_once_keeps_what_it_subscribes_to(rig: Rig) -> None:
    token = rig.result(A, "hello", lease_ms=60_000)["session"]
    subscribe = {"module": "PROBE", "slot": 1, "operation": "read", "every_ms": 100}
    rig.result(A, "subscribe", **subscribe)
    rig.dispatcher.connection_left(A)
    assert rig.result(B, "hello", resume=token, lease_ms=60_000)["resumed"]
    number = rig.result(B, "subscribe", **subscribe)["subscription"]
    for _ in range(4):
        rig.advance(0.1)
    assert len(rig.events(B, number)) >= 3


def test_only_so_many_sessions_wait_for_their_client_to_come_back(rig: Rig) -> None:
    """A program that connects and leaves again and again left 3000 a second."""
    tokens = []
    for number in range(MAX_LEFT + 300):
        who = b"%d" % number
        tokens.append(rig.result(who, "hello", lease_ms=60_000)["session"])
        if number == 5:
            assert rig.code(who, on(rig, "a", who)) == "ok"
        rig.gone.add(who)
        rig.dispatcher.connection_left(who)
        for action in rig.timer_queue.due():
            action()
    assert len(rig.sessions) == MAX_LEFT + 1
    for number, comes_back in ((0, False), (5, True), (299, False), (1000, True), (1323, True)):
        who = b"again %d" % number
        assert rig.result(who, "hello", resume=tokens[number])["resumed"] is comes_back


def test_nothing_is_watched_for_a_client_whose_end_was_read_with_its_request(
    rig: Rig, script: Script
) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    rig.gone.add(A)
    rig.send(A, "subscribe", module="PROBE", slot=1, operation="read", every_ms=100)
    rig.send(A, "observe")
    rig.advance(0.2)
    assert script.calls == []
    session = rig.sessions.at(A)
    assert session is not None
    assert not session.subscriptions


def test_clients_take_turns_however_much_one_of_them_asks(rig: Rig, script: Script) -> None:
    hang(rig, script)
    numbers = [(A, read(rig, f"a{number}", 60_000)) for number in range(5)]
    numbers.append((B, read(rig, "b0", 60_000, B)))
    numbers += [(b"c", read(rig, f"c{number}", 60_000, b"c")) for number in range(2)]
    numbers.append((A, read(rig, "a5", 60_000)))
    script.gate.set()
    assert {rig.code(who, number) for who, number in numbers} == {"ok"}
    order = [call.removeprefix("read ") for call in script.calls[2:]]
    assert order == ["a0", "b0", "c0", "a1", "c1", "a2", "a3", "a4", "a5"]


def test_no_turn_comes_before_a_change(rig: Rig, script: Script) -> None:
    """What was sent after a request that may change something is measured after that."""
    hang(rig, script)
    numbers = [(A, read(rig, f"a{number}", 60_000)) for number in range(3)]
    numbers.append((A, on(rig, "a")))
    numbers.append((B, read(rig, "b0", 60_000, B)))
    numbers += [(A, read(rig, f"a{number}", 60_000)) for number in (3, 4)]
    numbers.append((B, on(rig, "b", B)))
    script.gate.set()
    assert {rig.code(who, number) for who, number in numbers} == {"ok"}
    assert script.calls[2:] == [
        "read a0", "read a1", "read a2", "set a True", "read b0", "read a3", "set b True", "read a4"
    ]  # fmt: skip


def test_a_module_that_cannot_say_whether_it_rests_answers_all_the_same(
    rig: Rig, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rests(*_: object) -> bool:
        raise ValueError("a mistake")

    monkeypatch.setattr(Probe, "rests", rests)
    assert rig.code(A, on(rig, "a")) == "ok"
    assert rig.code(A, read(rig)) == "ok"
    assert rig.code(A, off(rig, "a")) == "ok"
    assert script.states == {"a": False}


def test_a_place_that_is_opened_again_and_again_is_told_once(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Two nodes want two modules in one empty slot: each request closes the other one's module."""
    rig.board.unplug(2)
    for _ in range(10):
        assert rig.refused(A, "RAK13003", 2, "read_all")["code"] == "no_device"
        assert rig.refused(A, "RAK13004", 2, "state", channel=0)["code"] == "no_device"
    told = [each.getMessage() for each in caplog.records if "No answer" in each.getMessage()]
    assert [each.split(" in slot")[0] for each in told] == ["RAK13003", "RAK13004"]


def test_release_refuses_what_is_queued_and_closes(rig: Rig, script: Script) -> None:
    first = hang(rig, script)
    queued = [read(rig, str(number)) for number in range(3)]
    release = rig.send(A, "release", module="PROBE", slot=1, force=True)
    assert rig.find(A, release) is None
    script.gate.set()
    assert rig.code(b"blocker", first) == "ok"
    assert [rig.code(A, number) for number in queued] == ["closing"] * 3
    assert rig.reply(A, release)["result"] == {}
    assert script.calls == ["open", "hang", "close"]
    assert not list(rig.slot_manager)


def test_a_request_in_the_same_breath_as_the_release(rig: Rig, script: Script) -> None:
    """The worker ends before the poll loop would have woken it."""
    assert rig.code(A, read(rig)) == "ok"
    (worker,) = rig.slot_manager
    rig.dispatcher._to_wake.add(worker)
    release = rig.send(A, "release", module="PROBE", slot=1)
    rig.dispatcher._to_wake.add(worker)
    assert rig.code(A, release) == "ok"
    rig.dispatcher.wake_workers()
    assert script.calls[-1] == "close"


def test_a_module_that_fails_to_close_is_gone_all_the_same(rig: Rig, script: Script) -> None:
    assert rig.code(A, read(rig)) == "ok"
    script.failures.append(no_answer())
    assert rig.code(A, rig.send(A, "release", module="PROBE", slot=1)) == "ok"
    assert rig.code(A, read(rig)) == "ok"
    assert script.calls == ["open", "read w", "close", "open", "read w"]


def test_a_look_out_that_fails_to_close_does_not_keep_the_module_open(
    rig: Rig, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_look: Look) -> None:
        raise OSError("the descriptor is gone")

    monkeypatch.setattr(Look, "close", broken)
    rig.result(A, "subscribe", module="PROBE", slot=1, event="changed")
    rig.settle()
    assert rig.code(A, rig.send(A, "release", module="PROBE", slot=1)) == "ok"
    assert script.calls[-1] == "close"
    assert not list(rig.slot_manager)


def test_a_slot_that_was_never_used_can_be_released(rig: Rig, script: Script) -> None:
    assert rig.result(A, "release", module="PROBE", slot=2) == {}
    assert script.calls == []


def test_occupancy() -> None:
    assert str(Place("RAK5801", 1)) == "RAK5801 in slot 1"
    assert str(Place("ADC", "board")) == "ADC on the board"
