"""PN532 frames: byte-exact, and whatever else may arrive."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each

from wisblock_bridge.chips.pn532 import frame
from wisblock_bridge.chips.pn532.driver import targets
from wisblock_bridge.chips.pn532.frame import Frame
from wisblock_bridge.chips.pn532.ndef_area import Area, Tlv, pack, plan
from wisblock_bridge.chips.pn532.status import CardError
from wisblock_bridge.errors import BadParamsError, ChecksumError, RemoteExceptionError

if TYPE_CHECKING:
    from tests.tally import Tally

SEED = 20250413
TEN_THOUSAND = 10_000


@for_each(
    ("code", "parameters", "sent"),
    [
        (0x02, "", "00 00 FF 02 FE D4 02 2A 00"),
        (0x14, "01 14 01", "00 00 FF 05 FB D4 14 01 14 01 02 00"),
        (0x4A, "01 00", "00 00 FF 04 FC D4 4A 01 00 E1 00"),
        (0x32, "05 FF 01 14", "00 00 FF 06 FA D4 32 05 FF 01 14 E1 00"),
        (0x32, "01 00", "00 00 FF 04 FC D4 32 01 00 F9 00"),
        (
            0x40,
            "01 60 04 FF FF FF FF FF FF BC F0 24 B5",
            "00 00 FF 0F F1 D4 40 01 60 04 FF FF FF FF FF FF BC F0 24 B5 08 00",
        ),
        (
            0x40,
            "01 61 04 FF FF FF FF FF FF BC F0 24 B5",
            "00 00 FF 0F F1 D4 40 01 61 04 FF FF FF FF FF FF BC F0 24 B5 07 00",
        ),
        (0x40, "01 30 04", "00 00 FF 05 FB D4 40 01 30 04 B7 00"),
        (
            0x40,
            "01 A0 04 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F",
            "00 00 FF 15 EB D4 40 01 A0 04 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F CF 00",
        ),
        (0x40, "01 A2 04 03 0B D1 01", "00 00 FF 09 F7 D4 40 01 A2 04 03 0B D1 01 65 00"),
        (0x52, "00", "00 00 FF 03 FD D4 52 00 DA 00"),
        (0x16, "B0 00", "00 00 FF 04 FC D4 16 B0 00 66 00"),
        (0x04, "", "00 00 FF 02 FE D4 04 28 00"),
    ],
)
def test_commands(code: int, parameters: str, sent: str) -> None:
    assert frame.command(code, bytes.fromhex(parameters)) == bytes.fromhex(sent)


def test_a_command_that_does_not_fit() -> None:
    assert len(frame.command(0x40, bytes(253))) == 262
    with pytest.raises(ValueError, match="254 parameter bytes"):
        frame.command(0x40, bytes(254))


@for_each(
    ("received", "expected"),
    [
        ("00 00 FF 00 FF 00", Frame("ack")),
        ("00 00 FF FF 00 00", Frame("nack")),
        ("00 00 FF 01 FF 7F 81 00", Frame("error")),
        ("00 00 FF 06 FA D5 03 32 01 06 07 E8 00", Frame("data", 0x03, b"\x32\x01\x06\x07")),
        ("00 00 FF 02 FE D5 15 16 00", Frame("data", 0x15)),
        ("00 00 FF 02 FE D5 33 F8 00", Frame("data", 0x33)),
        ("00 00 FF 03 FD D5 41 00 EA 00", Frame("data", 0x41, b"\x00")),
        ("00 00 FF 03 FD D5 41 14 D6 00", Frame("data", 0x41, b"\x14")),
        ("00 00 FF 03 FD D5 41 01 E9 00", Frame("data", 0x41, b"\x01")),
        (
            "00 00 FF 13 ED D5 41 00 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 72 00",
            Frame("data", 0x41, b"\x00" + bytes(range(16))),
        ),
        ("00 00 FF 03 FD D5 53 00 D8 00", Frame("data", 0x53, b"\x00")),
        ("00 00 FF 03 FD D5 17 00 14 00", Frame("data", 0x17, b"\x00")),
        ("00 00 00 00 FF 02 FE D5 15 16 00 AA 55", Frame("data", 0x15)),
        ("00 00 FF FF FF 00 02 FE D5 15 16 00", Frame("data", 0x15)),
    ],
)
def test_frames(received: str, expected: Frame) -> None:
    assert frame.parse(bytes.fromhex(received)) == expected


@for_each(
    ("received", "why"),
    [
        ("", "no start code"),
        ("01 02 03", "no start code"),
        ("55 00 00 FF 02 FE D5 15 16 00", "no start code"),
        ("00 00 FF", "length checksum"),
        ("00 00 FF 06", "length checksum"),
        ("00 00 FF 06 FB D5 03 32 01 06 07 E8 00", "length checksum"),
        ("00 00 FF FF FF 00 02 FD D5 15 16 00", "length checksum"),
        ("00 00 FF 06 FA D5 03 32 01 06", "cut off"),
        ("00 00 FF 06 FA D5 03 32 01 06 07 E9 00", "data checksum"),
        ("00 00 FF 02 FE D4 02 2A 00", "begins with 0xd4"),
    ],
)
def test_damaged_frames(received: str, why: str) -> None:
    with pytest.raises(ChecksumError, match=why):
        frame.parse(bytes.fromhex(received))


@for_each(
    ("received", "length"),
    [
        ("00 00 FF 00 FF 00", 6),
        ("00 00 FF 06 FA D5", 13),
        ("00 00 FF FF FF 01 05 FA D5", 271),
        ("00 00 FF FF FF 01 05 FB D5", 0),
        ("00 00 FF 06 FB D5", 0),
        ("00 00 FF", 0),
        ("12 34", 0),
    ],
)
def test_announced_length(received: str, length: int) -> None:
    assert frame.announced_length(bytes.fromhex(received)) == length


@for_each(
    ("answer", "expected"),
    [
        ("00", []),
        ("01 01 00 04 08 04 BC F0 24 B5", [("0004", 0x08, "bcf024b5")]),
        ("01 01 00 04 08 04 DC AF FD 02", [("0004", 0x08, "dcaffd02")]),
        ("01 01 00 44 00 07 04 A1 B2 C3 D4 E5 80", [("0044", 0x00, "04a1b2c3d4e580")]),
        (
            "02 01 00 04 08 04 BC F0 24 B5 02 00 44 00 07 04 A1 B2 C3 D4 E5 80",
            [("0004", 0x08, "bcf024b5"), ("0044", 0x00, "04a1b2c3d4e580")],
        ),
        (  # an ISO 14443-4 card with its ATS, and another card behind it
            "02 01 03 44 20 04 01 02 03 04 05 75 77 81 02 02 00 04 08 04 BC F0 24 B5",
            [("0344", 0x20, "01020304"), ("0004", 0x08, "bcf024b5")],
        ),
    ],
)
def test_lists_of_cards(answer: str, expected: list[tuple[str, int, str]]) -> None:
    found = targets(bytes.fromhex(answer))
    assert [(each.atqa.hex(), each.sak, each.uid.hex()) for each in found] == expected
    assert [each.number for each in found] == list(range(1, len(expected) + 1))


@for_each(
    "answer",
    ["", "03", "01", "01 01 00 04 08", "01 01 00 04 08 04 BC F0 24", "01 01 00 04 08 05 1 2 3 4 5"],
)
def test_lists_that_make_no_sense(answer: str) -> None:
    data = bytes(int(each, 16) for each in answer.split())
    with pytest.raises(ChecksumError, match="makes no sense"):
        targets(data)


def test_every_status_is_told_in_words() -> None:
    for status in range(64):
        error = CardError(status)
        assert error.code == "remote_exception"
        assert error.hint
        assert f"0x{status:02x}" in error.message
    assert "refused the key" in CardError(0x14).message
    assert [status for status in range(64) if CardError(status).gone] == [1, 0x0A, 0x29, 0x2A, 0x2B]


# -- where the message is -------------------------------------------------------------------------

ADDRESS = "D1 01 10 55 02 72 61 6B 77 69 72 65 6C 65 73 73 2E 63 6F 6D"


@pytest.mark.parametrize(
    ("message", "packed"),
    [
        (ADDRESS, f"03 14 {ADDRESS} FE"),
        (
            "D1 01 08 54 02 65 6E 48 65 6C 6C 6F",
            "03 0C D1 01 08 54 02 65 6E 48 65 6C 6C 6F FE",
        ),
        ("", "03 00 FE"),
    ],
)
def test_packing(message: str, packed: str) -> None:
    data = bytes.fromhex(message)
    assert pack(data) == bytes.fromhex(packed)
    assert find(pack(data)) == Tlv(3, 0, 2, len(data))


def test_packing_long_messages() -> None:
    assert pack(bytes(254))[:2] == b"\x03\xfe"
    assert pack(bytes(255))[:4] == b"\x03\xff\x00\xff"
    assert find(pack(bytes(300))) == Tlv(3, 0, 4, 300)
    with pytest.raises(ValueError, match="more than a card"):
        pack(bytes(65535))


def find(data: bytes) -> Tlv | None:
    return Area(data.__getitem__, len(data), 16).message()


def put_at(data: bytes) -> int:
    """Where an empty message goes."""
    area = Area(data.__getitem__, len(data), 16)
    planned = plan(area, area.layout(), b"", 4)
    return min(at for part in (planned.body, *planned.last) for at in part)


@for_each(
    ("area", "place", "at"),
    [
        ("01 03 A0 0C 34 03 00 FE", Tlv(3, 5, 7, 0), 5),
        ("00 00 03 02 D0 00 FE", Tlv(3, 2, 4, 2), 2),
        ("FD 02 03 03 03 01 AA FE", Tlv(3, 4, 6, 1), 4),
        ("01 03 A0 0C 34 FE 00 00", None, 5),
        ("FE 03 01", None, 0),
        ("00 00 00 00", None, 0),
        ("FD 02 AA AA 00 00 FE 00 00", None, 4),
        # what follows an empty message may be the rest of an interrupted one
        ("03 00 D1 01 08 54 02 65 6E FE", Tlv(3, 0, 2, 0), 0),
        ("03 00 01 F4 D1 01 08 54 02 65", Tlv(3, 0, 2, 0), 0),
        # T2T 2.3.2: the lock bytes lie at 1 * 16 + 5, that is byte 5 of the area, two of them
        ("01 03 15 10 04 FF FF 03 01 AA", Tlv(3, 5, 7, 1), 7),
        # T2T 2.3.3: three reserved bytes from 16 + 9 on, inside of the message
        ("02 03 19 03 04 03 02 AA BB EE EE EE FE", Tlv(3, 5, 7, 2), 5),
    ],
)
def test_finding(area: str, place: Tlv | None, at: int) -> None:
    data = bytes.fromhex(area)
    assert find(data) == place
    assert put_at(data) == at


def test_reserved_bytes_are_no_part_of_a_message() -> None:
    data = bytes.fromhex("02 03 18 03 04 03 02 AA EE EE EE BB FE")
    area = Area(data.__getitem__, len(data), 16)
    found = area.message()
    assert found is not None
    assert area.value(found) == b"\xaa\xbb"
    planned = plan(area, area.layout(), b"\x11\x22\x33", 4)
    assert planned.body == {5: 3, 7: 0x11, 11: 0x22, 12: 0x33}
    assert planned.last == ({6: 3},)
    # a Mifare Classic knows no such areas (AN1304): the TLV is skipped like any other
    plain = Area(data.__getitem__, len(data))
    assert plain.message() == Tlv(3, 5, 7, 2)
    assert plain.value(Tlv(3, 5, 7, 2)) == b"\xaa\xee"


@for_each(
    ("area", "words"),
    [
        ("03 C8 D1 01", "NDEF message at byte 0 .* says 200 bytes, has 4"),
        ("03 FF 0F FF D1", "says 4095 bytes, has 5"),
        ("03 FF 01", "its length is cut off"),
        ("00 00 03", "its length is missing"),
        ("FD 03 AA AA", "TLV of type 0xfd at byte 0 .* says 3 bytes, has 4"),
    ],
)
def test_what_does_not_fit_is_damage(area: str, words: str) -> None:
    with pytest.raises(RemoteExceptionError, match=words):
        find(bytes.fromhex(area))


# -- anything at all ------------------------------------------------------------------------------


def noise(kind: str) -> list[bytes]:
    """Random bytes: plain, behind a start code, and good frames with a few bytes changed."""
    chance = random.Random(f"{SEED}{kind}")  # noqa: S311
    made = []
    for number in range(TEN_THOUSAND):
        data = chance.randbytes(chance.randrange(48))
        if number % 3 == 1:
            data = b"\x00\x00\xff" + data
        elif number % 3 == 2:
            good = bytearray(frame.command(0x4B, data)[:-2] + b"\x00\x00")
            for _ in range(chance.randrange(3)):
                good[chance.randrange(len(good))] = chance.randrange(256)
            data = bytes(good)
        made.append(data)
    return made


def test_any_bytes_are_a_frame_or_a_checksum_error(tally: Tally) -> None:
    refused = 0
    for data in noise("frame"):
        try:
            found = frame.parse(data)
        except ChecksumError:
            refused += 1
        else:
            assert found.kind in {"ack", "nack", "error", "data"}
        assert 0 <= frame.announced_length(data) <= 70_000
    assert refused > TEN_THOUSAND // 2
    tally.add("bad_input", "random bytes as a PN532 frame", TEN_THOUSAND, seed=str(SEED))


def test_any_bytes_are_a_list_of_cards_or_a_checksum_error() -> None:
    for data in noise("targets"):
        try:
            found = targets(bytes((data[0] & 3,)) + data[1:] if data else data)
        except ChecksumError:
            continue
        assert all(len(each.uid) in {4, 7, 10} for each in found)


def test_any_bytes_are_a_data_area(tally: Tally) -> None:
    """Whatever stands there is found, told as damage, or kept when a message is written."""
    chance = random.Random(SEED)  # noqa: S311
    usual = b"\x00\x00\x01\x02\x03\x03\x03\x04\x05\x13\xfd\xfe\xff"
    found = damaged = replaced = 0
    for data in noise("area"):
        if chance.random() < 0.8:  # bytes that mean something
            data = bytes(chance.choice(usual) for _ in range(chance.randrange(48)))  # noqa: PLW2901
        try:
            place = find(data)
        except RemoteExceptionError:
            damaged += 1
            continue
        if place is not None:
            found += 1
            assert place.value > place.tag
        area = Area(data.__getitem__, len(data), 16)
        with suppress(RemoteExceptionError, BadParamsError):
            layout = area.layout()
            kept = [(each.kind, area.value(each)) for each in (*layout.before, *layout.after)]
            after = bytearray(data)
            planned = plan(area, layout, b"\xd0\x00\x00", 4)
            for change in (planned.first, planned.body, *planned.last, *planned.clean):
                for at, byte in change.items():
                    after[at] = byte
            again = Area(after.__getitem__, len(after), 16)
            written = again.layout()
            assert written.message is not None
            assert again.value(written.message) == b"\xd0\x00\x00"
            left = [(each.kind, again.value(each)) for each in (*written.before, *written.after)]
            assert left == kept
            replaced += 1
    assert min(found, damaged, replaced) > 500
    tally.add("bad_input", "random bytes as a card's data area", TEN_THOUSAND, seed=str(SEED))
