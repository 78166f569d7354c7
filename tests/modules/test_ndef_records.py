"""NDEF records as text: what was read can be written again."""

from __future__ import annotations

import base64
import random
import re
from typing import TYPE_CHECKING, Any

import ndef
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.cases import for_each

from wisblock_bridge.errors import BadParamsError, RemoteExceptionError
from wisblock_bridge.modules.nfc.ndef_records import message, spell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.tally import Tally

ADDRESS = "D1 01 10 55 02 72 61 6B 77 69 72 65 6C 65 73 73 2E 63 6F 6D"
HELLO = "D1 01 08 54 02 65 6E 48 65 6C 6C 6F"


@for_each(
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


@for_each(
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


@for_each(
    "data", ["D1", "D1 01 10 55 02", "FF 00 00", "11 01 01 55 00", "51 01 01 55 00", "D1 00 00 FE"]
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


# -- over bytes: what stands on a tag is given, and written back as it stands ----------------------

GRUSSE = "47 00 72 00 FC 00 DF 00 65"


@for_each(
    ("data", "record", "kind", "details"),
    [
        # RTD URI 3.2.3: the field is the URI; nothing in it is encoded or decoded
        (
            "D1 01 17 55 04 65 78 61 6D 70 6C 65 2E 63 6F 6D 2F 78 3F 69 64 3D 31 26 62 3D 32",
            "https://example.com/x?id=1&b=2",
            "uri",
            "",
        ),
        ("D1 01 07 55 04 61 2F 25 32 46 20", "https://a/%2F ", "uri", ""),
        ("D1 01 07 55 00 68 74 74 70 3A 2F", "uri:http:/", "uri", ""),
        ("D1 01 09 55 00 68 74 74 70 3A 2F 2F 61", "http://a", "uri", "prefix=0"),
        ("D1 01 04 55 23 78 79 7A", "urn:nfc:xyz", "uri", ""),
        # RTD Text 3.4: without a mark it is big-endian
        (f"D1 01 0D 54 82 64 65 00 {GRUSSE}", "text:de:Grüße", "text", "encoding=utf-16be"),
        ("D1 01 07 54 82 65 6E FE FF 20 AC", "€", "text", "encoding=utf-16be-bom"),
        ("D1 01 07 54 82 65 6E FF FE AC 20", "€", "text", "encoding=utf-16le-bom"),
        ("D9 01 04 02 55 61 62 03 78 79 7A", "http://xyz", "uri", "id=ab"),
        ("D9 01 02 00 55 06 78", "mailto:x", "uri", "id="),
        ("D9 01 02 02 55 3B 25 06 78", "mailto:x", "uri", "id=%3B%25"),
        ("C1 01 00 00 00 02 55 06 78", "mailto:x", "uri", "long"),
        # NDEF 1.0, 2.3.3: a payload in chunks is one record
        ("B1 01 02 55 06 78 36 00 01 79 56 00 01 7A", "mailto:xyz", "uri", "chunks=2,1,1"),
        ("D0 00 00", "ndef:;base64,", "other", ""),
        ("D5 00 02 48 69", "ndef:unknown;base64,SGk=", "other", ""),
        ("D6 00 02 48 69", "ndef:unchanged;base64,SGk=", "other", ""),
        ("D7 01 02 41 48 69", "ndef:format=7,type=A;base64,SGk=", "other", ""),
        ("D3 03 01 61 3A 62 78", "ndef:a:b;base64,eA==", "other", ""),
        ("D2 03 01 41 2F 42 78", "data:A/B;base64,eA==", "mime", ""),
        ("D4 03 01 41 3A 42 78", "ndef:urn:nfc:ext:A:B;base64,eA==", "other", ""),
        (
            "D1 02 12 53 70 91 01 03 55 04 61 62 51 01 07 54 02 65 6E 54 78 74 31",
            'poster:["https://ab", "Txt1"]',
            "smart_poster",
            "",
        ),
        (
            "D1 02 07 53 70 D9 01 01 01 55 69 00",
            'poster:[["uri:", "id=i"]]',
            "smart_poster",
            "",
        ),
    ],
)
def test_a_record_as_it_stands(data: str, record: str, kind: str, details: str) -> None:
    stored = bytes.fromhex(data)
    found = spell(stored)
    assert (found.records, found.kinds, found.details) == ([record], [kind], [details])
    assert found.note == ""
    assert message(found.records, found.details) == stored
    assert message(found.records, kept=stored) == stored


@for_each(
    ("damaged", "words"),
    [
        ("11 01 00 54", "is not a text"),  # no status byte
        ("11 01 04 54 82 65 6E 00", "is not a text"),  # half a letter
        ("11 01 03 54 02 65 FF", "is not a text"),  # no letters in the language
        ("11 01 02 54 00 FF", "is not a text"),  # no UTF-8
        ("11 01 00 55", "is not an address"),
        ("11 01 02 55 24 61", "is not an address"),  # reserved prefix
        ("11 01 02 55 03 FF", "is not an address"),
        ("11 02 01 53 70 D1", "is not a smart poster"),
        ("11 02 00 53 70", "is not a smart poster"),
    ],
)
def test_one_bad_record_does_not_hide_the_others(damaged: str, words: str) -> None:
    stored = (
        bytes.fromhex("91 01 02 55 06 78")
        + bytes.fromhex(damaged)
        + bytes.fromhex(f"51{HELLO[2:]}")
    )
    found = spell(stored)
    assert found.records[0] == "mailto:x"
    assert found.records[1].startswith("ndef:urn:nfc:wkt:")
    assert found.records[2] == "Hello"
    assert found.kinds == ["uri", "other", "text"]
    assert f"record 2 {words}" in found.note
    assert message(found.records, found.details) == stored


def test_what_came_before_the_damage_is_told() -> None:
    with pytest.raises(RemoteExceptionError, match="says 6 bytes, and 2 follow") as caught:
        spell(bytes.fromhex("91 01 02 55 06 78 51 01 05 54 02"))
    assert caught.value.data["records"] == ["mailto:x"]


def test_records_that_stand_there_are_kept_as_they_stand() -> None:
    """Who reads two records and adds a third changes nothing of the two."""
    stored = bytes.fromhex("99 01 02 01 55 61 06 78" + f"51 01 0D 54 82 64 65 00 {GRUSSE}")
    found = spell(stored)
    assert found.records == ["mailto:x", "text:de:Grüße"]
    longer = message([*found.records, "new", "mailto:x"], kept=stored)
    assert longer[:8] == stored[:8]
    assert longer[8] == 0x11
    assert longer[9:25] == stored[9:]
    again = spell(longer)
    assert again.details == ["id=a", "encoding=utf-16be", "", ""]
    assert message(found.records, ["", ""], kept=stored) == message(found.records)
    assert message(found.records, kept=b"\xd1") == message(found.records)


@for_each(
    ("record", "details", "words"),
    [
        ("Hi", "shout", "is no detail"),
        ("Hi", "encoding=ebcdic", "there is no encoding"),
        ("Hi", "chunks=1,1", "do not add up to 5"),
        ("Hi", "chunks=5", "not a chunked record"),
        ("https://a", "prefix=3", "does not begin with prefix 3"),
        ("https://a", "prefix=77", "does not begin with prefix"),
        ("Hi", "id=" + 256 * "a", "at most 255"),
        ('poster:["no address"]', "", "exactly one address"),
        ('poster:["https://a", "https://b"]', "", "exactly one address"),
        ('poster:["https://a", 5]', "", "list of texts"),
        ("poster:[nonsense]", "", "not a JSON list"),
    ],
)
def test_details_that_do_not_fit(record: str, details: str, words: str) -> None:
    with pytest.raises(BadParamsError, match=words):
        message([record], [details])


def test_details_are_one_for_each_record() -> None:
    with pytest.raises(BadParamsError, match="1 items for 2 records"):
        message(["a", "b"], [""])


def _made(records: Sequence[tuple[int, bytes, bytes | None, bytes, bool, int]]) -> bytes:
    """Write down records by NDEF 1.0, section 3.2: format, type, id, payload, long, chunk size."""
    made = b""
    for number, (tnf, kind, name, payload, long, chunk) in enumerate(records):
        framer = [payload[at : at + chunk] for at in range(0, len(payload), chunk)] if chunk else []
        framer = framer if len(framer) > 1 else [payload]
        for at, piece in enumerate(framer):
            last = at == len(framer) - 1
            wide = long or len(piece) > 255
            flags = 0x80 * (number == at == 0) | 0x40 * (last and number == len(records) - 1)
            flags |= 0x20 * (not last) | 0x10 * (not wide) | 0x08 * (name is not None and at == 0)
            made += bytes((flags | (6 if at else tnf), 0 if at else len(kind)))
            made += len(piece).to_bytes(4 if wide else 1, "big")
            if at == 0:
                made += (b"" if name is None else bytes((len(name),))) + kind + (name or b"")
            made += piece
    return made


def _payload_of(chance: random.Random, kind: bytes) -> bytes:
    text = "".join(chance.choice('abc:/?=&%#;,[]" äß€😀') for _ in range(chance.randrange(12)))
    language = chance.choice((b"en", b"de", b"en-GB", b"EN", b"x-klingon", b""))
    if kind == b"U":
        start = chance.choice(("", "", "http://", "https://www.", "www.", "example.com/"))
        return bytes((chance.randrange(0x26),)) + (start + text).encode()
    if kind == b"T":
        codec, mark = chance.choice(
            (
                ("utf-16-be", b""),
                ("utf-16-be", b"\xfe\xff"),
                ("utf-16-le", b"\xff\xfe"),
                ("utf-16-le", b""),
            )
        )
        if chance.random() < 0.5:
            return bytes((len(language),)) + language + text.encode()
        return bytes((0x80 | len(language),)) + language + mark + text.encode(codec)
    return chance.randbytes(chance.choice((0, 1, 5, 20, 254, 255, 256, 300)))


def _random_message(chance: random.Random, depth: int = 0) -> bytes:
    records = []
    for _ in range(chance.randrange(1, 5)):
        tnf, kind = chance.choice(
            (
                *((1, b"U"), (1, b"T"), (1, b"Sp"), (1, b"act"), (1, b"Sig"), (0, b"")),
                *((2, b"image/png"), (2, b"TEXT/plain"), (2, b"text/plain;charset=utf-8")),
                *((3, b"http://a.b/c"), (3, b"urn:x"), (4, b"android.com:pkg"), (4, b"A.b:C")),
                *((5, b""), (5, b"odd"), (6, b""), (7, b"\xff\x00"), (2, b"\xe4/b"), (0, b"x")),
            )
        )
        payload = _payload_of(chance, kind)
        if kind == b"Sp" and depth == 0 and chance.random() < 0.8:
            payload = _random_message(chance, 1)
        if chance.random() < 0.1:
            payload = chance.randbytes(chance.randrange(20))
        name = chance.choice((None, None, None, b"", b"id", b"a;b%=,", b"\xff\x00"))
        long, chunk = chance.random() < 0.1, chance.choice((0, 0, 0, 0, 3, 100))
        records.append((tnf, kind, name, payload, long, chunk))
    return _made(records)


@pytest.mark.slow
def test_messages_are_written_back_byte_for_byte(tally: Tally) -> None:
    chance = random.Random(20260101)  # noqa: S311
    seen: set[str] = set()
    for _ in range(10_000):
        stored = _random_message(chance)
        found = spell(stored)
        assert message(found.records, found.details) == stored
        assert message(found.records, kept=stored) == stored
        seen.update(found.kinds)
        seen.update(re.sub(r"=.*", "", part) for each in found.details for part in each.split(";"))
    assert seen >= {"uri", "text", "mime", "smart_poster", "other"}
    assert seen >= {"", "id", "encoding", "prefix", "long", "chunks"}
    tally.add("bad_input", "NDEF messages round-tripped over bytes", 10_000, seed="20260101")


_TYPES = st.sampled_from([b"U", b"T", b"Sp", b"image/png", b"a.b:c", b""]) | st.binary(max_size=9)
_RECORDS = st.tuples(
    st.integers(0, 7),
    _TYPES,
    st.none() | st.binary(max_size=9),
    st.binary(max_size=300),
    st.booleans(),
    st.sampled_from([0, 0, 1, 7, 256]),
)


@pytest.mark.slow
@given(st.lists(_RECORDS, min_size=1, max_size=4).map(_made))
@example(bytes.fromhex("D1 01 01 54 80"))
@settings(deadline=None, derandomize=True)
def test_any_message_is_written_back_byte_for_byte(stored: bytes) -> None:
    found = spell(stored)
    assert message(found.records, found.details) == stored
    assert message(found.records, kept=stored) == stored


@for_each("kind", ["uri", "text", "mime", "external", "several"])
def test_another_implementation_reads_what_is_written(kind: str) -> None:
    """``ndeflib`` is asked as a second opinion."""
    records = {
        "uri": ["https://example.com/a?b=1&c=%20"],
        "text": ["text:de:Grüße"],
        "mime": ["data:a/b;base64,AAEC"],
        "external": ["ndef:urn:nfc:ext:example.com:x;base64,AAEC"],
        "several": ["a", "tel:123", 'poster:["https://a", "T"]'],
    }[kind]
    made = message(records)
    library: Any = ndef
    assert b"".join(library.message_encoder(library.message_decoder(made))) == made
    first: Any = next(iter(library.message_decoder(made)))
    read: dict[str, Callable[[], bool]] = {
        "uri": lambda: first.iri == records[0],
        "text": lambda: (first.language, first.text) == ("de", "Grüße"),
        "mime": lambda: (first.type, first.data) == ("a/b", b"\0\1\2"),
        "external": lambda: (first.type, first.data) == ("urn:nfc:ext:example.com:x", b"\0\1\2"),
        "several": lambda: first.text == "a",
    }
    assert read[kind]()


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
