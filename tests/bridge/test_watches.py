"""Subscriptions: first value, dead band, rhythm, failures told once, counting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.probe import Probe, Script, no_answer
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.module_api import EventSource, Result
from wisblock_bridge.modules.rak12006 import RAK12006
from wisblock_bridge.runtime.watches import EventWatch
from wisblock_bridge.server import outbox
from wisblock_bridge.server.outbox import MAX_WAITING_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B = b"a", b"b"


@pytest.fixture
def script() -> Script:
    Probe.script = Script()
    return Probe.script


@pytest.fixture
def rig(script: Script) -> Iterator[Rig]:
    with Rig(modules={"PROBE": Probe}) as made:
        yield made
        script.gate.set()


def subscribe(rig: Rig, who: bytes = A, **more: Any) -> int:
    asked = {"module": "PROBE", "slot": 1, **more}
    if "event" not in more:
        asked = {"operation": "read", "every_ms": 100, **asked}
    number: int = rig.result(who, "subscribe", **asked)["subscription"]
    rig.pump_until(lambda: bool(rig.events(who, number)), "the first message")
    rig.settle()
    return number


def values(rig: Rig, number: int, who: bytes = A) -> list[object]:
    """What was told: values, and the codes of errors."""
    return [
        each["readings"]["value"] if "readings" in each else each["error"]["code"]
        for each in rig.events(who, number)
    ]


def step(rig: Rig, times: int = 1, seconds: float = 0.1) -> None:
    for _ in range(times):
        rig.advance(seconds)
        for who in tuple(rig.received):
            rig.ask(who, "ping")


def test_the_reply_comes_first_and_the_first_message_is_the_present_value(
    rig: Rig, script: Script
) -> None:
    script.values = [7.5]
    number = subscribe(rig, params={"word": "x"})
    reply, first = rig.received[A]
    assert reply["result"] == {"subscription": number}
    assert first == {
        "v": 1,
        "event": "read",
        "subscription": number,
        "sequence": 1,
        "lost": 0,
        "readings": {"value": 7.5, "word": "x"},
        "timestamp": rig.clock.timestamp_ms(),
        "quality": "good",
        "emulated": True,
        "initial": True,
    }


def test_every_reading_is_told_in_its_rhythm(rig: Rig, script: Script) -> None:
    number = subscribe(rig)
    step(rig, 5)
    assert len(rig.events(A, number)) == 6
    assert [each["sequence"] for each in rig.events(A, number)] == [1, 2, 3, 4, 5, 6]
    assert [each.get("initial", False) for each in rig.events(A, number)] == [True, *[False] * 5]
    assert script.calls.count("open") == 1


def test_no_catching_up_after_a_pause(rig: Rig) -> None:
    number = subscribe(rig)
    step(rig, 1, 3.05)
    assert len(rig.events(A, number)) == 2
    step(rig, 1, 0.1)
    assert len(rig.events(A, number)) == 3


@pytest.mark.parametrize(
    ("deadband", "told"),
    [
        (None, [1.0, 1.0, 1.2, 1.4, 1.6, 1.0]),
        (0.0, [1.0, 1.2, 1.4, 1.6, 1.0]),
        (0.39, [1.0, 1.4, 1.0]),
        (10.0, [1.0]),
    ],
)
def test_dead_band(rig: Rig, script: Script, deadband: float | None, told: list[float]) -> None:
    script.values = [1.0, 1.0, 1.2, 1.4, 1.6, 1.0]
    number = subscribe(rig, A, **({} if deadband is None else {"deadband": deadband}))
    step(rig, 5)
    assert values(rig, number) == told


@pytest.mark.parametrize("change", ["x", True, 3, None])
def test_a_dead_band_does_not_hide_other_changes(rig: Rig, script: Script, change: object) -> None:
    script.values = ["w", "w", change, change, "w"]
    number = subscribe(rig, deadband=5.0)
    step(rig, 4)
    assert len(rig.events(A, number)) == 3


def test_an_event_is_told_when_it_happens(rig: Rig, script: Script) -> None:
    script.values = [1, 1, 1, 2, 2, 3]
    number = subscribe(rig, event="changed")
    assert rig.events(A, number)[0]["event"] == "changed"
    step(rig, 6)
    assert values(rig, number) == [1, 2, 3]
    assert [each.get("initial", False) for each in rig.events(A, number)] == [True, False, False]


def test_an_occurrence_is_never_the_present_state(rig: Rig, script: Script) -> None:
    script.values = [1, 1, 2, 3]
    number = subscribe(rig, event="happened")
    step(rig, 4)
    assert values(rig, number) == [1, 2, 3]
    assert not any("initial" in each for each in rig.events(A, number))


def test_a_client_given_up_while_it_is_told_the_number_is_not_looked_out_for(
    rig: Rig, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outbox is full: the reply to ``subscribe`` is what makes the bridge give it up."""
    rig.result(B, "invoke", module="PROBE", slot=1, operation="read")
    rig.ask(A, "ping")
    rig.full.add(A)
    monkeypatch.setattr(outbox, "MAX_WAITING_REPLY_BYTES", 1)
    rig.send(A, "subscribe", module="PROBE", slot=1, event="changed")
    rig.settle()
    assert rig.outbox.clients_given_up == 1
    (worker,) = rig.slot_manager
    assert worker.watched == 0
    assert script.calls == ["open", "read w"]


