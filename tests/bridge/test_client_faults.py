"""The Python client against peers that misbehave, and its own parts."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from tests.bridge.bridge_process import LONG_S, eventually
from tests.bridge.fake_bridge import fake_bridge, good, greeting

from wisblock_bridge.client import (
    Bridge,
    Event,
    OfflineError,
    RemoteError,
    ReplyTimeoutError,
    Result,
)
from wisblock_bridge.client.feed import MAX_EVENTS, Feed
from wisblock_bridge.errors import ErrorCode

pytestmark = pytest.mark.slow

# -- peers that misbehave -------------------------------------------------------------------------


def test_a_bridge_that_says_nothing_is_offline() -> None:
    with fake_bridge(lambda _: []) as endpoint, pytest.raises(OfflineError, match=r"0\.2 s"):
        Bridge(endpoint, connect_timeout_s=0.2)


def test_a_refused_hello_is_told() -> None:
    def refuse(request: dict[str, Any]) -> list[Any]:
        error = {"code": "unsupported_version", "message": "Too old.", "hint": "Update."}
        return [{"v": 1, "id": request["id"], "ok": False, "error": error}]

    with fake_bridge(refuse) as endpoint, pytest.raises(RemoteError, match="Too old") as caught:
        Bridge(endpoint, connect_timeout_s=LONG_S)
    assert caught.value.code is ErrorCode.UNSUPPORTED_VERSION


def test_something_else_that_answers_is_no_bridge() -> None:
    with (
        fake_bridge(lambda request: [good(request, hello="world")]) as endpoint,
        pytest.raises(RemoteError, match="is not a bridge"),
    ):
        Bridge(endpoint, connect_timeout_s=LONG_S)


def test_a_reply_that_does_not_come_is_a_timeout() -> None:
    def answer(request: dict[str, Any]) -> list[Any]:
        return greeting(request) if request["method"] == "hello" else []

    with fake_bridge(answer) as endpoint:
        bridge = Bridge(endpoint, connect_timeout_s=LONG_S)
        with pytest.raises(ReplyTimeoutError) as caught:
            bridge.request("status", timeout_s=0.1)
        assert caught.value.code is ErrorCode.TIMEOUT_REPLY
        bridge.close()


def test_rubbish_and_strangers_replies_do_no_harm() -> None:
    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello":
            return greeting(request)
        stranger = {"v": 1, "id": 10**9, "ok": True, "result": "not yours"}
        event = {"v": 1, "event": "x", "subscription": 99, "sequence": 1, "lost": 0}
        rubbish = [b"\xc1", b"", 5, stranger, event, {"id": {}}, {"id": "7"}, {"subscription": []}]
        return [*rubbish, good(request, fine=True) | {"later": "unknown keys are ignored"}]

    with fake_bridge(answer) as endpoint, Bridge(endpoint, connect_timeout_s=LONG_S) as bridge:
        assert bridge.request("status") == {"fine": True}


def test_a_code_of_a_newer_bridge_is_kept() -> None:
    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello":
            return greeting(request)
        error = {"code": "too_hot", "message": "Too hot."}
        return [{"v": 1, "id": request["id"], "ok": False, "error": error}]

    with fake_bridge(answer) as endpoint, Bridge(endpoint, connect_timeout_s=LONG_S) as bridge:
        with pytest.raises(RemoteError) as caught:
            bridge.status()
        assert caught.value.wire_code == "too_hot"
        assert caught.value.code is ErrorCode.INTERNAL


def test_the_lease_is_renewed_while_the_program_sleeps() -> None:
    heard: list[float] = []

    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello":
            return greeting(request)
        heard.append(time.monotonic())
        assert request["method"] in {"ping", "bye"}
        return [good(request)]

    with fake_bridge(answer) as endpoint, Bridge(endpoint, connect_timeout_s=LONG_S, lease_ms=500):
        eventually(lambda: len(heard) >= 6, "six signs of life, two for each lease")
        assert heard[5] - heard[0] >= 0.5  # and no more of them than are needed


def test_a_bridge_that_stops_answering_is_left_and_found_again() -> None:
    """Nothing but our own pings tells: the connection itself stays up."""
    silent = threading.Event()
    hellos: list[object] = []

    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello" and not silent.is_set():
            hellos.append(request["params"])
            return greeting(request)
        return [] if silent.is_set() else [good(request)]

    def is_offline(bridge: Bridge) -> bool:
        try:
            bridge.request("status", timeout_s=0.1)
        except OfflineError:
            return True
        except ReplyTimeoutError:
            return False
        return False

    with (
        fake_bridge(answer) as endpoint,
        Bridge(endpoint, connect_timeout_s=LONG_S, lease_ms=500) as bridge,
    ):
        silent.set()
        eventually(lambda: is_offline(bridge), "the bridge is given up")
        silent.clear()
        eventually(lambda: not is_offline(bridge), "it is found again")
        assert hellos[-1]["resume"] == "token"  # type: ignore[index]


def test_pings_do_not_pile_up_where_nobody_answers() -> None:
    pings: list[object] = []
    others: list[object] = []

    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello":
            return greeting(request)
        (pings if request["method"] == "ping" else others).append(request["id"])
        return []

    with fake_bridge(answer) as endpoint:
        bridge = Bridge(endpoint, connect_timeout_s=LONG_S, lease_ms=3000)
        eventually(lambda: len(pings) == 1, "the first ping")
        with pytest.raises(ReplyTimeoutError):
            bridge.request("status", timeout_s=2.2)  # the time of two more pings
        assert len(pings) == 1
        assert len(others) == 1
        bridge.close()


def test_requests_in_flight_are_bounded() -> None:
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
        Bridge(endpoint, connect_timeout_s=LONG_S, lease_ms=500, timeout_s=LONG_S) as bridge,
    ):
        threads = [threading.Thread(target=bridge.status) for _ in range(256)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(held) == 256, "as many requests as are allowed are in flight")
        with pytest.raises(RemoteError) as caught:
            bridge.status()
        assert caught.value.code is ErrorCode.BUSY
        full.set()
        for thread in threads:
            thread.join(LONG_S)
        assert not any(thread.is_alive() for thread in threads)


# -- parts ----------------------------------------------------------------------------------------


def test_events_that_nobody_takes_are_dropped_from_the_old_end_and_counted() -> None:
    feed = Feed({})
    for number in range(MAX_EVENTS + 10):
        feed.put(Event("x", sequence=number, late=1))
    first = feed.take(0)
    assert first is not None
    assert (first.sequence, first.lost, first.late) == (10, 10, 11)
    second = feed.take(0)
    assert second is not None
    assert (second.sequence, second.lost, second.late) == (11, 0, 1)


def test_a_result_gives_numbers_as_numbers() -> None:
    result = Result({"current": 12.0, "loop": "ok", "on": True})
    assert result.number("current") == 12.0
    for name in ("loop", "on"):
        with pytest.raises(TypeError):
            result.number(name)
    with pytest.raises(KeyError):
        result.number("voltage")
    assert dict(result) == {"current": 12.0, "loop": "ok", "on": True}
