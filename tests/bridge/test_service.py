"""The bridge as a process: what clients on a socket see of it, whatever they do to it."""

from __future__ import annotations

import itertools
import random
import signal
import socket
import tempfile
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from tests.bridge.bridge_process import LONG_S, BridgeProcess
from tests.bridge.wire_client import RawClient

from wisblock_bridge.config import Config
from wisblock_bridge.server.daemon import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tally import Tally

    from wisblock_bridge.server.dispatch import Dispatcher

pytestmark = pytest.mark.slow

Map = dict[str, Any]


@pytest.fixture
def other(bridge: BridgeProcess) -> Iterator[RawClient]:
    """Another client of the shared bridge."""
    with RawClient(bridge.endpoint) as made:
        yield made


@pytest.fixture
def own() -> Iterator[BridgeProcess]:
    """A bridge that the test may kill."""
    with BridgeProcess() as made:
        yield made


def counters(wire: RawClient) -> Map:
    found: Map = wire.result("status")["counters"]
    return found


def level(wire: RawClient, quantity: str) -> int:
    found: int = wire.result("emulator.get", slot="board", quantity=quantity)["value"]
    return found


# -- values -----------------------------------------------------------------------------------


def test_every_answer_has_its_form(wire: RawClient) -> None:
    hello = wire.result("hello", client="tests", version="0", lease_ms=60_000)
    assert (hello["board"], hello["emulated"], hello["protocol"]) == ("RAK7391", True, [1])
    assert {each["name"] for each in wire.result("catalogue")["modules"]} >= {"RAK5801", "ADC"}
    before = time.time() * 1000
    result = wire.invoke("RAK5801", 1, "read", samples=2)
    assert before <= result["timestamp"] <= time.time() * 1000
    status = wire.result("status")
    assert set(status) >= {"uptime_s", "board", "slots", "buses", "sessions", "counters"}
    (slot,) = status["slots"]
    assert (slot["slot"], slot["module"], slot["open"]) == (1, "RAK5801", True)
    assert slot["last_good"] == result["timestamp"]
    assert slot["last_error"] is None
    mine = [each for each in status["sessions"] if each["client"] == "tests"]
    assert [each["lease_ms"] for each in mine] == [60_000]


@pytest.mark.parametrize(
    ("current", "text"),
    [(0.0, "0.00"), (3.6, "3.60"), (3.81, "3.81"), (4.0, "4.00"), (8.0, "8.00"), (12.0, "12.00"),
     (16.0, "16.00"), (20.0, "20.00"), (21.0, "21.00"), (22.0, "22.00")],
)  # fmt: skip
def test_loop_currents_of_the_vendor(wire: RawClient, current: float, text: str) -> None:
    wire.result("emulator.plug", slot=2, module="RAK5801")
    try:
        wire.result("emulator.set", slot=2, quantity="current", value=current)
        readings = wire.invoke("RAK5801", 2, "read", samples=1)["readings"]
    finally:
        wire.result("emulator.unplug", slot=2)
    assert f"{readings['current']:.2f}" == text
    assert readings["percent"] == pytest.approx((current - 4) / 16 * 100, abs=0.01)


@pytest.mark.parametrize("voltage", [0.0, 0.5, 1.0, 2.5, 3.3, 5.0, 5.3])
def test_voltages_of_the_vendor(wire: RawClient, voltage: float) -> None:
    wire.result("emulator.plug", slot=2, module="RAK5811")
    try:
        wire.result("emulator.set", slot=2, quantity="voltage", value=voltage)
        result = wire.invoke("RAK5811", 2, "read", samples=1)
    finally:
        wire.result("emulator.unplug", slot=2)
    assert result["readings"]["voltage"] == pytest.approx(voltage, abs=0.00021)
    assert result["quality"] == ("uncertain" if voltage > 5.1 else "good")


@pytest.mark.parametrize("volts", [0.0, 0.559625, 3.3, -0.000125])
def test_voltages_at_the_converter(wire: RawClient, volts: float) -> None:
    wire.result("emulator.set", slot="board", quantity="voltage_2", value=volts)
    assert wire.invoke("ADC", "board", "read", channel=2)["readings"] == {
        "voltage": pytest.approx(volts, abs=1e-9)
    }


# -- nonsense ---------------------------------------------------------------------------------


