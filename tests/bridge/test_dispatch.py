"""From a frame to whoever answers it: every refusal has its code and touches no hardware."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from tests.bridge.parameter_cases import fitting, outside
from tests.bridge.rig import Rig, load_catalogue
from tests.cases import for_each
from tests.fake_clock import GatedClock
from tests.tally import told

from wisblock_bridge import __version__
from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.module_api.needs import ChipNeed, PortNeed
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from tests.tally import Tally

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.module_api import Slot
    from wisblock_bridge.module_api.signatures import OperationDescription, ParamDescription

A, B = b"a", b"b"
MODULES = load_catalogue().modules
OPERATIONS: list[tuple[str, OperationDescription]] = [
    (name, operation)
    for name, module in MODULES.items()
    for operation in module.description.operations.values()
]
PARAMS = [
    pytest.param(name, operation, param, id=f"{name}.{operation.name}.{param.name}")
    for name, operation in OPERATIONS
    for param in operation.params
]


def slot_of(module: str) -> Slot:
    return MODULES[module].product.slots[0]


def invoke_params(module: str, operation: OperationDescription, **changes: Any) -> dict[str, Any]:
    return {
        "module": module,
        "slot": slot_of(module),
        "operation": operation.name,
        "params": fitting(operation),
        **changes,
    }


def refused_untouched(rig: Rig, method: str, params: object) -> dict[str, Any]:
    """Ask for something that is refused, and see that no hardware was touched."""
    before = rig.transactions
    rig.received.pop(A, None)
    frame = msgpack.packb({"v": 1, "id": 7, "method": method, "params": params})
    rig.frame(A, frame)
    rig.settle()
    assert rig.transactions == before
    (reply,) = rig.received.pop(A)
    assert reply["id"] == 7
    error: dict[str, Any] = reply["error"]
    assert error["message"]
    return error


# -- methods ----------------------------------------------------------------------------------


def test_hello_tells_everything(rig: Rig) -> None:
    result = rig.result(A, "hello", client="tests", version="9", lease_ms=700)
    token = result.pop("session")
    assert isinstance(token, str)
    assert result.pop("clock_ms") == rig.clock.monotonic() * 1000.0
    assert result == {
        "server": "wisblock-bridge",
        "version": __version__,
        "protocol": [1],
        "board": "RAK7391",
        "emulated": True,
        "catalogue": load_catalogue().sha256,
        "lease_ms": 700,
        "resumed": False,
    }


@pytest.mark.parametrize("lease_ms", [499, 60_001, -1, 1e3, "1000", None])
def test_leases_have_limits(rig: Rig, lease_ms: object) -> None:
    assert refused_untouched(rig, "hello", {"lease_ms": lease_ms})["code"] == "bad_params"


def test_lease_limits_are_granted(rig: Rig) -> None:
    for lease_ms in (500, 60_000):
        assert rig.result(A, "hello", lease_ms=lease_ms)["lease_ms"] == lease_ms
    assert rig.result(A, "hello")["lease_ms"] == 5000


def test_ping_and_catalogue(rig: Rig) -> None:
    assert rig.result(A, "ping").keys() == {"clock_ms"}
    assert rig.result(A, "catalogue") == load_catalogue().data


def test_scan_finds_what_is_on_the_board(rig: Rig) -> None:
    found = {entry["address"]: entry for entry in rig.result(A, "scan")}
    assert found[0x26]["modules"] == found[0x27]["modules"] == ["TPT29555"]
    assert found[0x4B]["modules"] == ["ADC"]
    assert set(found) == {0x26, 0x27, 0x4B}
    for entry in found.values():
        assert (entry["in_use"], entry["warnings"]) == ([], [])
    assert rig.result(A, "scan", bus="i2c-1")
    assert refused_untouched(rig, "scan", {"bus": "i2c-7"})["code"] == "bad_params"


def test_a_scan_counts_as_in_flight_until_it_is_answered(rig: Rig) -> None:
    numbers = [rig.send(A, "scan") for _ in range(3)]
    (session,) = rig.sessions
    assert session.in_flight == 3
    for number in numbers:
        assert rig.reply(A, number)["ok"]
    assert session.in_flight == 0


@pytest.mark.parametrize("method", ["", "Ping", "invoke ", "emulator", "emulator.", "x" * 10_000])
def test_unknown_methods(rig: Rig, method: str) -> None:
    error = refused_untouched(rig, method, {})
    assert error["code"] == "unknown_method"
    assert {"hello", "invoke", "subscribe", "emulator.set"} <= set(error["data"]["known"])
    assert len(error["message"]) < 200


METHODS = [
    "hello", "ping", "bye", "catalogue", "status", "invoke", "subscribe", "unsubscribe", "scan",
    "release", "observe", "emulator.list", "emulator.get", "emulator.set", "emulator.plug",
    "emulator.unplug", "emulator.fault",
]  # fmt: skip


@for_each("method", METHODS)
@for_each("params", [None, 1, "x", [], [{}], b"", {"nonsense": 1}, {1: 2}])
def test_every_method_refuses_params_of_another_form(rig: Rig, method: str, params: object) -> None:
    code = refused_untouched(rig, method, params)["code"]
    assert code == "bad_params" or (params == {1: 2} and code == "bad_request")


def test_the_back_door_is_for_emulated_boards() -> None:
    with Rig(emulated=False) as rig:
        for method in METHODS:
            if method.startswith("emulator."):
                error = refused_untouched(rig, method, {})
                assert error["code"] == "forbidden"
                assert "--emulate" in error["hint"]


# -- invoke -----------------------------------------------------------------------------------


@for_each(("module", "operation", "param"), PARAMS)
def test_a_bad_parameter_touches_no_hardware(
    rig: Rig, module: str, operation: OperationDescription, param: ParamDescription, tally: Tally
) -> None:
    values, seen = outside(param), ""
    for value in values:
        params = {**fitting(operation), param.name: value}
        error = refused_untouched(rig, "invoke", invoke_params(module, operation, params=params))
        assert error["code"] == "bad_params"
        assert error["data"]["param"] == param.name
        seen = error["message"]
    assert not list(rig.slot_manager), "a refused request put a module into its slot"
    tally.add("bad_input", "the same in a request: nothing reaches the bus", len(values), seen=seen)


SLOTS = [1, 2, "board", 0, 3, -1, 1.0, "1", "Board", None, True, [1], {}]
WRONG_SLOTS = [
    (module, slot)
    for module, description in MODULES.items()
    for slot in SLOTS
    if type(slot) not in {int, str} or slot not in description.product.slots
]


@for_each(("module", "slot"), WRONG_SLOTS)
def test_wrong_slots(rig: Rig, module: str, slot: object) -> None:
    operation = next(iter(MODULES[module].description.operations.values()))
    error = refused_untouched(rig, "invoke", invoke_params(module, operation, slot=slot))
    assert error["code"] == "bad_params"
    for method in ("release", "subscribe"):
        params: dict[str, Any] = {"module": module, "slot": slot}
        if method == "subscribe":
            params |= {"operation": operation.name, "every_ms": 100, "params": fitting(operation)}
        assert refused_untouched(rig, method, params)["code"] == "bad_params"
    assert not list(rig.slot_manager)


@pytest.mark.parametrize("module", ["RAK99999", "", "rak5801", "x" * 100_000])
def test_unknown_modules(rig: Rig, module: str) -> None:
    for method, more in (
        ("invoke", {"operation": "read"}),
        ("subscribe", {"operation": "read", "every_ms": 100}),
        ("release", {}),
    ):
        error = refused_untouched(rig, method, {"module": module, "slot": 1, **more})
        assert error["code"] == "unknown_module"
        assert error["data"]["known"] == list(MODULES)
        assert len(error["message"]) < 2000


@for_each("module", MODULES)
@for_each("name", ["", "Read", "open", "close", "make_safe", "__init__", "x" * 999])
def test_unknown_operations(rig: Rig, module: str, name: str) -> None:
    params = {"module": module, "slot": slot_of(module), "operation": name}
    error = refused_untouched(rig, "invoke", params)
    assert error["code"] == "unknown_operation"
    assert error["data"]["known"] == list(MODULES[module].description.operations)
    assert len(error["message"]) < 500


def test_events_are_not_invoked(rig: Rig) -> None:
    params = {"module": "TPT29555", "slot": "board", "operation": "change"}
    assert refused_untouched(rig, "invoke", params)["code"] == "unknown_operation"


@pytest.mark.parametrize("on_loss", ["", "keep", None, 1, True])
def test_on_loss_has_two_words(rig: Rig, on_loss: object) -> None:
    params = {
        "module": "TPT29555", "slot": "board", "operation": "write", "on_loss": on_loss,
        "params": {"expander": "slots", "line": 1, "level": 0},
    }  # fmt: skip
    assert refused_untouched(rig, "invoke", params)["code"] == "bad_params"


def test_a_module_of_another_slot_is_named(rig: Rig) -> None:
    rig.invoke(A, "RAK5801", 1, "read", samples=1)
    params = {"module": "RAK5811", "slot": 1, "operation": "read"}
    error = refused_untouched(rig, "invoke", params)
    assert error["code"] == "slot_conflict"
    assert error["data"]["holder"] == "RAK5801"
    assert error["where"] == "slot 1"
    for words in ("RAK5801", "RAK5811", "AIN1", "IO1", "IO4"):
        assert words in error["message"]
    rig.invoke(A, "RAK5811", 2, "read", samples=1)


def test_replies_have_the_documented_form(rig: Rig) -> None:
    result = rig.reply(A, rig.send_invoke(A, "RAK5801", 1, "read", samples=1))["result"]
    assert set(result) == {"readings", "timestamp", "quality", "emulated"}
    assert set(result["readings"]) == {"current", "percent", "loop"}
    assert result["timestamp"] == rig.clock.timestamp_ms()
    assert (result["quality"], result["emulated"]) == ("good", True)


def test_in_flight_comes_back_to_zero(rig: Rig) -> None:
    numbers = [
        rig.send(A, "ping"),
        rig.send(A, "nonsense"),
        rig.send(A, "scan"),
        rig.send_invoke(A, "RAK5801", 1, "read", samples=1),
        rig.send_invoke(A, "RAK5801", 1, "read", samples=0),
        rig.send(A, "subscribe", module="RAK5801", slot=1, operation="read", every_ms=60_000),
        rig.send(A, "release", module="RAK5801", slot=1),
        rig.send_invoke(A, "RAK5811", 1, "read", samples=1),
        rig.send(A, "emulator.list", slot=1),
    ]
    for number in numbers:
        rig.reply(A, number)
    (session,) = rig.sessions
    assert session.in_flight == 0


# -- form -------------------------------------------------------------------------------------


def test_frames_without_an_id_are_dropped_and_counted(rig: Rig) -> None:
    for frame in (b"", b"\x80", b"nonsense", msgpack.packb([1, 2]), msgpack.packb({"v": 1})):
        rig.frame(A, frame)
    assert not rig.received[A]
    assert (rig.counters.requests, rig.counters.undecodable, rig.counters.refused) == (5, 5, 5)


def test_a_request_that_is_too_deep_or_too_large(rig: Rig) -> None:
    deep: Any = 1
    for _ in range(14):
        deep = [deep]
    params = {"slot": "board", "quantity": "voltage_0", "value": deep}
    assert refused_untouched(rig, "emulator.set", params)["code"] == "bad_params"
    deep = [[deep]]
    for method in ("emulator.set", "invoke", "ping"):
        assert refused_untouched(rig, method, {"value": deep})["code"] == "bad_request"
    assert refused_untouched(rig, "ping", {"x": b"\x00" * 2**21})["code"] == "bad_request"


def test_random_frames_never_raise_and_never_touch_hardware(rig: Rig, tally: Tally) -> None:
    chance = random.Random(7391)  # noqa: S311
    whole = [
        msgpack.packb({"v": 1, "id": 1, "method": method, "params": params})
        for method, params in (
            ("hello", {"client": "x", "lease_ms": 500}),
            ("emulator.set", {"slot": "board", "quantity": "voltage_0", "value": 1.5}),
            ("emulator.fault", {"slot": "board", "kind": "nack", "count": 0}),
            ("emulator.get", {"slot": 1, "quantity": "current"}),
            ("unsubscribe", {"subscription": 3}),
            ("status", {}),
        )
    ]
    for number in range(6000):
        if number % 2:
            frame = chance.randbytes(chance.randrange(64))
        else:
            damaged = bytearray(chance.choice(whole))
            for _ in range(chance.randint(1, 3)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            frame = bytes(damaged)
        rig.frame(A, frame)
    rig.settle()
    assert rig.transactions == 0
    codes = {each["error"]["code"] for each in rig.received[A] if not each["ok"]}
    assert {"bad_request", "bad_params", "unknown_method", "unsupported_version"} <= codes
    assert "internal" not in codes
    assert rig.counters.undecodable > 1000
    assert rig.result(B, "ping").keys() == {"clock_ms"}
    tally.add("bad_input", "random and damaged frames to the dispatcher", 6000, seed="7391")


def test_a_defect_of_a_method_ends_one_request_only(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_peer: object) -> dict[str, object]:
        raise KeyError("a defect")

    rig.dispatcher.status = broken
    assert rig.ask(A, "status")["error"]["code"] == "internal"
    assert "a defect" in caplog.text
    rig.dispatcher.status = lambda _peer: {"odd": object()}
    assert rig.ask(A, "status")["error"]["code"] == "internal"
    assert rig.result(A, "ping").keys() == {"clock_ms"}


def test_no_method_is_started_once_the_bridge_stops(rig: Rig) -> None:
    rig.dispatcher.stopping = True
    for method in METHODS:
        assert refused_untouched(rig, method, {})["code"] == "closing"


# -- slots that are being emptied ----------------------------------------------------------------


def close_slowly(rig: Rig, clock: GatedClock) -> int:
    """Let RAK5801 in slot 1 be busy while its release is asked for; the gate lets it end."""
    clock.gate.set()
    rig.invoke(b"x", "RAK5801", 1, "read", samples=1)
    rig.result(b"x", "hello", lease_ms=60_000)
    clock.gate.clear()
    clock.entered.clear()
    rig.send_invoke(b"x", "RAK5801", 1, "read", 60_000, samples=1)
    assert clock.entered.wait(60)
    return rig.send(b"x", "release", module="RAK5801", slot=1)


@pytest.fixture
def gated() -> GatedClock:
    return GatedClock()


def test_requests_wait_for_a_slot_that_is_being_emptied(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        release = close_slowly(rig, gated)
        again = rig.send_invoke(A, "RAK5801", 1, "read", 60_000, samples=1)
        other = rig.send_invoke(B, "RAK5811", 1, "read", 60_000, samples=1)
        second_release = rig.send(B, "release", module="RAK5801", slot=1)
        assert not rig.received[A]
        gated.gate.set()
        assert rig.code(b"x", release) == rig.code(B, second_release) == "ok"
        assert rig.code(A, again) == "ok"
        assert rig.code(B, other) == "slot_conflict"


def test_another_module_takes_the_slot_over(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        release = close_slowly(rig, gated)
        other = rig.send_invoke(B, "RAK5811", 1, "read", 60_000, samples=1)
        gated.gate.set()
        assert rig.code(b"x", release) == "ok"
        assert rig.reply(B, other)["result"]["readings"]["voltage"] == pytest.approx(2.5, abs=0.001)


def test_a_parked_request_can_be_too_late(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        close_slowly(rig, gated)
        late = rig.send_invoke(A, "RAK5801", 1, "read", 100, samples=1)
        gated.advance(0.2)
        gated.gate.set()
        assert rig.code(A, late) == "expired"
        assert not list(rig.slot_manager)


def test_a_parked_request_dies_with_its_session(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        close_slowly(rig, gated)
        invoke = rig.send_invoke(A, "RAK5801", 1, "read", 60_000, samples=1)
        subscribe = rig.send(
            A, "subscribe", module="RAK5801", slot=1, operation="read", every_ms=100
        )
        rig.result(A, "bye")
        gated.gate.set()
        assert [rig.code(A, number) for number in (invoke, subscribe)] == ["expired"] * 2
        rig.settle()
        assert not list(rig.slot_manager)


def test_a_parked_request_drives_nothing_for_a_client_that_has_left(gated: GatedClock) -> None:
    """Its session lives on for its lease; whoever asked is not there to see it."""
    with Rig(clock=gated) as rig:
        release = close_slowly(rig, gated)
        rig.send_invoke(A, "RAK13007", 1, "set", 60_000, on=True)
        rig.gone.add(A)
        gated.gate.set()
        assert rig.code(b"x", release) == "ok"
        rig.settle()
        assert not list(rig.slot_manager)


def test_parked_subscriptions_do_not_move_to_another_connection(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        token = rig.result(A, "hello", lease_ms=60_000)["session"]
        close_slowly(rig, gated)
        subscribe = rig.send(
            A, "subscribe", 60_000, module="RAK5801", slot=1, operation="read", every_ms=100
        )
        rig.result(B, "hello", resume=token, lease_ms=60_000)
        gated.gate.set()
        assert rig.code(A, subscribe) == "expired"
        rig.settle()
        assert all("event" not in message for message in rig.received[B])


def test_parked_requests_are_bounded(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        close_slowly(rig, gated)
        numbers = [
            (who, rig.send_invoke(who, "RAK5801", 1, "read", 60_000, samples=1))
            for who in (A, B)
            for _ in range(200)
        ]
        assert [rig.code(*each) for each in numbers[256:]] == ["busy"] * 144
        gated.gate.set()
        assert {rig.code(*each) for each in numbers[:256]} == {"ok"}


def test_a_module_that_is_just_opening_holds_its_slot(gated: GatedClock) -> None:
    with Rig(clock=gated) as rig:
        first = rig.send_invoke(A, "RAK5801", 1, "read", 60_000, samples=1)
        assert gated.entered.wait(60)  # it waits for its supply to settle
        second = rig.send_invoke(B, "RAK5811", 1, "read", 60_000, samples=1)
        assert rig.code(B, second) == "slot_conflict"
        gated.gate.set()
        assert rig.code(A, first) == "ok"


def test_a_module_that_never_answered_does_not_hold_its_slot(rig: Rig) -> None:
    rig.board.bus.fail(0x26, Fault(FaultKind.NACK, count=1))
    assert rig.refused(A, "RAK5801", 1, "read")["code"] == "no_device"
    assert rig.invoke(A, "RAK5811", 1, "read", samples=1)["voltage"] == pytest.approx(
        2.5, abs=0.001
    )


# -- faults ---------------------------------------------------------------------------------------

FAULTS = {FaultKind.NACK: "no_device", FaultKind.EIO: "bus_error", FaultKind.STUCK: "timeout"}
ON_I2C = [
    name
    for name, module in MODULES.items()
    if not any(isinstance(need, PortNeed) for need in module.description.needs.values())
]
"""What can fail on a serial line is a partner's business; tests/modules walks through that."""
FAULT_WORDS = {
    FaultKind.NACK: "no acknowledge",
    FaultKind.EIO: "transfer broken off",
    FaultKind.STUCK: "bus stuck",
}
LONGEST = 60
"""Transactions of one chip that fail in turn; where there are more, the rest repeats itself."""


