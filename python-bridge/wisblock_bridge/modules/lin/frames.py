"""What the bytes of a LIN frame mean.

1. Pure arithmetic: no port, no time, no state.
2. Numbers are those of the LIN specification, revision 2.2A; "section" below is of that paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Model = Literal["classic", "enhanced"]
ModelOrAuto = Literal["classic", "enhanced", "auto"]

BREAK = b"\x00"
"""What a serial port makes of a break: a character of zeros whose stop bit is missing."""

SYNC: Final = 0x55
IDENTIFIERS: Final = 64
MOST_DATA: Final = 8

MASTER_REQUEST: Final = 0x3C
SLAVE_RESPONSE: Final = 0x3D
DIAGNOSTIC = (MASTER_REQUEST, SLAVE_RESPONSE)
"""Always eight bytes, always the classic checksum (section 2.3.1.5)."""

GO_TO_SLEEP = bytes([0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
"""Data of the master request that sends all nodes to sleep (section 2.6.3)."""

HEADER_BITS: Final = 34
"""Break of 13 bits, delimiter, sync and identifier (section 2.3.2)."""

LONGEST: Final = 1.4
"""The parts of a frame may take this many times their nominal duration (section 2.3.2)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node answered to a header.

    Attributes:
        data: 1 to 8 bytes.
        model: The checksum that fitted.
        raw: The data and the checksum, as they came.
    """

    data: bytes
    model: Model
    raw: bytes


def protect(identifier: int) -> int:
    """Add the two parity bits to an identifier (section 2.3.1.3).

    Args:
        identifier: 0 to 63.

    Returns:
        The protected identifier, as it is sent.
    """
    bit = [identifier >> number & 1 for number in range(6)]
    even = bit[0] ^ bit[1] ^ bit[2] ^ bit[4]
    odd = 1 ^ bit[1] ^ bit[3] ^ bit[4] ^ bit[5]
    return identifier | even << 6 | odd << 7


def is_protected(value: int) -> bool:
    """Return whether the parity of a protected identifier is right.

    Args:
        value: 0 to 255.

    Returns:
        True when it is.
    """
    return protect(value & 0x3F) == value


def checksum(data: bytes, protected: int, model: Model) -> int:
    """Compute a checksum (section 2.3.1.5): the inverted sum, every carry added again.

    Args:
        data: The data.
        protected: The protected identifier.
        model: Whether it covers the data alone ("classic") or the identifier too.

    Returns:
        0 to 255.
    """
    total = sum(data) + (protected if model == "enhanced" else 0)
    while total > 0xFF:  # noqa: PLR2004  (a byte)
        total = (total & 0xFF) + (total >> 8)
    return total ^ 0xFF


def models(identifier: int, wanted: ModelOrAuto) -> tuple[Model, ...]:
    """Return which checksums are right for an identifier.

    Args:
        identifier: 0 to 63.
        wanted: What was asked for; diagnostic frames have the classic one all the same.

    Returns:
        One, or both for "auto".
    """
    if identifier in DIAGNOSTIC:
        return ("classic",)
    return ("classic", "enhanced") if wanted == "auto" else (wanted,)


def fitting(body: bytes, protected: int, allowed: tuple[Model, ...]) -> Model | None:
    """Find the checksum that data end with.

    Args:
        body: The data and the checksum.
        protected: The protected identifier.
        allowed: Which may be.

    Returns:
        The one that fits; None when none does.
    """
    for model in allowed:
        if checksum(body[:-1], protected, model) == body[-1]:
            return model
    return None


def header(identifier: int) -> bytes:
    """Create a header without its break.

    Args:
        identifier: 0 to 63.

    Returns:
        Sync and protected identifier.
    """
    return bytes([SYNC, protect(identifier)])


def response(identifier: int, data: bytes, model: Model) -> bytes:
    """Make what follows a header.

    Args:
        identifier: 0 to 63.
        data: 1 to 8 bytes.
        model: Which checksum; a diagnostic frame gets the classic one.

    Returns:
        The data and the checksum.
    """
    used = models(identifier, model)[0]
    return data + bytes([checksum(data, protect(identifier), used)])


def build(identifier: int, data: bytes, model: Model) -> bytes:
    """Create a frame as a serial port sees it.

    Args:
        identifier: 0 to 63.
        data: 1 to 8 bytes.
        model: Which checksum.

    Returns:
        A zero for the break, sync, protected identifier, data, checksum.
    """
    return BREAK + header(identifier) + response(identifier, data, model)


def longest_response_s(length: int, baud: int) -> float:
    """Return until when an answer may come.

    Args:
        length: Bytes of data.
        baud: Bits per second.

    Returns:
        From the end of the header to the end of the longest answer allowed, s.
    """
    return LONGEST * 10 * (length + 1) / baud


def longest_frame_s(length: int, baud: int) -> float:
    """Return how long a frame may take.

    Args:
        length: Bytes of data.
        baud: Bits per second.

    Returns:
        From the break to the checksum, s.
    """
    return LONGEST * HEADER_BITS / baud + longest_response_s(length, baud)
