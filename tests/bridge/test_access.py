"""Who may do what, for every method and every operation that there is, and whose a session is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from tests.bridge.rig import Rig, load_catalogue
from tests.cases import for_each

from wisblock_bridge.errors import ForbiddenError
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.sessions import Output, Sessions
from wisblock_bridge.server.access import admit
from wisblock_bridge.server.status import status
from wisblock_bridge.wire.roles import LOCAL, Peer, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = (Role.NONE, Role.READ, Role.DRIVE, Role.ADMIN)
WHO = {role: Peer(f"key of {role.word}", f"a-{role.word}", role) for role in ROLES}
A, B, C = b"\0aaaa", b"\0bbbb", b"\0cccc"
NEEDED_ROLES: list[tuple[str, dict[str, Any], Role]] = [
    ("hello", {}, Role.READ),
    ("ping", {}, Role.READ),
    ("catalogue", {}, Role.READ),
    ("status", {}, Role.READ),
    ("observe", {}, Role.READ),
    ("unsubscribe", {"subscription": 99}, Role.READ),
    ("bye", {}, Role.READ),
    ("release", {"module": "RAK5801", "slot": 1}, Role.READ),
    ("release", {"module": "RAK5801", "slot": 1, "outputs": []}, Role.READ),
    ("release", {"module": "RAK5801", "slot": 1, "force": True}, Role.ADMIN),
    ("log", {}, Role.ADMIN),
    ("scan", {"bus": "nonsense"}, Role.ADMIN),
    ("emulator.list", {"slot": 1}, Role.ADMIN),
    ("emulator.get", {}, Role.ADMIN),
    ("emulator.set", {}, Role.ADMIN),
    ("emulator.plug", {}, Role.ADMIN),
    ("emulator.unplug", {}, Role.ADMIN),
    ("emulator.fault", {}, Role.ADMIN),
]
NUMBERS = itertools.count(1_000_000)
Map = dict[str, Any]


def send(rig: Rig, who: bytes, peer: Peer, method: str, **params: Any) -> int:
    number = next(NUMBERS)
    frame = msgpack.packb({"v": 1, "id": number, "method": method, "params": params})
    rig.dispatcher.handle(who, frame, peer)
    rig.dispatcher.wake_workers()
    return number


def ask(rig: Rig, who: bytes, peer: Peer, method: str, **params: Any) -> Map:
    return rig.reply(who, send(rig, who, peer, method, **params))


def code(reply: Map) -> str:
    return "ok" if reply["ok"] else str(reply["error"]["code"])


def entries(kind: str) -> list[tuple[str, Any, str, bool]]:
    """Module, slot, name and whether it only reads, as the exported catalogue tells."""
    data: Map = load_catalogue().data
    return [
        (module["name"], module["slots"][0], each["name"], each.get("reads_only", False))
        for module in data["modules"]
        for each in module[kind]
    ]


@pytest.fixture(scope="module")
def shared() -> Iterator[Rig]:
    with Rig() as rig:
        yield rig


# -- roles ----------------------------------------------------------------------------------------


@for_each("peer", [LOCAL, *WHO.values()], ids=lambda peer: peer.name or "local")
@for_each(
    ("module", "slot", "operation", "reads_only"),
    entries("operations"),
    ids=str,
)
def test_every_operation_for_every_role(
    shared: Rig, peer: Peer, module: str, slot: Any, operation: str, *, reads_only: bool
) -> None:
    """The parameters are nonsense, so whoever is let through is refused for them, untouched."""
    before = shared.transactions
    found = ask(
        shared,
        b"\0" + peer.role.word.encode() + peer.name.encode(),
        peer,
        "invoke",
        module=module,
        slot=slot,
        operation=operation,
        params={"nonsense": 1},
    )
    enough = Role.READ if reads_only else Role.DRIVE
    assert code(found) == ("bad_params" if peer.role >= enough else "forbidden")
    if Role.NONE < peer.role < enough:
        error = found["error"]
        assert peer.name in error["message"]
        assert f"{module} {operation}" in error["message"]
        assert f"wisblock-bridge keys role {peer.name} {enough.word}" in error["hint"]
        assert error["data"] == {"key": peer.name, "role": peer.role.word, "needed": enough.word}
    assert shared.transactions == before


@for_each("role", ROLES)
@for_each(("module", "slot", "event"), [event[:3] for event in entries("events")])
def test_every_event_for_every_role(
    shared: Rig, role: Role, module: str, slot: Any, event: str
) -> None:
    found = ask(
        shared, A, WHO[role], "subscribe", module=module, slot=slot, event=event,
        params={"nonsense": 1},
    )  # fmt: skip
    assert code(found) == ("forbidden" if role is Role.NONE else "bad_params")


@for_each("role", ROLES)
@for_each(("method", "params", "needed"), NEEDED_ROLES)
def test_every_method_for_every_role(
    shared: Rig, role: Role, method: str, params: Map, needed: Role
) -> None:
    found = ask(shared, B, WHO[role], method, **params)
    assert (code(found) == "forbidden") is (role < needed)


def test_no_method_is_forgotten_above(shared: Rig) -> None:
    listed = {"invoke", "subscribe"} | {method for method, _, _ in NEEDED_ROLES}
    known = ask(shared, C, LOCAL, "nonsense")["error"]["data"]["known"]
    assert listed == set(known)


def test_a_read_only_key_reads_and_subscribes_and_drives_nothing(rig: Rig) -> None:
    peer = WHO[Role.READ]
    where = {"module": "TPT29555", "slot": "board"}
    line = {"expander": "slots", "line": 1}
    read = ask(rig, A, peer, "invoke", **where, operation="read", params=line)
    assert read["ok"]
    told = ask(rig, A, peer, "subscribe", **where, operation="read", params=line, every_ms=1000)
    assert told["ok"]
    before = rig.level("slots", 1)
    driven = ask(rig, A, peer, "invoke", **where, operation="write", params={**line, "level": 1})
    assert code(driven) == "forbidden"
    assert rig.level("slots", 1) == before
    acting = ask(rig, A, peer, "subscribe", **where, operation="toggle", params=line, every_ms=1000)
    assert code(acting) == "forbidden"


def test_what_others_use_is_released_by_an_administrator_only(rig: Rig) -> None:
    where = {"module": "TPT29555", "slot": "board"}
    line = {"expander": "slots", "line": 1}
    own = {**where, "operation": "write", "params": {**line, "level": 1}}
    assert ask(rig, A, WHO[Role.DRIVE], "invoke", **own)["ok"]
    # Without force it drops its own claim, and has none; by force it may not.
    other = Peer("another key", "another", Role.DRIVE)
    assert ask(rig, B, other, "release", **where)["ok"]
    refused = ask(rig, B, other, "release", **where, force=True)
    assert code(refused) == "forbidden"
    assert "by force" in refused["error"]["message"]
    forced = ask(rig, B, other, "release", **where, outputs=["slots/1"], force=True)
    assert code(forced) == "forbidden"
    assert ask(rig, B, other, "release", **where, outputs=["slots/1"])["ok"]
    assert rig.level("slots", 1) == 1
    assert ask(rig, C, WHO[Role.ADMIN], "release", **where, force=True)["ok"]
    assert rig.level("slots", 1) is None


def test_who_may_only_look_releases_its_own_claim_and_closes_nothing_else(rig: Rig) -> None:
    where = {"module": "TPT29555", "slot": "board"}
    reading = {**where, "operation": "read", "params": {"expander": "slots", "line": 1}}
    assert ask(rig, A, WHO[Role.READ], "subscribe", **reading, every_ms=1000)["ok"]
    assert ask(rig, A, WHO[Role.READ], "release", **where)["ok"]
    assert not list(rig.slot_manager)
    assert ask(rig, C, WHO[Role.DRIVE], "invoke", **reading)["ok"]
    assert ask(rig, C, WHO[Role.DRIVE], "bye")["ok"]
    assert ask(rig, A, WHO[Role.READ], "release", **where)["ok"]
    assert len(list(rig.slot_manager)) == 1


def test_a_role_is_its_word() -> None:
    assert [role.word for role in ROLES] == ["none", "read", "drive", "admin"]
    admit(LOCAL, Role.ADMIN, "anything")
    with pytest.raises(ForbiddenError, match="not on the bridge's list any more"):
        admit(WHO[Role.NONE], Role.READ, "anything")


# -- a key that loses its role --------------------------------------------------------------------


def test_another_role_counts_from_the_next_request_on(rig: Rig) -> None:
    where = {"module": "TPT29555", "slot": "board", "operation": "toggle"}
    wanted = {**where, "params": {"expander": "slots", "line": 1}}
    key = "one key"
    token = ask(rig, A, Peer(key, "x", Role.READ), "hello")["result"]["session"]
    assert code(ask(rig, A, Peer(key, "x", Role.READ), "invoke", **wanted)) == "forbidden"
    assert ask(rig, A, Peer(key, "x", Role.DRIVE), "invoke", **wanted)["ok"]
    assert code(ask(rig, A, Peer(key, "x", Role.READ), "invoke", **wanted)) == "forbidden"
    again = ask(rig, A, Peer(key, "x", Role.READ), "hello", resume=token)["result"]
    assert (again["session"], again["resumed"]) == (token, True)


def test_a_removed_key_is_cut_off_and_its_outputs_become_safe(rig: Rig) -> None:
    key = "one key"
    where = {"module": "TPT29555", "slot": "board"}
    line = {"expander": "slots", "line": 1}
    listed, removed = Peer(key, "x", Role.DRIVE), Peer(key, "", Role.NONE)
    token = ask(rig, A, listed, "hello")["result"]["session"]
    write = {**where, "operation": "write", "params": {**line, "level": 0}}
    assert ask(rig, A, listed, "invoke", **write)["ok"]
    reading = {**where, "operation": "read", "params": line, "every_ms": 100}
    number = ask(rig, A, listed, "subscribe", **reading)["result"]["subscription"]
    assert rig.level("slots", 1) == 0

    refused = ask(rig, A, removed, "ping")
    assert code(refused) == "forbidden"
    assert "not on the bridge's list any more" in refused["error"]["message"]
    assert "wisblock-bridge keys" in refused["error"]["hint"]
    rig.settle()
    assert rig.level("slots", 1) is None
    assert len(rig.sessions) == 0
    seen = len(rig.events(A, number))
    rig.advance(2.0)
    assert len(rig.events(A, number)) == seen
    # Listed again, it begins anew.
    back = ask(rig, A, listed, "hello", resume=token)["result"]
    assert back["resumed"] is False


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"\x80", b"x" * 100, b"\x81\xa2id\x05"])
def test_a_removed_key_may_send_anything(rig: Rig, frame: bytes) -> None:
    for _ in range(100):
        rig.dispatcher.handle(A, frame, WHO[Role.NONE])
    assert len(rig.sessions) == 0
    assert rig.counters.refused == 100
    answered = {each["id"]: each["error"]["code"] for each in rig.received[A]}
    assert answered == ({5: "forbidden"} if b"id" in frame else {})


def test_a_connection_with_a_key_may_not_choose_its_name(rig: Rig) -> None:
    for name in (b"x", b"\x01" * 5, b"a" * 200):
        refused = ask(rig, name, WHO[Role.ADMIN], "hello")
        assert code(refused) == "forbidden"
        assert "routing id" in refused["error"]["message"]
    assert len(rig.sessions) == 0
    assert ask(rig, b"x", LOCAL, "hello")["ok"]  # on this computer it harms nobody


# -- whose a session is ---------------------------------------------------------------------------


@pytest.mark.parametrize("thief", [WHO[Role.READ], WHO[Role.ADMIN], LOCAL], ids=str)
def test_another_key_under_the_same_name_gets_nothing(rig: Rig, thief: Peer) -> None:
    owner = WHO[Role.DRIVE]
    where = {"module": "TPT29555", "slot": "board"}
    line = {"expander": "slots", "line": 1}
    token = ask(rig, A, owner, "hello", client="the owner")["result"]["session"]
    write = {**where, "operation": "write", "params": {**line, "level": 0}}
    assert ask(rig, A, owner, "invoke", **write)["ok"]
    reading = {**where, "operation": "read", "params": line, "every_ms": 100}
    number = ask(rig, A, owner, "subscribe", **reading)["result"]["subscription"]
    under_way = send(rig, A, owner, "invoke", **where, operation="read", params=line)

    # The connection breaks, and another key's bears its name before the answer is there.
    hello = ask(rig, A, thief, "hello", client="the thief", resume=token)["result"]
    assert hello["resumed"] is False
    assert hello["session"] != token
    rig.settle()
    assert rig.find(A, under_way) is None
    seen = len(rig.events(A, number))
    write["params"] = {**line, "level": 1}
    rig.result(C, "invoke", **write)
    rig.advance(1.0)
    assert len(rig.events(A, number)) == seen
    refused = ask(rig, A, thief, "unsubscribe", subscription=number)
    assert code(refused) == "bad_params"
    assert {session.name for session in rig.sessions} >= {"the owner", "the thief"}
    ask(rig, A, thief, "bye")

    # The owner comes back on another connection and has all that was its own.
    back = ask(rig, B, owner, "hello", resume=token)["result"]
    assert (back["session"], back["resumed"]) == (token, True)


def test_waiting_messages_of_the_former_key_are_thrown_away(rig: Rig) -> None:
    owner, thief = WHO[Role.DRIVE], WHO[Role.READ]
    ask(rig, A, owner, "hello")
    rig.full.add(A)
    send(rig, A, owner, "status")
    assert rig.outbox.pending
    before = len(rig.received[A])
    rig.full.clear()
    number = send(rig, A, thief, "ping")
    rig.outbox.retry()
    assert [each["id"] for each in rig.received[A][before:]] == [number]


def test_the_lease_of_a_detached_session_runs_out_as_ever(rig: Rig) -> None:
    owner, thief = WHO[Role.DRIVE], WHO[Role.READ]
    write = {
        "module": "TPT29555", "slot": "board", "operation": "write",
        "params": {"expander": "slots", "line": 1, "level": 0},
    }  # fmt: skip
    assert ask(rig, A, owner, "invoke", **write)["ok"]
    rig.advance(4.0)
    assert ask(rig, A, thief, "ping")["ok"]
    assert rig.level("slots", 1) == 0
    rig.advance(1.1)  # the thief's request did not renew it
    assert rig.level("slots", 1) is None
    assert [session.peer for session in rig.sessions] == [thief]


def test_a_token_is_good_for_the_key_that_got_it() -> None:
    book = Sessions()
    former = book.of(A, 0.0, WHO[Role.DRIVE])
    output = Output(Place("RAK13001", 1), "relay")
    book.drive(former, output, "safe")
    for who, peer in ((B, WHO[Role.ADMIN]), (C, LOCAL)):
        assert book.resume(book.of(who, 0.0, peer), former.token) is None
    same_key = Peer(WHO[Role.DRIVE].key, "renamed", Role.READ)
    resumed = book.resume(book.of(b"\0dddd", 0.0, same_key), former.token)
    assert resumed is former
    assert former.peer is same_key
    assert output in former.outputs


# -- the status -----------------------------------------------------------------------------------


def test_who_the_others_are_is_told_to_an_administrator_only(rig: Rig) -> None:
    def asked_by(peer: Peer) -> Map:
        return status(
            0.0,
            rig.hardware,
            rig.slot_manager,
            rig.sessions,
            rig.outbox,
            rig.counters,
            {},
            asked_by=peer,
        )

    ask(rig, A, WHO[Role.DRIVE], "hello", client="press")
    ask(rig, B, LOCAL, "hello", client="local flow")
    for peer in (LOCAL, WHO[Role.ADMIN]):
        told = {each["client"]: each for each in asked_by(peer)["sessions"]}
        press, local = told["press"], told["local flow"]
        assert (press["access"], press["key"], press["role"]) == ("key", "a-drive", "drive")
        assert (local["access"], local["key"], local["role"]) == ("local", None, "admin")
    for peer in (WHO[Role.READ], WHO[Role.DRIVE]):
        for each in asked_by(peer)["sessions"]:
            assert not {"access", "key", "role"} & set(each)
    assert WHO[Role.DRIVE].key not in str(asked_by(LOCAL))
