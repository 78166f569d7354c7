"""Bytes to requests and back: every frame has one outcome, and only a good one is a request."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, Any

import msgpack
import msgspec
import pytest
from tests.cases import for_each

from wisblock_bridge.errors import BadParamsError, BusError, BusFault, InUseError
from wisblock_bridge.module_api import Quality, Result
from wisblock_bridge.wire import messages, msgpack_rules
from wisblock_bridge.wire.messages import Undecodable

if TYPE_CHECKING:
    from tests.tally import Tally

GOOD: dict[str, Any] = {"v": 1, "id": 7, "method": "ping"}


def refuse(frame: bytes) -> Undecodable:
    with pytest.raises(Undecodable) as caught:
        messages.decode(frame)
    return caught.value


def packed(**changes: object) -> bytes:
    return bytes(msgpack.packb({**GOOD, **changes}))


def nested(levels: int) -> bytes:
    """A request in which lists make up so many levels, the two maps around them counted."""
    return packed(params={"a": 0})[:-1] + b"\x91" * (levels - 2) + b"\x01"


@for_each("request_id", [0, 7, -5, 2**63, "", "a-b", "é" * 50])
def test_a_request_is_read(request_id: int | str) -> None:
    request = messages.decode(packed(id=request_id, params={"a": 1}, timeout_ms=250))
    assert (request.v, request.id, request.method) == (1, request_id, "ping")
    assert msgpack.unpackb(bytes(request.params)) == {"a": 1}
    assert messages.latest_start(request, 100.0) == 100.25


def test_params_and_timeout_may_be_missing() -> None:
    request = messages.decode(packed())
    assert bytes(request.params) == b"\x80"
    assert messages.latest_start(request, 100.0) == 102.0


def test_unknown_keys_are_ignored() -> None:
    assert messages.decode(packed(trace="x", more={"a": [1, 2]})).id == 7


def test_any_order_and_any_map_header() -> None:
    body = msgpack.packb(GOOD)[1:]
    for header in (b"\x83", b"\xde\x00\x03", b"\xdf\x00\x00\x00\x03"):
        assert messages.decode(header + body).method == "ping"
    backwards = msgpack.packb(dict(reversed(GOOD.items())))
    assert messages.decode(backwards).method == "ping"


@for_each(
    ("deadline_ms", "latest"),
    [
        (100_000.0, 100.0),
        (100_250, 100.25),
        (99_000.5, 99.0005),
        (-5.0, -0.005),
        (160_000.0, 160.0),
        (160_001.0, 160.0),
        (1e300, 160.0),
    ],
)
def test_a_deadline_is_in_the_clock_of_the_bridge(deadline_ms: float, latest: float) -> None:
    request = messages.decode(packed(deadline_ms=deadline_ms))
    assert messages.latest_start(request, 100.0) == pytest.approx(latest)
    both = messages.decode(packed(deadline_ms=deadline_ms, timeout_ms=5))
    assert messages.latest_start(both, 100.0) == pytest.approx(latest)


@for_each("deadline_ms", [float("nan"), float("inf"), float("-inf"), "soon", None, True])
def test_a_deadline_is_a_finite_number(deadline_ms: object) -> None:
    with pytest.raises(messages.Undecodable) as caught:
        messages.decode(packed(deadline_ms=deadline_ms))
    assert caught.value.request_id == 7
    assert "deadline_ms" in caught.value.error.message


@pytest.mark.parametrize("timeout_ms", [0, 1, 60_000])
def test_the_limits_of_the_timeout_are_allowed(timeout_ms: int) -> None:
    request = messages.decode(packed(timeout_ms=timeout_ms))
    assert messages.latest_start(request, 100.0) == pytest.approx(100.0 + timeout_ms / 1000)


@for_each("timeout_ms", [-1, 60_001, 2**63, 1.5, "10", None, True])
def test_other_timeouts_are_refused(timeout_ms: object) -> None:
    identification = refuse(packed(timeout_ms=timeout_ms))
    assert (identification.request_id, identification.error.code) == (7, "bad_request")


@for_each("version", [0, 2, -1, 2**40])
def test_another_version_is_told_so(version: int) -> None:
    identification = refuse(packed(v=version))
    assert (identification.request_id, identification.error.code) == (7, "unsupported_version")
    assert str(version) in identification.error.message


@for_each(
    "frame",
    [
        packed(v="1"),
        packed(v=None),
        packed(method=3),
        packed(method=b"ping"),
        packed(method=None),
        packed(timeout_ms=[]),
        msgpack.packb({"v": 1, "id": 7}),
        msgpack.packb({"id": 7, "method": "ping"}),
        msgpack.packb({"id": 7}),
        b"\x84" + packed()[1:] + b"\xa6method\xa4ping",
        b"\x84" + packed()[1:] + b"\x05\x01",
        b"\x84" + packed()[1:] + b"\xc4\x01a\x01",
        b"\x84" + packed()[1:] + b"\xa4more\xd4\x01\x00",
        packed() + b"\x00",
        packed() + packed(),
        packed(more=msgpack.ExtType(5, b"x")),
        packed(params={"a": msgpack.ExtType(5, b"x")}),
        packed(params={"a": msgpack.Timestamp(1)}),
    ],
)
def test_bad_form_with_an_id_is_answered(frame: bytes) -> None:
    identification = refuse(frame)
    assert identification.request_id == 7
    assert identification.error.code == "bad_request"
    assert identification.error.message


def test_an_id_that_is_given_twice_is_refused_under_one_of_them() -> None:
    identification = refuse(b"\x84" + packed()[1:] + b"\xa2id\x08")
    assert (identification.request_id in {7, 8}, identification.error.code) == (True, "bad_request")


@for_each(
    "frame",
    [
        b"",
        b"\x80",
        b"\xc0",
        b"\x07",
        b"\xc1",
        b"\xa4ping",
        b"\x93\x01\x02\x03",
        msgpack.packb({"v": 1, "method": "ping"}),
        packed(id=None),
        packed(id=1.5),
        packed(id=b"x"),
        packed(id=[1]),
        packed(id={}),
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x83\xa1v\x01\xa2id",
    ],
)
def test_nothing_is_answered_where_no_id_can_be_read(frame: bytes) -> None:
    assert refuse(frame).request_id is None


def test_a_frame_that_ends_early_is_refused() -> None:
    frame = packed(params={"module": "RAK5801", "list": [1, 2.5, b"x", None]}, timeout_ms=300)
    for length in range(len(frame)):
        refuse(frame[:length])


def test_one_mebibyte_is_the_limit() -> None:
    limit = 1024 * 1024
    room = limit - len(packed(params={"a": b"\x00" * 70_000})) + 70_000
    exact = packed(params={"a": b"\x00" * room})
    assert len(exact) == limit
    assert messages.decode(exact).id == 7
    identification = refuse(packed(params={"a": b"\x00" * (room + 1)}))
    assert (identification.request_id, identification.error.code) == (7, "bad_request")
    assert str(limit) in identification.error.message


def test_two_mebibytes_are_refused_by_id() -> None:
    assert refuse(packed(params={"a": "x" * 2 * 1024 * 1024})).request_id == 7


def test_sixteen_levels_are_the_limit() -> None:
    assert messages.decode(nested(16)).id == 7
    for levels in (17, 18, 100, 1000, 100_000):
        identification = refuse(nested(levels))
        assert (identification.request_id, identification.error.code) == (7, "bad_request"), levels
        assert "16" in identification.error.message


def test_depth_outside_the_parameters_counts_too() -> None:
    deep = b"\x84" + packed()[1:] + b"\xa4more" + b"\x91" * 16 + b"\x01"
    assert refuse(deep).error.code == "bad_request"
    assert messages.decode(b"\x84" + packed()[1:] + b"\xa4more" + b"\x91" * 15 + b"\x01").id == 7


@for_each(
    "values",
    [
        {"id": 0xC7D4_D8C1},
        {"id": "\u0141\u0147" * 20},
        {"deadline_ms": struct.unpack(">d", b"\x41\xc7\xd4\xd8\xc8\xc1\x91\xde")[0]},
        {"node": "\u0451\u0458" * 20},
    ],
)
def test_only_the_parameters_of_a_usual_request_are_suspected(
    values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever bytes its number, its time and its names happen to have."""
    monkeypatch.setattr(msgpack_rules, "examine", lambda _: pytest.fail("examined"))
    assert messages.decode(packed(params={"slot": 1}, **values)).method == "ping"


