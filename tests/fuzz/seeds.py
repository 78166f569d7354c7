"""Good inputs for each parser: the fuzzer begins with them, the tests damage them.

1. They are built here, byte by byte or by another library, never taken from a run.
"""

from __future__ import annotations

import msgpack


def _crc(body: bytes) -> bytes:
    """MODBUS over Serial Line 1.02, 6.2.2: low byte first."""
    value = 0xFFFF
    for each in body:
        value ^= each
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return body + value.to_bytes(2, "little")


def _reader(body: bytes) -> bytes:
    """NXP PN532 user manual, 6.2.1.1."""
    lengths = bytes((len(body), -len(body) & 0xFF))
    return b"\x00\x00\xff" + lengths + body + bytes((-sum(body) & 0xFF, 0))


ZMTP_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
ZMTP_READY = (
    b"\x04\x2c\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x03abc"
)  # fmt: skip

REQUEST = {
    "v": 1, "id": 7, "method": "invoke", "timeout_ms": 500,
    "params": {"module": "RAK5801", "slot": 1, "operation": "read", "params": {"samples": 16}},
}  # fmt: skip
NDEF_URI = bytes.fromhex("d1010c5504") + b"example.org"
NDEF_TEXT = bytes.fromhex("d1010854 02") + b"enhello"

SEEDS: dict[str, tuple[bytes, ...]] = {
    "request": (
        msgpack.packb(REQUEST),
        msgpack.packb({"id": "x", "v": 1, "method": "ping"}),
        msgpack.packb({"v": 2, "id": 1, "method": "hello", "params": {"client": "é" * 40}}),
    ),
    "rules": (
        msgpack.packb(REQUEST),
        msgpack.packb({"a": [1, 2.5, None, True, b"x", "é", {"b": -(2**40)}], "id": 5}),
        b"\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01a\xc6\x00\x00\x00\x01x",
    ),
    "parameters": tuple(
        bytes([number]) + msgpack.packb(params)
        for number in range(0, 256, 5)
        for params in ({}, {"channel": 1, "samples": 4, "on": True, "level": 1, "pin": 3})
    ),
    "modbus_reply": (
        b"\x00" + _crc(bytes.fromhex("07 01 03 CD 6B 05")),
        b"\x02" + _crc(bytes.fromhex("07 03 04 41 20 00 00")),
        b"\x02\xff\x00" + _crc(bytes.fromhex("07 83 02")),
        b"\x04" + _crc(bytes.fromhex("07 05 00 05 FF 00")),
        b"\x07" + _crc(bytes.fromhex("07 10 00 05 00 03")),
    ),
    "reader_frame": (
        bytes.fromhex("0000FF00FF00"),
        bytes.fromhex("0000FFFF0000"),
        _reader(bytes.fromhex("D503 32 01 06 07")),
        bytes.fromhex("0000FFFFFF00FF01") + b"\xd5\x41\x00" + b"\x00" * 0x60,
    ),
    "card_area": (
        bytes((0x03, len(NDEF_URI))) + NDEF_URI + b"\xfe",
        b"\x01\x03\xa0\x10\x44\x03" + bytes((len(NDEF_TEXT),)) + NDEF_TEXT + b"\xfe",
        b"\x00\x00\x03\xff\x01\x00" + b"\x00" * 64,
    ),
    "message": (NDEF_URI, NDEF_TEXT, NDEF_URI[:1] + b"\x01" + NDEF_TEXT[2:]),
    "radio_status": (bytes.fromhex("22 00 02 50 28 0F FF"), bytes.fromhex("D4 02 40 FF 80 00 01")),
    "lin_line": (
        b"\x40\x00\x02" + bytes.fromhex("00 55 80 01 02 03 F9"),
        b"\x10\x02\x00" + bytes.fromhex("00 55 50 11 22 CC 00 55 85"),
        b"\x40\x00\x02\x80\x00\x55\xc1",
    ),
    "zmtp": (
        # RFC 37: greeting, READY with an identity, then frames; the first four bytes are the cuts.
        b"\x00\x00\x00\x00" + ZMTP_GREETING + ZMTP_READY + b"\x00\x03abc",
        b"\x06\x3f\x01\x00" + ZMTP_GREETING[:11] + b"\0" + ZMTP_GREETING[12:] + ZMTP_READY,
        b"\x10\x02\x40\x01" + b"\x00\x03abc\x04\x07\x04PING\x00\x0a" + b"\x00\x00",
        b"\x10\x02\x40\x01" + b"\x04\x09\x04PING\x00\x00xy\x00\x01a" * 70,
        b"\x01\x01\x01\x01" + b"\x01\x00\x00\x03abc\x01\x01a\x03" + bytes(7) + b"\x01b\x00\x01c",
        b"\xff\x00\x80\x01" + b"\x02" + (700).to_bytes(8, "big") + bytes(700) + b"\x00\x01z",
        b"\xff\xff\xff\x01" + b"\x02" + (2001).to_bytes(8, "big") + bytes(100),
        b"\x20\x20\x20\x01" + b"\x04\x07\x05ERROR\x00",
        b"\x20\x20\x20\x01" + b"\x04\x0b\x09SUBSCRIBEx" + b"\x80\x00",
    ),
    "lin_table": (
        b"10 ms send 0x10 01 02 03\n20 ms read 0x11 4 enhanced",
        b"10 send 16 FF classic",
    ),
}

NASTY = (
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\x81\xa2id\xdd\xff\xff\xff\xff",
    b"\x84\xa1v\x01\xa2id\x07\xa6method\xa4ping\xa6params\xdd\x7f\xff\xff\xff",
    b"\x84\xa1v\x01\xa2id\x07\xa6method\xa4ping\xa6params\xdf\x7f\xff\xff\xff",
    b"\x91" * 100_000,
    b"\x81\xa1a" * 50_000,
    b"\xdc\xff\xff" + b"\x90" * 65_535,
    b"\x80" * 200_000,
    b"\x00" * 65_536,
    b"\x55" * 65_536,
    b"\xff" * 65_536,
    b"\x00\x00\xff\xff\xff\xff\xff\x02" * 4000,
)
"""Claims of size, depth and breadth that a careless parser would believe."""