@pytest.mark.parametrize("kind", ["operation", "event"])
def test_a_failure_is_told_once_and_the_value_comes_back(
    rig: Rig, script: Script, kind: str
) -> None:
    more = {"event": "changed"} if kind == "event" else {"deadband": 1000.0}
    number = subscribe(rig, **more)
    script.failures += [no_answer() for _ in range(4)]
    step(rig, 100)
    assert not script.failures
    assert values(rig, number) == [1.0, "no_device", 1.0]
    error = rig.events(A, number)[1]
    assert (error["event"], error["error"]["where"]) == (
        "error",
        "PROBE in slot 1, 0x11 on i2c-1",
    )
    assert [each["sequence"] for each in rig.events(A, number)] == [1, 2, 3]
    assert "initial" not in rig.events(A, number)[2]


def test_the_pace_slows_down_while_it_fails(rig: Rig, script: Script) -> None:
    number = subscribe(rig)
    script.failures += [no_answer() for _ in range(10_000)]
    step(rig, 10)
    quick = 10_000 - len(script.failures)
    assert quick <= 5
    step(rig, 60, 1.0)
    assert 10_000 - len(script.failures) <= quick + 12
    script.failures.clear()
    step(rig, 12, 1.0)
    assert values(rig, number)[-1] == 1.0
    seen = len(values(rig, number))
    step(rig, 5)
    assert len(values(rig, number)) == seen + 5


def test_it_begins_with_an_error_when_the_hardware_is_not_there(rig: Rig, script: Script) -> None:
    script.failures += [no_answer(), no_answer()]
    number = subscribe(rig)
    step(rig, 20)
    assert values(rig, number)[:2] == ["no_device", 1.0]
    assert rig.events(A, number)[1]["initial"]


def test_unsubscribing_ends_it(rig: Rig, script: Script) -> None:
    number = subscribe(rig)
    other = subscribe(rig, B)
    assert rig.ask(B, "unsubscribe", subscription=number)["error"]["code"] == "bad_params"
    assert rig.result(A, "unsubscribe", subscription=number) == {}
    assert rig.ask(A, "unsubscribe", subscription=number)["error"]["code"] == "bad_params"
    seen = len(rig.events(A, number))
    step(rig, 5)
    assert len(rig.events(A, number)) == seen
    assert len(rig.events(B, other)) == 6
    (worker,) = rig.slot_manager
    assert worker.watched == 1
    assert script.calls.count("open") == 1


