"""The Python client against a real bridge on an emulated board, and against bad peers."""

from __future__ import annotations

import gc
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import LONG_S, BridgeProcess, eventually

from wisblock_bridge.client import (
    Bridge,
    OfflineError,
    RemoteError,
)
from wisblock_bridge.errors import BridgeError, ConfigError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def bridge(served: BridgeProcess) -> Iterator[Bridge]:
    with Bridge(served.endpoint, name="test") as connected:
        for slot in (1, 2):
            for module in ("RAK5801", "RAK5811"):
                connected.release(module, slot, force=True)
        yield connected


# -- a bridge that is there -----------------------------------------------------------------------


def test_a_module_is_read_by_name_and_slot(bridge: Bridge) -> None:
    module = bridge["RAK5801", 1]
    module.read(samples=1)
    bridge.emulator.set(1, "current", 12.0)
    result = module.read(samples=8)
    assert result["current"] == pytest.approx(12.0, abs=0.002)
    assert result["percent"] == pytest.approx(50.0, abs=0.02)
    assert result["loop"] == "ok"
    assert result.quality == "good"
    assert result.emulated is True
    assert abs(result.timestamp / 1000 - time.time()) < LONG_S
    assert result.time.timestamp() == pytest.approx(result.timestamp / 1000)
    assert set(result) >= {"current", "percent", "loop"}


def test_what_is_soldered_on_needs_no_slot(bridge: Bridge) -> None:
    assert bridge["TPT29555"].read(expander="board", line=6)["level"] in {0, 1}


def test_an_uncertain_value_says_why(bridge: Bridge) -> None:
    bridge["RAK5801", 1].read(samples=1)
    bridge.emulator.set(1, "current", 1.0)
    result = bridge["RAK5801", 1].read(samples=1)
    assert result.quality == "uncertain"
    assert "3.6 mA" in result.note


def test_the_bridge_tells_about_itself(bridge: Bridge, served: BridgeProcess) -> None:
    assert bridge.board == "RAK7391"
    assert bridge.emulated is True
    assert bridge.endpoint == served.endpoint
    assert len(bridge.catalogue_fingerprint) == 64
    names = [each["name"] for each in bridge.catalogue()["modules"]]  # type: ignore[attr-defined]
    assert "RAK5801" in names
    clients = [each["client"] for each in bridge.status()["sessions"]]  # type: ignore[attr-defined]
    assert "test" in clients


def test_a_refusal_keeps_its_code_and_its_facts(bridge: Bridge) -> None:
    with pytest.raises(RemoteError) as caught:
        bridge["RAK5801", 1].read(samples=0)
    assert caught.value.code is ErrorCode.BAD_PARAMS
    assert caught.value.wire_code == "bad_params"
    assert caught.value.data["param"] == "samples"
    assert "1...1024" in str(caught.value)
    assert isinstance(caught.value, BridgeError)


def test_a_failing_chip_names_its_place_and_advice(bridge: Bridge) -> None:
    bridge["ADC"].read(channel=0)
    bridge.emulator.fault("nack", bus="i2c-1", address=0x4B, count=20)
    try:
        with pytest.raises(RemoteError) as caught:
            bridge["ADC"].read(channel=0)
    finally:
        bridge.emulator.fault("nack", bus="i2c-1", address=0x4B, count=0)
    assert caught.value.code is ErrorCode.NO_DEVICE
    assert "0x4b" in caught.value.where
    assert caught.value.hint


def test_parameters_that_cannot_be_sent_are_refused_here(bridge: Bridge) -> None:
    with pytest.raises(RemoteError) as caught:
        bridge["RAK5801", 1].read(samples=object())  # type: ignore[arg-type]
    assert caught.value.code is ErrorCode.BAD_PARAMS


def test_the_back_door_of_an_emulated_board(bridge: Bridge) -> None:
    bridge.emulator.unplug(2)
    bridge.emulator.plug(2, "RAK5811")
    bridge.emulator.set(2, "voltage", 3.0)
    assert bridge.emulator.get(2, "voltage") == 3.0
    assert [each["quantity"] for each in bridge.emulator.list(2)] == ["voltage"]
    assert bridge["RAK5811", 2].read()["voltage"] == pytest.approx(3.0, abs=0.002)


def test_a_scan_finds_the_parts_of_the_board(bridge: Bridge) -> None:
    found = {each["address"]: each["chip"] for each in bridge.scan()}
    assert found == {0x26: "TPT29555", 0x27: "TPT29555", 0x4B: "SGM58031"}


def test_a_subscription_gives_the_present_value_first(bridge: Bridge) -> None:
    with bridge["RAK5801", 1].every(0.02, samples=1) as subscription:
        events = [event for _, event in zip(range(3), subscription, strict=False)]
    assert [event.initial for event in events] == [True, False, False]
    assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    assert all("current" in event.result for event in events)
    assert subscription.next(timeout_s=0) is None


