"""Where in a card's memory an NDEF message is: type, length, value.

1. Bytes of the card's data area in, bytes of the message out, and back; no card is asked here.
2. Whatever comes in, what comes out is a place or None: a card may hold anything.

Source: NFC Forum Type 2 Tag Technical Specification, section 2.3 (TLV blocks).
"""

from __future__ import annotations

from dataclasses import dataclass

NULL, NDEF, TERMINATOR = 0x00, 0x03, 0xFE
LONG_LENGTH = 0xFF
LONGEST_SHORT = 254
LONGEST = 0xFFFE


@dataclass(frozen=True, slots=True)
class Place:
    """Where the message is.

    Attributes:
        tag: Offset of the TLV's first byte.
        value: Offset of the message.
        length: Bytes of the message.
    """

    tag: int
    value: int
    length: int

    @property
    def end(self) -> int:
        """Offset behind the message."""
        return self.value + self.length


def find(area: bytes) -> Place | None:
    """Find the first NDEF message.

    Args:
        area: The data area, or its beginning.

    Returns:
        Where it is (it may reach beyond ``area``), or None when there is none.
    """
    at = 0
    while at < len(area):
        kind = area[at]
        if kind == TERMINATOR:
            return None
        if kind == NULL:
            at += 1
            continue
        header = area[at + 1 : at + 4]
        if not header or (header[0] == LONG_LENGTH and len(header) < 3):  # noqa: PLR2004
            return None
        if header[0] == LONG_LENGTH:
            length, value = int.from_bytes(header[1:3], "big"), at + 4
        else:
            length, value = header[0], at + 2
        if kind == NDEF:
            return Place(at, value, length)
        at = value + length
    return None


def beginning(area: bytes) -> int:
    """Tell where a message is to be put: where one is, or before the end of what there is.

    Args:
        area: The data area, or its beginning.

    Returns:
        Offset of the TLV.
    """
    place = find(area)
    if place is not None:
        return place.tag
    at = 0
    while at + 1 < len(area) and area[at] in {0x01, 0x02}:  # lock and memory control come first
        at += 2 + area[at + 1]
    return at if at < len(area) else 0


def pack(message: bytes) -> bytes:
    """Put a message into a TLV, with the terminator behind it.

    Args:
        message: The NDEF message.

    Returns:
        The bytes to be written.

    Raises:
        ValueError: It is longer than a length field can say.
    """
    if len(message) > LONGEST:
        raise ValueError(f"{len(message)} bytes are more than a card can hold")
    if len(message) > LONGEST_SHORT:
        header = bytes((NDEF, LONG_LENGTH)) + len(message).to_bytes(2, "big")
    else:
        header = bytes((NDEF, len(message)))
    return header + message + bytes((TERMINATOR,))
