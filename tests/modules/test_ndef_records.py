"""NDEF records as text: what was read can be written again."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.errors import BadParamsError, RemoteExceptionError
from wisblock_bridge.modules.ndef_records import message, spell

if TYPE_CHECKING:
    from tests.tally import Tally

ADDRESS = "D1 01 10 55 02 72 61 6B 77 69 72 65 6C 65 73 73 2E 63 6F 6D"
HELLO = "D1 01 08 54 02 65 6E 48 65 6C 6C 6F"


@pytest.mark.parametrize(
    ("record", "kind", "expected"),
    [
        ("https://www.rakwireless.com", "uri", ADDRESS),
        ("Hello", "text", HELLO),
        ("tel:+4912345", "uri", "D1 01 09 55 05 2B 34 39 31 32 33 34 35"),
        ("mailto:a@b.de", "uri", "D1 01 07 55 06 61 40 62 2E 64 65"),
        ("text:de:Hallo", "text", "D1 01 08 54 02 64 65 48 61 6C 6C 6F"),
        (
            "data:text/plain;base64,SGk=",
            "mime",
            "D2 0A 02 74 65 78 74 2F 70 6C 61 69 6E 48 69",
        ),
        (
            "ndef:urn:nfc:ext:a.b:c;base64,SGk=",
            "other",
            "D4 05 02 61 2E 62 3A 63 48 69",
        ),
    ],
)
def test_spellings(record: str, kind: str, expected: str) -> None:
    made = message([record])
    assert made == bytes.fromhex(expected)
    found = spell(made)
    assert (found.records, found.kinds) == ([record], [kind])


@pytest.mark.parametrize(
    "record",
    [
        "text:en:https://not.an.address",
        "text:en:text:de:nested",
        "text:en:data:text/plain,x",
        "text:en-GB:colour",
        "Grüße: 20 °C",
        "a: b",
        "",
        "uri:gopher://old.example",
        "ndef:text/plain;charset=utf-8;base64,SGk=",
        "data:image/png;base64,",
    ],
)
def test_what_was_read_can_be_written_again(record: str) -> None:
    assert spell(message([record])).records == [record]


def test_plain_data_is_taken_too() -> None:
    assert message(["data:text/plain,Hi%21"]) == message(["data:text/plain;base64,SGkh"])


def test_several_records() -> None:
    records = ["https://example.com/", "text:fr:Bonjour", "data:a/b;base64,AAE="]
    found = spell(message(records))
    assert (found.records, found.kinds) == (records, ["uri", "text", "mime"])


def test_nothing_at_all() -> None:
    assert message([]) == b""
    assert spell(b"").records == []


@pytest.mark.parametrize("record", ["data:a/b;base64,***", "ndef:x y;base64,SGk="])
def test_records_that_cannot_be_written(record: str) -> None:
    with pytest.raises(BadParamsError, match="cannot be written") as caught:
        message([record])
    assert caught.value.data["param"] == "records"


@pytest.mark.parametrize(
    "data", ["D1", "D1 01 10 55 02", "FF 00 00", "11 01 01 55 00", "D1 01 00 54"]
)
def test_bytes_that_are_no_message(data: str) -> None:
    with pytest.raises(RemoteExceptionError, match="not a message") as caught:
        spell(bytes.fromhex(data))
    assert caught.value.data["message"] == bytes.fromhex(data)


def test_any_bytes_are_a_message_or_an_error_in_words(tally: Tally) -> None:
    chance = random.Random(20250413)  # noqa: S311
    read = 0
    for number in range(10_000):
        data = bytearray(chance.randbytes(chance.randrange(1, 40)))
        if number % 2:
            payload = chance.randbytes(chance.randrange(20))
            kind = chance.choice((b"U", b"T", b"Sp", b"Hs", b"Sig", b"a/b"))
            flags = chance.choice((0xD1, 0xD2, 0xD4, 0x91))
            data = bytearray((flags, len(kind), len(payload))) + kind + payload
            if number % 4 == 1 and data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            found = spell(bytes(data))
        except RemoteExceptionError:
            continue
        read += 1
        assert len(found.records) == len(found.kinds)
        message(found.records)
    assert read > 500
    tally.add("bad_input", "random bytes as an NDEF message", 10_000, seed="20250413")


def test_any_text_can_be_read_back() -> None:
    chance = random.Random(1)  # noqa: S311
    for _ in range(1000):
        text = "".join(
            chance.choice("ab:/;,-text:uri:ndéf€😀 ") for _ in range(chance.randrange(30))
        )
        assert spell(message([text])).records[0] in {text, f"text:en:{text}"}


def test_files_of_any_length() -> None:
    for length in (0, 1, 255, 256, 700):
        record = "data:application/x;base64," + base64.b64encode(bytes(length)).decode()
        assert spell(message([record])).records == [record]
