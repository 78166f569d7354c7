"""Mifare Classic, Ultralight and NTAG: what their bytes mean.

1. A card is spoken to through a ``Link``; which reader is behind it is not known here.
2. What would spoil a card for good is protected: ``guard`` names the reason, the caller decides.
3. Keys go to the card and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, Protocol

from wisblock_bridge.chips.pn532.status import AUTHENTICATION, CardError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.chips.pn532.driver import Target

KeyType = Literal["A", "B"]

AUTHENTICATE = {"A": 0x60, "B": 0x61}
READ, WRITE_BLOCK, WRITE_PAGE = 0x30, 0xA0, 0xA2

FACTORY_KEY = b"\xff" * 6
MAD_KEY = bytes.fromhex("A0 A1 A2 A3 A4 A5")
NDEF_KEY = bytes.fromhex("D3 F7 D3 F7 D3 F7")
"""Public keys A of sectors formatted for NDEF (NXP AN1304, AN1305)."""

NDEF_APPLICATION = b"\x03\xe1"
"""How the MAD names a sector that holds NDEF: application code, then function cluster."""

BLOCK, PAGE = 16, 4
FIRST_USER_PAGE = 4
CAPABILITIES_PAGE = 3
NDEF_MAGIC = 0xE1
PLAIN_ULTRALIGHT_PAGES = 12

CLASSIC_BLOCKS = {0x08: 64, 0x88: 64, 0x09: 20, 0x18: 256}
"""By SAK; 0x88 is a Classic 1K of another maker (Infineon)."""
CLASSIC_NAMES = {20: "mifare_classic_mini", 64: "mifare_classic_1k", 256: "mifare_classic_4k"}
TYPE_2_NAMES = {0x06: "ultralight", 0x12: "ntag213", 0x3E: "ntag215", 0x6D: "ntag216"}
"""By the size in the capability container, in units of 8 bytes."""
UNKNOWN = "unknown"
PHONE = "iso14443_4"

CARD_TYPES = (*CLASSIC_NAMES.values(), *TYPE_2_NAMES.values(), PHONE, UNKNOWN)


class Link(Protocol):
    """The way to one card."""

    @property
    def target(self) -> Target:
        """The card."""
        ...

    def exchange(self, data: bytes) -> bytes:
        """Send a command to the card.

        Args:
            data: The command.

        Returns:
            The answer.

        Raises:
            CardError: The card refused or is gone.
        """
        ...

    def select_again(self) -> None:
        """Wake the card after it refused; a card that refused a key answers nothing else.

        Raises:
            CardError: The card is gone, or another one lies there.
        """
        ...


class Card(ABC):
    """A card with memory.

    Args:
        link: The way to it.

    Attributes:
        unit: Bytes that are written at once: 16 (a block) or 4 (a page).
        unit_name: "block" or "page".
    """

    unit: int
    unit_name: str

    def __init__(self, link: Link) -> None:
        self._link = link

    @abstractmethod
    def guard(self, number: int) -> str:
        """Say why a block had better not be written, or "" where it may."""

    @abstractmethod
    def unlock(self, number: int, key: bytes, key_type: KeyType) -> None:
        """Show the key that a block needs.

        Raises:
            CardError: The card refused the key; it is awake again.
        """

    @abstractmethod
    def read(self, number: int) -> bytes:
        """Read one block or page."""

    @abstractmethod
    def write(self, number: int, data: bytes) -> None:
        """Write one block or page."""

    @abstractmethod
    def ndef_units(self) -> Sequence[int]:
        """Tell which blocks hold NDEF, in order; none when the card is not formatted for it."""

    @abstractmethod
    def unlock_ndef(self, number: int, *, for_writing: bool) -> None:
        """Show the public key of a block that holds NDEF."""


class MifareClassic(Card):
    """Sectors of 4 or 16 blocks, each behind two keys.

    Source: NXP MF1S50yyX data sheet, sections 8.6 and 12; AN1304 (NDEF), AN10787 (MAD).
    """

    unit = BLOCK
    unit_name = "block"

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._open: tuple[int, bytes, KeyType] | None = None

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
        """Authenticate for the sector of a block; after a refusal the card is selected anew."""
        wanted = (trailer_of(number), key, key_type)
        if self._open == wanted:
            return
        self._open = None
        uid = self._link.target.uid[-4:]
        command = bytes((AUTHENTICATE[key_type], number)) + key + uid
        try:
            self._link.exchange(command)
        except CardError as error:
            if error.status == AUTHENTICATION:
                self._link.select_again()
            raise
        self._open = wanted

    def read(self, number: int) -> bytes:
        """Read 16 bytes."""
        return _exactly(self._link.exchange(bytes((READ, number))), BLOCK)

    def write(self, number: int, data: bytes) -> None:
        """Write 16 bytes."""
        self._link.exchange(bytes((WRITE_BLOCK, number)) + data)

    def ndef_units(self) -> Sequence[int]:
        """Read the application directory in sector 0."""
        try:
            self.unlock(1, MAD_KEY, "A")
        except CardError as error:
            if error.status == AUTHENTICATION:
                return ()
            raise
        directory = self.read(1) + self.read(2)
        sectors = [
            sector
            for sector in range(1, 16)
            if directory[2 * sector : 2 * sector + 2] == NDEF_APPLICATION
        ]
        return [4 * sector + block for sector in sectors for block in range(3)]

    def unlock_ndef(self, number: int, *, for_writing: bool) -> None:
        """Authenticate with the public key; some cards want key B, as delivered, for writing."""
        try:
            self.unlock(number, NDEF_KEY, "A")
        except CardError as error:
            if error.status != AUTHENTICATION or not for_writing:
                raise
            self.unlock(number, FACTORY_KEY, "B")


class Type2Tag(Card):
    """Ultralight and NTAG21x: pages of 4 bytes, no key.

    Source: NXP NTAG213/215/216 data sheet, sections 8.5 and 10; NFC Forum Type 2 Tag.
    """

    unit = PAGE
    unit_name = "page"

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._capabilities: bytes | None = None
        self._cached: tuple[int, bytes] | None = None

    def guard(self, number: int) -> str:
        """Protect what is written once and for all, and the configuration behind user memory."""
        if number < FIRST_USER_PAGE:
            return "pages 0 to 3 hold the UID, lock bits and bits that can never be cleared"
        if number >= FIRST_USER_PAGE + self._user_pages():
            return "behind the user memory are lock bits, the password and the configuration"
        return ""

    def unlock(self, number: int, key: bytes, key_type: KeyType) -> None:
        """Do nothing: these cards have no key for their sectors."""

    def read(self, number: int) -> bytes:
        """Read 4 bytes; the card sends four pages, of which the others are kept for the next."""
        if self._cached is not None:
            first, pages = self._cached
            if first <= number < first + BLOCK // PAGE:
                at = (number - first) * PAGE
                return pages[at : at + PAGE]
        pages = _exactly(self._link.exchange(bytes((READ, number))), BLOCK)
        self._cached = number, pages
        return pages[:PAGE]

    def write(self, number: int, data: bytes) -> None:
        """Write 4 bytes."""
        self._cached = None
        self._link.exchange(bytes((WRITE_PAGE, number)) + data)

    def capabilities(self) -> bytes:
        """Read the capability container: magic, version, size in units of 8 bytes, access."""
        if self._capabilities is None:
            self._capabilities = self.read(CAPABILITIES_PAGE)
        return self._capabilities

    def ndef_units(self) -> Sequence[int]:
        """Tell the user pages, when the capability container says that they hold NDEF."""
        if self.capabilities()[0] != NDEF_MAGIC:
            return ()
        return range(FIRST_USER_PAGE, FIRST_USER_PAGE + self._user_pages())

    def unlock_ndef(self, number: int, *, for_writing: bool) -> None:
        """Do nothing: no key is needed."""

    def _user_pages(self) -> int:
        magic, _, size, _ = self.capabilities()
        return size * 8 // PAGE if magic == NDEF_MAGIC else PLAIN_ULTRALIGHT_PAGES


def trailer_of(block: int) -> int:
    """Tell the trailer of the sector that a block of a Mifare Classic is in.

    Args:
        block: 0...255; from 128 on sectors have 16 blocks.

    Returns:
        The last block of the sector.
    """
    return block | (3 if block < 128 else 15)  # noqa: PLR2004


def card_at(link: Link) -> Card | None:
    """Tell what can be done with a card.

    Args:
        link: The way to it.

    Returns:
        The card, or None when its kind is not known here.
    """
    target = link.target
    if target.sak in CLASSIC_BLOCKS:
        return MifareClassic(link)
    return Type2Tag(link) if target.sak == 0 else None


def type_of(link: Link) -> str:
    """Name the kind of a card; of an Ultralight or NTAG one page is read for it.

    Args:
        link: The way to it.

    Returns:
        One of ``CARD_TYPES``.

    Raises:
        BusError: The reader did not answer.
    """
    sak = link.target.sak
    if sak in CLASSIC_BLOCKS:
        return CLASSIC_NAMES[CLASSIC_BLOCKS[sak]]
    if sak:
        return PHONE if sak & 0x20 else UNKNOWN
    try:
        magic, _, size, _ = Type2Tag(link).capabilities()
    except CardError:
        return UNKNOWN
    return TYPE_2_NAMES.get(size, "ultralight") if magic == NDEF_MAGIC else "ultralight"


def block_count(target: Target) -> int:
    """Tell how many blocks a card can be asked for.

    Args:
        target: The card.

    Returns:
        64 for a Mifare Classic 1K; 256 where only the card itself knows.
    """
    return CLASSIC_BLOCKS.get(target.sak, 256)


def _exactly(answer: bytes, length: int) -> bytes:
    if len(answer) != length:
        raise CardError(0x05)
    return answer