def test_wide_is_not_deep() -> None:
    request = messages.decode(packed(params={"a": [[1]] * 500, "b": [-1] * 500, "c": "é" * 500}))
    assert request.id == 7


def test_random_bytes_have_one_outcome(tally: Tally) -> None:
    chance = random.Random(20_251)  # noqa: S311
    for _ in range(5000):
        refuse(chance.randbytes(chance.randrange(200)))
    tally.add("bad_input", "random bytes as a request", 5000, seed="20251")


def test_damaged_requests_have_one_outcome(tally: Tally) -> None:
    chance = random.Random(5801)  # noqa: S311
    frame = packed(params={"module": "RAK5801", "slot": 1, "params": {"samples": 16}})
    requests = 0
    for _ in range(5000):
        damaged = bytearray(frame)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            requests += isinstance(messages.decode(bytes(damaged)), messages.Request)
        except Undecodable as identification:
            assert identification.error.code in {"bad_request", "unsupported_version"}  # noqa: PT017
    assert 0 < requests < 5000
    tally.add("bad_input", "requests with one to four bytes changed", 5000, seed="5801")


class Some(msgspec.Struct, forbid_unknown_fields=True):
    number: int
    word: str = "w"


def test_parameters_of_a_method() -> None:
    decoder = messages.MapDecoder(Some)

    def read(data: bytes) -> Some:
        return messages.decode_params(msgspec.Raw(data), decoder, "some")

    assert read(msgpack.packb({"number": 3})) == Some(3)
    assert read(msgpack.packb({"word": "x", "number": 3})) == Some(3, "x")
    for data in (
        b"\x80",
        b"\xc0",
        b"\x90",
        msgpack.packb({"number": "3"}),
        msgpack.packb({"number": 3, "other": 1}),
        b"\x82\xa6number\x03\xa6number\x03",
        b"\x83\xa6number\x03\xa4word\xa1w\xa4word\xa1w",
    ):
        with pytest.raises(BadParamsError) as caught:
            read(data)
        assert caught.value.message


