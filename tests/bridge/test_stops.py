"""A bridge that was stopped for a while: what waited meanwhile is as old as the stop."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from tests.bridge.attackers import Target
from tests.bridge.bridge_process import BridgeProcess, eventually, standing_still
from tests.bridge.full_queue import stop
from tests.bridge.raw_zmtp import RawPeer, frame
from tests.bridge.wire_client import RawClient

from wisblock_bridge.client import Bridge, RemoteError
from wisblock_bridge.wire.limits import MAX_IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

RELAY: dict[str, Any] = {"module": "RAK13007", "slot": 1}
ON = {**RELAY, "operation": "set", "params": {"on": True}}


@pytest.fixture
def own() -> Iterator[BridgeProcess]:
    with BridgeProcess() as made:
        yield made


@contextmanager
def stopped(bridge: BridgeProcess, seconds: float) -> Iterator[None]:
    """The bridge stands still; what is done within happens at the beginning of that."""
    assert bridge.process is not None
    with standing_still(bridge.process.pid):
        yield
        time.sleep(seconds)


def relay_is_on(client: RawClient) -> bool:
    state = client.result("invoke", **RELAY, operation="state", timeout_ms=20_000)
    return bool(state["readings"]["on"])


def switches(bridge: BridgeProcess) -> int:
    """How often an operation was carried out in all."""
    with RawClient(bridge.endpoint) as client:
        return int(client.result("status")["counters"]["operations"])


@pytest.mark.parametrize("seconds", [1.0, 4.0])
def test_a_request_that_waited_through_a_stop_has_expired(
    own: BridgeProcess, seconds: float
) -> None:
    with RawClient(own.endpoint) as client, RawClient(own.endpoint) as neighbour:
        client.result("hello", lease_ms=60_000)
        neighbour.result("hello", lease_ms=60_000)
        assert not relay_is_on(neighbour)
        with stopped(own, seconds):
            asked = client.send("invoke", timeout_ms=500, **ON)
            patient = neighbour.send("invoke", timeout_ms=20_000, **RELAY, operation="state")
        reply = client.reply(asked)
        assert not reply["ok"]
        assert reply["error"]["code"] == "expired"
        assert neighbour.reply(patient)["ok"], "who has time is served"
        assert not relay_is_on(neighbour)
        assert client.result("invoke", **ON)["readings"]["on"], "and what comes now is carried out"


def test_a_deadline_in_the_clock_of_the_bridge_counts_the_stop(own: BridgeProcess) -> None:
    with RawClient(own.endpoint) as client:
        clock_ms = client.result("hello", lease_ms=60_000)["clock_ms"]
        assert client.result("ping")["clock_ms"] >= clock_ms
        assert not relay_is_on(client)
        clock_ms = client.result("ping")["clock_ms"]
        for ahead_ms, code in ((500.0, "expired"), (30_000.0, "ok")):
            with stopped(own, 1.0):
                request = {
                    "v": 1, "id": f"d{ahead_ms}", "method": "invoke", "params": ON,
                    "deadline_ms": clock_ms + ahead_ms,
                }  # fmt: skip
                client.send_frames(msgpack.packb(request))
            reply = client.reply(f"d{ahead_ms}")
            assert ("ok" if reply["ok"] else reply["error"]["code"]) == code
            clock_ms = client.result("ping")["clock_ms"]


def test_what_a_client_that_has_gone_asked_for_is_not_driven(own: BridgeProcess) -> None:
    with RawClient(own.endpoint) as neighbour:
        neighbour.result("hello", lease_ms=60_000)
        assert not relay_is_on(neighbour)
        with RawPeer(own.endpoint) as peer, stopped(own, 0.2):
            request = {"v": 1, "id": 1, "method": "invoke", "params": ON, "timeout_ms": 20_000}
            peer.send(frame(msgpack.packb(request)))
            peer.__exit__(None, None, None)
        for _ in range(20):
            assert not relay_is_on(neighbour)


def test_a_client_whose_own_queue_is_full_starts_nothing_old(own: BridgeProcess) -> None:
    """More than the kernel keeps: the rest waits in libzmq, on the client's side."""
    with RawClient(own.endpoint) as client, RawClient(own.endpoint) as neighbour:
        client.result("hello", lease_ms=60_000)
        assert not relay_is_on(neighbour)
        ballast = {"v": 1, "method": "ping", "timeout_ms": 500, "more": bytes(4000)}
        with stopped(own, 3.0):
            for number in range(500):
                client.send_frames(msgpack.packb({**ballast, "id": f"b{number}"}))
            asked = client.send("invoke", timeout_ms=500, **ON)
        assert client.reply(asked)["error"]["code"] in {"expired", "busy"}
        assert not relay_is_on(neighbour)


