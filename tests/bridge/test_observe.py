"""Observing: told what others are told, bounded and slow enough, without touching anything."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import msgpack
import msgspec
import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each

from wisblock_bridge.module_api import Module, Param, Product, ReadingSpec, Result, operation
from wisblock_bridge.server.status import status
from wisblock_bridge.wire.roles import Peer, Role

A, B, C = b"a", b"b", b"c"
Map = dict[str, Any]


def observe(rig: Rig, who: bytes = A, **params: Any) -> int:
    number: int = rig.result(who, "observe", **params)["subscription"]
    return number


def seen(rig: Rig, number: int, kind: str | None = None, who: bytes = A) -> list[Map]:
    """What an observer was told, after whatever this turn of the loop still has to do."""
    rig.advance(0.0)
    told = rig.events(who, number)
    for each in told:
        assert each["event"] == "observed"
    return [dict(each) for each in told if kind in {None, each["kind"]}]


def slots(rig: Rig) -> list[Map]:
    """What ``status`` says of the modules in use."""
    parts = (rig.hardware, rig.slot_manager, rig.sessions, rig.outbox, rig.counters)
    found: Any = status(0.0, *parts, {})["slots"]
    return list(found)


def check_numbers(told: list[Map]) -> None:
    """Every message that was told or dropped has a number of its own."""
    expected = 0
    for each in told:
        expected += each["lost"] + 1
        assert each["sequence"] == expected, each


# -- what is told -----------------------------------------------------------------------------


def test_a_result_of_somebody_else_is_told(rig: Rig) -> None:
    number = observe(rig)
    readings = rig.invoke(B, "RAK5801", 1, "read", samples=4)
    (told,) = seen(rig, number, "result")
    assert told.pop("timestamp") == pytest.approx(rig.clock.timestamp_ms(), abs=5000.0)
    sequence = told.pop("sequence")
    assert told == {
        "v": 1,
        "event": "observed",
        "subscription": number,
        "lost": 0,
        "kind": "result",
        "module": "RAK5801",
        "slot": 1,
        "name": "read",
        "params": {},
        "readings": readings,
        "quality": "good",
        "emulated": True,
    }
    assert sequence > 0
    check_numbers(seen(rig, number))


def test_what_acts_is_told_too(rig: Rig) -> None:
    number = observe(rig)
    rig.invoke(B, "RAK13007", 1, "set", on=True)
    rig.invoke(B, "TPT29555", "board", "write", expander="board", line=6, level=0)
    told = {each["name"]: each for each in seen(rig, number, "result")}
    assert told["set"]["readings"] == {"on": True}
    assert told["write"]["slot"] == "board"
    assert told["write"]["params"] == {"expander": "board", "line": 6}


def test_readings_of_a_subscription_are_told_as_results_and_events_as_events(rig: Rig) -> None:
    number = observe(rig)
    rig.result(B, "subscribe", module="RAK5801", slot=1, operation="read", every_ms=1000)
    rig.result(B, "subscribe", module="RAK12006", slot=2, event="motion")
    rig.settle()
    (read,) = seen(rig, number, "result")
    (motion,) = seen(rig, number, "event")
    assert read["name"] == "read"
    assert "initial" not in read
    assert (motion["name"], motion["readings"]["motion"]) == ("motion", False)
    rig.result(A, "emulator.set", slot=2, quantity="motion", value=True)
    for _ in range(10):
        rig.advance(0.1)
    assert seen(rig, number, "event")[-1]["readings"]["motion"] is True
    check_numbers(seen(rig, number))


def test_what_a_deadband_keeps_from_its_client_is_not_told(rig: Rig) -> None:
    number = observe(rig)
    rig.result(
        B, "subscribe", module="RAK5801", slot=1, operation="read", every_ms=1000, deadband=1.0
    )
    rig.settle()
    for _ in range(5):
        rig.advance(1.0)
    assert len(seen(rig, number, "result")) == 1


def test_two_clients_with_the_same_subscription_are_one_value(rig: Rig) -> None:
    number = observe(rig)
    for who in (B, C):
        rig.result(who, "subscribe", module="RAK16001", slot=1, operation="read", every_ms=1000)
    rig.settle()
    assert len(seen(rig, number, "result")) == 1
    rig.advance(0.3)
    told = seen(rig, number, "result")
    assert [each["lost"] for each in told] == [0, 0]
    check_numbers(seen(rig, number))


def test_channels_and_lines_are_different_readings(rig: Rig) -> None:
    number = observe(rig)
    for channel in range(4):
        rig.invoke(B, "ADC", "board", "read", channel=channel)
    told = seen(rig, number, "result")
    assert [each["params"] for each in told] == [{"channel": each} for each in range(4)]
    lines = [0, 1, 2]
    rig.result(
        B,
        "subscribe",
        module="TPT29555",
        slot="board",
        event="change",
        params={"expander": "board", "lines": lines},
    )
    rig.settle()
    events = seen(rig, number, "event")
    assert [each["readings"]["line"] for each in events] == lines
    assert all(each["params"] == {"expander": "board"} for each in events)


def test_keys_and_passwords_are_not_passed_on(rig: Rig) -> None:
    number = observe(rig)
    secret = bytes.fromhex("a0b1c2d3e4f5")
    rig.send_invoke(B, "RAK13600", 1, "read_block", block=4, key=secret)
    rig.settle()
    told = seen(rig, number)
    about = [each for each in told if each["kind"] in {"result", "error"}]
    assert [each["params"] for each in about] == [{"block": 4}]
    assert secret not in msgpack.packb(told)
    assert secret not in msgspec.msgpack.encode(slots(rig))


def test_a_failure_of_the_hardware_is_told(rig: Rig) -> None:
    rig.invoke(B, "RAK16001", 1, "read", channel=2)
    number = observe(rig)
    rig.advance(0.3)
    rig.result(A, "emulator.fault", slot=1, kind="nack")
    rig.refused(B, "RAK16001", 1, "read", channel=2)
    (told,) = seen(rig, number, "error")
    assert told["error"]["code"] == "no_device"
    assert (told["name"], told["params"]) == ("read", {"channel": 2})
    assert told["timestamp"] == rig.clock.timestamp_ms()
    health = seen(rig, number, "health")[-1]
    assert (health["open"], health["failing"]) == (True, True)
    assert health["last_error"]["code"] == "no_device"
    rig.result(A, "emulator.fault", slot=1, kind="nack", count=0)
    rig.advance(0.3)
    rig.invoke(B, "RAK16001", 1, "read", channel=2)
    rig.advance(0.3)
    health = seen(rig, number, "health")[-1]
    assert (health["failing"], health["last_error"]["code"]) == (False, "no_device")
    assert health["last_good"] is not None
    check_numbers(seen(rig, number))


def test_refusals_are_not_told(rig: Rig) -> None:
    number = observe(rig)
    rig.refused(B, "RAK5801", 1, "read", samples=0)
    rig.refused(B, "RAK5801", 1, "nonsense")
    rig.refused(B, "RAK9999", 1, "read")
    late = rig.send_invoke(B, "RAK5801", 1, "read", timeout_ms=0)
    rig.clock.advance(1.0)
    rig.reply(B, late)
    assert seen(rig, number, "error") == []


def test_a_subscription_that_fails_is_told_with_its_error(rig: Rig) -> None:
    number = observe(rig)
    rig.result(B, "subscribe", module="RAK16001", slot=1, operation="read", every_ms=100)
    rig.settle()
    rig.result(A, "emulator.fault", slot=1, kind="nack")
    for _ in range(4):
        rig.advance(0.1)
    (told,) = seen(rig, number, "error")
    assert told["error"]["code"] == "no_device"
    rig.result(A, "emulator.fault", slot=1, kind="nack", count=0)
    for _ in range(40):
        rig.advance(0.1)
    assert seen(rig, number)[-1]["kind"] == "result"


def test_an_error_overtakes_the_value_before_it(rig: Rig) -> None:
    number = observe(rig)
    rig.invoke(B, "RAK16001", 1, "read", channel=2)
    rig.invoke(B, "RAK16001", 1, "read", channel=2)  # waits its turn
    rig.result(A, "emulator.fault", slot=1, kind="nack")
    rig.refused(B, "RAK16001", 1, "read", channel=2)
    rig.advance(0.3)
    about = [each["kind"] for each in seen(rig, number) if each["kind"] in {"result", "error"}]
    assert about == ["result", "error"]
    check_numbers(seen(rig, number))


def test_holders_are_told(rig: Rig) -> None:
    rig.result(B, "hello", client="flows")
    number = observe(rig)
    rig.invoke(B, "RAK13007", 1, "set", on=True, on_loss="hold")
    (told,) = seen(rig, number, "holder")
    assert (told["module"], told["slot"], told["held"]) == ("RAK13007", 1, [])
    (claim,) = told["claims"]
    assert (claim["client"], claim["nodes"]) == ("flows", [])
    rig.advance(0.3)
    rig.result(B, "bye")
    rig.advance(0.3)
    told = seen(rig, number, "holder")[-1]
    assert told["claims"] == []
    assert [(each["output"], each["client"]) for each in told["held"]] == [("relay", "flows")]
    rig.invoke(C, "RAK13007", 1, "set", on=False)
    rig.advance(0.3)
    told = seen(rig, number, "holder")[-1]
    assert told["held"] == []
    assert len(told["claims"]) == 1
    check_numbers(seen(rig, number))


def test_a_lease_that_runs_out_is_a_change_of_holder(rig: Rig) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    number = observe(rig)
    rig.result(B, "hello", client="flows", lease_ms=1000)
    rig.invoke(B, "RAK5801", 1, "read")
    seen(rig, number)
    rig.advance(1.1)
    assert seen(rig, number, "holder")[-1]["claims"] == []


def test_names_of_nodes_are_told_once(rig: Rig) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    number = observe(rig)

    def ask_as(node: str) -> None:
        frame = {
            "v": 1,
            "id": f"{node} {rig.clock.monotonic()}",
            "method": "invoke",
            "node": node,
            "params": {"module": "RAK5801", "slot": 1, "operation": "read"},
        }
        rig.frame(B, msgpack.packb(frame))
        rig.settle()
        rig.advance(0.3)

    for node in ("one", "two", "one", "two", "one"):
        ask_as(node)
    told = seen(rig, number, "holder")
    assert [each["claims"][0]["nodes"] for each in told] == [["one"], ["one", "two"]]


def test_a_client_that_says_its_name_later_is_told(rig: Rig) -> None:
    number = observe(rig)
    rig.invoke(B, "RAK5801", 1, "read")
    seen(rig, number)
    rig.advance(0.3)
    rig.result(B, "hello", client="flows")
    rig.advance(0.3)
    assert seen(rig, number, "holder")[-1]["claims"][0]["client"] == "flows"


def test_a_module_that_is_released_is_closed_and_forgotten(rig: Rig) -> None:
    number = observe(rig)
    rig.invoke(B, "RAK5801", 1, "read")
    rig.advance(0.3)
    rig.result(B, "release", module="RAK5801", slot=1)
    rig.advance(0.3)
    assert seen(rig, number, "health")[-1]["open"] is False
    assert seen(rig, number, "holder")[-1]["claims"] == []
    again = observe(rig)
    assert seen(rig, again, "health") == seen(rig, again, "result") == []
    assert all(slot["module"] != "RAK5801" for slot in slots(rig))


def test_what_is_plugged_in_is_told(rig: Rig) -> None:
    number = observe(rig)
    assert [(each["slot"], each["module"]) for each in seen(rig, number, "plugged")] == [
        (1, None),
        (2, None),
    ]
    rig.advance(0.3)
    rig.result(A, "emulator.plug", slot=1, module="RAK5801")
    assert seen(rig, number, "plugged")[-1]["module"] == "RAK5801"
    rig.advance(0.3)
    rig.result(A, "emulator.unplug", slot=1)
    assert seen(rig, number, "plugged")[-1]["module"] is None
    rig.invoke(B, "RAK5811", 2, "read")
    rig.advance(0.3)
    told = seen(rig, number, "plugged")[-1]
    assert (told["slot"], told["module"]) == (2, "RAK5811")


# -- what is known when it begins -------------------------------------------------------------


def test_it_begins_with_what_is_known(rig: Rig) -> None:
    rig.result(B, "hello", client="flows")
    readings = rig.invoke(B, "RAK5801", 1, "read")
    rig.invoke(B, "ADC", "board", "read", channel=3)
    rig.advance(2.0)
    rig.received.clear()
    number = observe(rig)
    told = seen(rig, number)
    assert rig.received[A][0]["ok"], "the number comes before the first event"
    assert all(each["initial"] for each in told)
    kinds = [(each["kind"], each["module"]) for each in told]
    assert kinds.count(("health", "RAK5801")) == kinds.count(("holder", "RAK5801")) == 1
    values = {each["module"]: each for each in told if each["kind"] == "result"}
    assert values["RAK5801"]["readings"] == readings
    assert values["ADC"]["params"] == {"channel": 3}
    check_numbers(told)
    rig.advance(0.3)
    rig.invoke(B, "RAK5801", 1, "read")
    assert "initial" not in seen(rig, number)[-1]


def test_status_has_the_last_values_with_their_age(rig: Rig) -> None:
    readings = rig.invoke(B, "RAK5801", 1, "read", samples=4)
    rig.invoke(B, "RAK5801", 1, "calibration")
    at = rig.clock.timestamp_ms()
    rig.clock.advance(1.5)
    (slot,) = [each for each in slots(rig) if each["module"] == "RAK5801"]
    values = {each["name"]: each for each in slot["values"]}
    assert set(values) == {"read", "calibration"}
    read = values["read"]
    assert read["readings"] == readings
    assert read["age_ms"] == pytest.approx(1500.0, abs=1.0)
    assert read["timestamp"] <= at
    assert (read["kind"], read["params"], read["quality"], read["note"]) == (
        "result",
        {},
        "good",
        "",
    )


def test_status_keeps_so_many_values_of_a_module(rig: Rig) -> None:
    for address in range(70):
        rig.send_invoke(B, "RAK5802", 1, "read_holding_registers", unit=42, address=address)
        rig.settle()
    for line in range(16):
        for level in (0, 1):
            rig.invoke(B, "RAK13003", 2, "write", pin=line, level=level)
    (slot,) = [each for each in slots(rig) if each["slot"] == 2]
    assert len(slot["values"]) == 16, "a pin is one reading, whatever was written"
    (slot,) = [each for each in slots(rig) if each["slot"] == 1]
    assert len(slot["values"]) <= 64


class Wide(Module):
    """Gives as much as it is asked for."""

    product = Product("WIDE", "wide", "onboard", (1, 2), "none.svg", "https://example.org/")

    @operation(gives=(ReadingSpec("data", "So many.", kind="bytes"),), reads_only=True)
    def read(
        self,
        length: Annotated[int, Param("How many bytes.", low=0, high=100_000)] = 0,
        part: Annotated[int, Param("Of which part.", low=0, high=1_000_000, selects=True)] = 0,
    ) -> Result:
        """Give bytes."""
        return self.readings(data=bytes(length + part % 2))

    @operation(gives=(ReadingSpec("odd", "Nothing that can be sent.", kind="list"),))
    def odd(self) -> Result:
        """Give what nobody can write."""
        return self.readings(odd=object())


def test_a_long_value_is_told_and_not_kept() -> None:
    with Rig(modules={"WIDE": Wide}) as rig:
        number = observe(rig)
        rig.invoke(B, "WIDE", 1, "read", length=3000)
        rig.advance(0.3)
        rig.invoke(B, "WIDE", 1, "read", length=90_000)
        assert len(seen(rig, number, "result")[-1]["readings"]["data"]) == 90_000
        (slot,) = slots(rig)
        assert slot["values"] == [], "neither the long one nor the one before it"
        rig.result(
            B,
            "subscribe",
            module="WIDE",
            slot=1,
            operation="read",
            every_ms=1000,
            params={"length": 5000},
        )
        rig.settle()
        (slot,) = slots(rig)
        assert slot["values"] == []


# -- how much ---------------------------------------------------------------------------------


def test_at_most_five_a_second_of_one_reading_and_the_latest_counts(rig: Rig) -> None:
    number = observe(rig)
    rig.invoke(B, "RAK16001", 1, "read")
    started = rig.clock.monotonic()
    count = 0
    last: Map = {}
    while rig.clock.monotonic() - started < 2.0:
        rig.result(A, "emulator.set", slot=1, quantity="voltage_0", value=count % 16 / 8)
        last = rig.invoke(B, "RAK16001", 1, "read")
        rig.advance(0.01)
        count += 1
    rig.advance(0.3)
    told = seen(rig, number, "result")
    assert 8 <= len(told) <= 11, "the first one, and five a second"
    assert told[-1]["readings"] == last
    times = [each["timestamp"] for each in told]
    assert times == sorted(times)
    assert sum(each["lost"] for each in seen(rig, number)) == count + 1 - len(told)
    check_numbers(seen(rig, number))


def test_a_quiet_observer_costs_no_timer(rig: Rig) -> None:
    before = len(rig.timer_queue.timers)
    rig.invoke(B, "RAK5801", 1, "read")
    timers = len([each for each in rig.timer_queue.timers if each.action])
    number = observe(rig)
    rig.invoke(B, "RAK5801", 1, "read")
    rig.invoke(B, "RAK5801", 1, "read")
    rig.advance(0.3)
    left = [each for each in rig.timer_queue.timers if each.action]
    assert len(left) == timers, "only the leases, as before"
    assert before <= timers
    assert seen(rig, number, "result")


def test_nobody_observes_and_no_timer_is_made(rig: Rig) -> None:
    rig.invoke(B, "RAK5801", 1, "read")
    timers = [each.number for each in rig.timer_queue.timers]
    for _ in range(20):
        rig.invoke(B, "RAK5801", 1, "read")
    rig.refused(B, "RAK5801", 1, "nonsense")
    assert [each.number for each in rig.timer_queue.timers] == timers


def test_what_waits_for_one_observer_is_bounded() -> None:
    with Rig(modules={"WIDE": Wide}) as rig:
        rig.result(A, "hello", lease_ms=60_000)
        number = observe(rig, modules=["WIDE"])
        rig.full.add(A)
        for part in range(600):
            rig.invoke(B, "WIDE", 1, "read", part=part)
        observers = rig.dispatcher._observers.by_number
        assert len(observers[number].waiting) == 256
        lost = rig.outbox.events_lost
        assert lost >= 600 - 256 - 1
        rig.full.clear()
        for _ in range(40):
            rig.advance(0.05)
        told = seen(rig, number)
        check_numbers(told)
        results = [each for each in told if each["kind"] == "result"]
        assert results[-1]["params"] == {"part": 599}
        assert sum(each["lost"] for each in told) >= lost


def test_a_slow_observer_gets_the_latest_and_slows_nobody(rig: Rig) -> None:
    for who in (A, B):
        rig.result(who, "hello", lease_ms=60_000)
    number = observe(rig)
    rig.invoke(B, "RAK5801", 1, "read")
    rig.advance(0.3)
    rig.full.add(A)
    last: Map = {}
    for _ in range(100):
        last = rig.invoke(B, "RAK5801", 1, "read")
        rig.advance(0.02)
    assert len([each for each in rig.received[B] if each.get("ok")]) >= 100
    (session,) = [each for each in rig.sessions if each.identity == A]
    assert rig.dispatcher.subscriptions._by_number[number].waiting == 1
    assert session.subscriptions == {number}
    rig.full.clear()
    rig.advance(0.3)
    rig.advance(0.3)
    told = seen(rig, number)
    check_numbers(told)
    assert told[-1]["readings"] == last


def test_an_observer_that_left_is_forgotten(rig: Rig) -> None:
    observe(rig)
    rig.gone.add(A)
    rig.invoke(B, "RAK5801", 1, "read")
    rig.advance(6.0)
    assert len(rig.dispatcher._observers) == 0


def test_each_client_and_all_of_them_may_observe_so_often(rig: Rig) -> None:
    for number in range(8):
        who = f"client {number}".encode()
        for _ in range(8):
            observe(rig, who)
        assert rig.code(who, rig.send(who, "observe")) == "busy"
    assert rig.code(A, rig.send(A, "observe")) == "busy", "64 of all clients"
    rig.result(b"client 0", "bye")
    assert rig.code(A, rig.send(A, "observe")) == "ok"


# -- filters ----------------------------------------------------------------------------------


def test_filters(rig: Rig) -> None:
    of_module = observe(rig, A, modules=["RAK5801"])
    of_slot = observe(rig, A, slots=[2])
    of_both = observe(rig, A, modules=["RAK5801", "ADC"], slots=["board"])
    rig.invoke(B, "RAK5801", 1, "read")
    rig.invoke(B, "RAK5811", 2, "read")
    rig.invoke(B, "ADC", "board", "read")
    rig.invoke(B, "TPT29555", "board", "read_all", expander="board")

    def places(number: int) -> set[tuple[str | None, Any]]:
        told = [each for each in seen(rig, number) if each["kind"] != "plugged"]
        return {(each["module"], each["slot"]) for each in told}

    assert places(of_module) == {("RAK5801", 1)}
    assert places(of_slot) == {("RAK5811", 2)}
    assert places(of_both) == {("ADC", "board")}
    assert {each["slot"] for each in seen(rig, of_slot, "plugged")} == {2}
    assert len(seen(rig, of_module, "plugged")) == 4, "by slots only: two known, and two new"


@for_each(
    ("params", "code"),
    [
        ({"modules": []}, "bad_params"),
        ({"slots": []}, "bad_params"),
        ({"modules": ["RAK9999"]}, "unknown_module"),
        ({"modules": "RAK5801"}, "bad_params"),
        ({"modules": [1]}, "bad_params"),
        ({"modules": ["RAK5801"] * 65}, "bad_params"),
        ({"slots": [3]}, "bad_params"),
        ({"slots": ["1"]}, "bad_params"),
        ({"slots": [True]}, "bad_params"),
        ({"slots": [None]}, "bad_params"),
        ({"slots": [1] * 65}, "bad_params"),
        ({"slots": 1}, "bad_params"),
        ({"module": "RAK5801"}, "bad_params"),
        ({"every_ms": 100}, "bad_params"),
    ],
)
def test_odd_filters_are_refused(rig: Rig, params: Map, code: str) -> None:
    reply = rig.ask(A, "observe", **params)
    assert reply["error"]["code"] == code
    assert reply["error"]["message"]
    assert len(rig.dispatcher._observers) == 0
    (session,) = rig.sessions
    assert not session.subscriptions


# -- what it does not do ----------------------------------------------------------------------


def test_it_touches_no_hardware_and_opens_and_holds_nothing(rig: Rig) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    before = rig.transactions
    observe(rig)
    observe(rig, modules=["RAK16001"], slots=[1])
    rig.advance(5.0)
    assert rig.transactions == before
    assert not list(rig.slot_manager)
    (session,) = rig.sessions
    assert not session.claims
    rig.invoke(B, "RAK16001", 1, "read")
    rig.result(B, "bye")
    rig.invoke(C, "RAK5801", 1, "read")  # the slot is free for whoever asks
    assert not session.claims


def test_a_value_that_nobody_can_write_harms_nobody() -> None:
    with Rig(modules={"WIDE": Wide}) as rig:
        number = observe(rig)
        assert rig.refused(B, "WIDE", 1, "odd")["code"] == "internal"
        (told,) = seen(rig, number, "error")
        assert told["error"]["code"] == "internal"
        rig.invoke(B, "WIDE", 1, "read")
        assert seen(rig, number, "result")


# -- how it ends ------------------------------------------------------------------------------


def test_unsubscribe_ends_it(rig: Rig) -> None:
    number = observe(rig)
    rig.invoke(B, "RAK5801", 1, "read")
    rig.invoke(B, "RAK5801", 1, "read")  # one waits
    rig.result(A, "unsubscribe", subscription=number)
    told = len(rig.events(A, number))
    rig.invoke(B, "RAK5801", 1, "read")
    rig.advance(1.0)
    assert len(rig.events(A, number)) == told
    assert rig.code(A, rig.send(A, "unsubscribe", subscription=number)) == "bad_params"
    assert not [each for each in rig.timer_queue.timers if each.action and each.due < 0]


def test_the_end_of_a_session_ends_it(rig: Rig) -> None:
    observe(rig, A)
    rig.result(A, "bye")
    assert len(rig.dispatcher._observers) == 0
    rig.result(B, "hello", lease_ms=500)
    observe(rig, B)
    rig.advance(0.6)
    assert len(rig.dispatcher._observers) == 0


def test_a_resumed_session_observes_again_only_when_it_asks(rig: Rig) -> None:
    token = rig.result(A, "hello")["session"]
    number = observe(rig, A)
    assert rig.result(B, "hello", resume=token)["resumed"]
    rig.invoke(C, "RAK5801", 1, "read")
    rig.advance(0.3)
    assert not [each for each in rig.received[B] if "event" in each]
    assert len(rig.dispatcher._observers) == 0
    again = observe(rig, B)
    assert again != number
    assert seen(rig, again, who=B)


def test_a_key_that_is_removed_hears_nothing_more(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    peer = Peer("key", "office", Role.READ)
    who = b"\0office"
    rig.dispatcher.handle(who, msgpack.packb({"v": 1, "id": 1, "method": "observe"}), peer)
    number = rig.reply(who, 1)["result"]["subscription"]
    rig.invoke(B, "RAK5801", 1, "read")
    assert seen(rig, number, "result", who)
    for channel in (0, 1, 2, 0, 1, 2):  # three wait
        rig.invoke(B, "ADC", "board", "read", channel=channel)
    rig.dispatcher.is_listed = lambda _peer: False
    told = len(rig.events(who, number))
    rig.advance(0.3)
    rig.invoke(B, "RAK5801", 1, "read")
    rig.invoke(B, "RAK5801", 1, "read")
    rig.advance(0.3)
    assert len(rig.events(who, number)) == told
    assert len(rig.dispatcher._observers) == 0
    assert all(session.identity != who for session in rig.sessions)
    assert caplog.text.count("was removed") == 1
