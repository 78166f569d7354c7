"""What NDEF text and URI records hold: bytes to words and back.

1. Nothing is tidied up: no character is encoded, decoded or normalised beyond what the record says.
2. Bytes that the specifications do not allow are a ``ValueError``, never a guess.

Source: NFC Forum RTD URI 1.0, RTD Text 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIXES = (
    *("", "http://www.", "https://www.", "http://", "https://", "tel:", "mailto:"),
    *("ftp://anonymous:anonymous@", "ftp://ftp.", "ftps://", "sftp://", "smb://", "nfs://"),
    *("ftp://", "dav://", "news:", "telnet://", "imap:", "rtsp://", "urn:", "pop:", "sip:"),
    *("sips:", "tftp:", "btspp://", "btl2cap://", "btgoep://", "tcpobex://", "irdaobex://"),
    *("file://", "urn:epc:id:", "urn:epc:tag:", "urn:epc:pat:", "urn:epc:raw:", "urn:epc:"),
    "urn:nfc:",
)
"""By the first byte of a URI record (RTD URI 1.0, section 3.2.2)."""

ENCODINGS = {
    "utf-8": ("utf-8", b""),
    "utf-16be": ("utf-16-be", b""),
    "utf-16be-bom": ("utf-16-be", b"\xfe\xff"),
    "utf-16le-bom": ("utf-16-le", b"\xff\xfe"),
}
"""Name to codec and byte order mark; without a mark UTF-16 is big-endian (RTD Text 1.0, 3.4)."""

UTF_8 = "utf-8"
UTF_16, RESERVED, LANGUAGE = 0x80, 0x40, 0x3F
"""Bits of a text's status byte (RTD Text 1.0, section 3.2)."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text record.

    Attributes:
        text: The text.
        language: IANA language code, perhaps empty.
        encoding: A key of ``ENCODINGS``.
    """

    text: str
    language: str
    encoding: str = UTF_8


def pack_text(text: Text) -> bytes:
    """Create the payload of a text record.

    Args:
        text: The text.

    Raises:
        ValueError: It cannot be encoded.
    """
    if text.encoding not in ENCODINGS:
        raise ValueError(f"there is no encoding {text.encoding}; there are {', '.join(ENCODINGS)}")
    codec, mark = ENCODINGS[text.encoding]
    language = text.language.encode("ascii")
    if len(language) > LANGUAGE:
        raise ValueError("the language has more than 63 letters")
    status = len(language) | (0 if text.encoding == UTF_8 else UTF_16)
    return bytes((status,)) + language + mark + text.text.encode(codec)


def read_text(payload: bytes) -> Text:
    """Read the payload of a text record.

    Args:
        payload: All of it.

    Raises:
        ValueError: It is no text.
    """
    if not payload or payload[0] & RESERVED:
        raise ValueError("its status byte is missing or reserved")
    end = 1 + (payload[0] & LANGUAGE)
    if end > len(payload):
        raise ValueError("its language is cut off")
    language, content = payload[1:end].decode("ascii"), payload[end:]
    encoding = UTF_8
    if payload[0] & UTF_16:
        marks = {b"\xfe\xff": "utf-16be-bom", b"\xff\xfe": "utf-16le-bom"}
        encoding = marks.get(content[:2], "utf-16be")
    codec, mark = ENCODINGS[encoding]
    return Text(content[len(mark) :].decode(codec), language, encoding)


def pack_uri(uri: str, prefix: int | None = None) -> bytes:
    """Create the payload of a URI record.

    Args:
        uri: The whole URI.
        prefix: Code of its abbreviation; the longest that fits if none is given.

    Raises:
        ValueError: The URI does not begin with that prefix.
    """
    if prefix is None:
        fitting = (each for each in range(len(PREFIXES)) if uri.startswith(PREFIXES[each]))
        prefix = max(fitting, key=lambda each: len(PREFIXES[each]))
    if prefix >= len(PREFIXES) or not uri.startswith(PREFIXES[prefix]):
        raise ValueError(f"it does not begin with prefix {prefix}")
    return bytes((prefix,)) + uri[len(PREFIXES[prefix]) :].encode()


def read_uri(payload: bytes) -> tuple[str, int]:
    """Read the payload of a URI record.

    Args:
        payload: All of it.

    Returns:
        The whole URI, and the code of its prefix.

    Raises:
        ValueError: It is no URI.
    """
    if not payload or payload[0] >= len(PREFIXES):
        raise ValueError("its prefix is missing or reserved")
    return PREFIXES[payload[0]] + payload[1:].decode(), payload[0]
