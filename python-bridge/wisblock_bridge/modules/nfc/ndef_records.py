"""NDEF records as text, so that a flow can write what it has read.

1. What ``spell`` gives, ``message`` takes, and gives the same bytes: each spelling is tried out
   before it is given, and the last one fits any record.
2. A spelling says what a record means. How it stands on the tag, where that is not the usual way,
   stands beside it in its details.
3. A card may hold anything: a record that cannot be read is given as bytes with a note; bytes that
   are not records are an error in words.

The spellings:

* an address (``https://...``, ``tel:...``, any scheme of ``SCHEMES``) is a URI record, and so is
  anything after ``uri:``;
* ``text:de:Hallo`` is text in a language; other text needs no prefix and is in English;
* ``data:image/png;base64,...`` is a MIME record;
* ``poster:["https://...", "text:en:Title"]`` is a smart poster with its records as a JSON list; one
  with details is a list of two texts;
* ``ndef:<type>;base64,...`` is any other record.

The details, joined by ";": ``id=cover`` (percent-encoded), ``encoding=utf-16be`` (also
``utf-16be-bom``, ``utf-16le-bom``), ``prefix=0`` (code of the URI's prefix), ``long`` (a length of
four bytes), ``chunks=4,4,0`` (sizes of the chunks; one with a long length has an l behind it).

Source: NFC Forum RTD URI 1.0, RTD Text 1.0, RTD Smart Poster 1.0.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from wisblock_bridge.chips.pn532 import ndef_message
from wisblock_bridge.chips.pn532.ndef_message import Chunk, MessageError, Record
from wisblock_bridge.chips.pn532.ndef_payloads import (
    UTF_8,
    Text,
    pack_text,
    pack_uri,
    read_text,
    read_uri,
)
from wisblock_bridge.errors import BadParamsError, RemoteExceptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMES = ("http://", "https://", "ftp://", "tel:", "mailto:", "sms:", "geo:", "urn:")

ENGLISH = "en"

_LANGUAGE = r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*"
_TEXT = re.compile(rf"text:({_LANGUAGE}):(.*)", re.DOTALL)
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)(;base64)?,(.*)", re.DOTALL | re.ASCII)
_POSTER = re.compile(r"poster:(\[.*\])", re.DOTALL)
_OTHER = re.compile(r"ndef:(.*);base64,([A-Za-z0-9+/=]*)", re.DOTALL)
_EXACT = re.compile(r"format=([0-7]),type=(.*)")
_MIME = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_MEDIA = re.compile(r"[^/\s:]+/[^/\s]+(?: *;.*)?", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.*", re.DOTALL)
_DETAIL = re.compile(r"id=[^;]*|encoding=[a-z0-9-]+|prefix=\d{1,2}|long|chunks=\d+l?(?:,\d+l?)*")

NAMED = {
    "": ndef_message.EMPTY,
    "unknown": ndef_message.UNKNOWN,
    "unchanged": ndef_message.UNCHANGED,
}
WELL_KNOWN, EXTERNAL = "urn:nfc:wkt:", "urn:nfc:ext:"

KINDS = ("uri", "text", "mime", "smart_poster", "other")


@dataclass(frozen=True, slots=True)
class Spelled:
    """A message in words.

    Attributes:
        records: Each record's spelling.
        kinds: For each record one of ``KINDS``.
        details: For each record how it stands on the tag, "" for the usual way.
        note: Which records could not be read and are given as bytes; "" when all could.
    """

    records: list[str]
    kinds: list[str]
    details: list[str]
    note: str = ""


def message(
    records: Sequence[str], details: Sequence[str] | None = None, *, kept: bytes = b""
) -> bytes:
    """Create an NDEF message.

    Args:
        records: Their spellings.
        details: How each is to stand on the tag. Without it the usual way is taken, except for
            records that are spelled like one of ``kept``.
        kept: A message whose records are to be kept as they stand where they are asked for again.

    Returns:
        The message.

    Raises:
        BadParamsError: A record cannot be read.
    """
    if details is not None and len(details) != len(records):
        raise BadParamsError(
            f"details has {len(details)} items for {len(records)} records.",
            hint="Give one for each record, as read_ndef does; leave it out for the usual way.",
            data={"param": "details"},
        )
    standing = _standing(kept) if details is None else {}
    made: list[Record] = []
    for number, text in enumerate(records):
        try:
            if details is None and standing.get(text):
                made.append(standing[text].pop(0))
            else:
                made.append(_record(text, details[number] if details else ""))
        except ValueError as error:
            raise _unreadable(f"{text[:40]!r}: {error}") from None
    try:
        return ndef_message.encode(made)
    except ValueError as error:
        raise _unreadable(str(error)) from None


def spell(data: bytes) -> Spelled:
    """Read an NDEF message.

    Args:
        data: The message.

    Returns:
        Its records in words.

    Raises:
        RemoteExceptionError: It is no NDEF message; ``data`` has the records before the damage.
    """
    try:
        found = ndef_message.decode(data)
    except MessageError as error:
        whole = [_spelled(each) for each in error.records]
        raise RemoteExceptionError(
            f"What the card holds is not a message that can be read ({error}).",
            hint="Write a new one with write_ndef, or read its blocks.",
            data={"message": data, "records": [each.text for each in whole]},
        ) from None
    spelled = [_spelled(each) for each in found]
    notes = [f"record {at} {each.note}" for at, each in enumerate(spelled, 1) if each.note]
    return Spelled(
        [each.text for each in spelled],
        [each.kind for each in spelled],
        [each.details for each in spelled],
        f"Given as bytes: {'; '.join(notes)}." if notes else "",
    )


# -- from words -----------------------------------------------------------------------------------


def _record(text: str, details: str = "", *, nested: bool = False) -> Record:
    """Create a record of its spelling; ``ValueError`` says what is wrong with it."""
    asked = _details(details)
    record = _plain_record(text, asked, nested=nested)
    if "id" in asked:
        record = replace(record, id=unquote_to_bytes(asked["id"]))
    if "chunks" in asked:
        sizes = asked["chunks"].split(",")
        chunks = tuple(Chunk(int(each.rstrip("l")), each.endswith("l")) for each in sizes)
        if sum(each.size for each in chunks) != len(record.payload):
            raise ValueError(f"its chunks do not add up to {len(record.payload)} bytes")
        if len(chunks) < 2:  # noqa: PLR2004
            raise ValueError("one chunk alone is not a chunked record")
        record = replace(record, chunks=chunks, long=chunks[0].long)
    elif "long" in asked:
        record = replace(record, long=True)
    ndef_message.encode((record,))
    return record


def _details(details: str) -> dict[str, str]:
    asked: dict[str, str] = {}
    for each in details.split(";") if details else ():
        if not _DETAIL.fullmatch(each):
            raise ValueError(f"{each[:40]!r} is no detail")
        name, _, value = each.partition("=")
        asked[name] = value
    return asked


def _plain_record(text: str, asked: dict[str, str], *, nested: bool) -> Record:
    if match := _TEXT.fullmatch(text):
        return _text(match[2], match[1], asked)
    if match := _DATA.fullmatch(text):
        payload = _decoded(match[3]) if match[2] else unquote_to_bytes(match[3])
        return ndef_message.make(ndef_message.MEDIA, match[1].encode(), payload)
    if not nested and (match := _POSTER.fullmatch(text)):
        return _poster(match[1])
    if match := _OTHER.fullmatch(text):
        kind, type_ = _type_of(match[1])
        return ndef_message.make(kind, type_, _decoded(match[2]))
    if text.startswith(("uri:", *SCHEMES)):
        return _uri(text.removeprefix("uri:"), asked)
    return _text(text, ENGLISH, asked)


def _text(text: str, language: str, asked: dict[str, str]) -> Record:
    content = Text(text, language, asked.get("encoding", UTF_8))
    return ndef_message.make(ndef_message.WELL_KNOWN, b"T", pack_text(content))


def _uri(uri: str, asked: dict[str, str]) -> Record:
    prefix = int(asked["prefix"]) if "prefix" in asked else None
    return ndef_message.make(ndef_message.WELL_KNOWN, b"U", pack_uri(uri, prefix))


def _poster(listed: str) -> Record:
    try:
        items = json.loads(listed)
    except (ValueError, RecursionError):
        raise ValueError("what follows poster: is not a JSON list") from None
    inner: list[Record] = []
    for each in items:
        pair = [each, ""] if isinstance(each, str) else each
        if not isinstance(pair, list) or [type(part) for part in pair] != [str, str]:
            raise ValueError("a smart poster is a list of texts")
        inner.append(_record(pair[0], pair[1], nested=True))
    if sum(_is(each, b"U") for each in inner) != 1:
        raise ValueError("a smart poster has exactly one address")
    return ndef_message.make(ndef_message.WELL_KNOWN, b"Sp", ndef_message.encode(inner))


def _type_of(name: str) -> tuple[int, bytes]:
    """Read the type of an ``ndef:`` spelling."""
    if match := _EXACT.fullmatch(name):
        return int(match[1]), unquote_to_bytes(match[2])
    if name in NAMED:
        return NAMED[name], b""
    for prefix, kind in (
        (WELL_KNOWN, ndef_message.WELL_KNOWN),
        (EXTERNAL, ndef_message.EXTERNAL),
    ):
        if name.startswith(prefix):
            return kind, name.removeprefix(prefix).encode()
    if _MEDIA.fullmatch(name):
        return ndef_message.MEDIA, name.encode()
    if _SCHEME.fullmatch(name):
        return ndef_message.URI, name.encode()
    raise ValueError(
        f"{name[:40]!r} is no type (image/png, urn:nfc:ext:example.com:name, an address)"
    )


# -- into words -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Words:
    text: str
    kind: str
    details: str = ""
    note: str = ""


def _spelled(record: Record, *, nested: bool = False) -> _Words:
    """Find the most readable spelling that gives the same record again."""
    for words in _candidates(record, nested=nested):
        details = ";".join(each for each in (*_shape(record), words.details) if each)
        try:
            again = _record(words.text, details, nested=nested)
        except (ValueError, BadParamsError):
            continue
        if again == record:
            return replace(words, details=details)
    raise AssertionError("the exact spelling fits every record")


def _candidates(record: Record, *, nested: bool) -> Iterator[_Words]:
    """Return the spellings that a record may have, the most readable first."""
    note = ""
    if _is(record, b"U"):
        yield from _uri_words(record.payload)
        note = "is not an address that can be read"
    elif _is(record, b"T"):
        yield from _text_words(record.payload)
        note = "is not a text that can be read"
    elif _is(record, b"Sp") and not nested:
        yield from _poster_words(record.payload)
        note = "is not a smart poster that can be read"
    content = base64.b64encode(record.payload).decode()
    kind = "mime" if record.format == ndef_message.MEDIA else "other"
    name = record.type.decode("ascii", "replace")
    if kind == "mime" and _MIME.fullmatch(name):
        yield _Words(f"data:{name};base64,{content}", kind, note=note)
    prefix = {ndef_message.WELL_KNOWN: WELL_KNOWN, ndef_message.EXTERNAL: EXTERNAL}
    named = {value: key for key, value in NAMED.items()}
    plain = named.get(record.format) if not record.type else None
    if plain is None:
        plain = prefix.get(record.format, "") + name
    yield _Words(f"ndef:{plain};base64,{content}", kind, note=note)
    exact = f"format={record.format},type={quote(record.type, safe='')}"
    yield _Words(f"ndef:{exact};base64,{content}", kind, note=note)


def _uri_words(payload: bytes) -> Iterator[_Words]:
    try:
        uri, prefix = read_uri(payload)
    except ValueError:
        return
    text = uri if uri.startswith(SCHEMES) else f"uri:{uri}"
    yield _Words(text, "uri")
    yield _Words(text, "uri", f"prefix={prefix}")


def _text_words(payload: bytes) -> Iterator[_Words]:
    try:
        found = read_text(payload)
    except ValueError:
        return
    details = "" if found.encoding == UTF_8 else f"encoding={found.encoding}"
    if found.language == ENGLISH:
        yield _Words(found.text, "text", details)
    yield _Words(f"text:{found.language}:{found.text}", "text", details)


def _poster_words(payload: bytes) -> Iterator[_Words]:
    try:
        inner = [_spelled(each, nested=True) for each in ndef_message.decode(payload)]
    except MessageError:
        return
    items = [[each.text, each.details] if each.details else each.text for each in inner]
    yield _Words(f"poster:{json.dumps(items, ensure_ascii=False)}", "smart_poster")


def _shape(record: Record) -> Iterator[str]:
    """Return what the spelling of a record cannot carry, whatever it means."""
    if record.id is not None:
        yield f"id={quote(record.id, safe='/:@!$&()*+,=')}"
    if record.chunks:
        yield "chunks=" + ",".join(f"{each.size}{'l' * each.long}" for each in record.chunks)
    elif record.long and len(record.payload) <= ndef_message.LONGEST_SHORT:
        yield "long"


def _standing(kept: bytes) -> dict[str, list[Record]]:
    """Return the records of a message by their spelling, in order."""
    found: dict[str, list[Record]] = {}
    try:
        records = ndef_message.decode(kept)
    except MessageError:
        return found
    for each in records:
        found.setdefault(_spelled(each).text, []).append(each)
    return found


def _is(record: Record, type_: bytes) -> bool:
    return record.format == ndef_message.WELL_KNOWN and record.type == type_


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


def _unreadable(why: str) -> BadParamsError:
    return BadParamsError(
        f"A record cannot be written ({why}).",
        hint="Give addresses as they are, other text as it is, files as "
        "data:<type>;base64,<content>.",
        data={"param": "records"},
    )
