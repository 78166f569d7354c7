"""PN532 frames: bytes to meaning and back.

1. Pure functions: no bus, no clock, no command's meaning.
2. Whatever comes in, what comes out is a frame or a ``ChecksumError``.
3. The ready byte of the I2C transport is not part of a frame; the driver takes it off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wisblock_bridge.errors import ChecksumError

START = b"\x00\x00\xff"
ACK = START + b"\x00\xff\x00"
NACK = START + b"\xff\x00\x00"

TO_CHIP = 0xD4
FROM_CHIP = 0xD5
SYNTAX_ERROR = 0x7F

LONGEST_SHORT = 255
"""Bytes from TFI to the last parameter that fit a normal frame."""

OVERHEAD = 7
"""Preamble, start code, LEN, LCS, DCS and postamble of a normal frame."""
EXTENDED_OVERHEAD = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame from the chip.

    Attributes:
        kind: "ack", "nack", "error" (the chip did not understand a command) or "data".
        code: Code of the response, one more than that of its command; 0 for the other kinds.
        data: What follows the code.
    """

    kind: Literal["ack", "nack", "error", "data"]
    code: int = 0
    data: bytes = b""


def command(code: int, parameters: bytes = b"") -> bytes:
    """Build the frame of a command.

    Args:
        code: Code of the command.
        parameters: What follows it, up to 253 bytes.

    Returns:
        The frame, from preamble to postamble.

    Raises:
        ValueError: The parameters do not fit a normal frame.

    Source: NXP PN532 user manual UM0701-02, section 6.2.1.1.
    """
    body = bytes((TO_CHIP, code)) + parameters
    if len(body) > LONGEST_SHORT:
        raise ValueError(f"{len(parameters)} parameter bytes do not fit a frame")
    length = len(body)
    return START + bytes((length, -length & 0xFF)) + body + bytes((-sum(body) & 0xFF, 0))


def parse(received: bytes) -> Frame:
    """Read a frame; what follows it is ignored, as the chip clocks out anything there.

    Args:
        received: Bytes from the first of the preamble on.

    Returns:
        The frame.

    Raises:
        ChecksumError: It is not a frame, not all of one, or a damaged one.

    Source: NXP PN532 user manual UM0701-02, sections 6.2.1.1 to 6.2.1.5.
    """
    begin = received.find(START)
    # The length of a preamble is up to the sender; anything but zeros before the start code is not.
    if begin < 0 or any(received[:begin]):
        raise _damaged("it has no start code")
    rest = received[begin + len(START) :]
    if rest[:2] == ACK[3:5]:
        return Frame("ack")
    if rest[:2] == NACK[3:5]:
        return Frame("nack")
    body, check = _body(rest)
    if (sum(body) + check) & 0xFF:
        raise _damaged("its data checksum is wrong")
    if body[0] == SYNTAX_ERROR and len(body) == 1:
        return Frame("error")
    if body[0] != FROM_CHIP or len(body) < 2:  # noqa: PLR2004  (TFI and code)
        raise _damaged(f"it begins with 0x{body[0]:02x}")
    return Frame("data", body[1], body[2:])


def announced_length(received: bytes) -> int:
    """Return how long a frame says it is.

    Args:
        received: At least its beginning.

    Returns:
        Bytes from the preamble to the postamble; 0 when that cannot be determined.
    """
    begin = received.find(START)
    rest = received[begin + len(START) :]
    if begin < 0 or len(rest) < 2:  # noqa: PLR2004
        return 0
    if rest[:2] in {ACK[3:5], NACK[3:5]}:
        return begin + len(ACK)
    if rest[:2] == b"\xff\xff":
        if len(rest) < 5 or sum(rest[2:5]) & 0xFF:  # noqa: PLR2004
            return 0
        return begin + EXTENDED_OVERHEAD + int.from_bytes(rest[2:4], "big")
    return 0 if sum(rest[:2]) & 0xFF else begin + OVERHEAD + rest[0]


def _body(rest: bytes) -> tuple[bytes, int]:
    """Take apart what follows the start code: from TFI to the last parameter, and DCS."""
    if rest[:2] == b"\xff\xff":
        length, head, summed = int.from_bytes(rest[2:4], "big"), 5, rest[2:5]
    else:
        length, head, summed = int.from_bytes(rest[:1], "big"), 2, rest[:2]
    if len(rest) < head or sum(summed) & 0xFF:
        raise _damaged("its length checksum is wrong")
    if not length or len(rest) < head + length + 1:
        raise _damaged("it is cut off")
    return rest[head : head + length], rest[head + length]


def _damaged(why: str) -> ChecksumError:
    return ChecksumError(
        f"A frame arrived damaged: {why}.",
        hint="Check that the module sits firmly; a slower I2C bus (100 kHz) may help.",
    )
