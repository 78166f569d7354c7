"""What a client may do to a bridge: nothing ends it, and its outputs stay as they were told."""

from __future__ import annotations

import os
import resource
import subprocess
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import BridgeProcess, eventually
from tests.bridge.raw_zmtp import RawPeer, frame, ping
from tests.bridge.wire_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

AFTERMATH_S = 1.0

MAX_PER_USER = 240
"""Connections of one user (docs/protocol.md, section 11)."""

RELAY: dict[str, Any] = {"module": "RAK13007", "slot": 1}


@pytest.fixture
def own() -> Iterator[BridgeProcess]:
    with BridgeProcess() as made:
        yield made


@pytest.fixture
def neighbour(own: BridgeProcess) -> Iterator[RawClient]:
    """Somebody who drives a relay beside the attack."""
    with RawClient(own.endpoint) as made:
        made.result("hello", client="neighbour", lease_ms=60_000)
        made.result("invoke", **RELAY, operation="set", params={"on": True})
        yield made


def is_on(client: RawClient) -> bool:
    return bool(client.result("invoke", **RELAY, operation="state")["readings"]["on"])


def survives(bridge: BridgeProcess) -> None:
    """An abort comes within half a second, when the loop has made room again."""
    assert bridge.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        bridge.process.wait(AFTERMATH_S)


def test_pings_behind_a_full_pipe(own: BridgeProcess, neighbour: RawClient) -> None:
    """libzmq aborts where a PING is left behind messages it could not hand over (issue 4364)."""
    block = frame(b"abc") * 100 + ping()
    for _ in range(5):
        with RawPeer(own.endpoint) as attacker:
            attacker.send(block * 300)
        survives(own)
    assert is_on(neighbour)


def test_a_client_with_heartbeats_that_floods_and_is_cut_off(
    own: BridgeProcess, neighbour: RawClient
) -> None:
    expensive = frame(b"\x81\xa1x\xdc\x4e\x16" + b"\x80" * 19_990)  # a map of 19 990 empty maps
    for _ in range(3):
        with RawPeer(own.endpoint) as attacker:
            attacker.send((expensive + ping(1)) * 60)
        survives(own)
    assert is_on(neighbour)


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