def board_for(module: str) -> BoardSpec:
    """A board on which the addresses of a module are free, the current one if possible."""
    needs = MODULES[module].description.needs.values()
    wanted = {need.address for need in needs if isinstance(need, ChipNeed)}
    return REVISION_VA if wanted & set(GENERATION_C.taken_addresses) else GENERATION_C


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("module", ON_I2C)
def test_each_transaction_in_turn(module: str, kind: FaultKind, tally: Tally) -> None:
    """Opening and the operation itself, interrupted at one place after the other."""
    operations = MODULES[module].description.operations.values()

    @for_each("operation", operations, ids=lambda operation: operation.name)
    def interrupt(operation: OperationDescription) -> None:
        interrupt_each_transaction(module, operation, kind, tally)

    interrupt()


def interrupt_each_transaction(
    module: str, operation: OperationDescription, kind: FaultKind, tally: Tally
) -> None:
    board = board_for(module)
    with Rig(board) as rig:
        usual = call_once(rig, module, operation)
        assert usual not in FAULTS.values()
        addresses, transactions = rig.board.bus.addresses, rig.transactions
    failed, seen = 0, ""
    for address in addresses:
        for skip in range(LONGEST):
            with Rig(board) as rig:
                code = interrupted(rig, module, operation, address, Fault(kind, skip, 1), usual)
                errors = [each["error"] for each in rig.received[A] if not each["ok"]]
            words = [told(each) for each in errors if each["code"] == FAULTS[kind]]
            if not code:
                break
            failed += 1
            seen = seen or next(iter(words), "")
            if code == usual:  # it tried again; a failure that lasts is told
                with Rig(board) as rig:
                    rig.board.bus.fail(address, Fault(kind, skip))
                    code = call_once(rig, module, operation)
                    if code == usual == "ok":
                        # Only what came behind the result, such as a radio's rest, can have
                        # failed: the next request tells.
                        code = call_once(rig, module, operation)
                # What the device itself refused stays refused, whatever fails while tidying up.
                assert code == FAULTS[kind] or (usual != "ok" and code == usual)
    assert failed == transactions or transactions >= LONGEST
    tally.add("fault", f"{FAULT_WORDS[kind]}, at each I2C transaction in turn", failed, seen=seen)


