"""RAK13600 and what stands on a card: TLVs, capability container, lock bits, keys, directories."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.cases import for_each
from tests.modules.test_rak13600 import Plugged, failure

from wisblock_bridge.errors import BadParamsError, ForbiddenError, RemoteExceptionError

if TYPE_CHECKING:
    from tests.tally import Tally

NTAG = "ntag213:04112233445566"
LARGE = "ntag216:04112233445566"
UID = bytes.fromhex("04112233445566")
HELLO = "03 0C D1 01 08 54 02 65 6E 48 65 6C 6C 6F FE"
MAD, NDEF, FACTORY = (
    bytes.fromhex("A0A1A2A3A4A5"),
    bytes.fromhex("D3F7D3F7D3F7"),
    bytes.fromhex("FFFFFFFFFFFF"),
)


def with_area(area: str, tag: str = NTAG) -> Plugged:
    """A tag whose user memory begins like this."""
    plugged = Plugged(tag)
    data = bytes.fromhex(area)
    card = plugged.card(UID)
    card.memory[16:24] = bytes(8)
    card.memory[16 : 16 + len(data)] = data
    return plugged


def area_of(plugged: Plugged, length: int) -> str:
    memory: bytearray = plugged.card(UID).memory
    return memory[16 : 16 + length].hex(" ").upper()


# -- reading: the whole area is searched, and damage is no empty card -----------------------------


@for_each(
    "area",
    [
        "FD 3C" + 60 * "AA" + HELLO,
        52 * "00" + HELLO,
        100 * "00" + HELLO,
        "FD FF 00 40" + 64 * "AA" + HELLO,
        "A5 02 11 22" + HELLO,
        "01 03 A0 0C 34" + HELLO,
        "00 01 03 A0 0C 34 02 03 B0 04 04 00" + HELLO,
    ],
)
def test_a_message_is_found_wherever_it_is(area: str) -> None:
    found = with_area(area).module.read_ndef()
    assert found.values["records"] == ["Hello"]


@for_each(
    ("area", "words"),
    [
        ("03 C8 D1 01 08 54", "says 200 bytes, has 144"),
        ("03 FF 0F FF D1 01 08", "says 4095 bytes, has 144"),
        ("FD C8 AA", "TLV of type 0xfd .* says 200 bytes, has 144"),
        (143 * "00" + "03", "its length is missing"),
        (142 * "00" + "03 FF", "its length is cut off"),
    ],
)
def test_damage_is_told(area: str, words: str) -> None:
    plugged = with_area(area)
    with pytest.raises(RemoteExceptionError, match=words):
        plugged.module.read_ndef()
    assert not plugged.chip.field


@for_each("area", ["FE", "00 FE", "03 00 FE", "FD 01 AA FE", 144 * "00"])
def test_an_empty_card_is_empty(area: str) -> None:
    assert with_area(area).module.read_ndef().values["records"] == []


def test_reserved_bytes_inside_of_the_data_area() -> None:
    """A lock control TLV (T2T 2.3.2): 8 bits at address 2 * 16 + 8, that is page 10."""
    area = "01 03 28 08 04 03 1A D1 01 16 54 02 65 6E" + 10 * "41"
    plugged = with_area(area + "EE" + 9 * "42" + "FE")
    assert plugged.module.read_ndef().values["records"] == ["AAAAAAAAAABBBBBBBBB"]
    plugged.module.write_ndef(["C" * 30])
    assert plugged.card(UID).memory[40] == 0xEE
    assert plugged.module.read_ndef().values["records"] == ["C" * 30]


# -- writing: what is not ours is kept ------------------------------------------------------------


@for_each(
    ("area", "after"),
    [
        (
            "FD 08 AA AA AA AA AA AA AA AA FE",
            "FD 08 AA AA AA AA AA AA AA AA 03 09 D1 01 05 54 02 65 6E 48 69 FE",
        ),
        ("A5 02 11 22 FE", "A5 02 11 22 03 09 D1 01 05 54 02 65 6E 48 69 FE"),
        (  # a shorter message leaves NULLs before what follows
            "03 0C D1 01 08 54 02 65 6E 48 65 6C 6C 6F FD 02 AA BB FE",
            "03 09 D1 01 05 54 02 65 6E 48 69 00 00 00 FD 02 AA BB FE",
        ),
        (  # a longer one goes behind it
            "03 03 D0 00 00 FD 02 AA BB FE",
            "00 00 00 00 00 FD 02 AA BB 03 09 D1 01 05 54 02 65 6E 48 69 FE",
        ),
        ("03 C8 D1 01 08 54", "03 09 D1 01 05 54 02 65 6E 48 69 FE"),  # damaged: mended
    ],
)
def test_other_tlvs_are_kept(area: str, after: str) -> None:
    plugged = with_area(area)
    plugged.module.write_ndef(["Hi"])
    assert area_of(plugged, len(bytes.fromhex(after))) == after
    assert plugged.module.read_ndef().values["records"] == ["Hi"]


def test_a_damaged_tlv_before_the_message_is_refused() -> None:
    plugged = with_area("FD C8 AA")
    before = bytes(plugged.card(UID).memory)
    with pytest.raises(RemoteExceptionError, match="TLV of type 0xfd"):
        plugged.module.write_ndef(["Hi"])
    assert plugged.card(UID).memory == before


def test_a_second_message_is_no_room() -> None:
    plugged = with_area("03 03 D0 00 00 03 03 D0 00 00 FE")
    with pytest.raises(BadParamsError, match="which has 5"):
        plugged.module.write_ndef(["Hi"])
    assert area_of(plugged, 11) == "03 03 D0 00 00 03 03 D0 00 00 FE"


@pytest.mark.slow
@for_each("begin", range(6))
@for_each("behind", ["", "FD 06 01 02 03 04 05 06"])
@for_each("length", [3, 300])
def test_pulled_away_whatever_stands_there(
    begin: int, behind: str, length: int, tally: Tally
) -> None:
    """At every step the card holds the old message, none or the new one, and the rest is kept."""
    old = "03 08 D1 01 04 54 02 65 6E 61"
    area = begin * "00" + old + behind + "FE"
    new = ["z" * length]
    for exchanges in range(2, 200):
        plugged = with_area(area, LARGE)
        plugged.pull_after(exchanges)
        error = failure(lambda each=plugged: each.module.write_ndef(new))  # type: ignore[misc]
        plugged.pull_after(-1)
        memory: bytearray = plugged.card(UID).memory
        if behind:
            assert bytes.fromhex(behind) in memory
        found = plugged.module.read_ndef().values["records"]
        if error is None:
            assert found == new
            break
        assert found in (["a"], [], new), exchanges
        plugged.module.write_ndef(["again"])
        assert plugged.module.read_ndef().values["records"] == ["again"]
        if behind:
            assert bytes.fromhex(behind) in memory
    else:
        raise AssertionError("it never worked")
    tally.add("fault", "NFC card taken away, at each exchange in turn", exchanges - 2)


def test_the_order_of_writing() -> None:
    """T2T 6.4.3: the length is 0 first, then the message is written, then its length."""
    plugged = with_area("03 03 D0 00 00 FE")
    plugged.module.write_ndef(["Hello"])
    writes = plugged.card(UID).writes
    assert [page for page, _ in writes] == [4, 5, 6, 7, 4]
    assert writes[0][1][:2] == b"\x03\x00"
    assert writes[-1][1][:2] == b"\x03\x0c"


# -- what the card says may not be done -----------------------------------------------------------


@pytest.mark.parametrize("access", [0x0F, 0x01, 0x0E])
def test_the_capability_container_forbids_writing(access: int) -> None:
    plugged = with_area(HELLO)
    card = plugged.card(UID)
    card.memory[15] = access
    with pytest.raises(ForbiddenError, match=r"read-only \(access 0x0.\)\. Nothing was written"):
        plugged.module.write_ndef(["Hi"])
    with pytest.raises(ForbiddenError, match="read-only"):
        plugged.module.write_block(5, b"abcd")
    assert card.writes == []
    assert plugged.module.read_ndef().values["records"] == ["Hello"]


def test_the_capability_container_forbids_reading() -> None:
    plugged = with_area(HELLO)
    plugged.card(UID).memory[15] = 0xF0
    with pytest.raises(RemoteExceptionError, match="may not be read"):
        plugged.module.read_ndef()


@pytest.mark.parametrize(("version", "readable"), [(0x10, True), (0x11, True), (0x20, False)])
def test_the_version_of_the_format(version: int, *, readable: bool) -> None:
    plugged = with_area(HELLO)
    plugged.card(UID).memory[13] = version
    if readable:
        assert plugged.module.read_ndef().values["records"] == ["Hello"]
        return
    with pytest.raises(RemoteExceptionError, match=r"version 2\.0"):
        plugged.module.read_ndef()


@for_each(
    ("tag", "lock_at", "bit", "page"),
    [
        # static lock bytes: page 2, bytes 2 and 3 (NTAG213/215/216 data sheet, figure 8)
        (NTAG, 10, 4, 4),
        (NTAG, 10, 7, 7),
        (NTAG, 11, 0, 8),
        (NTAG, 11, 7, 15),
        # dynamic lock bytes (figures 9 to 11)
        (NTAG, 4 * 40, 0, 16),
        (NTAG, 4 * 40, 0, 17),
        (NTAG, 4 * 40 + 1, 3, 39),
        ("ntag215:04112233445566", 4 * 130, 6, 127),
        ("ntag215:04112233445566", 4 * 130, 1, 47),
        (LARGE, 4 * 226 + 1, 4, 221),
        (LARGE, 4 * 226, 7, 143),
        # MF0ICU2 data sheet, figure 7; the NTAG203 has the same
        ("ntag203:04112233445566", 4 * 40, 1, 19),
        ("ntag203:04112233445566", 4 * 40, 7, 36),
        ("ntag212:04112233445566", 4 * 36 + 1, 1, 35),
        ("ultralight_ev1_128:04112233445566", 4 * 36, 3, 22),
    ],
)
def test_lock_bits(tag: str, lock_at: int, bit: int, page: int) -> None:
    plugged = Plugged(tag)
    card = plugged.card(UID)
    if card.memory[12] != 0xE1:
        card.memory[12:16] = bytes.fromhex("E1101000")
    # Something else stands up to two bytes before the page: an empty message reaches into it.
    other = 4 * (page - 4) - 2
    if other > 0:
        length = other - 4
        head = b"\xfd\xff" + length.to_bytes(2, "big")
        card.memory[16 : 16 + other] = head + bytes(length)
    card.memory[16 + max(0, other) : 20 + max(0, other)] = bytes.fromhex("00 00 FE 00")
    card.memory[lock_at] |= 1 << bit
    with pytest.raises(ForbiddenError, match=f"lock bits lock pages? .*{page}"):
        plugged.module.write_ndef([])
    with pytest.raises(ForbiddenError, match=f"lock page {page}"):
        plugged.module.write_block(page, b"abcd")
    assert card.writes == []


def test_what_is_not_locked_is_written() -> None:
    plugged = with_area("03 00 FE")
    plugged.card(UID).memory[11] = 0x80
    plugged.card(UID).memory[160:162] = b"\xff\x0f"
    plugged.module.write_ndef(["Hello"])
    assert plugged.module.read_ndef().values["records"] == ["Hello"]


# -- Mifare Classic: directories, access bits, general purpose bytes -------------------------------


def formatted(kind: str = "classic1k", message: str = HELLO[6:-3]) -> Any:
    plugged = Plugged(f"{kind}:01020304")
    plugged.card(bytes.fromhex("01020304")).format_ndef(bytes.fromhex(message))
    return plugged


CARD = bytes.fromhex("01020304")


@for_each(
    ("access", "allowed"),
    [
        ("7F 07 88", True),  # data 000: written with either key
        ("78 77 88", True),  # data 100: written with key B
        ("0F 07 8F", False),  # data 010: never written
        ("07 8F 0F", False),  # data 010, trailer 110: AN1304's read-only
        ("08 77 8F", True),  # data 110: written with key B
        ("7F 00 F8", False),  # data 001: a value block that is only decremented
    ],
)
def test_access_bits(access: str, *, allowed: bool) -> None:
    plugged = formatted()
    card = plugged.card(CARD)
    card.memory[7 * 16 + 6 : 7 * 16 + 9] = bytes.fromhex(access)
    card.writes.clear()
    if allowed:
        plugged.module.write_ndef(["Hi"])
        assert plugged.module.read_ndef().values["records"] == ["Hi"]
        return
    with pytest.raises(ForbiddenError, match="access bits of block 7"):
        plugged.module.write_ndef(["Hi"])
    assert card.writes == []
    assert plugged.module.read_ndef().values["records"] == ["Hello"]


def test_the_general_purpose_byte_of_a_sector() -> None:
    plugged = formatted()
    card = plugged.card(CARD)
    card.memory[7 * 16 + 9] = 0x43  # AN1304: version 1.0, read access, no write access
    with pytest.raises(ForbiddenError, match="general purpose byte of block 7"):
        plugged.module.write_ndef(["Hi"])
    assert card.writes == []


def test_access_bits_that_contradict_each_other() -> None:
    plugged = formatted()
    plugged.card(CARD).memory[7 * 16 + 6] ^= 1
    with pytest.raises(RemoteExceptionError):
        plugged.module.write_ndef(["Hi"])
    assert plugged.card(CARD).writes == []


@for_each("general", [0x00, 0x01, 0x40, 0xC3, 0xC0])
def test_the_general_purpose_byte_of_the_directory(general: int) -> None:
    """AN10787: bit 7 says that there is a directory, bits 1 and 0 its version, 1 or 2."""
    plugged = formatted()
    plugged.card(CARD).memory[3 * 16 + 9] = general
    with pytest.raises(RemoteExceptionError, match="not formatted for NDEF"):
        plugged.module.read_ndef()


def test_a_directory_that_is_damaged() -> None:
    plugged = formatted()
    assert plugged.card(CARD).memory[16] == 0x14  # facts: info 01 and 15 times 03 E1
    plugged.card(CARD).memory[20] ^= 1
    with pytest.raises(RemoteExceptionError, match="directory of this card is damaged"):
        plugged.module.read_ndef()


def test_both_directories_of_a_4k_card() -> None:
    plugged = formatted("classic4k")
    card = plugged.card(CARD)
    card.memory[3 * 16 + 9] = 0xC2
    card.put(64, bytes.fromhex("9E 00" + 23 * "03E1"))
    card.put(67, MAD + bytes.fromhex("787788C2") + FACTORY)
    for sector in range(17, 40):
        first = 4 * sector if sector < 32 else 128 + 16 * (sector - 32)
        card.put(first | (3 if sector < 32 else 15), NDEF + bytes.fromhex("7F078840") + FACTORY)
    text = "".join(random.Random(5).choices("abcdefgh", k=3300))  # noqa: S311
    plugged.module.write_ndef([text])
    assert plugged.module.read_ndef().values["records"] == [text]
    assert card.memory[128 * 16 : 143 * 16].count(0) == 0
    assert card.memory[64 * 16 : 65 * 16].hex() == "9e00" + 7 * "03e1"
    with pytest.raises(BadParamsError, match="which has 3360"):
        plugged.module.write_ndef(["x" * 3400])
    card.memory[64 * 16 + 5] ^= 1
    with pytest.raises(RemoteExceptionError, match="directory"):
        plugged.module.read_ndef()


# -- records that are not all readable ------------------------------------------------------------


def test_one_bad_record_is_given_as_bytes_with_a_note() -> None:
    plugged = with_area("03 0A 91 01 00 54 51 01 02 55 06 78 FE")
    found = plugged.module.read_ndef()
    assert found.values["records"] == ["ndef:urn:nfc:wkt:T;base64,", "mailto:x"]
    assert found.quality == "uncertain"
    assert "record 1 is not a text" in found.note


def test_what_was_read_is_written_back_as_it_stood() -> None:
    """With an identifier, UTF-16, a prefix that is not used: on the same tag, and on another."""
    message = bytes.fromhex(
        "99 01 02 01 55 61 06 78 11 01 09 55 00 68 74 74 70 3A 2F 2F 61"
        "51 01 07 54 82 65 6E FE FF 20 AC"
    )
    plugged = with_area(f"03 {len(message):02X}" + message.hex() + "FE")
    found: Any = plugged.module.read_ndef().values
    assert found["records"] == ["mailto:x", "http://a", "€"]
    plugged.module.write_ndef(found["records"])
    assert plugged.module.read_ndef().values["message"] == message
    other = with_area("03 00 FE")
    other.module.write_ndef(found["records"], found["details"])
    assert other.module.read_ndef().values["message"] == message