def test_nonsense_is_dropped_or_refused_and_the_service_goes_on(
    wire: RawClient, other: RawClient
) -> None:
    before = counters(other)
    ping = msgpack.packb({"v": 1, "id": "x", "method": "ping"})
    dropped: list[tuple[bytes, ...]] = [
        (b"",),
        (ping, b""),
        (b"", ping),
        (ping, ping),
        (ping,) * 50,
        (b"\x81\xa2id" + b"\x91" * 1000 + b"\x01",),
        (msgpack.packb([1, 2, 3]),),
        (b"\xc1" * 1000,),
    ]
    for frames in dropped:
        wire.send_frames(*frames)
    answered = [
        msgpack.packb({"v": 1, "id": 1001, "method": "ping", "params": {"x": b"\0" * 2**21}}),
        msgpack.packb({"v": 1, "id": 1002, "method": "ping", "params": {"x": 0}})[:-1]
        + b"\x91" * 1000
        + b"\x01",
        msgpack.packb({"v": 1, "id": 1003, "method": "ping", "more": msgpack.ExtType(1, b"x")}),
        b"\x84" + msgpack.packb({"v": 1, "id": 1004, "method": "ping"})[1:] + b"\xa1v\x01",
        msgpack.packb({"v": 1, "id": 1005, "method": "ping", "timeout_ms": -1}),
    ]
    for frame in answered:
        wire.send_frames(frame)
    for number in range(1001, 1006):
        assert wire.reply(number)["error"]["code"] == "bad_request"
    assert wire.result("ping").keys() == {"clock_ms"}
    after = counters(other)
    assert after["undecodable"] - before["undecodable"] == len(dropped)
    assert after["refused"] - before["refused"] == len(dropped) + len(answered)


def test_a_frame_beyond_all_bounds_costs_the_connection_only(
    bridge: BridgeProcess, other: RawClient
) -> None:
    with RawClient(bridge.endpoint) as flood:
        flood.send_frames(b"\0" * (16 * 1024 * 1024 + 1))
        assert other.result("ping").keys() == {"clock_ms"}
        # The connection is cut; the library makes a new one, which works.
        for _ in range(1000):
            if flood.receive(0.05) is not None:
                break
            flood.send("ping")
        assert flood.replies


def test_random_bytes(wire: RawClient, other: RawClient, tally: Tally) -> None:
    chance = random.Random(6421)  # noqa: S311
    for _ in range(4000):
        wire.send_frames(chance.randbytes(chance.randrange(1, 100)))
    assert wire.result("ping").keys() == {"clock_ms"}
    assert other.result("ping").keys() == {"clock_ms"}
    tally.add("bad_input", "random frames to a running bridge", 4000, seed="6421")


def test_half_open_sockets(bridge: BridgeProcess, wire: RawClient) -> None:
    greeting = b"\xff" + b"\0" * 8 + b"\x7f\x03\x01NULL" + b"\0" * 48
    beginnings = [b"", greeting[:1], greeting[:11], greeting, b"GET / HTTP/1.1\r\n\r\n",
                  b"\xff" * 64, greeting + b"\x04\xff\xff"]  # fmt: skip
    connections: list[socket.socket] = []
    try:
        for beginning in itertools.islice(itertools.cycle(beginnings), 70):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connections.append(connection)
            connection.connect(str(bridge.path))
            connection.sendall(beginning)
        assert wire.result("ping").keys() == {"clock_ms"}
        assert wire.invoke("TPT29555", "board", "read", expander="slots", line=0)
        with RawClient(bridge.endpoint) as late:
            assert late.result("ping").keys() == {"clock_ms"}
    finally:
        for connection in connections:
            connection.close()
    assert wire.result("ping").keys() == {"clock_ms"}


def test_ten_thousand_requests_without_reading(wire: RawClient, other: RawClient) -> None:
    """Every request is answered once: carried out, or refused because too many are in flight."""
    request = {
        "v": 1,
        "method": "invoke",
        "timeout_ms": 60_000,
        "params": {
            "module": "TPT29555", "slot": "board", "operation": "read",
            "params": {"expander": "slots", "line": 0},
        },
    }  # fmt: skip
    for number in range(10_000):
        wire.send_frames(msgpack.packb({**request, "id": f"n{number}"}))
        if number % 2000 == 0:
            assert other.result("ping").keys() == {"clock_ms"}
    outcomes = Counter(
        "ok" if reply["ok"] else reply["error"]["code"]
        for reply in (wire.reply(f"n{number}") for number in range(10_000))
    )
    assert set(outcomes) <= {"ok", "busy"}
    assert outcomes["ok"] >= 256
    assert wire.receive(0.0) is None
    assert wire.result("ping").keys() == {"clock_ms"}
    assert counters(other)["clients_given_up"] == 0


