"""Far more than anybody needs: memory is bounded, others are answered, what is refused is told."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.wire_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

CLIENTS = 200
OFFERED = 50_000
GROWTH_KB = 48 * 1024
"""What 200 clients, a flood or a client that reads nothing may cost in memory, all together."""

READ: dict[str, Any] = {
    "module": "TPT29555", "slot": "board", "operation": "read",
    "params": {"expander": "slots", "line": 0},
}  # fmt: skip


@pytest.fixture
def own() -> Iterator[BridgeProcess]:
    with BridgeProcess() as made:
        yield made


@pytest.fixture
def other(own: BridgeProcess) -> Iterator[RawClient]:
    """Somebody who only wants to be answered."""
    with RawClient(own.endpoint) as made:
        made.result("hello", client="other", lease_ms=60_000)
        assert made.result("invoke", **READ)
        made.result("catalogue")
        yield made


def memory_kb(bridge: BridgeProcess) -> int:
    assert bridge.process is not None
    with open(f"/proc/{bridge.process.pid}/status", encoding="utf-8") as file:  # noqa: PTH123
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def descriptors(bridge: BridgeProcess) -> int:
    assert bridge.process is not None
    return len(os.listdir(f"/proc/{bridge.process.pid}/fd"))  # noqa: PTH208


def status(wire: RawClient) -> dict[str, Any]:
    found: dict[str, Any] = wire.result("status")
    return found


def alone(wire: RawClient) -> bool:
    return len(status(wire)["sessions"]) == 1


def test_two_hundred_clients(own: BridgeProcess, other: RawClient) -> None:
    before, open_before = memory_kb(own), descriptors(own)
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(own.endpoint)) for _ in range(CLIENTS)]
        for number, client in enumerate(clients):
            client.result("hello", client=f"client {number}", lease_ms=60_000)
        subscribed = [
            client.send("subscribe", **READ, every_ms=60_000) for client in clients
        ]  # fmt: skip
        reads = [client.send("invoke", timeout_ms=60_000, **READ) for client in clients]
        for client, subscription, read in zip(clients, subscribed, reads, strict=True):
            assert client.reply(subscription)["ok"]
            assert client.reply(read)["ok"]
            assert client.event()["sequence"] == 1
        assert len(status(other)["sessions"]) == CLIENTS + 1
        assert memory_kb(own) < before + GROWTH_KB
        for client in clients:
            client.result("bye")
    assert alone(other)
    assert status(other)["slots"][0]["subscriptions"] == 0
    other.wait_until(lambda: descriptors(own) <= open_before + 2, "connections are taken down")


def test_a_flood_is_answered_in_full_and_counted(own: BridgeProcess, other: RawClient) -> None:
    before, kb = status(other)["counters"], memory_kb(own)
    frame = {"v": 1, "method": "invoke", "params": READ, "timeout_ms": 60_000}
    asked = 0
    with RawClient(own.endpoint) as flood:
        for number in range(OFFERED):
            flood.send_frames(msgpack.packb({**frame, "id": f"n{number}"}))
            if number % 5000 == 0:
                assert other.result("invoke", **READ), "others are answered meanwhile"
                asked += 1
        codes = Counter(
            "ok" if reply["ok"] else reply["error"]["code"]
            for reply in (flood.reply(f"n{number}") for number in range(OFFERED))
        )
        assert flood.receive(0.0) is None, "one reply each"
        after = status(other)["counters"]
    assert set(codes) == {"ok", "busy"}
    assert after["operations"] - before["operations"] == codes["ok"] + asked
    assert after["errors"].get("busy", 0) - before["errors"].get("busy", 0) == codes["busy"]
    assert after["requests"] - before["requests"] == OFFERED + asked + 1
    assert after["clients_given_up"] == before["clients_given_up"]
    assert memory_kb(own) < kb + GROWTH_KB


def test_the_status_stays_short_beside_many_clients(own: BridgeProcess, other: RawClient) -> None:
    with ExitStack() as stack:
        for number in range(237):
            client = stack.enter_context(RawClient(own.endpoint))
            client.result("hello", client=f"{number:03}" + "x" * 197, lease_ms=60_000)
        driver = stack.enter_context(RawClient(own.endpoint))
        driver.result("hello", client="driver", lease_ms=60_000)
        driver.result(
            "invoke", module="RAK13007", slot=1, operation="set", params={"on": True}
        )  # fmt: skip
        found = status(other)
        assert found["sessions_total"] == 239
        assert len(found["sessions"]) == 239
        assert found["sessions"][0]["client"] == "driver", "those who drive something come first"
        assert len(msgpack.packb(found)) < 256 * 1024


def test_a_client_that_reads_nothing_is_given_up_and_counted(
    own: BridgeProcess, other: RawClient
) -> None:
    """Its replies fill ZeroMQ's 64 messages and the bridge's 4 MiB, and no more than that."""
    before, kb = status(other)["counters"]["clients_given_up"], memory_kb(own)
    with RawClient(own.endpoint, receive_high_water_mark=1) as deaf:
        deaf.send("hello", client="deaf", lease_ms=60_000)

        def given_up() -> bool:
            for _ in range(20):
                deaf.send("status")
            return bool(status(other)["counters"]["clients_given_up"] > before)

        other.wait_until(given_up, "it is given up")
        assert other.result("invoke", **READ)
        assert memory_kb(own) < kb + GROWTH_KB
    for _ in range(3):
        assert "deaf" not in {each["client"] for each in status(other)["sessions"]}


def test_connections_that_are_opened_and_dropped(own: BridgeProcess, other: RawClient) -> None:
    kb, open_before = memory_kb(own), descriptors(own)
    for number in range(300):
        with RawClient(own.endpoint) as short:
            sent = short.send("hello", client="short", lease_ms=500)
            if number % 3 == 0:
                short.reply(sent)
            short.send("subscribe", **READ, every_ms=1000)
    other.wait_until(lambda: alone(other), "their leases run out")
    other.wait_until(lambda: descriptors(own) <= open_before + 2, "connections are taken down")
    assert status(other)["slots"][0]["subscriptions"] == 0
    assert memory_kb(own) < kb + GROWTH_KB
