"""What ``Bridge`` and ``AsyncBridge`` both do: every test here runs on either."""

from __future__ import annotations

import gc
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, BridgeProcess, eventually
from tests.bridge.fake_bridge import fake_bridge, good, greeting

from wisblock_bridge.client import (
    BadParamsError,
    Bridge,
    BusyError,
    NoDeviceError,
    OfflineError,
    RemoteError,
    ReplyTimeoutError,
)
from wisblock_bridge.client.modules.rak5801 import Rak5801ReadResult
from wisblock_bridge.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Connect = Callable[..., Any]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def control(served: BridgeProcess) -> Iterator[Bridge]:
    """A client of the test itself: it looks, sets quantities, and clears up."""
    with Bridge(served.endpoint, name="control") as bridge:
        yield bridge
        for slot in (1, 2):
            for name in ("RAK5801", "RAK13007", "RAK12006"):
                bridge.release(name, slot, force=True)


@pytest.fixture
def bridge(connect: Connect, served: BridgeProcess, control: Bridge) -> Iterator[Any]:
    assert control.emulated
    with connect(served.endpoint, name="test") as made:
        yield made


# -- a bridge that is there -----------------------------------------------------------------------


def test_a_module_is_read(bridge: Any, control: Bridge) -> None:
    module = bridge.rak5801(slot=1)
    module.read(samples=1)
    control.emulator.set(1, "current", 12.0)
    result = module.read(samples=8)
    assert isinstance(result, Rak5801ReadResult)
    assert result.current == pytest.approx(12.0, abs=0.002)
    assert result["loop"] == "ok"
    assert bridge["RAK5801", 1].read(samples=1).percent == pytest.approx(50.0, abs=0.1)
    assert bridge["ADC"].read(channel=0).voltage >= 0


def test_it_tells_about_itself(bridge: Any, served: BridgeProcess) -> None:
    assert bridge.board == "RAK7391"
    assert bridge.emulated is True
    assert bridge.endpoint == served.endpoint
    assert "test" in str(bridge.status()["sessions"])
    assert len(bridge.catalogue()["modules"]) > 18
    assert {each["chip"] for each in bridge.scan()} == {"TPT29555", "SGM58031"}
    assert isinstance(bridge.log(), list)


def test_errors_are_those_of_their_family(bridge: Any, control: Bridge) -> None:
    with pytest.raises(BadParamsError) as refused:
        bridge.rak5801(1).read(samples=0)
    assert refused.value.data["param"] == "samples"
    with pytest.raises(BadParamsError):
        bridge.rak5801(1).read(samples=object())
    bridge.adc().read(channel=0)
    control.emulator.fault("nack", bus="i2c-1", address=0x4B, count=20)
    try:
        with pytest.raises(NoDeviceError):
            bridge.adc().read(channel=0)
    finally:
        control.emulator.fault("nack", bus="i2c-1", address=0x4B, count=0)


def test_readings_come_at_an_interval(bridge: Any) -> None:
    seen = []
    with bridge.rak5801(1).every(0.02).read(samples=1) as readings:
        for value in readings:
            assert isinstance(value, Rak5801ReadResult)
            seen.append(value.current)
            if len(seen) == 5:
                break
    assert len(seen) == 5


def test_events_come_when_they_happen(bridge: Any, control: Bridge) -> None:
    with bridge.tpt29555().events("change", expander="slots", lines=[3]) as changes:
        first = changes.next(LONG_S)
        assert first.initial
        assert changes.next(0.05) is None
        control.emulator.set("board", "slots_3", 0)
        changed = changes.next(LONG_S)
        control.emulator.set("board", "slots_3", -1)
    assert (changed.result.line, changed.result.level) == (3, 0)
    assert changes.next(0) is None


def test_what_others_get_is_observed(bridge: Any, control: Bridge) -> None:
    with bridge.observe(modules=["RAK5801"]) as observing:
        result = control.rak5801(1).read(samples=1)
        kinds = set()
        while (told := observing.next(LONG_S)).kind != "result":
            kinds.add(told.kind)
        assert "holder" in kinds
        assert (told.module, told.slot, told.name) == ("RAK5801", 1, "read")
        assert told.data["readings"] == result.readings
    with pytest.raises(RemoteError, match="RAK0"):
        bridge.observe(modules=["RAK0"]).next(0.1)


def test_quantities_are_set_and_modules_pulled_out(bridge: Any) -> None:
    bridge.rak5801(1).read(samples=1)
    bridge.emulator.set(1, "current", 8.0)
    assert bridge.emulator.get(1, "current") == 8.0
    bridge.emulator.unplug(1)
    with pytest.raises(RemoteError, match="empty"):
        bridge.emulator.get(1, "current")
    bridge.emulator.plug(1, "RAK5801")
    bridge.emulator.set(1, "current", 8.0)
    assert "current" in {each["quantity"] for each in bridge.emulator.list(1)}


