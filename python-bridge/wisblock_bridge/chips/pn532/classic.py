"""Mifare Classic: sectors behind keys, and its application directory.

1. As for every card: what would spoil it is guarded, keys go to the card and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.card import BLOCK, NOTHING, READ, Card, exactly
from wisblock_bridge.chips.pn532.mifare_directory import (
    AVAILABLE,
    NO_WRITE_ACCESS,
    VERSION,
    ndef_sectors,
    rights,
)
from wisblock_bridge.chips.pn532.status import AUTHENTICATION, CardError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.chips.pn532.card import KeyType, Link
    from wisblock_bridge.chips.pn532.mifare_directory import Rights

AUTHENTICATE = {"A": 0x60, "B": 0x61}
WRITE_BLOCK = 0xA0

FACTORY_KEY = b"\xff" * 6
MAD_KEY = bytes.fromhex("A0 A1 A2 A3 A4 A5")
NDEF_KEY = bytes.fromhex("D3 F7 D3 F7 D3 F7")
"""Public keys A of sectors formatted for NDEF (NXP AN1304, AN1305)."""

CLASSIC_BLOCKS = {0x08: 64, 0x88: 64, 0x09: 20, 0x18: 256}
"""By SAK; 0x88 is a Classic 1K of another maker (Infineon)."""
LARGE = 256
MAD_2 = 16
"""Sector of the second directory of a 4K card."""


class MifareClassic(Card):
    """Sectors of 4 or 16 blocks, each behind two keys.

    Source: NXP MF1S50yyX data sheet, sections 8.6 and 12; AN1304 (NDEF), AN10787 (MAD).
    """

    unit = BLOCK
    unit_name = "block"

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._open: tuple[int, bytes, KeyType] | None = None
        self._key_b: set[int] = set()
        """Trailers of the sectors that only key B may write."""

    def guard(self, number: int) -> str:
        """Protect block 0 and the trailers."""
        if number == 0:
            return "block 0 holds the card's UID and its maker's data"
        if number == trailer_of(number):
            return (
                "it is a sector trailer: it holds keys and access rights, and a wrong one locks "
                "the sector for good"
            )
        return ""

    def unlock(self, number: int, key: bytes, key_type: KeyType) -> None:
        """Authenticate for the sector of a block; after a refusal the card is selected again."""
        wanted = (trailer_of(number), key, key_type)
        if self._open == wanted:
            return
        self._open = None
        uid = self._link.target.uid[-4:]
        command = bytes((AUTHENTICATE[key_type], number)) + key + uid
        try:
            self._link.exchange(command, NOTHING)
        except CardError as error:
            if error.status == AUTHENTICATION:
                self._link.select_again()
            raise
        self._open = wanted

    def forget(self) -> None:
        """Authenticate again the next time: a trailer was written."""
        self._open = None

    def wake(self) -> None:
        """Select the card again after it refused; no sector is open then."""
        self._open = None
        self._link.select_again()

    def read(self, number: int) -> bytes:
        """Read 16 bytes."""
        return exactly(self._link.exchange(bytes((READ, number)), BLOCK), BLOCK)

    def write(self, number: int, data: bytes) -> None:
        """Write 16 bytes."""
        self._link.exchange(bytes((WRITE_BLOCK, number)) + data, NOTHING)

    def ndef_units(self) -> Sequence[int]:
        """Read the application directory in sector 0, and on a 4K card the one in sector 16."""
        try:
            self.unlock(1, MAD_KEY, "A")
        except CardError as error:
            if error.status == AUTHENTICATION:
                return ()
            raise
        general = self.read(trailer_of(1))[9]
        version = general & VERSION
        if not general & AVAILABLE or version not in {1, 2}:
            return ()
        sectors = ndef_sectors(self.read(1) + self.read(2), 1)
        if version == 2 and CLASSIC_BLOCKS.get(self._link.target.sak) == LARGE:  # noqa: PLR2004
            first = first_block(MAD_2)
            self.unlock(first, MAD_KEY, "A")
            directory = b"".join(self.read(first + block) for block in range(3))
            sectors += ndef_sectors(directory, MAD_2 + 1)
        return [
            block
            for sector in sectors
            for block in range(first_block(sector), trailer_of(first_block(sector)))
        ]

    def forbids(self, numbers: Sequence[int]) -> str:
        """Look into the trailers: access bits, and the write access of the general purpose byte."""
        found: dict[int, Rights] = {}
        for number in numbers:
            trailer = trailer_of(number)
            if trailer not in found:
                self.unlock_ndef(number, for_writing=False)
                found[trailer] = rights(self.read(trailer))
            right = found[trailer]
            if right.general & NO_WRITE_ACCESS == NO_WRITE_ACCESS:
                return f"the general purpose byte of block {trailer} says that it is read-only"
            keys = right.writing_key(group_of(number))
            if not keys:
                return f"the access bits of block {trailer} do not let block {number} be written"
            if "A" not in keys:
                self._key_b.add(trailer)
        return ""

    def unlock_ndef(self, number: int, *, for_writing: bool) -> None:
        """Authenticate with the public key; some cards want key B, as delivered, for writing."""
        if for_writing and trailer_of(number) in self._key_b:
            self.unlock(number, FACTORY_KEY, "B")
            return
        try:
            self.unlock(number, NDEF_KEY, "A")
        except CardError as error:
            if error.status != AUTHENTICATION or not for_writing:
                raise
            self.unlock(number, FACTORY_KEY, "B")


def trailer_of(block: int) -> int:
    """Return the trailer of the sector that a block of a Mifare Classic is in.

    Args:
        block: 0...255; from 128 on sectors have 16 blocks.

    Returns:
        The last block of the sector.
    """
    return block | (3 if block < 128 else 15)  # noqa: PLR2004


def first_block(sector: int) -> int:
    """Return the first block of a sector.

    Args:
        sector: 0...39; from 32 on sectors have 16 blocks.
    """
    return 4 * sector if sector < 32 else 128 + 16 * (sector - 32)  # noqa: PLR2004


def group_of(block: int) -> int:
    """Return which of the four access conditions of its sector a block has.

    Args:
        block: 0...255; in a sector of 16 blocks five share one.
    """
    return block % 4 if block < 128 else block % 16 // 5  # noqa: PLR2004