def test_a_client_that_never_reads_its_events(bridge: BridgeProcess, other: RawClient) -> None:
    before = counters(other)["events_lost"]
    with RawClient(bridge.endpoint, receive_high_water_mark=1) as slow:
        numbers = [
            slow.send(
                "subscribe", module="TPT29555", slot="board", operation="read_all",
                params={"expander": "slots"}, every_ms=10,
            )
            for _ in range(60)
        ]  # fmt: skip

        def lost() -> bool:
            slow.send("ping")  # it lives, it only does not read
            return bool(counters(other)["events_lost"] > before + 100)

        other.wait_until(lost, "events are lost")
        assert other.invoke("TPT29555", "board", "read", expander="board", line=0)
        wanted = {slow.reply(number)["result"]["subscription"] for number in numbers}
        for subscription in wanted:
            slow.send("unsubscribe", subscription=subscription)
        slow.reply(slow.send("ping"))
        lost_of: Counter[int] = Counter()
        last: Counter[int] = Counter()
        for event in slow.events:
            subscription = event["subscription"]
            assert event["sequence"] == last[subscription] + 1 + event["lost"]
            last[subscription] = event["sequence"]
            lost_of[subscription] += event["lost"]
        assert set(last) == wanted
        assert lost_of.total() > 100


# -- time -------------------------------------------------------------------------------------


def test_a_request_behind_a_long_one_expires_and_touches_nothing(wire: RawClient) -> None:
    long = wire.send(
        "invoke", 60_000, module="ADC", slot="board", operation="read", params={"samples": 40}
    )
    late = wire.send("invoke", 50, module="ADC", slot="board", operation="read", params={})
    now = wire.send("invoke", 0, module="ADC", slot="board", operation="read", params={})
    assert wire.reply(late)["error"]["code"] == "expired"
    assert wire.reply(now)["error"]["code"] == "expired"
    assert wire.reply(long)["ok"]


def test_a_long_reading_does_not_hold_up_others(wire: RawClient) -> None:
    """While the converter converts, the expander on the same bus answers."""
    long = wire.send(
        "invoke", 60_000, module="ADC", slot="board", operation="read", params={"samples": 100}
    )
    for _ in range(5):
        assert wire.invoke("TPT29555", "board", "read", expander="slots", line=0)
    assert long not in wire.replies, "the expander waited for the converter"
    assert wire.reply(long)["ok"]


# -- sessions ---------------------------------------------------------------------------------


def write(wire: RawClient, line: int, on_loss: str = "safe") -> None:
    wire.invoke(
        "TPT29555", "board", "write", on_loss, expander="slots", line=line, level=0
    )  # level 0 is not what the pull-up would make of the pin


def test_a_lost_client_makes_safe_and_leaves_what_is_held(
    bridge: BridgeProcess, wire: RawClient
) -> None:
    with RawClient(bridge.endpoint) as lost:
        lost.result("hello", client="lost", lease_ms=60_000)
        write(lost, 10)
        write(lost, 11, "hold")
        assert (level(wire, "slots_10"), level(wire, "slots_11")) == (0, 0)
        lost.result("hello", client="lost", lease_ms=500)
    wire.wait_until(lambda: level(wire, "slots_10") == 1, "the output is safe")
    assert level(wire, "slots_11") == 0


def test_a_silent_client_is_lost_too(wire: RawClient, other: RawClient) -> None:
    other.result("hello", client="silent", lease_ms=500)
    write(other, 10)
    wire.wait_until(lambda: level(wire, "slots_10") == 1, "the output is safe")
    names = [each["client"] for each in wire.result("status")["sessions"]]
    assert "silent" not in names


def test_a_client_that_returns_in_time_finds_everything(
    bridge: BridgeProcess, wire: RawClient
) -> None:
    with RawClient(bridge.endpoint) as first:
        token = first.result("hello", client="back", lease_ms=20_000)["session"]
        write(first, 10)
    with RawClient(bridge.endpoint) as second:
        assert second.result("hello", client="back", lease_ms=20_000, resume=token)["resumed"]
        assert level(wire, "slots_10") == 0
        (mine,) = [each for each in wire.result("status")["sessions"] if each["client"] == "back"]
        assert [each["output"] for each in mine["outputs"]] == ["slots/10"]
        second.result("hello", client="back", lease_ms=500)
    wire.wait_until(lambda: level(wire, "slots_10") == 1, "the output is safe")


