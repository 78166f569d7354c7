"""NDEF records as text, so that a flow can write what it has read.

1. This is the only file that imports the NDEF library, and only once somebody needs it.
2. Every record has one spelling: what ``spell`` gives, ``message`` takes.
3. A card may hold anything: what cannot be decoded is an error in words, never the library's.

The spellings:

* an address (``https://...``, ``tel:...``, any scheme of ``SCHEMES``) is a URI record, and so is
  anything after ``uri:``;
* ``text:de:Hallo`` is text in a language; other text needs no prefix and is in English;
* ``data:image/png;base64,...`` is a MIME record;
* ``ndef:<type>;base64,...`` is any other record.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from wisblock_bridge.errors import BadParamsError, NotReadyError, RemoteExceptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMES = ("http://", "https://", "ftp://", "tel:", "mailto:", "sms:", "geo:", "urn:")

ENGLISH = "en"

_TEXT = re.compile(r"text:([A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*):(.*)", re.DOTALL)
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)(;base64)?,(.*)", re.DOTALL)
_OTHER = re.compile(r"ndef:(.*);base64,([A-Za-z0-9+/=]*)", re.DOTALL)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_MIME = re.compile(r"[\w.+-]+/[\w.+-]+")


@dataclass(frozen=True, slots=True)
class Spelled:
    """A message in words.

    Attributes:
        records: Each record's spelling.
        kinds: For each record "uri", "text", "mime" or "other".
    """

    records: list[str]
    kinds: list[str]


def message(records: Sequence[str]) -> bytes:
    """Make an NDEF message.

    Args:
        records: Their spellings.

    Returns:
        The message.

    Raises:
        BadParamsError: A record cannot be read.
        NotReadyError: The NDEF library is not installed.
    """
    ndef = _library()
    made = [_record(ndef, text) for text in records]
    try:
        return b"".join(ndef.message_encoder(made))
    except (ndef.EncodeError, UnicodeError, ValueError) as error:
        raise _unreadable(str(error)) from None


def spell(data: bytes) -> Spelled:
    """Read an NDEF message.

    Args:
        data: The message.

    Returns:
        Its records in words.

    Raises:
        RemoteExceptionError: It is no NDEF message.
        NotReadyError: The NDEF library is not installed.
    """
    ndef = _library()
    if not data:
        return Spelled([], [])
    known = {"urn:nfc:wkt:U": ndef.UriRecord, "urn:nfc:wkt:T": ndef.TextRecord}
    try:
        found = list(ndef.message_decoder(data, errors="strict", known_types=known))
        spelled = [_spelled(record) for record in found]
    except (ndef.DecodeError, UnicodeError, ValueError, TypeError) as error:
        raise RemoteExceptionError(
            f"What the card holds is not a message that can be read ({error}).",
            hint="Write a new one with write_ndef, or read its blocks.",
            data={"message": data},
        ) from None
    return Spelled([text for _, text in spelled], [kind for kind, _ in spelled])


def _record(ndef: Any, text: str) -> Any:  # noqa: ANN401  (the library has no types)
    try:
        if match := _TEXT.fullmatch(text):
            return ndef.TextRecord(match[2], match[1])
        if match := _DATA.fullmatch(text):
            payload = _decoded(match[3]) if match[2] else unquote_to_bytes(match[3])
            return ndef.Record(match[1], "", payload)
        if match := _OTHER.fullmatch(text):
            return ndef.Record(match[1], "", _decoded(match[2]))
        if text.startswith("uri:"):
            return ndef.UriRecord(text.removeprefix("uri:"))
        if text.startswith(SCHEMES):
            return ndef.UriRecord(text)
        return ndef.TextRecord(text, ENGLISH)
    except (ValueError, TypeError, UnicodeError, ndef.EncodeError) as error:
        raise _unreadable(f"{text[:40]!r}: {error}") from None


def _spelled(record: Any) -> tuple[str, str]:  # noqa: ANN401
    if record.type == "urn:nfc:wkt:U":
        uri = str(record.uri)
        return "uri", uri if uri.startswith(SCHEMES) else f"uri:{uri}"
    if record.type == "urn:nfc:wkt:T" and _LANGUAGE.fullmatch(record.language):
        text = str(record.text)
        plain = record.language == ENGLISH and not _means_more(text)
        return "text", text if plain else f"text:{record.language}:{text}"
    encoded = base64.b64encode(bytes(record.data)).decode()
    if _MIME.fullmatch(record.type):
        return "mime", f"data:{record.type};base64,{encoded}"
    return "other", f"ndef:{record.type};base64,{encoded}"


def _means_more(text: str) -> bool:
    """Tell whether text on its own would be taken for something else."""
    patterns = (_TEXT, _DATA, _OTHER)
    return text.startswith(("uri:", *SCHEMES)) or any(each.fullmatch(text) for each in patterns)


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


def _library() -> Any:  # noqa: ANN401
    try:
        import ndef  # noqa: PLC0415  (only who reads or writes NDEF needs it)
    except ImportError:
        raise NotReadyError(
            "The NDEF library is not installed.", hint="Run: pip install ndeflib"
        ) from None
    return ndef