def test_an_event_is_told_when_it_happens(bridge: Bridge) -> None:
    with bridge["TPT29555"].events("change", expander="slots", lines=[3]) as subscription:
        first = subscription.next(LONG_S)
        assert first is not None
        assert first.initial
        bridge.emulator.set("board", "slots_3", 0)
        changed = subscription.next(LONG_S)
        bridge.emulator.set("board", "slots_3", -1)
    assert changed is not None
    assert (changed.result["line"], changed.result["level"]) == (3, 0)


@pytest.mark.slow
def test_many_threads_share_one_connection(bridge: Bridge) -> None:
    answers: list[object] = []

    def ask() -> None:
        answers.extend(bridge["ADC"].read(channel=1)["voltage"] for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert len(answers) == 160


# -- outputs and the lease ------------------------------------------------------------------------


def led(bridge: Bridge) -> object:
    return bridge["TPT29555"].read_all(expander="board")["directions"]


def test_closing_makes_outputs_safe(served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as observer:
        with Bridge(served.endpoint) as driver:
            driver["TPT29555"].write(expander="board", line=6, level=0)
            assert led(observer) == 1 << 6
        eventually(lambda: led(observer) == 0, "the line is an input again")


def test_an_output_can_be_held(served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as observer:
        with Bridge(served.endpoint) as driver:
            held = driver.module("TPT29555", on_loss="hold")
            held.write(expander="board", line=6, level=0)
        time.sleep(0.2)
        assert led(observer) == 1 << 6
        observer["TPT29555"].release(expander="board", line=6)


def test_a_bridge_that_is_forgotten_says_good_bye(served: BridgeProcess) -> None:
    forgotten = Bridge(served.endpoint, name="forgotten")
    del forgotten
    gc.collect()
    with Bridge(served.endpoint) as observer:
        eventually(
            lambda: "forgotten" not in str(observer.status()["sessions"]), "its session ends"
        )


def test_closing_twice_is_allowed(served: BridgeProcess) -> None:
    bridge = Bridge(served.endpoint)
    bridge.close()
    bridge.close()
    with pytest.raises(OfflineError):
        bridge.status()


# -- a bridge that is away ------------------------------------------------------------------------


def test_without_a_bridge_it_fails_at_once_and_says_what_to_do(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(OfflineError) as caught:
        Bridge(f"ipc://{tmp_path}/none.sock")
    assert time.monotonic() - begin < 5
    assert caught.value.code is ErrorCode.OFFLINE
    assert "wisblock-bridge serve" in caught.value.hint


def test_a_wrong_endpoint_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="ipc:// or tcp://"):
        Bridge("http://localhost")


@pytest.mark.slow
def test_a_restart_of_the_bridge_is_survived() -> None:
    with BridgeProcess() as process, Bridge(process.endpoint) as bridge:
        subscription = bridge["RAK5801", 1].every(0.05, samples=1)
        assert subscription.next(LONG_S) is not None
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
            bridge["RAK5801", 1].read(samples=1)
        assert time.monotonic() - begin < 1
        process.start()
        eventually(lambda: not is_offline(), "the client is back")
        told = next(event for event in subscription if event.error is not None)
        assert told.error is not None
        assert told.error.code is ErrorCode.OFFLINE
        again = next(event for event in subscription if event.error is None)
        assert again.initial
        subscription.close()


class Cable:
    """A way to a bridge that can be cut and mended."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.is_cut = False
        self._begin(self._accept)

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LONG_S)
        for end in (self._listener, *self._ends):
            end.close()

    def _begin(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self._target))
            self._ends += [near, far]
            self._begin(self._carry, near, far)
            self._begin(self._carry, far, near)

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_a_short_break_of_the_connection_does_not_make_an_output_blink(
    served: BridgeProcess,
) -> None:
    cable = Cable(served.path)
    try:
        with (
            Bridge(served.endpoint) as observer,
            Bridge(cable.endpoint, lease_ms=60_000) as driver,
            observer["TPT29555"].events("change", expander="board", lines=[6]) as changes,
        ):
            assert changes.next(LONG_S) is not None
            driver["TPT29555"].write(expander="board", line=6, level=0)
            first = changes.next(LONG_S)
            assert first is not None
            assert first.result["level"] == 0
            cable.cut()

            def is_online() -> bool:
                try:
                    driver.status()
                except OfflineError:
                    return False
                return True

            eventually(lambda: not is_online(), "the client notices the break")
            cable.is_cut = False
            eventually(is_online, "the client is back")
            assert driver.resumed
            assert changes.next(0.3) is None
            driver["TPT29555"].release(expander="board", line=6)
    finally:
        cable.close()