# -- faults -----------------------------------------------------------------------------------


def test_pulled_out_and_put_back(wire: RawClient) -> None:
    """The converter falls silent: the subscription says so once, and the value comes back."""
    subscription = wire.result(
        "subscribe", module="RAK5801", slot=1, operation="read", params={"samples": 1}, every_ms=20
    )["subscription"]
    assert wire.event()["initial"]
    wire.result("emulator.fault", bus="i2c-1", address=0x4B, kind="nack")
    failed = wire.event(lambda event: event["event"] == "error")
    assert failed["error"]["code"] == "no_device"
    assert failed["error"]["where"].startswith("RAK5801 in slot 1")
    assert "0x4b on i2c-1" in failed["error"]["where"]
    assert wire.refused("RAK5801", 1, "read")["code"] == "no_device"
    wire.result("emulator.fault", bus="i2c-1", address=0x4B, kind="nack", count=0)
    back = wire.event(lambda event: event["event"] == "read")
    assert back["readings"]["current"] == pytest.approx(12.0, abs=0.001)
    assert back["sequence"] == failed["sequence"] + 1
    wire.result("unsubscribe", subscription=subscription)


# -- beginning and end ------------------------------------------------------------------------


def test_killed_and_started_again_on_the_same_endpoint(own: BridgeProcess) -> None:
    with RawClient(own.endpoint) as client:
        first = client.result("hello", client="survivor")
        write(client, 10)
        own.stop(signal.SIGKILL)
        own.start()
        # The library connects again by itself; the former session is unknown.
        again = client.result("hello", client="survivor", resume=first["session"])
        assert not again["resumed"]
        assert client.invoke("TPT29555", "board", "read", expander="slots", line=10)
        assert client.invoke("RAK5801", 1, "read", samples=1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_orderly_stop(own: BridgeProcess, number: signal.Signals) -> None:
    with RawClient(own.endpoint) as client:
        client.result("hello", client="working", lease_ms=60_000)
        write(client, 10, "hold")
        requests = [
            client.send(
                "invoke", 60_000, module="ADC", slot="board", operation="read",
                params={"samples": 20},
            )
            for _ in range(30)
        ]  # fmt: skip
        client.result("ping")  # the requests before it have arrived
        start = time.monotonic()
        assert own.stop(number) == 0
        assert time.monotonic() - start < 30
        outcomes = Counter(
            "ok" if reply["ok"] else reply["error"]["code"]
            for reply in (client.reply(each) for each in requests)
        )
        assert set(outcomes) <= {"ok", "closing"}
        assert outcomes["closing"] >= 20
    assert "Traceback" not in own.log.read_text()


def test_outputs_are_safe_when_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process leaves behind cannot be seen from outside, so this one is in here."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        made = Daemon(Config(endpoint=f"ipc://{folder}/bridge.sock", emulate=True))
        board = made._emulated
        assert board is not None

        def serve(dispatcher: Dispatcher) -> None:
            for module, slot, operation, params in (
                ("RAK5801", 1, "read", {"samples": 1}),
                ("TPT29555", "board", "write", {"expander": "board", "line": 7, "level": 0}),
            ):
                request = {"module": module, "slot": slot, "operation": operation, "params": params}
                frame = {"v": 1, "id": 1, "method": "invoke", "params": request}
                dispatcher.handle(b"a", msgpack.packb(frame))
            dispatcher.wake_workers()
            end = time.monotonic() + LONG_S
            while drives() != (1, 0) and time.monotonic() < end:
                time.sleep(0.001)
            assert drives() == (1, 0)

        def drives() -> tuple[int | None, int | None]:
            return (
                board.wires["slots", 1].driver_of("TPT29555 slots"),
                board.wires["board", 7].driver_of("TPT29555 board"),
            )

        monkeypatch.setattr(made._server, "run", serve)
        try:
            assert made.serve() == 0
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        assert drives() == (0, None)


def test_a_stop_without_anybody(own: BridgeProcess) -> None:
    assert own.stop() == 0


def test_configured_modules_are_opened_before_anybody_asks(tmp_path: Any) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[slot]]\nnumber = 1\nmodule = "RAK5801"\n')
    with BridgeProcess("--config", str(config)) as made, RawClient(made.endpoint) as client:
        assert level(client, "slots_1") == 1
        (slot,) = client.result("status")["slots"]
        assert (slot["module"], slot["slot"]) == ("RAK5801", 1)
        assert client.refused("RAK5811", 1, "read")["code"] == "slot_conflict"