def call_once(rig: Rig, module: str, operation: OperationDescription) -> str:
    """Carry out an operation with its smallest parameters: "ok", or the code of the error."""
    params = fitting(operation)
    for param in operation.params:
        if param.name == "samples":
            params["samples"] = int(param.facts.low or 1)
    return rig.code(A, rig.send_invoke(A, module, slot_of(module), operation.name, **params))


def interrupted(
    rig: Rig, module: str, operation: OperationDescription, address: int, fault: Fault, usual: str
) -> str:
    """Let one transaction of an operation fail; "" when it has fewer than that.

    A driver may try again by itself where its datasheet says so; then the outcome is as usual.
    """
    skip, place = fault.skip, f"0x{address:02x} on i2c-1"
    rig.board.bus.fail(address, fault)
    code = call_once(rig, module, operation)
    if rig.board.bus.fault_at(address) is not None:
        assert code == usual
        return ""
    if code == usual:
        return code
    assert code == FAULTS[fault.kind], (place, skip)
    error = rig.received[A][-1]["error"]
    assert error["where"].startswith(str(Place(module, slot_of(module))))
    assert place in error["where"]
    assert error["message"]
    assert error["hint"]
    (worker,) = rig.slot_manager
    assert worker.health.errors == 1
    assert call_once(rig, module, operation) == usual, (place, skip)
    if usual == "ok":
        assert worker.health.last_error is None
    return code


