"""Observing a real bridge, from the wire's description alone and with the Python client."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import BridgeProcess, eventually
from tests.bridge.wire_client import RawClient

from wisblock_bridge.client import Bridge, Observed, RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wisblock_bridge.client import Observing

WIDE_S = 30.0


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def bridge(served: BridgeProcess) -> Iterator[Bridge]:
    with Bridge(served.endpoint, name="flows") as connected:
        for entry in connected.status()["slots"]:  # type: ignore[attr-defined]
            connected.release(entry["module"], entry["slot"], force=True)
        yield connected


def first(observing: Observing, wanted: Callable[[Observed], bool]) -> Observed:
    """Wait for a message that is wanted."""
    end = time.monotonic() + WIDE_S
    while (told := observing.next(max(0.0, end - time.monotonic()))) is not None:
        if wanted(told):
            return told
    raise AssertionError("it was never told")


def test_a_program_sees_what_another_one_gets(served: BridgeProcess, bridge: Bridge) -> None:
    with Bridge(served.endpoint, name="watcher") as other, other.observe() as observing:
        result = bridge["RAK5801", 1].read(samples=4)
        holder = first(
            observing, lambda each: each.kind == "holder" and bool(each.data.get("claims"))
        )
        told = first(observing, lambda each: each.kind == "result")
        assert (told.module, told.slot, told.name, told.params) == ("RAK5801", 1, "read", {})
        assert told.data["readings"] == result.readings
        assert told.readings.timestamp == result.timestamp
        assert told.readings.emulated
        claims: Any = holder.data["claims"]
        (claim,) = claims
        assert claim["client"] == "flows"
        assert claim["address"].startswith(f"process {os.getpid()},")
        bridge.emulator.fault("stuck", slot=1)
        with pytest.raises(RemoteError):
            bridge["RAK5801", 1].read(samples=1)
        told = first(observing, lambda each: each.error is not None)
        assert told.error is not None
        assert (told.kind, told.error.wire_code) == ("error", "timeout")
        bridge.emulator.fault("stuck", slot=1, count=0)
        others = {each["client"]: each for each in bridge.status()["sessions"]}  # type: ignore[attr-defined]
        assert others["watcher"]["outputs"] == []


def test_it_iterates_until_it_is_closed(served: BridgeProcess, bridge: Bridge) -> None:
    kinds: list[str] = []
    with Bridge(served.endpoint, name="watcher") as other:
        observing = other.observe(modules=["RAK13007"], slots=[2])

        def follow() -> None:
            kinds.extend(each.kind for each in observing)

        thread = threading.Thread(target=follow)
        thread.start()
        bridge["RAK5801", 1].read(samples=1)
        bridge["RAK13007", 2].set(on=True)
        eventually(lambda: {"result", "health", "holder"} <= set(kinds), "all of it is told")
        observing.close()
        observing.close()
        thread.join(WIDE_S)
        assert not thread.is_alive()
    assert kinds.count("result") == 1


def test_wrong_filters_raise(bridge: Bridge) -> None:
    with pytest.raises(RemoteError) as caught:
        bridge.observe(modules=["RAK9999"])
    assert caught.value.wire_code == "unknown_module"


def test_it_goes_on_after_a_restart_of_the_bridge() -> None:
    with (
        BridgeProcess() as served,
        Bridge(served.endpoint, name="watcher") as other,
        other.observe() as observing,
    ):
        assert first(observing, lambda each: each.kind == "plugged").initial
        served.stop(signal.SIGKILL)
        served.start()
        lost = first(observing, lambda each: each.error is not None)
        assert lost.error is not None
        assert (lost.kind, lost.error.wire_code, lost.module) == ("error", "offline", None)
        first(observing, lambda each: each.kind == "plugged")
        with Bridge(served.endpoint, name="flows") as bridge:
            bridge["RAK5811", 2].read(samples=1)
        told = first(observing, lambda each: each.kind == "result")
        assert told.module == "RAK5811"


def test_the_values_of_a_live_subscription_come_five_times_a_second(
    served: BridgeProcess, bridge: Bridge
) -> None:
    with RawClient(served.endpoint) as observer:
        number = observer.result("observe")["subscription"]
        with bridge["RAK16001", 1].every(0.01, samples=1) as readings:
            for _ in range(150):
                assert readings.next(WIDE_S) is not None
        observer.result("ping")
        told = [each for each in observer.events if each["kind"] == "result"]
        assert {each["subscription"] for each in told} == {number}
        assert len(told) >= 3
        times = [each["timestamp"] for each in told]
        took_s = (times[-1] - times[0]) / 1000.0
        assert len(told) <= took_s * 5 + 3, "how evenly the bridge gets to run is not its own doing"
        expected = 0
        for each in observer.events:
            expected += each["lost"] + 1
            assert each["sequence"] == expected
        assert sum(each["lost"] for each in told) > 50


def _wakeups(process: BridgeProcess) -> int:
    """How often the bridge gave the processor back to wait, all of its threads."""
    assert process.process is not None
    total = 0
    for task in Path(f"/proc/{process.process.pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def test_nobody_connected_and_nobody_wakes() -> None:
    with BridgeProcess() as served:
        with Bridge(served.endpoint) as bridge, bridge.observe() as observing:
            bridge["RAK16001", 1].read()
            bridge["RAK16001", 1].read()
            assert observing.next(WIDE_S) is not None
            bridge.release("RAK16001", 1, force=True)
        eventually(lambda: _settled(served), "the bridge sleeps")
        before = _wakeups(served)
        time.sleep(1.5)
        assert _wakeups(served) == before


def _settled(process: BridgeProcess) -> bool:
    before = _wakeups(process)
    time.sleep(0.3)
    return _wakeups(process) == before