@pytest.mark.parametrize(
    ("given", "message", "name"),
    [
        (
            {"number": 3, "module": "x"},
            'some has no parameter "module"; it has: number, word.',
            "module",
        ),
        ({"word": "x"}, 'some needs "number"; it has: number, word.', "number"),
        (
            {"number": 3, "\x1b[31m": 1},
            'some has no parameter "\\u001b[31m"; it has: number, word.',
            "\x1b[31m",
        ),
    ],
)
def test_a_key_that_does_not_fit_is_named_and_what_there_is(
    given: dict[str, object], message: str, name: str
) -> None:
    with pytest.raises(BadParamsError) as caught:
        messages.decode_params(msgspec.Raw(msgpack.packb(given)), messages.MapDecoder(Some), "some")
    assert caught.value.message == message
    assert caught.value.data == {"param": name, "allowed": ["number", "word"]}


def test_replies() -> None:
    assert msgpack.unpackb(messages.encode_result("x", {"a": [1, 2.5, b"b", None, True]})) == {
        "v": 1,
        "id": "x",
        "ok": True,
        "result": {"a": [1, 2.5, b"b", None, True]},
    }
    bare = BusError(BusFault.IO, "It broke off.")
    assert msgpack.unpackb(messages.encode_error(3, bare)) == {
        "v": 1,
        "id": 3,
        "ok": False,
        "error": {"code": "bus_error", "message": "It broke off."},
    }
    full = InUseError("m", hint="h", where="w", data={"holder": "x"})
    assert msgpack.unpackb(messages.encode_error(3, full))["error"] == {
        "code": "in_use",
        "message": "m",
        "hint": "h",
        "where": "w",
        "data": {"holder": "x"},
    }


def test_what_a_client_sent_is_echoed_in_part_only() -> None:
    decoder = messages.MapDecoder(Some)
    with pytest.raises(BadParamsError) as caught:
        messages.decode_params(msgspec.Raw(msgpack.packb({"x" * 100_000: 1})), decoder, "some")
    assert len(messages.encode_error(1, caught.value)) < 4000


def test_an_outcome_has_the_documented_keys() -> None:
    readings = Result({"current": 12.5, "loop": "ok"}, 1_763_793_000_123.5)
    result = msgpack.unpackb(messages.encode_result(1, messages.outcome(readings, emulated=True)))[
        "result"
    ]
    assert result == {
        "readings": {"current": 12.5, "loop": "ok"},
        "timestamp": 1_763_793_000_123.5,
        "quality": "good",
        "emulated": True,
    }
    doubtful = Result({}, 0.0, Quality.UNCERTAIN, "warming up")
    result = msgpack.unpackb(messages.encode_result(1, messages.outcome(doubtful, emulated=False)))[
        "result"
    ]
    assert (result["quality"], result["note"]) == ("uncertain", "warming up")


def test_an_event_has_the_documented_keys() -> None:
    event = messages.Event(
        1, "motion", 3, 41, 0, {"motion": True}, 1000.5, "good", emulated=False, initial=True
    )
    assert msgpack.unpackb(messages.encode_event(event)) == {
        "v": 1,
        "event": "motion",
        "subscription": 3,
        "sequence": 41,
        "lost": 0,
        "readings": {"motion": True},
        "timestamp": 1000.5,
        "quality": "good",
        "emulated": False,
        "initial": True,
    }
    fault = messages.Fault("no_device", "No answer.")
    failure = messages.Event(1, "error", 3, 42, 0, error=fault)
    assert msgpack.unpackb(messages.encode_event(failure)) == {
        "v": 1,
        "event": "error",
        "subscription": 3,
        "sequence": 42,
        "lost": 0,
        "error": {"code": "no_device", "message": "No answer."},
    }