def test_a_lost_client_is_not_looked_out_for(rig: Rig) -> None:
    subscribe(rig)
    rig.advance(5.1)
    rig.settle()
    (worker,) = rig.slot_manager
    assert worker.watched == 0


def test_released_by_force_it_sleeps_until_its_client_asks_again(rig: Rig, script: Script) -> None:
    number = subscribe(rig)
    rig.result(A, "hello", lease_ms=60_000)
    rig.result(B, "hello", client="admin")
    assert rig.result(B, "release", module="PROBE", slot=1, force=True) == {}
    assert values(rig, number) == [1.0, "closing"]
    assert not list(rig.slot_manager)
    error = rig.events(A, number)[-1]["error"]
    assert error["message"] == 'PROBE in slot 1 was released by force by client "admin".'
    for _ in range(10):
        rig.result(A, "ping")
        rig.advance(10.0)
    assert not list(rig.slot_manager), "the slot is left to the newcomer"
    rig.invoke(A, "PROBE", 1, "read")
    rig.settle()
    rig.advance(0.1)
    assert values(rig, number)[2] == 1.0
    assert script.calls.count("open") == 2
    sequence = [each["sequence"] for each in rig.events(A, number)]
    assert sequence == list(range(1, len(sequence) + 1))


def test_it_is_asked_back_when_the_slot_is_free_again(rig: Rig) -> None:
    """Its client asks for the module while another one is in the slot: it is patient."""
    number = subscribe(rig)
    rig.result(A, "hello", lease_ms=60_000)
    rig.result(B, "hello", lease_ms=60_000)
    rig.result(B, "release", module="PROBE", slot=1, force=True)
    rig.invoke(B, "RAK5811", 1, "read", samples=1)
    assert rig.refused(A, "PROBE", 1, "read")["code"] == "slot_conflict"
    rig.advance(8.0)
    assert values(rig, number) == [1.0, "closing"]
    rig.result(B, "release", module="RAK5811", slot=1)
    rig.invoke(A, "PROBE", 1, "read")
    rig.settle()
    rig.advance(0.1)
    assert values(rig, number)[2] == 1.0


def test_who_releases_ends_its_own_subscriptions(rig: Rig) -> None:
    subscribe(rig)
    rig.result(A, "release", module="PROBE", slot=1)
    step(rig, 30, 1.0)
    assert not list(rig.slot_manager)


def test_a_slow_client_is_told_what_it_lost(rig: Rig) -> None:
    number = subscribe(rig)
    rig.full.add(A)
    for _ in range(200):
        rig.advance(0.1)
        rig.dispatcher._sessions.of(A, rig.clock.monotonic())
    rig.full.clear()
    rig.outbox.retry()
    step(rig, 3)
    sequence = 0
    for message in rig.events(A, number):
        assert message["sequence"] == sequence + 1 + message["lost"]
        sequence = message["sequence"]
    assert sequence == 204
    assert sum(each["lost"] for each in rig.events(A, number)) == 200 - MAX_WAITING_EVENTS


@for_each(
    ("asked", "param"),
    [
        ({"operation": "read"}, "every_ms"),
        ({"operation": "read", "every_ms": 9}, None),
        ({"operation": "read", "every_ms": 86_400_001}, None),
        ({"operation": "read", "every_ms": 100.5}, None),
        ({"operation": "read", "every_ms": 100, "deadband": -1}, None),
        ({"operation": "read", "every_ms": 100, "deadband": float("nan")}, None),
        ({"operation": "read", "every_ms": 100, "params": {"word": 5}}, "word"),
        ({"operation": "read", "every_ms": 100, "params": []}, None),
        ({"operation": "set", "every_ms": 100, "params": {"which": "a", "on": True}}, "operation"),
        ({"event": "changed", "every_ms": 100}, "every_ms"),
        ({"event": "changed", "deadband": 1.0}, "deadband"),
        ({"event": "changed", "params": {"poll_ms": 1}}, "poll_ms"),
        ({"event": "changed", "operation": "read", "every_ms": 100}, "event"),
        ({}, "event"),
        ({"operation": "read", "every_ms": 100, "slot": "board"}, "slot"),
        ({"operation": "read", "every_ms": 100, "other": 1}, None),
    ],
)
def test_what_cannot_be_subscribed_to(
    rig: Rig, script: Script, asked: dict[str, Any], param: str | None
) -> None:
    reply = rig.ask(A, "subscribe", **{"module": "PROBE", "slot": 1, **asked})
    assert reply["error"]["code"] == "bad_params"
    if param:
        assert reply["error"]["data"]["param"] == param
    assert script.calls == []
    assert not list(rig.slot_manager)


