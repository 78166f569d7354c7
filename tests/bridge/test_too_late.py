"""A request that has waited past its time is answered ``expired``, whatever its method is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from tests.bridge.bridge_process import standing_still

from wisblock_bridge.runtime.place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bridge.bridge_process import BridgeProcess
    from tests.bridge.rig import Rig
    from tests.bridge.wire_client import RawClient

A, B = b"a", b"b"
RELAY = Place("RAK13007", 1)
READ = {"module": "RAK5801", "slot": 1, "operation": "read"}


def ask_late(rig: Rig, method: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Send a request whose time is over, and return the reply."""
    deadline_ms = rig.clock.monotonic() * 1000.0 - 1.0
    request = {"v": 1, "id": "late", "method": method, "deadline_ms": deadline_ms}
    rig.received[A].clear()
    rig.frame(A, msgpack.packb(request | ({} if params is None else {"params": params})))
    rig.settle()
    return rig.reply(A, "late")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("invoke", READ),
        ("subscribe", {**READ, "every_ms": 100}),
        ("subscribe", {"module": "RAK12006", "slot": 2, "event": "motion"}),
        ("observe", {}),
        ("scan", {}),
        ("status", None),
        ("catalogue", None),
        ("log", None),
        ("emulator.list", {"slot": "board"}),
        ("emulator.get", {"slot": "board", "quantity": "voltage_0"}),
        ("emulator.set", {"slot": "board", "quantity": "voltage_0", "value": 1.0}),
        ("emulator.plug", {"slot": 1, "module": "RAK5801"}),
        ("emulator.unplug", {"slot": 1}),
        ("emulator.fault", {"slot": "board", "kind": "nack"}),
        ("release", {"module": "RAK13007", "slot": 1, "force": True}),
        ("no such method", None),
    ],
)
def test_nothing_is_begun_too_late(
    rig: Rig, method: str, params: Mapping[str, object] | None
) -> None:
    rig.invoke(B, "RAK13007", 1, "set", on=True)
    before, voltage = rig.transactions, rig.board.get("board", "voltage_0")
    reply = ask_late(rig, method, params)
    assert reply["error"]["code"] == "expired"
    assert rig.transactions == before
    assert rig.board.get("board", "voltage_0") == voltage
    assert rig.board.plugged(1) == "RAK13007"
    assert rig.invoke(B, "RAK13007", 1, "state") == {"on": True}
    assert [each.place for each in rig.slot_manager] == [RELAY]
    assert list(rig.sessions.of(A, rig.clock.monotonic()).claims) == []


def test_what_comes_too_late_does_not_make_an_idle_module_yield(rig: Rig) -> None:
    rig.invoke(B, "RAK13007", 1, "state")
    rig.result(B, "bye")
    assert ask_late(rig, "invoke", READ)["error"]["code"] == "expired"
    assert [each.place for each in rig.slot_manager] == [RELAY]


def test_what_ends_something_is_never_too_late(rig: Rig) -> None:
    for method in ("hello", "ping"):
        assert ask_late(rig, method)["ok"]
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    number = rig.result(A, "subscribe", **READ | {"slot": 2}, every_ms=86_400_000)["subscription"]
    assert ask_late(rig, "unsubscribe", {"subscription": number})["ok"]
    assert ask_late(rig, "release", {"module": "RAK13007", "slot": 1})["ok"]
    assert RELAY not in [each.place for each in rig.slot_manager]
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    assert ask_late(rig, "bye")["ok"]
    rig.settle()
    assert rig.invoke(B, "RAK13007", 1, "state") == {"on": False}


@pytest.mark.slow
def test_what_waited_while_the_bridge_stood_still(bridge: BridgeProcess, wire: RawClient) -> None:
    assert bridge.process is not None
    wire.result("ping")  # it is connected
    with standing_still(bridge.process.pid):
        late = [
            wire.send("subscribe", 300, **READ, every_ms=100),
            wire.send("subscribe", 300, module="RAK12006", slot=2, event="motion"),
            wire.send("observe", 300),
            wire.send("scan", 300),
            wire.send("emulator.plug", 300, slot=2, module="RAK13007"),
        ]
        in_time = wire.send("emulator.list", 60_000, slot="board")
        late.append(wire.send("status", 300))
        looks = wire.send("status")
        time.sleep(2.5)  # longer than a request waits that does not say how long
    assert [wire.reply(each)["error"]["code"] for each in late] == ["expired"] * len(late)
    assert wire.reply(in_time)["ok"]
    assert wire.reply(looks)["ok"]
    status = wire.result("status")
    assert status["slots"] == []
    assert [each["module"] for each in status["plugged"]] == [None, None]
