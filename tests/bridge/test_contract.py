"""Sections 1 and 2 of the protocol, sentence by sentence, on a socket and with nothing but msgpack.

1. What is sent is written out byte by byte where a library would not send it.
2. Each case says what comes back: nothing, a result, or the code of an error.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
import zmq
from tests.bridge.bridge_process import LONG_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bridge.bridge_process import BridgeProcess

pytestmark = pytest.mark.slow

LIMIT_BYTES = 1024 * 1024
pack = msgpack.packb


def ping(**changes: Any) -> bytes:
    """Encode a ping with id 7, with other or more keys."""
    return bytes(pack({"v": 1, "id": 7, "method": "ping"} | changes))


def pairs(*members: Any) -> bytes:
    """Encode a map from its keys and values one after another; bytes are encoded already."""
    encoded = (each if isinstance(each, bytes) else pack(each) for each in members)
    return bytes([0x80 | len(members) // 2]) + b"".join(encoded)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def padded(length: int, *, id_last: bool) -> bytes:
    """Encode a ping of a certain length."""

    def frame(text: str) -> bytes:
        head = {"v": 1, "id": 7, "method": "ping"}
        return bytes(pack({"x": text} | head if id_last else head | {"x": text}))

    made = frame("y" * (length - len(frame("y" * 70_000)) + 70_000))
    assert len(made) == length
    return made


def reading(samples: bytes) -> bytes:
    """Encode a reading of an ADC with a parameter that is encoded already."""
    where = ("module", "ADC", "slot", "board", "operation", "read")
    return pairs(
        *HEAD[:4], "method", "invoke", "params", pairs(*where, "params", pairs("samples", samples))
    )


HEAD = ("v", 1, "id", 7, "method", "ping")
OK = "ok"
CASES: dict[str, tuple[bytes, str | None]] = {
    # ids
    "id 0": (ping(id=0), OK),
    "id -1": (ping(id=-1), OK),
    "id -2^63": (ping(id=-(2**63)), OK),
    "id 2^53 + 1": (ping(id=2**53 + 1), OK),
    "id 2^63": (ping(id=2**63), OK),
    "id 2^64 - 1": (ping(id=2**64 - 1), OK),
    "id of text": (ping(id="é…"), OK),
    "id of empty text": (ping(id=""), OK),
    "id 7.0": (ping(id=7.0), None),
    "id true": (ping(id=True), None),
    "id nil": (ping(id=None), None),
    "id of bytes": (ping(id=b"7"), None),
    "no id": (bytes(pack({"v": 1, "method": "ping"})), None),
    # the version
    "v 2": (ping(v=2), "unsupported_version"),
    "v 0": (ping(v=0), "unsupported_version"),
    "v 1.0": (ping(v=1.0), "bad_request"),
    "v true": (ping(v=True), "bad_request"),
    "v of text": (ping(v="1"), "bad_request"),
    "no v": (bytes(pack({"id": 7, "method": "ping"})), "bad_request"),
    # the method
    "an unknown method": (ping(method="PING"), "unknown_method"),
    "an empty method": (ping(method=""), "unknown_method"),
    "a method of bytes": (ping(method=b"ping"), "bad_request"),
    "no method": (bytes(pack({"v": 1, "id": 7})), "bad_request"),
    # params
    "empty params": (ping(params={}), OK),
    "nil as params": (ping(params=None), "bad_params"),
    "a list as params": (ping(params=[]), "bad_params"),
    "unknown params": (ping(params={"x": 1}), "bad_params"),
    # times
    "timeout_ms 60000": (ping(timeout_ms=60_000), OK),
    "timeout_ms 60001": (ping(timeout_ms=60_001), "bad_request"),
    "timeout_ms 0": (ping(timeout_ms=0), OK),
    "timeout_ms -1": (ping(timeout_ms=-1), "bad_request"),
    "timeout_ms 1.0": (ping(timeout_ms=1.0), "bad_request"),
    "timeout_ms true": (ping(timeout_ms=True), "bad_request"),
    "timeout_ms nil": (ping(timeout_ms=None), "bad_request"),
    "deadline_ms far ahead": (ping(deadline_ms=1e300), OK),
    "deadline_ms as int": (ping(deadline_ms=2**64 - 1), OK),
    "deadline_ms NaN": (ping(deadline_ms=math.nan), "bad_request"),
    "deadline_ms infinite": (ping(deadline_ms=math.inf), "bad_request"),
    "deadline_ms true": (ping(deadline_ms=True), "bad_request"),
    # the node
    "node of 100": (ping(node="é" * 100), OK),
    "node of 101": (ping(node="n" * 101), "bad_request"),
    "node of another type": (ping(node=7), "bad_request"),
    # other keys
    "an unknown key": (ping(x={"y": [1, b"z", None]}), OK),
    "a key of bytes": (pairs(*HEAD, b"\xc4\x01x", 1), "bad_request"),
    "a number as a key": (pairs(*HEAD, 3, 4), "bad_request"),
    "all keys of bytes": (bytes(pack({b"v": 1, b"id": 7, b"method": b"ping"})), None),
    "a repeated key": (pairs(*HEAD, "method", "bye"), "bad_request"),
    "a repeated unknown key": (pairs(*HEAD, "x", 1, "x", 1), "bad_request"),
    # encodings
    "a long form of a map": (b"\xdf\x00\x00\x00\x03" + pairs(*HEAD)[1:], OK),
    "a long form of a key": (pairs(b"\xdb\x00\x00\x00\x01v", 1, *HEAD[2:]), OK),
    "an extension type": (ping(x=msgpack.ExtType(3, b"y")), "bad_request"),
    "a timestamp": (ping(x=msgpack.Timestamp(1, 0)), "bad_request"),
    "text that is none": (pairs(*HEAD[:4], "method", b"\xa2\xff\xfe"), "bad_request"),
    "a parameter that is no text": (reading(b"\xa2\xff\xfe"), "bad_params"),
    "a parameter with no text in it": (reading(b"\x91\xa2\xff\xfe"), "bad_params"),
    "bytes behind the map": (ping() + b"\xc0", "bad_request"),
    "a map cut short": (ping()[:-1], "bad_request"),
    "a list": (bytes(pack(["v", 1])), None),
    "nothing": (b"", None),
    # limits
    "16 levels": (ping(x=nested(15)), OK),
    "17 levels": (ping(x=nested(16)), "bad_request"),
    "1 MiB": (padded(LIMIT_BYTES, id_last=False), OK),
    "1 MiB, the id last": (padded(LIMIT_BYTES, id_last=True), OK),
    "1 MiB and a byte": (padded(LIMIT_BYTES + 1, id_last=False), "bad_request"),
    "1 MiB and a byte, the id last": (padded(LIMIT_BYTES + 1, id_last=True), "bad_request"),
}


class Peer:
    """A client that sends frames and waits for what comes back."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket

    def ask(self, *frames: bytes) -> dict[str, Any] | None:
        """Send a message; give the reply, or None where there is none before that of a ping."""
        self._socket.send_multipart(frames)
        self._socket.send(ping(id="after"))
        found: dict[str, Any] | None = None
        while True:
            assert self._socket.poll(int(LONG_S * 1000)), "the bridge does not answer"
            reply = msgpack.unpackb(self._socket.recv())
            if reply["id"] == "after":
                return found
            assert found is None, "two replies"
            found = reply

    def undecodable(self) -> int:
        """Return how many messages the bridge has dropped."""
        reply = self.ask(ping(method="status"))
        assert reply is not None
        count: int = reply["result"]["counters"]["undecodable"]
        return count