def test_a_device_that_is_slow_is_slow_only(rig: Rig) -> None:
    rig.board.set("board", "voltage_0", 0.0)
    rig.board.bus.fail(0x4B, Fault(FaultKind.SLOW))
    assert rig.invoke(A, "ADC", "board", "read")["voltage"] == pytest.approx(0.0, abs=0.001)


def test_a_converter_that_never_finishes(rig: Rig) -> None:
    rig.board.converter.never_ready = True
    error = rig.refused(A, "RAK5801", 1, "read", samples=1)
    assert error["code"] == "not_ready"
    assert error["where"].startswith("RAK5801 in slot 1, AIN1, channel 1 of SGM58031 0x4b on i2c-1")
    rig.board.converter.never_ready = False
    assert rig.invoke(A, "RAK5801", 1, "read", samples=1)["current"] == pytest.approx(12, abs=0.01)


def test_versions_are_told_apart(rig: Rig) -> None:
    rig.frame(A, msgpack.packb({"v": 2, "id": 1, "method": "ping"}))
    assert rig.error(A, 1)["code"] == "unsupported_version"
    assert messages.VERSION == 1


def test_a_parameter_that_there_is_not_is_named_with_those_that_there_are(rig: Rig) -> None:
    error = rig.refused(A, "RAK13007", 1, "set", onn=True)
    assert error["message"] == 'RAK13007 set has no parameter "onn"; it has: on.'
    error = rig.refused(A, "RAK13007", 1, "set")
    assert error["message"] == "RAK13007 set needs on: true or false."
    error = rig.ask(A, "emulator.get", slot=1, quantity="on", module="RAK13007")["error"]
    assert error["message"] == 'emulator.get has no parameter "module"; it has: slot, quantity.'
    error = rig.ask(A, "invoke", module="RAK13007", slot=1, operation="set", on=True)["error"]
    assert error["message"].startswith('invoke has no parameter "on"; it has: module, slot, ')
