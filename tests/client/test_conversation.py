"""What a client says and understands, without any I/O."""

from __future__ import annotations

import math
import time

import msgspec
import pytest

from wisblock_bridge.client.conversation import Conversation
from wisblock_bridge.client.errors import BadParamsError
from wisblock_bridge.client.feed import Feed
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


def granted(talk: Conversation, feed: Feed, number: int) -> None:
    """Subscribe, lose the connection and greet again: the request of the feed is in flight."""
    talk.begin(feed, {"subscription": number})
    talk.lose("The bridge disconnected.")
    hello = talk.greeting()
    answer = {"id": hello.number, "ok": True, "result": {"session": "token", "clock_ms": 5000.0}}
    talk.take(msgspec.msgpack.encode(answer))
    talk.greeted(hello)


def refuse(talk: Conversation, code: str) -> None:
    """Refuse the request that is in flight."""
    (number,) = talk.pending
    error = {"code": code, "message": "It does not suit."}
    talk.take(msgspec.msgpack.encode({"id": number, "ok": False, "error": error}))


def codes(feed: Feed) -> list[str]:
    """Take what the feed was told, without the loss of the connection."""
    found = []
    while (event := feed.take(0.0)) is not None:
        assert event.error is not None
        found.append(str(event.error.code))
    return [each for each in found if each != "offline"]


def test_a_refused_subscription_is_due_later_and_later(
    talk: Conversation, now: list[float]
) -> None:
    feed = Feed({"module": "RAK12006", "slot": 1, "event": "motion"})
    granted(talk, feed, 3)
    for pause_s in (0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        assert talk.again_due() == math.inf, "it is in flight"
        refuse(talk, "slot_conflict")
        assert talk.stirred
        assert talk.again_due() == now[0] + pause_s
        now[0] += pause_s - 0.1
        assert talk.again() == []
        now[0] += 0.1
        (call,) = talk.again()
        assert msgspec.msgpack.decode(call.frame)["params"] == feed.params
    assert codes(feed) == ["slot_conflict"]
    refuse(talk, "in_use")
    assert codes(feed) == ["in_use"]
    now[0] += 10.0
    (call,) = talk.again()
    answer = {"id": call.number, "ok": True, "result": {"subscription": 4}}
    talk.take(msgspec.msgpack.encode(answer))
    assert (feed.number, talk.again_due()) == (4, math.inf)


@pytest.mark.parametrize(
    "code",
    [
        "bad_request",
        "bad_params",
        "unknown_method",
        "unknown_module",
        "unknown_operation",
        "unsupported_version",
        "forbidden",
    ],
)
def test_what_no_repetition_mends_is_not_repeated(
    talk: Conversation, now: list[float], code: str
) -> None:
    feed = Feed({"module": "RAK12006", "slot": 1, "event": "motion"})
    granted(talk, feed, 3)
    refuse(talk, code)
    assert codes(feed) == [code]
    now[0] += 1000.0
    assert talk.again() == []
    granted(talk, feed, 3)
    assert len(talk.pending) == 1, "another connection is another attempt"


def test_nothing_is_due_for_what_was_closed_or_lost(talk: Conversation, now: list[float]) -> None:
    feed = Feed({"module": "RAK12006", "slot": 1, "event": "motion"})
    granted(talk, feed, 3)
    refuse(talk, "busy")
    talk.lose("The bridge disconnected.")
    assert talk.again_due() == math.inf
    granted(talk, feed, 3)
    refuse(talk, "busy")
    talk.end(feed)
    now[0] += 1000.0
    assert (talk.again_due(), talk.again()) == (math.inf, [])


def test_parameters_that_contain_themselves_cannot_be_sent(talk: Conversation) -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(BadParamsError, match="cannot be sent"):
        talk.call("status", {"endless": endless}, 1.0)
