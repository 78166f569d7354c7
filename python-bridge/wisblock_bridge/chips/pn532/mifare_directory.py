"""The application directory of a Mifare Classic, and the access rights of its sectors.

1. Bytes in, meaning out; no card is asked here.

Source: NXP AN10787 (MAD), AN1304 (NDEF on Mifare Classic), MF1S50yyX data sheet section 8.7.
"""

from __future__ import annotations

from dataclasses import dataclass

from wisblock_bridge.errors import RemoteExceptionError

NDEF_APPLICATION = b"\x03\xe1"
"""How the MAD names a sector that holds NDEF: application code, then function cluster."""

AVAILABLE, VERSION = 0x80, 0x03
NO_WRITE_ACCESS = 0x03
"""Of the general purpose byte of a sector that holds NDEF: bits 1 and 0."""

_WITH_A = frozenset({"000"})
_WRITE_A, _WRITE_B = _WITH_A, frozenset({"000", "100", "110", "011"})
_KEY_B_READABLE = frozenset({"000", "010", "001"})
"""Of a trailer: key B is data then, and opens nothing."""


def check_value(data: bytes) -> int:
    """Compute the check byte of a directory: CRC-8, polynomial 1D, preset C7.

    Args:
        data: The info byte and the entries.
    """
    crc = 0xC7
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x1D) & 0xFF if crc & 0x80 else crc << 1
    return crc


def ndef_sectors(directory: bytes, first: int) -> list[int]:
    """Return which sectors hold NDEF.

    Args:
        directory: Check byte, info byte, two bytes for each sector.
        first: Sector of the first entry.

    Raises:
        RemoteExceptionError: The check byte is wrong.
    """
    if check_value(directory[1:]) != directory[0]:
        raise RemoteExceptionError(
            f"The application directory of this card is damaged: its check byte is "
            f"0x{directory[0]:02x}, not 0x{check_value(directory[1:]):02x}.",
            hint="Format the card with format_ndef, or read its blocks.",
        )
    return [
        first + at // 2 - 1
        for at in range(2, len(directory), 2)
        if directory[at : at + 2] == NDEF_APPLICATION
    ]


@dataclass(frozen=True, slots=True)
class Rights:
    """The access rights of a sector.

    Attributes:
        conditions: For each of the four groups of blocks C1, C2, C3 as text ("000").
        general: The general purpose byte.
    """

    conditions: tuple[str, str, str, str]
    general: int

    def writing_key(self, group: int) -> str:
        """Return which keys may write a block: "A", "B", "AB" or ""."""
        condition = self.conditions[group]
        keys = "A" if condition in _WRITE_A else ""
        if condition in _WRITE_B and self.conditions[3] not in _KEY_B_READABLE:
            keys += "B"
        return keys


def rights(trailer: bytes) -> Rights:
    """Read a trailer.

    Args:
        trailer: 16 bytes.

    Raises:
        RemoteExceptionError: Its bits contradict each other; such a sector is dead.
    """
    first, second, third, general = trailer[6:10]
    c1, c2, c3 = second >> 4, third & 0x0F, third >> 4
    if first != (~c2 & 0x0F) << 4 | ~c1 & 0x0F or second & 0x0F != ~c3 & 0x0F:
        raise RemoteExceptionError(
            f"The access bits {trailer[6:9].hex(' ')} of a sector contradict each other.",
            hint="The sector cannot be used any more; use another card.",
        )
    groups = [f"{c1 >> at & 1}{c2 >> at & 1}{c3 >> at & 1}" for at in range(4)]
    return Rights((groups[0], groups[1], groups[2], groups[3]), general)
