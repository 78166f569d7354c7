"""What a client says and understands, without any I/O."""

from __future__ import annotations

import time

import msgspec
import pytest

from wisblock_bridge.client.conversation import Conversation
from wisblock_bridge.endpoint import parse_endpoint
from wisblock_bridge.wire.zmtp import ClientConnection, ServerConnection, encode_header


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def talk(now: list[float]) -> Conversation:
    made = Conversation(parse_endpoint("ipc:///tmp/none"), "test", 3000)
    hello = made.greeting()
    answer = {"id": hello.number, "ok": True, "result": {"session": "token", "clock_ms": 5000.0}}
    made.take(msgspec.msgpack.encode(answer))
    made.greeted(hello)
    made.last_sent = made.last_heard = now[0]
    return made


def test_pings_are_due_three_times_a_lease(talk: Conversation, now: list[float]) -> None:
    assert talk.ping_due() == now[0] + 1.0
    talk.ping()
    assert talk.awaits_ping
    assert talk.ping_due() == now[0] + 3.0


def test_a_bridge_is_silent_at_the_second_look(talk: Conversation, now: list[float]) -> None:
    ping = talk.ping()
    now[0] += 60.0  # this program was stopped; the answer lies in the socket
    assert not talk.is_silent()
    now[0] = talk.ping_due()
    assert now[0] > 1000.0
    assert talk.is_silent()
    talk.take(msgspec.msgpack.encode({"id": ping.number, "ok": True, "result": {}}))
    assert not talk.is_silent()


def test_a_request_says_until_when_it_may_start(talk: Conversation, now: list[float]) -> None:
    now[0] += 2.0
    sent = msgspec.msgpack.decode(talk.call("status", {}, 3.0).frame)
    assert sent["deadline_ms"] == 5000.0 + 2000.0 + 1500.0
    talk.lose("The bridge disconnected.")
    assert msgspec.msgpack.decode(talk.call("status", {}, 3.0).frame)["timeout_ms"] == 1500


def test_every_message_of_a_burst_is_taken() -> None:
    server, client = ServerConnection(1 << 20, 1 << 20), ClientConnection(1 << 20, 1 << 20)
    while not (server.is_open and client.is_open):
        server.receive(client.bytes_to_send() or b"")
        client.receive(server.bytes_to_send() or b"")
    frames = [b"%d" % number for number in range(300)]
    burst = b"".join(encode_header(len(each)) + each for each in frames)
    assert client.receive_all(burst) == frames