def test_names_that_are_not_known(rig: Rig) -> None:
    asked: dict[str, Any] = {
        "module": "PROBE", "slot": 1, "operation": "read", "every_ms": 100,
    }  # fmt: skip
    for change, code in (
        ({"module": "RAK99999"}, "unknown_module"),
        ({"operation": "changed"}, "unknown_operation"),
        ({"operation": None, "every_ms": None, "event": "read"}, "unknown_operation"),
    ):
        changed: dict[str, Any] = {**asked, **change}
        reply = rig.ask(A, "subscribe", **changed)
        assert reply["error"]["code"] == code


def test_subscriptions_of_one_client_are_bounded(rig: Rig) -> None:
    asked: dict[str, Any] = {
        "module": "PROBE", "slot": 1, "operation": "read", "every_ms": 60_000,
    }  # fmt: skip
    numbers = [rig.result(A, "subscribe", **asked)["subscription"] for _ in range(256)]
    assert len(set(numbers)) == 256
    assert rig.ask(A, "subscribe", **asked)["error"]["code"] == "busy"
    assert rig.ask(B, "subscribe", **asked)["ok"]
    rig.result(A, "unsubscribe", subscription=numbers[0])
    assert rig.ask(A, "subscribe", **asked)["ok"]


def test_new_subscriptions_take_turns_with_requests(rig: Rig) -> None:
    """However many begin at once, a request waits for one of their measurements, not for all."""
    script = Probe.script
    rig.send_invoke(A, "PROBE", 1, "hang")
    assert script.entered.wait(60)
    for number in range(20):
        rig.result(
            A, "subscribe", module="PROBE", slot=1, operation="read",
            params={"word": f"sub {number}"}, every_ms=60_000,
        )  # fmt: skip
    asked = rig.send_invoke(B, "PROBE", 1, "read", word="asked")
    script.gate.set()
    assert rig.reply(B, asked)["ok"]
    rig.pump_until(lambda: len(script.calls) >= 23, "all have looked")
    reads = [call for call in script.calls if call.startswith("read")]
    assert reads.index("read asked") <= 1
    assert len(reads) == 21


class Changing(EventSource):
    """A look-out that wants to be asked once more, after 20 s, and then no more."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(math.inf)
        self.clock = clock
        self.looks = 0

    def look(self) -> list[Result]:
        self.looks += 1
        self.look_at = self.clock.monotonic() + 20.0 if self.looks == 1 else None
        return []


class OneWatch:
    """A module with one event."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock

    def perform(self, operation: str, arguments: tuple[object, ...]) -> Result:
        raise AssertionError(operation, arguments)

    def begin(self, event: str, arguments: tuple[object, ...]) -> EventSource:  # noqa: ARG002
        return Changing(self.clock)

    def look(self, watch: EventSource) -> list[Result]:
        return list(watch.look())


def test_a_look_may_say_when_the_next_one_is_due() -> None:
    clock = FakeClock(100.0)
    watching = EventWatch(1, RAK12006.description.events["motion"], ())
    caller = OneWatch(clock)
    assert watching.look(caller, clock) == []
    assert watching.due == pytest.approx(120.0)
    clock.advance(20.0)
    assert watching.look(caller, clock) == []
    assert math.isinf(watching.due)
