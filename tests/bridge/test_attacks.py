"""What a client may do to a bridge: nothing ends it, and its outputs stay as they were told."""

from __future__ import annotations

import os
import resource
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import msgpack
import pytest
from tests.bridge.attackers import (
    ENDPOINTS,
    RELAY,
    Neighbour,
    Target,
    attack_once,
    large_senders,
    rss_mb,
)
from tests.bridge.bridge_process import BridgeProcess, eventually
from tests.bridge.raw_zmtp import GREETING, RawPeer, frame
from tests.bridge.wire_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

LOADED_MS = 5000.0
"""What a neighbour may wait on a loaded computer; on one at rest it is less than 100."""

MAX_PER_USER = 240
"""Connections of one user (docs/protocol.md, section 11)."""


@pytest.fixture
def own() -> Iterator[BridgeProcess]:
    with BridgeProcess() as made:
        yield made


def is_on(client: RawClient) -> bool:
    return bool(client.result("invoke", **RELAY, operation="state")["readings"]["on"])


@pytest.mark.parametrize("kind", ENDPOINTS)
def test_no_attack_ends_the_bridge_or_reaches_anybody_else(kind: str) -> None:
    """What ends libzmq on these conditions (issue 4364 of libzmq), and what merely costs much.

    The whole table is ``make attacks``.
    """
    with Target(kind) as target, Neighbour(target.local) as neighbour:
        # The last may end the process for remote clients.
        for attack, stop_s in (("dear", 0.0), ("heartbeats", 0.6), ("pings", 0.6), ("pings", 0.0)):
            waited_ms = attack_once(attack, target, neighbour, stop_s)
            assert target.is_alive(), (attack, stop_s)
            assert not neighbour.off, (attack, stop_s)
            assert waited_ms < LOADED_MS, (attack, stop_s)


def test_more_connections_than_the_soft_limit(own: BridgeProcess) -> None:
    """The usual soft limit is 1024 descriptors: the bridge raises it to the hard one."""
    assert own.process is not None
    soft, hard = resource.prlimit(own.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """What is started meanwhile inherits a soft limit that one client can use up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # This process starts the bridge and may have many open from tests before.
    few = max(256, len(os.listdir("/proc/self/fd")) + 64)  # noqa: PTH208
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.parametrize("number", [150, 400])
def test_more_connections_than_it_takes_come_and_go(own: BridgeProcess, number: int) -> None:
    """Those beyond its limit are closed at once; nobody who was there notices."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # this process holds the other ends
    with RawClient(own.endpoint) as client:
        client.result("hello", client="neighbour", lease_ms=60_000)
        client.result("invoke", **RELAY, operation="set", params={"on": True})
        assert own.process is not None
        before = len(os.listdir(f"/proc/{own.process.pid}/fd"))  # noqa: PTH208
        with ExitStack() as stack:
            admitted = 0
            for _ in range(number):
                with suppress(ConnectionError):
                    stack.enter_context(RawPeer(own.endpoint))
                    admitted += 1
            assert admitted == min(number, MAX_PER_USER - 1)
            assert is_on(client)
        eventually(
            lambda: len(os.listdir(f"/proc/{own.process.pid}/fd")) <= before,  # type: ignore[union-attr]  # noqa: PTH208
            "descriptors are given back",
        )
        assert is_on(client)


def connects(endpoint: str, said: bytes = b"") -> socket.socket | None:
    """Connect without waiting for a place in the queue; None without one."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(0)
    try:
        made.connect(endpoint.removeprefix("ipc://"))
        made.send(said)
    except OSError:
        made.close()
        return None
    return made


def test_more_connections_than_descriptors(own: BridgeProcess) -> None:
    """Some are left: a module that nobody has used yet can be opened meanwhile."""
    assert own.process is not None
    resource.prlimit(own.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    with RawClient(own.endpoint) as client:
        client.result("hello", client="neighbour", lease_ms=60_000)
        held = [connects(own.endpoint) for _ in range(150)]
        client.result("invoke", **RELAY, operation="set", params={"on": True})
        client.result("invoke", **{**RELAY, "slot": 2}, operation="set", params={"on": True})
        for each in held:
            if each is not None:
                each.close()
        assert is_on(client)
        with RawClient(own.endpoint) as late:
            assert late.result("ping")


@pytest.mark.parametrize("said", [b"", GREETING], ids=["silent", "greeting"])
def test_connect_and_close(own: BridgeProcess, said: bytes) -> None:
    assert own.process is not None
    with RawClient(own.endpoint) as client:
        client.result("ping")
        before = rss_mb(own.process.pid)
        for _ in range(1000):
            made = connects(own.endpoint, said)
            if made is not None:
                made.close()
        client.result("ping")
        assert rss_mb(own.process.pid) < before + 10


def test_clients_that_ask_for_much_and_do_not_read_are_cut_and_named(own: BridgeProcess) -> None:
    assert own.process is not None
    asked = [{"v": 1, "id": each + 1, "method": "catalogue"} for each in range(400)]
    with RawClient(own.endpoint) as client, ExitStack() as stack:
        client.result("ping")
        before = highest = rss_mb(own.process.pid)
        for number in range(5):
            peer = stack.enter_context(RawPeer(own.endpoint))
            hello = {"v": 1, "id": 0, "method": "hello", "params": {"client": f"deaf {number}"}}
            with suppress(ConnectionError):  # cut while it sends
                peer.send(b"".join(frame(msgpack.packb(each)) for each in (hello, *asked)))
                highest = max(highest, rss_mb(own.process.pid))

        def all_cut() -> bool:
            return bool(client.result("status")["counters"]["clients_given_up"] == 5)

        eventually(all_cut, "all of them are cut off")
        assert highest < before + 40
        eventually(lambda: "do not read" in own.log.read_text(), "the line is written")
    text = own.log.read_text()
    assert all(f"deaf {number}" in text for number in range(5))
    assert sum("not read" in line for line in text.splitlines()) < 5, "several share a line"


def test_large_requests_take_little_memory(own: BridgeProcess) -> None:
    assert own.process is not None
    with RawClient(own.endpoint) as client, large_senders(own.endpoint, 2):
        highest = 0.0
        for _ in range(50):
            client.result("ping")
            highest = max(highest, rss_mb(own.process.pid))
        assert highest < 150
