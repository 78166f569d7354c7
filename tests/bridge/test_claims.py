"""Who uses a module: claims, what gives way to whom, and what a refusal tells about the holder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from tests.bridge.probe import Probe, Script, no_answer
from tests.bridge.rig import Rig
from tests.cases import for_each

from wisblock_bridge.boards.rak6421 import REVISION_VA, REVISION_VB
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.runtime.claims import address_of_peer, printable
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.server.status import status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tally import Tally

A, B, C = b"a", b"b", b"c"
CLAIMS = "claims and releases tried"


@pytest.fixture
def script() -> Script:
    Probe.script = Script()
    return Probe.script


@pytest.fixture
def rig(script: Script) -> Iterator[Rig]:
    assert Probe.script is script
    with Rig(modules={"PROBE": Probe}) as made:
        yield made


def of_slot(rig: Rig, module: str) -> dict[str, Any]:
    told = status(0.0, rig.hardware, rig.slot_manager, rig.sessions, rig.outbox, rig.counters, {})[
        "slots"
    ]
    assert isinstance(told, list)
    found: list[dict[str, Any]] = [each for each in told if each["module"] == module]
    (entry,) = found
    return entry


def relay(rig: Rig, slot: int = 1) -> object:
    return rig.board.get(slot, "on")  # type: ignore[arg-type]


def gone(rig: Rig, who: bytes) -> None:
    rig.result(who, "bye")
    rig.settle()


def named(rig: Rig, who: bytes, node: object, **params: Any) -> Any:
    """Invoke an operation in the name of a node."""
    number = next(rig._ids)
    request = {"v": 1, "id": number, "method": "invoke", "params": params, "node": node}
    rig.frame(who, msgpack.packb(request))
    return rig.reply(who, number)


READ = {"module": "RAK5801", "slot": 1, "operation": "read", "params": {"samples": 1}}

# -- what gives way -------------------------------------------------------------------------------


def test_what_was_read_once_holds_nothing(rig: Rig, tally: Tally) -> None:
    rig.invoke(A, "RAK5801", 1, "read", samples=1)
    gone(rig, A)
    assert of_slot(rig, "RAK5801")["idle"] is True
    assert rig.invoke(B, "RAK13001", 1, "set", on=True) == {"on": True}
    assert relay(rig) is True
    assert [each.place.module for each in rig.slot_manager] == ["RAK13001"]
    tally.add("claim", CLAIMS)


@pytest.mark.parametrize("end", ["bye", "lease", "release"])
def test_a_claim_refuses_until_it_ends(rig: Rig, end: str, tally: Tally) -> None:
    rig.result(A, "hello", client="flows")
    rig.invoke(A, "RAK5801", 1, "read", samples=1)
    error = rig.refused(B, "RAK13001", 1, "set", on=True)
    assert error["code"] == "slot_conflict"
    assert error["data"]["holder"] == "RAK5801"
    assert error["data"]["clients"] == [
        {"client": "flows", "address": "", "nodes": [], "held": [], "connected": True}
    ]
    assert 'client "flows"' in error["message"]
    assert "`wisblock-bridge release RAK5801 --slot 1 --force`" in error["hint"]
    if end == "lease":
        rig.advance(5.1)
    elif end == "bye":
        gone(rig, A)
    else:
        rig.result(A, "release", module="RAK5801", slot=1)
    rig.invoke(B, "RAK13001", 1, "set", on=True)
    tally.add("claim", CLAIMS)


def test_a_subscription_is_a_claim(rig: Rig) -> None:
    rig.result(A, "subscribe", module="PROBE", slot=1, operation="read", every_ms=1000)
    assert rig.refused(B, "RAK5801", 1, "read")["code"] == "slot_conflict"
    rig.result(A, "release", module="PROBE", slot=1)
    rig.invoke(B, "RAK5801", 1, "read", samples=1)


def test_the_address_of_an_idle_module_is_given_back(rig: Rig) -> None:
    rig.slot_manager.addresses[2, "ADS7830"] = 0x48
    rig.slot_manager.addresses[1, "ADS7830"] = 0x48
    rig.invoke(A, "RAK16001", 1, "read", channel=0)
    error = rig.refused(B, "RAK16001", 2, "read", channel=0)
    assert error["code"] == "in_use"
    assert error["data"]["holder"] == "RAK16001 in slot 1"
    assert len(error["data"]["clients"]) == 1
    assert "release RAK16001 --slot 1 --force" in error["hint"]
    gone(rig, A)
    rig.invoke(B, "RAK16001", 2, "read", channel=0)
    assert [each.place.slot for each in rig.slot_manager] == [2]


def test_port_line_and_spi_of_an_idle_module_are_given_back() -> None:
    """On a RAK6421 the slots share a serial port; GPIO24 is IO5 of one and IO4 of the other."""
    with Rig(REVISION_VA) as rig:
        rig.invoke(A, "RAK5802", 1, "line", baud=9600)
        assert rig.refused(B, "RAK13005", 2, "state")["code"] == "in_use"
        gone(rig, A)
        rig.invoke(B, "RAK13005", 2, "state")
        gone(rig, B)
        rig.invoke(A, "RAK13300", 1, "settings")
        assert rig.refused(B, "RAK17000", 2, "stop")["code"] == "in_use"
        gone(rig, A)
        rig.invoke(B, "RAK17000", 2, "stop")
    with Rig(REVISION_VB) as rig:
        rig.invoke(A, "RAK13300", 1, "settings")
        assert rig.refused(B, "RAK13007", 2, "set", on=True)["code"] == "in_use"
        gone(rig, A)
        rig.invoke(B, "RAK13007", 2, "set", on=True)
        assert relay(rig, 2) is True


def test_a_line_driven_directly_is_free_when_its_client_is_gone(rig: Rig, tally: Tally) -> None:
    line = {"expander": "slots", "line": 4, "level": 0}
    rig.result(A, "hello", client="flows")
    rig.invoke(A, "TPT29555", "board", "write", **line)
    # Somebody else uses the expanders, too, so the module stays open.
    rig.invoke(C, "TPT29555", "board", "read", expander="board", line=7)
    error = rig.refused(B, "RAK13001", 1, "set", on=True)
    assert (error["code"], error["data"]["holder"]) == ("in_use", "TPT29555 on the board")
    assert "flows" in {each["client"] for each in error["data"]["clients"]}
    freeing = "`wisblock-bridge release TPT29555 --slot board --output slots/4 --force`"
    assert freeing in error["hint"]
    # In one breath: its end, and the newcomer.
    rig.send(A, "bye")
    assert rig.invoke(B, "RAK13001", 1, "set", on=True) == {"on": True}
    assert relay(rig) is True
    tally.add("claim", CLAIMS)


def test_a_line_that_cannot_be_given_back_is_refused_in_words(rig: Rig) -> None:
    rig.invoke(A, "TPT29555", "board", "write", expander="slots", line=4, level=0)
    rig.invoke(C, "TPT29555", "board", "read", expander="board", line=7)
    rig.board.fault((0x26,), Fault(FaultKind.EIO))
    rig.send(A, "bye")
    error = rig.refused(B, "RAK13001", 1, "set", on=True)
    assert error["code"] == "in_use"
    assert "cannot give back slots/4" in error["message"]


def test_a_line_of_an_idle_module_can_be_driven_directly(rig: Rig) -> None:
    rig.invoke(A, "RAK5801", 1, "read", samples=1)
    line = {"expander": "slots", "line": 1, "level": 0}
    error = rig.refused(B, "TPT29555", "board", "write", **line)
    assert error["data"]["holder"] == "RAK5801 in slot 1"
    assert len(error["data"]["clients"]) == 1
    gone(rig, A)
    assert rig.invoke(B, "TPT29555", "board", "write", **line) == {"level": 0}
    assert [each.place.module for each in rig.slot_manager] == ["TPT29555"]


def test_idle_neighbours_are_not_closed_when_another_one_refuses(rig: Rig) -> None:
    rig.slot_manager.addresses[1, "ADS7830"] = rig.slot_manager.addresses[2, "ADS7830"] = 0x48
    rig.invoke(A, "RAK5801", 2, "read", samples=1)
    gone(rig, A)
    rig.invoke(B, "RAK16001", 1, "read", channel=0)
    assert rig.refused(C, "RAK16001", 2, "read", channel=0)["code"] == "in_use"
    assert {each.place.module for each in rig.slot_manager} == {"RAK5801", "RAK16001"}


def test_of_two_newcomers_one_gets_the_slot(rig: Rig) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    rig.send(A, "bye")
    first = rig.send_invoke(B, "RAK5801", 1, "read", samples=1)
    second = rig.send_invoke(C, "RAK13001", 1, "set", on=True)
    assert rig.code(B, first) == "ok"
    assert rig.code(C, second) == "slot_conflict"


def test_a_configured_module_stays_the_only_one_of_its_slot(script: Script) -> None:
    with Rig(fixed={1: "PROBE"}, modules={"PROBE": Probe}) as rig:
        rig.slot_manager.worker(Place("PROBE", 1)).prepare()
        assert rig.refused(A, "RAK5801", 1, "read")["code"] == "slot_conflict"
        rig.settle()
        assert script.calls == ["open"]


def test_an_idle_module_that_fails_to_close_is_made_safe_later(rig: Rig, script: Script) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    gone(rig, A)
    script.failures.append(no_answer())
    rig.invoke(B, "RAK5801", 1, "read", samples=1)
    assert rig.dispatcher.pending_safe_states
    rig.result(B, "bye")
    rig.advance(0.6)
    assert [each.place.module for each in rig.slot_manager] == ["RAK5801"], (
        "what is owed displaces nobody"
    )


# -- release --------------------------------------------------------------------------------------


def test_of_two_clients_one_releases(rig: Rig, script: Script, tally: Tally) -> None:
    rig.invoke(A, "PROBE", 1, "set", which="a", on=True)
    rig.invoke(B, "PROBE", 1, "set", which="b", on=True)
    mine = rig.result(A, "subscribe", module="PROBE", slot=1, event="changed")["subscription"]
    yours = rig.result(B, "subscribe", module="PROBE", slot=1, event="changed")["subscription"]
    rig.settle()
    assert rig.result(A, "release", module="PROBE", slot=1) == {}
    assert script.states == {"a": False, "b": True}
    (worker,) = rig.slot_manager
    assert worker.watched == 1
    assert not any("error" in each for each in rig.events(B, yours))
    assert rig.ask(A, "unsubscribe", subscription=mine)["error"]["code"] == "bad_params"
    assert rig.result(B, "release", module="PROBE", slot=1) == {}
    assert script.calls[-1] == "close"
    assert not list(rig.slot_manager)
    tally.add("claim", CLAIMS, 2)


def test_a_client_without_a_claim_releases_nothing_of_others(rig: Rig, script: Script) -> None:
    rig.invoke(A, "PROBE", 1, "set", which="a", on=True)
    assert rig.result(B, "release", module="PROBE", slot=1) == {}
    assert script.states == {"a": True}
    gone(rig, A)
    assert rig.result(B, "release", module="PROBE", slot=1) == {}
    assert not list(rig.slot_manager), "nobody uses it, so it is closed"


def test_release_leaves_what_is_to_be_held(rig: Rig, script: Script) -> None:
    rig.result(A, "hello", client="flows")
    rig.invoke(A, "PROBE", 1, "set", which="a", on=True)
    rig.invoke(A, "PROBE", 1, "set", which="b", on=True, on_loss="hold")
    assert rig.result(A, "release", module="PROBE", slot=1) == {}
    assert script.states == {"a": False, "b": True}
    told = of_slot(rig, "PROBE")
    assert told["claims"] == []
    assert told["held"] == [{"output": "b", "client": "flows", "address": ""}]
    assert told["idle"] is False


def test_what_is_queued_under_a_released_claim_is_refused(rig: Rig, script: Script) -> None:
    rig.invoke(B, "PROBE", 1, "read")
    hanging = rig.send_invoke(B, "PROBE", 1, "hang", 60_000)
    assert script.entered.wait(60)
    mine = rig.send_invoke(A, "PROBE", 1, "set", 60_000, which="a", on=True)
    yours = rig.send_invoke(B, "PROBE", 1, "read", 60_000)
    released = rig.send(A, "release", module="PROBE", slot=1)
    assert rig.error(A, mine)["code"] == "closing"
    assert rig.code(A, released) == "ok"
    script.gate.set()
    assert [rig.code(B, each) for each in (hanging, yours)] == ["ok", "ok"]
    assert not script.states


def test_what_is_under_way_when_it_is_released_is_made_safe(
    rig: Rig, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(self: Probe, which: str, on: bool) -> object:  # noqa: FBT001
        script.states[which] = on
        script.entered.set()
        assert script.gate.wait(60)
        return self.readings(on=on)

    rig.invoke(B, "PROBE", 1, "read")
    monkeypatch.setattr(Probe, "set", slowly)
    under_way = rig.send_invoke(A, "PROBE", 1, "set", which="a", on=True)
    assert script.entered.wait(60)
    released = rig.send(A, "release", module="PROBE", slot=1)
    again = rig.send_invoke(A, "PROBE", 1, "read")
    assert rig.find(A, released) is None
    script.gate.set()
    assert [rig.code(A, each) for each in (under_way, released, again)] == ["ok"] * 3
    rig.settle()
    assert script.states == {"a": False}
    assert not rig.sessions._owner


def test_a_release_that_fails_says_so(rig: Rig, script: Script) -> None:
    rig.invoke(B, "PROBE", 1, "read")
    rig.invoke(A, "PROBE", 1, "set", which="a", on=True)
    script.failures.append(no_answer())
    error = rig.ask(A, "release", module="PROBE", slot=1, outputs=["a"])["error"]
    assert error["code"] == "no_device"
    assert rig.sessions.outputs_of(Place("PROBE", 1)) == ["a"], "it is still on"
    rig.settle()  # the answer comes before the next attempt is planned
    rig.advance(0.6)
    assert script.states == {"a": False}
    assert rig.sessions.outputs_of(Place("PROBE", 1)) == []


def test_named_outputs_are_made_safe_and_the_claim_stays(rig: Rig, tally: Tally) -> None:
    write = {"expander": "board", "level": 0}
    rig.invoke(A, "TPT29555", "board", "write", line=6, on_loss="hold", **write)
    rig.invoke(B, "TPT29555", "board", "write", line=7, **write)
    where: dict[str, Any] = {"module": "TPT29555", "slot": "board"}
    names = ["board/6", "board/7", "slots/3"]
    assert rig.result(A, "release", **where, outputs=names) == {}
    assert rig.level("board", 6) is None, "whatever on_loss says"
    assert rig.level("board", 7) == 0, "it is another client's"
    assert len(of_slot(rig, "TPT29555")["claims"]) == 2
    assert rig.result(A, "release", **where, outputs=[]) == {}
    error = rig.ask(A, "release", **where, outputs=["relay"])["error"]
    assert error["code"] == "bad_params"
    assert error["data"] == {"param": "outputs", "allowed": ["{expander}/{line}", "*"]}
    assert rig.ask(A, "release", **where, outputs=["board/7"], force=True)["ok"]
    assert rig.level("board", 7) is None
    assert len(of_slot(rig, "TPT29555")["claims"]) == 2
    tally.add("claim", CLAIMS, 4)


def test_a_command_in_the_queue_is_part_of_what_is_released(rig: Rig, script: Script) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    hanging = rig.send_invoke(B, "PROBE", 1, "hang", 60_000)
    assert script.entered.wait(60)
    switched = rig.send_invoke(A, "PROBE", 1, "set", 60_000, which="a", on=True)
    released = rig.send(A, "release", module="PROBE", slot=1, outputs=["a"])
    script.gate.set()
    assert rig.code(B, hanging) == "ok"
    assert rig.error(A, switched)["code"] == "closing"
    assert rig.code(A, released) == "ok"
    assert not script.states.get("a")


def test_pins_that_another_client_wrote_later_stay(rig: Rig) -> None:
    where = {"module": "RAK13003", "slot": 1}
    rig.invoke(A, "RAK13003", 1, "write_all", mask=0x00FF, levels=0x00FF)
    rig.invoke(B, "RAK13003", 1, "write", pin=3, level=1)
    rig.result(A, "release", **where, outputs=["pins/255"])
    assert rig.board.get(1, "directions") == 0x0008
    # The other way round: who wrote all of them later has them all.
    rig.invoke(A, "RAK13003", 1, "write_all", mask=0x00FF, levels=0x00FF)
    assert rig.sessions.outputs_of(Place("RAK13003", 1)) == ["pins/255"]
    rig.result(B, "release", **where, outputs=["pin/3"])
    assert rig.board.get(1, "directions") == 0x00FF
    gone(rig, B)
    gone(rig, A)
    assert rig.board.get(1, "directions") == 0
    assert of_slot(rig, "RAK13003")["idle"] is True


def test_leds_that_another_client_lit_later_stay(rig: Rig) -> None:
    where = {"module": "RAK14003", "slot": 1}
    rig.invoke(A, "RAK14003", 1, "pattern", mask=0x00F, on_loss="hold")
    rig.invoke(B, "RAK14003", 1, "set", led=3, on=True)
    rig.result(A, "release", **where, outputs=["*"])
    assert rig.board.get(1, "mask") == 0x008
    rig.invoke(A, "RAK14003", 1, "set", led=0, on=True, on_loss="hold")
    gone(rig, A)
    assert rig.board.get(1, "mask") == 0x009
    rig.invoke(B, "RAK14003", 1, "bar", level=2)
    assert of_slot(rig, "RAK14003")["held"] == [], "the bar took the held LED over"
    gone(rig, B)
    assert of_slot(rig, "RAK14003")["idle"] is True


@pytest.mark.parametrize("held", [True, False])
def test_force_ends_everything(rig: Rig, script: Script, held: bool, tally: Tally) -> None:  # noqa: FBT001
    rig.result(A, "hello", client="flows", lease_ms=60_000)
    rig.result(C, "hello", client="admin", lease_ms=60_000)
    rig.invoke(A, "PROBE", 1, "set", which="b", on=True, on_loss="hold")
    if held:
        rig.result(A, "bye")
    assert rig.result(C, "release", module="PROBE", slot=1, force=True) == {}
    assert script.states == {"b": False}
    assert not list(rig.slot_manager)
    assert not rig.sessions.is_used(Place("PROBE", 1))
    rig.invoke(B, "RAK5801", 1, "read", samples=1)
    tally.add("claim", CLAIMS)


def test_force_ends_what_waits_for_the_module(rig: Rig, script: Script) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    hanging = rig.send_invoke(A, "PROBE", 1, "hang", 60_000)
    assert script.entered.wait(60)
    first = rig.send(C, "release", module="PROBE", slot=1, force=True)
    parked = rig.send_invoke(A, "PROBE", 1, "set", 60_000, which="a", on=True)
    again = rig.send(C, "release", module="PROBE", slot=1, force=True)
    assert rig.error(A, parked)["code"] == "closing"
    script.gate.set()
    assert rig.code(A, hanging) == "ok"
    assert [rig.code(C, each) for each in (first, again)] == ["ok", "ok"]
    assert not list(rig.slot_manager)


def test_a_request_that_waits_is_refused_when_its_client_releases(rig: Rig, script: Script) -> None:
    rig.send_invoke(B, "PROBE", 1, "hang", 60_000)
    assert script.entered.wait(60)
    rig.send(B, "release", module="PROBE", slot=1, force=True)
    parked = rig.send_invoke(A, "PROBE", 1, "read", 60_000)
    released = rig.send(A, "release", module="PROBE", slot=1)
    assert rig.error(A, parked)["code"] == "closing"
    script.gate.set()
    assert rig.code(A, released) == "ok"
    assert not list(rig.slot_manager)


# -- held outputs ---------------------------------------------------------------------------------


def test_a_held_output_refuses_until_somebody_else_writes_it(rig: Rig, tally: Tally) -> None:
    token = rig.result(A, "hello", client="flows")["session"]
    rig.invoke(A, "RAK13001", 1, "set", on=True, on_loss="hold")
    gone(rig, A)
    assert relay(rig) is True
    told = of_slot(rig, "RAK13001")
    assert told["held"] == [{"output": "relay", "client": "flows", "address": ""}]
    error = rig.refused(B, "RAK5801", 1, "read")
    assert error["code"] == "slot_conflict"
    assert error["data"]["clients"] == [
        {"client": "flows", "address": "", "nodes": [], "held": ["relay"], "connected": False}
    ]
    words = 'held output relay of client "flows", which has disconnected'
    assert words in error["message"]
    assert not rig.result(A, "hello", resume=token)["resumed"]
    assert of_slot(rig, "RAK13001")["held"], "a return does not lose it"
    rig.invoke(C, "RAK13001", 1, "state")
    assert of_slot(rig, "RAK13001")["held"], "to look does not take it over"
    rig.invoke(C, "RAK13001", 1, "set", on=True)
    assert of_slot(rig, "RAK13001")["held"] == []
    gone(rig, C)
    assert relay(rig) is False
    rig.invoke(B, "RAK5801", 1, "read", samples=1)
    tally.add("claim", CLAIMS, 3)


def test_an_output_that_is_off_holds_nothing(rig: Rig) -> None:
    rig.invoke(A, "RAK13001", 1, "set", on=True, on_loss="hold")
    rig.invoke(A, "RAK13001", 1, "set", on=False, on_loss="hold")
    gone(rig, A)
    assert of_slot(rig, "RAK13001")["idle"] is True


def test_a_brake_that_is_to_be_held_is_held(rig: Rig) -> None:
    rig.invoke(A, "RAK17000", 1, "brake", bridge="A", on_loss="hold")
    gone(rig, A)
    assert [each["output"] for each in of_slot(rig, "RAK17000")["held"]] == ["A"]


def test_what_a_dead_client_was_at_is_held_if_it_wished_so(
    rig: Rig, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(self: Probe, which: str, on: bool) -> object:  # noqa: FBT001
        script.states[which] = on
        script.entered.set()
        assert script.gate.wait(60)
        return self.readings(on=on)

    monkeypatch.setattr(Probe, "set", slowly)
    number = rig.send_invoke(A, "PROBE", 1, "set", which="b", on=True, on_loss="hold")
    assert script.entered.wait(60)
    rig.result(A, "bye")
    script.gate.set()
    assert rig.code(A, number) == "ok"
    assert script.states == {"b": True}
    assert [each["output"] for each in of_slot(rig, "PROBE")["held"]] == ["b"]


def test_who_writes_while_the_last_owner_leaves_keeps_the_output(rig: Rig, script: Script) -> None:
    """Its command is carried out, and its answer is not read yet, when the former owner goes."""
    rig.invoke(A, "PROBE", 1, "set", which="a", on=True)
    number = rig.send_invoke(B, "PROBE", 1, "set", which="a", on=True)
    (worker,) = rig.slot_manager
    done: list[bool] = []
    worker._call(lambda: done.append(True))
    while not done:
        pass
    rig.send(A, "bye")
    assert rig.code(B, number) == "ok"
    rig.settle()
    assert script.states == {"a": True}
    gone(rig, B)
    assert script.states == {"a": False}


# -- a client that comes back ---------------------------------------------------------------------


def test_a_claim_outlives_a_break_of_the_connection(rig: Rig) -> None:
    token = rig.result(A, "hello", client="flows")["session"]
    assert named(rig, A, "pump", **READ)["ok"]
    assert named(rig, B, "light", **READ)["ok"]
    assert rig.result(B, "hello", client="flows", resume=token)["resumed"]
    assert of_slot(rig, "RAK5801")["claims"] == [
        {"client": "flows", "address": "", "nodes": ["pump", "light"]}
    ]
    rig.result(B, "release", module="RAK5801", slot=1)
    assert not list(rig.slot_manager)


# -- names and addresses --------------------------------------------------------------------------


def test_nodes_are_remembered_the_newest_last(rig: Rig) -> None:
    for number in range(10):
        assert named(rig, A, f"node {number}", **READ)["ok"]
    assert named(rig, A, "node 5", **READ)["ok"]
    assert named(rig, A, "evil\x1b[31m\nname\x85", **READ)["ok"]
    (claim,) = of_slot(rig, "RAK5801")["claims"]
    assert claim["nodes"] == [
        *(f"node {each}" for each in (3, 4, 6, 7, 8, 9, 5)), "evil[31mname",
    ]  # fmt: skip
    error = rig.refused(B, "RAK13001", 1, "set", on=True)
    assert 'nodes "node 3"' in error["message"]


@pytest.mark.parametrize("node", [7, None, True, b"x", ["a"], "n" * 101])
def test_a_node_is_a_short_text(rig: Rig, node: object) -> None:
    error = named(rig, A, node, **READ)["error"]
    assert error["code"] == "bad_request"
    assert not list(rig.slot_manager)


def test_the_longest_name_of_a_node(rig: Rig) -> None:
    assert named(rig, A, "ü" * 100, **READ)["ok"]
    assert of_slot(rig, "RAK5801")["claims"][0]["nodes"] == ["ü" * 100]


def test_a_request_that_was_refused_claims_nothing(rig: Rig) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    gone(rig, A)
    assert not named(rig, B, "x", module="PROBE", slot=1, operation="read", params={"odd": 1})["ok"]
    assert of_slot(rig, "PROBE")["idle"] is True


@for_each(
    ("told", "words"),
    [
        ("localhost:1000:1001:812", "process 812, user 1000"),
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_where_a_client_is(told: str, words: str) -> None:
    assert address_of_peer(told) == words


def test_what_a_terminal_could_take_for_a_command_is_left_out() -> None:
    assert printable(" a\u202eb\x9bc\t") == "abc"


@pytest.mark.parametrize("end", ["bye", "release"])
def test_an_output_that_came_to_rest_by_itself_holds_nothing(rig: Rig, end: str) -> None:
    def leave(module: str, slot: int) -> None:
        if end == "bye":
            gone(rig, A)
        else:
            rig.result(A, "release", module=module, slot=slot)

    rig.invoke(A, "RAK13003", 2, "write", pin=3, level=1, on_loss="hold")
    rig.invoke(A, "RAK13003", 2, "configure", pin=3, direction="input", on_loss="hold")
    rig.invoke(A, "RAK13001", 1, "pulse", ms=1000, on_loss="hold")
    rig.advance(1.1)
    assert relay(rig) is False
    assert rig.sessions.outputs_of(Place("RAK13001", 1)) == ["relay"], "its session lives"
    leave("RAK13001", 1)
    rig.invoke(B, "RAK13007", 1, "toggle", on_loss="hold")
    rig.invoke(B, "RAK13007", 1, "toggle", on_loss="hold")
    rig.settle()
    gone(rig, B)
    leave("RAK13003", 2)
    rig.invoke(A, "RAK5801", 2, "read", samples=1)
    rig.invoke(A, "RAK17000", 1, "drive", bridge="A", speed=50, watchdog_ms=1000, on_loss="hold")
    gone(rig, A)
    assert [each["output"] for each in of_slot(rig, "RAK17000")["held"]] == ["A"]
    for _ in range(120):
        rig.advance(0.01)
    assert of_slot(rig, "RAK17000")["idle"] is True


def test_a_bar_that_is_dark_holds_nothing(rig: Rig) -> None:
    rig.invoke(A, "RAK14003", 1, "bar", level=3, on_loss="hold")
    rig.invoke(A, "RAK14003", 1, "bar", level=0, on_loss="hold")
    gone(rig, A)
    assert of_slot(rig, "RAK14003")["idle"] is True
