"""The server's side of ZMTP, by bytes alone; numbers are those of RFC 37."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.raw_zmtp import GREETING, READY, frame, ping

from wisblock_bridge.wire.zmtp import (
    Message,
    Oversized,
    ProtocolError,
    ServerConnection,
    SeveralFrames,
    encode_header,
)

MAX, DISCARDED = 1000, 5000
OWN_READY = bytes.fromhex("04 1c 05") + b"READY" + b"\x0bSocket-Type" + b"\0\0\0\x06" + b"ROUTER"


def connection() -> ServerConnection:
    return ServerConnection(MAX, DISCARDED)


def opened() -> ServerConnection:
    made = connection()
    assert made.receive(GREETING + READY) == []
    assert made.is_open
    made.bytes_to_send()
    return made


def ready(kind: bytes, more: bytes = b"") -> bytes:
    body = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind + more
    return frame(body, command=True)


def message(*bodies: bytes) -> bytes:
    data = b""
    for each in bodies[:-1]:
        head = frame(each)
        data += bytes([head[0] | 0x01]) + head[1:]
    return data + frame(bodies[-1])


def test_the_handshake_byte_by_byte() -> None:
    made = connection()
    assert made.bytes_to_send() == GREETING
    assert made.bytes_to_send() == b""
    for each in GREETING:
        assert made.receive(bytes([each])) == []
    assert made.bytes_to_send() == OWN_READY
    for each in READY[:-1]:
        made.receive(bytes([each]))
        assert not made.is_open
    made.receive(READY[-1:])
    assert made.is_open
    assert made.held_bytes == 0


@pytest.mark.parametrize("kind", [b"DEALER", b"REQ", b"ROUTER"])
def test_who_may_talk_to_a_router(kind: bytes) -> None:
    made = connection()
    identity = b"\x08Identity" + (3).to_bytes(4, "big") + b"abc"
    made.receive(GREETING + ready(kind, identity))
    assert made.is_open


def receive_bytewise(to: ServerConnection, data: bytes) -> None:
    for each in data:
        to.receive(bytes([each]))


GREETING_3_0 = GREETING[:11] + b"\x00" + GREETING[12:]


def test_the_version_before_is_spoken() -> None:
    made = connection()
    made.receive(GREETING_3_0 + READY + frame(b"abc"))
    assert made.is_open


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"G", "does not begin as ZMTP"),
        (b"GET / HTTP/1.1\r\n", "does not begin as ZMTP"),
        (b"\xff" + bytes(8) + b"\x00", "does not begin as ZMTP"),
        (b"\xff" + bytes(8) + b"\x7f\x01", "before 3.0"),
        (GREETING.replace(b"NULL", b"CURVE\0"[:4]), "mechanism CURV"),
        (GREETING + frame(b"abc"), "before its handshake"),
        (GREETING + ping(), "does not begin with READY"),
        (GREETING + ready(b"SUB"), "it is a SUB"),
        (GREETING + ready(b"\xff\xfe"), "not a DEALER"),
        (GREETING + frame(b"\x05READY", command=True), "of no type"),
        (GREETING + frame(b"\x05READY\x0bSocket-Type\0\0\0\x07DEALER", command=True), "cut short"),
        (GREETING + frame(b"\x05READY\xffSocket", command=True), "cut short"),
        (GREETING + frame(b"\x05ERROR\x00", command=True), "refuses"),
        (GREETING + READY + frame(b"\x05ERROR\x00", command=True), "refuses"),
        (GREETING + READY + frame(b"", command=True), "no name"),
        (GREETING + READY + frame(b"\x09PING", command=True), "no name"),
        (GREETING + READY + b"\x05\x00", "flags 0x05"),
        (GREETING + READY + b"\x08\x00", "flags 0x08"),
        (GREETING + READY + b"\x80", "flags 0x80"),
        (GREETING + READY + b"\x02" + (DISCARDED + 1).to_bytes(8, "big"), "5001 bytes"),
        (GREETING + READY + b"\x02" + b"\xff" * 8, "18446744073709551615 bytes"),
        (GREETING + READY + b"\x06" + (4097).to_bytes(8, "big"), "4097 bytes"),
    ],
)
def test_what_breaks_the_protocol(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        connection().receive(data)
    with pytest.raises(ProtocolError, match=reason):
        receive_bytewise(connection(), data)


def test_messages_come_whole_and_in_order() -> None:
    made = opened()
    long = bytes(range(256)) * 3
    assert made.receive(frame(b"") + frame(b"a") + frame(long)) == [b"", b"a", long]
    assert made.receive(frame(b"abc")) == [b"abc"]
    assert made.held_bytes == 0


def test_the_shortest_and_longest_forms_of_a_length() -> None:
    made = opened()
    assert made.receive(b"\x00\xff" + bytes(255)) == [bytes(255)]
    assert made.receive(b"\x02" + (5).to_bytes(8, "big") + b"abcde") == [b"abcde"]
    assert encode_header(255) == b"\x00\xff"
    assert encode_header(256) == b"\x02" + (256).to_bytes(8, "big")


def test_a_message_beyond_the_limit_is_reported_with_its_start() -> None:
    made = opened()
    body = bytes(range(250)) * 20
    found = made.receive(frame(body) + frame(b"next"))
    assert found == [Oversized(body[:MAX], len(body)), b"next"]
    assert made.receive(frame(bytes(MAX))) == [bytes(MAX)], "the limit itself is allowed"


def test_of_a_message_beyond_the_limit_no_more_is_kept() -> None:
    made = opened()
    made.receive(b"\x02" + DISCARDED.to_bytes(8, "big"))
    for _ in range(DISCARDED - 1):
        made.receive(b"x")
        assert made.held_bytes <= MAX
    assert made.receive(b"x") == [Oversized(b"x" * MAX, DISCARDED)]
    assert made.held_bytes == 0


def test_messages_of_several_frames_are_reported_without_contents() -> None:
    made = opened()
    found = made.receive(message(b"", b"abc") + message(b"a", b"b", bytes(900)) + frame(b"c"))
    assert found == [SeveralFrames(delimited=True), SeveralFrames(delimited=False), b"c"]
    assert made.held_bytes == 0
    made.receive(message(b"first", bytes(900))[:-1])
    assert made.held_bytes == 0, "nothing of it is kept while it comes"


@pytest.mark.parametrize("context", [b"", b"abc", bytes(16), bytes(40)])
def test_a_ping_is_answered(context: bytes) -> None:
    made = opened()
    asked = frame(b"\x04PING\x00\x0a" + context, command=True)
    assert made.receive(frame(b"a") + asked + frame(b"b")) == [b"a", b"b"]
    assert made.bytes_to_send() == frame(b"\x04PONG" + context[:16], command=True)


def test_a_ping_between_two_frames_of_a_message() -> None:
    made = opened()
    data = message(b"", b"abc")
    assert made.receive(data[:2] + ping() + data[2:]) == [SeveralFrames(delimited=True)]


def test_commands_that_are_unknown_are_ignored() -> None:
    made = opened()
    assert made.receive(frame(b"\x09SUBSCRIBEx", command=True) + frame(b"a")) == [b"a"]
    assert made.bytes_to_send() == b""


def test_much_that_came_at_once_is_taken_in_several_calls() -> None:
    made = opened()
    found = [made.receive(frame(b"a") * 200)]
    while made.has_more:
        found.append(made.receive(b""))
    assert [len(each) for each in found] == [64, 64, 64, 8]
    assert made.held_bytes == 0
    assert made.receive(frame(b"a") * 64) == [b"a"] * 64
    assert not made.has_more


def test_short_messages_that_come_together_and_the_beginning_of_another() -> None:
    """What is cut off at the end waits; what follows a long message is short again."""
    made = opened()
    assert made.receive(frame(b"a") + frame(b"") + frame(b"bc")[:-1]) == [b"a", b""]
    assert made.held_bytes == 1
    assert made.receive(b"c" + frame(b"d") * 2) == [b"bc", b"d", b"d"]
    assert made.receive(frame(b"x" * 300) + frame(b"e")) == [b"x" * 300, b"e"]
    assert made.held_bytes == 0


PIECES = st.one_of(
    st.binary(max_size=400).map(frame),
    st.binary(min_size=990, max_size=1300).map(frame),
    st.lists(st.binary(max_size=30), min_size=2, max_size=4).map(lambda bodies: message(*bodies)),
    st.integers(0, 65535).map(ping),
)


def receive_all(to: ServerConnection, data: bytes) -> list[Message]:
    found = to.receive(data)
    while to.has_more:
        found += to.receive(b"")
    return found


@given(
    st.lists(PIECES, max_size=8), st.integers(0, 200), st.lists(st.integers(1, 300), max_size=40)
)
def test_every_split_of_every_stream_gives_the_same(
    pieces: list[bytes], more: int, cuts: list[int]
) -> None:
    stream = GREETING + READY + b"".join(pieces) + frame(b"x") * more
    whole = connection()
    expected = receive_all(whole, stream)
    split = connection()
    found: list[Message] = []
    at = 0
    for cut in cuts:
        if at < len(stream):
            found += receive_all(split, stream[at : at + cut])
        at += cut
    if at < len(stream):
        found += receive_all(split, stream[at:])
    assert found == expected
    assert split.bytes_to_send() == whole.bytes_to_send()
    assert split.held_bytes == whole.held_bytes == 0


@given(st.binary(max_size=600), st.booleans())
def test_no_stream_does_more_than_break_the_protocol(data: bytes, greeted: bool) -> None:  # noqa: FBT001
    made = opened() if greeted else connection()
    try:
        for at in range(0, len(data), 7):
            made.receive(data[at : at + 7])
            assert made.held_bytes <= MAX + 64
    except ProtocolError:
        pass