def test_leases_of_those_who_pinged_hold(own: BridgeProcess) -> None:
    with RawClient(own.endpoint) as client, RawClient(own.endpoint) as silent:
        for each, slot in ((client, 1), (silent, 2)):
            each.result("hello", lease_ms=60_000)
            each.result("invoke", **{**ON, "slot": slot})
        # Only now: to open a module takes its time on a busy computer. And last, so that the bridge
        # is stopped when it has just answered, in the middle of a turn of its loop.
        for each in (client, silent):
            each.result("hello", lease_ms=1000)
        with stopped(own, 3.0):
            client.send("ping")
        sessions = client.result("status")["sessions"]
        assert [each["outputs"] for each in sessions if each["outputs"]] != []
        assert relay_is_on(client), "its ping lay there when the bridge went on"
        silent_off = {**RELAY, "slot": 2, "operation": "state"}

        def is_off() -> bool:
            client.result("ping")
            return not client.result("invoke", **silent_off)["readings"]["on"]

        eventually(is_off, "the output of the silent one is safe")


def test_a_lease_is_renewed_where_a_request_waits_for_its_turn(own: BridgeProcess) -> None:
    """Behind what others had sent in a stop, a reply may come later than a lease lasts."""
    dear = frame(b"\x81\xa1x\xdc\x4e\x16" + b"\x80" * 19_990)
    with RawClient(own.endpoint) as client, ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(own.endpoint)) for _ in range(30)]
        client.result("hello", lease_ms=2000)
        client.result("invoke", **ON)
        with stopped(own, 2.2):
            client.send("ping")
            for peer in peers:
                peer.send(dear * 5)
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            client.send("ping")
            client.receive(0.1)
        assert relay_is_on(client)


def test_the_python_client_starts_nothing_late(own: BridgeProcess) -> None:
    with Bridge(own.endpoint, lease_ms=60_000) as bridge:
        relay = bridge["RAK13007", 1]
        assert not relay.state()["on"]
        with stopped(own, 2.5), pytest.raises(RemoteError):
            bridge.request("invoke", **ON, timeout_s=1.0)
        with RawClient(own.endpoint) as neighbour:
            for _ in range(10):
                assert not relay_is_on(neighbour)
        assert relay.set(on=True)["on"]


def test_a_flood_that_waited_is_answered(own: BridgeProcess) -> None:
    with RawClient(own.endpoint) as client:
        client.result("hello", lease_ms=60_000)
        with stopped(own, 1.0):
            asked = [client.send("ping", timeout_ms=200) for _ in range(MAX_IN_FLIGHT)]
        assert {client.reply(each)["ok"] for each in asked} <= {True, False}


@pytest.mark.parametrize(("seconds", "kind"), [(1.0, "ipc"), (8.0, "tcp"), (1.0, "remote")])
def test_clients_of_all_kinds_whose_queues_are_full(seconds: float, kind: str) -> None:
    """``make attacks`` has the other stops, up to 30 s."""
    with Target(kind) as target:
        found = stop(target, seconds)
        assert target.is_alive()
    assert found.lease_held
    assert not found.switched
    assert all("ok" not in answers for answers in found.answers.values()), found.answers
    assert all(found.answers.values()), "each was answered"