@contextmanager
def connected(bridge: BridgeProcess) -> Iterator[Peer]:
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(bridge.endpoint)
    try:
        yield Peer(socket)
    finally:
        socket.close()
        context.term()


@pytest.mark.parametrize(("frame", "expected"), CASES.values(), ids=CASES)
def test_what_comes_back(bridge: BridgeProcess, frame: bytes, expected: str | None) -> None:
    with connected(bridge) as peer:
        dropped = peer.undecodable()
        reply = peer.ask(frame)
        assert peer.undecodable() == dropped + (expected is None)
    if expected is None:
        assert reply is None
        return
    assert reply is not None
    assert reply["v"] == 1
    if expected is OK:
        assert reply.keys() == {"v", "id", "ok", "result"}
        assert reply["result"].keys() == {"clock_ms"}
        sent = msgpack.unpackb(frame, strict_map_key=False)["id"]
        assert (reply["id"], type(reply["id"])) == (sent, type(sent))
        return
    assert (reply["id"], reply["ok"]) == (7, False)
    assert reply["error"]["code"] == expected
    assert reply["error"]["message"]
    assert reply["error"].keys() <= {"code", "message", "hint", "where", "data"}


@pytest.mark.parametrize("frames", [(b"", ping()), (ping(), ping()), (ping(), b"")])
def test_a_message_is_one_frame(bridge: BridgeProcess, frames: tuple[bytes, ...]) -> None:
    with connected(bridge) as peer:
        reply = peer.ask(*frames)
        assert reply is None or reply["error"]["code"] == "bad_request"
