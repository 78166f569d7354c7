"""The wire's rules for MessagePack, one format of the specification after the other."""

from __future__ import annotations

import random
import time
from typing import Any

import msgpack
import pytest
from tests.cases import for_each

from wisblock_bridge.errors import BadRequestError
from wisblock_bridge.wire import msgpack_rules

ALLOWED: list[Any] = [
    0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1,
    -1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**63),
    None, True, False, 1.5, float("inf"),
    "", "a" * 31, "a" * 32, "a" * 255, "a" * 256, "a" * 65_535, "a" * 65_536, "é",
    b"", b"a" * 255, b"a" * 256, b"a" * 65_536,
    [], [1] * 15, [1] * 16, [[[]]], ["a", {"b": [b"c"]}],
    {}, {str(n): n for n in range(15)}, {str(n): n for n in range(16)},
]  # fmt: skip


@for_each("value", ALLOWED, ids=lambda value: repr(value)[:20])
def test_every_allowed_format(value: object) -> None:
    msgpack_rules.examine(msgpack.packb({"a": value}))
    msgpack_rules.examine(msgpack.packb({"a": value, "b": [value, value]}))


def test_single_floats_and_wide_headers() -> None:
    msgpack_rules.examine(b"\x81\xa1a\xca\x00\x00\x00\x00")
    msgpack_rules.examine(b"\x81\xa1a\xdd\x00\x00\x00\x01\x07")
    msgpack_rules.examine(b"\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01a\xc6\x00\x00\x00\x01x")


@for_each(
    ("frame", "words"),
    [
        (b"", "too early"),
        (b"\x81", "too early"),
        (b"\x81\xa1a", "too early"),
        (b"\x81\xa2a", "too early"),
        (b"\x81\xa1a\xc4\x05abc", "too early"),
        (b"\x81\xa1a\xcd\x01", "too early"),
        (b"\x81\xa1a\xdd\xff\xff\xff\xff", "too early"),
        (b"\x81\xa1a\x01\x02", "after the end"),
        (b"\x81\x01\x02", "keys of a map are text"),
        (b"\x81\xc4\x01a\x02", "keys of a map are text"),
        (b"\x81\xc0\x02", "keys of a map are text"),
        (b"\x82\xa1a\x01\xa1a\x02", "'a' occurs twice"),
        (b"\x82\xa1a\x01\xd9\x01a\x02", "'a' occurs twice"),
        (b"\x81\xa1b\x82\xa1a\x01\xa1a\x02", "'a' occurs twice"),
        (b"\x81\xa1b\x91\x82\xa1a\x01\xa1a\x02", "'a' occurs twice"),
    ],
)
def test_broken_rules(frame: bytes, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        msgpack_rules.examine(frame)


@for_each("first", [0xC1, 0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8])
def test_no_extension_types(first: int) -> None:
    for front in (b"", b"\x81\xa1a", b"\x81\xa1a\x91"):
        with pytest.raises(BadRequestError, match="Extension"):
            msgpack_rules.examine(front + bytes((first,)) + b"\x00" * 20)


@for_each("wrap", [b"\x91", b"\x81\xa1a", b"\xdc\x00\x01", b"\xde\x00\x01\xa1a"])
def test_sixteen_levels(wrap: bytes) -> None:
    msgpack_rules.examine(wrap * 16 + b"\x01")
    for levels in (17, 1000, 100_000):
        with pytest.raises(BadRequestError, match="16 levels"):
            msgpack_rules.examine(wrap * levels + b"\x01")


def test_the_work_is_bounded() -> None:
    """A frame of the largest size takes a moment, not minutes, whatever is in it."""
    for frame in (
        b"\xdd\x00\x10\x00\x00" + b"\x01" * 0x100000,
        b"\xdd\x00\x04\x00\x00" + b"\x91\x91\x91\x01" * 0x40000,
        b"\xdf\x00\x04\x00\x00" + b"".join(b"\xa2%c\x01" % (n % 26) for n in range(1000)),
    ):
        start = time.process_time()
        with pytest.raises(BadRequestError):
            msgpack_rules.examine(frame)
        assert time.process_time() - start < 2.0


def test_random_bytes_are_judged_as_another_decoder_judges_them() -> None:
    """What passes can be decoded; what cannot be decoded does not pass."""
    chance = random.Random(29_555)  # noqa: S311
    passed = 0
    for _ in range(20_000):
        frame = chance.randbytes(chance.randrange(12))
        try:
            msgpack_rules.examine(frame)
        except BadRequestError:
            continue
        passed += 1
        msgpack.unpackb(frame, raw=True)  # raises unless the frame is whole
    assert passed > 100


KEY = b"\xa2id"


@for_each(
    ("frame", "value"),
    [
        (msgpack.packb({"id": 7}), b"\x07"),
        (msgpack.packb({"a": [1, {"id": 3}], "id": "x"}), b"\xa1x"),
        (b"\x83\xa2id\x07\xa1a", b"\x07"),  # the rest is missing
        (b"\x82\xa2id\x07\xa1a\xd4\x00\x00", b"\x07"),
        (msgpack.packb({"a": 1}), None),
        (msgpack.packb([KEY, 7]), None),
        (b"\x82\xa1a\xd4\x00\x00\xa2id\x07", None),  # an extension stands before it
        (b"", None),
        (b"\x81\xa2id", None),
    ],
)
def test_a_value_is_found_where_it_can_be(frame: bytes, value: bytes | None) -> None:
    assert msgpack_rules.value_of_key(frame, KEY) == value