def test_a_subscription_that_nobody_holds_ends(bridge: Any, control: Bridge) -> None:
    def subscriptions() -> object:
        sessions: Any = control.status()["sessions"]
        return next(each["subscriptions"] for each in sessions if each["client"] == "test")

    readings = bridge.rak5801(1).every(0.05).read(samples=1)
    assert next(iter(readings)).quality
    assert subscriptions() == 1
    del readings
    gc.collect()
    eventually(lambda: subscriptions() == 0, "it has ended")


def relay_is_on(bridge: Bridge) -> bool:
    return bridge.rak13007(1).state().on


def test_what_was_driven_is_released(bridge: Any, control: Bridge) -> None:
    with bridge.rak13007(1) as module:
        assert module.set(on=True).on is True
        assert relay_is_on(control)
    assert not relay_is_on(control)
    with bridge.rak13007(1, on_loss="hold") as module:
        module.set(on=True)
    assert relay_is_on(control)


def test_closing_makes_outputs_safe(
    connect: Connect, served: BridgeProcess, control: Bridge
) -> None:
    with connect(served.endpoint) as driver:
        driver.rak13007(1).set(on=True)
        assert relay_is_on(control)
    eventually(lambda: not relay_is_on(control), "the relay is off")
    driver.close()
    with pytest.raises(OfflineError, match="closed"):
        driver.status()


# -- a bridge that is away, or misbehaves ---------------------------------------------------------


def test_without_a_bridge_it_fails_at_once(connect: Connect, tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(OfflineError) as caught, connect(f"ipc://{tmp_path}/none.sock"):
        pass
    assert time.monotonic() - begin < 5
    assert caught.value.code is ErrorCode.OFFLINE
    assert "wisblock-bridge serve" in caught.value.hint


def test_a_bridge_that_says_nothing_is_offline(connect: Connect) -> None:
    with (
        fake_bridge(lambda _: []) as endpoint,
        pytest.raises(OfflineError, match=r"0\.2 s"),
        connect(endpoint, connect_timeout_s=0.2),
    ):
        pass


def test_a_reply_that_does_not_come_is_a_timeout(connect: Connect) -> None:
    def answer(request: dict[str, Any]) -> list[Any]:
        return greeting(request) if request["method"] == "hello" else []

    with (
        fake_bridge(answer) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S) as bridge,
        pytest.raises(ReplyTimeoutError),
    ):
        bridge.request("status", timeout_s=0.1)


def test_the_lease_is_renewed_while_the_program_sleeps(connect: Connect) -> None:
    heard: list[float] = []

    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello":
            return greeting(request)
        heard.append(time.monotonic())
        return [good(request)]

    with fake_bridge(answer) as endpoint, connect(endpoint, connect_timeout_s=LONG_S, lease_ms=500):
        eventually(lambda: len(heard) >= 6, "six signs of life, two for each lease")
        assert 0.5 <= heard[5] - heard[0] < 3.0


def test_a_bridge_that_stops_answering_is_left_and_found_again(connect: Connect) -> None:
    silent = threading.Event()
    hellos: list[Any] = []

    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello" and not silent.is_set():
            hellos.append(request["params"])
            return greeting(request)
        return [] if silent.is_set() else [good(request)]

    def is_offline(bridge: Any) -> bool:
        try:
            bridge.request("status", timeout_s=0.1)
        except OfflineError:
            return True
        except ReplyTimeoutError:
            return False
        return False

    with (
        fake_bridge(answer) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S, lease_ms=500) as bridge,
    ):
        silent.set()
        eventually(lambda: is_offline(bridge), "the bridge is given up")
        silent.clear()
        eventually(lambda: not is_offline(bridge), "it is found again")
        assert hellos[-1]["resume"] == "token"


def test_requests_in_flight_are_bounded(connect: Connect) -> None:
    held: list[dict[str, Any]] = []
    full = threading.Event()

    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello":
            return greeting(request)
        if request["method"] == "status":
            held.append(request)
            return []
        return [good(each) for each in (request, *(held if full.is_set() else ()))]

    with (
        fake_bridge(answer) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S, timeout_s=LONG_S) as bridge,
    ):
        threads = [threading.Thread(target=bridge.status, daemon=True) for _ in range(256)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(held) == 256, "as many requests as are allowed are in flight")
        with pytest.raises(BusyError):
            bridge.status()
        full.set()
        for thread in threads:
            thread.join(LONG_S)
        assert not any(thread.is_alive() for thread in threads)


def test_a_restart_of_the_bridge_is_survived(connect: Connect) -> None:
    with (
        BridgeProcess() as process,
        connect(process.endpoint) as bridge,
        bridge.rak5801(1).every(0.05).read(samples=1) as readings,
    ):
        assert readings.next(LONG_S) is not None
        process.stop(signal.SIGKILL)

        def is_offline() -> bool:
            try:
                bridge.status()
            except OfflineError:
                return True
            return False

        eventually(is_offline, "the client notices")
        begin = time.monotonic()
        with pytest.raises(OfflineError):
            bridge.rak5801(1).read()
        assert time.monotonic() - begin < 1
        process.start()
        eventually(lambda: not is_offline(), "the client is back")
        with pytest.raises(RemoteError) as told:
            for _ in readings:
                pass
        assert told.value.code is ErrorCode.OFFLINE
        assert readings.next(LONG_S) is not None
