"""Ultralight and NTAG: pages, lock bits, the capability container, and which type it is.

1. As for every card: what would spoil it is guarded.
2. A card that refuses a command goes to sleep: it is selected again before it is asked further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.card import BLOCK, NOTHING, PAGE, READ, Card, exactly
from wisblock_bridge.chips.pn532.status import CardError
from wisblock_bridge.chips.pn532.tag_types import (
    AUTHENTICATE,
    FIRST_DYNAMIC_PAGE,
    FIRST_USER_PAGE,
    GET_VERSION,
    NTAG203,
    NXP,
    PWD_AUTH,
    ULTRALIGHT,
    ULTRALIGHT_C,
    by_size,
    by_version,
)
from wisblock_bridge.errors import RemoteExceptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.chips.pn532.card import KeyType, Link
    from wisblock_bridge.chips.pn532.tag_types import TagType

WRITE_PAGE = 0xA2
STATIC_LOCK_PAGE, CAPABILITIES_PAGE = 2, 3
NDEF_MAGIC = 0xE1
MAJOR_VERSION = 1
PLAIN_ULTRALIGHT_PAGES = 12
PACK_LENGTH, VERSION_LENGTH, CHALLENGE_LENGTH = 2, 8, 9
"""Bytes of answers: to a password (NTAG21x data sheet, 10.7), to GET_VERSION (10.1), and to an
Ultralight C's AUTHENTICATE (AFh and 8 bytes)."""
AUTHENTICATION_GOES_ON = b"\xaf"
"""First byte of an Ultralight C's answer to AUTHENTICATE."""


class Type2Tag(Card):
    """Ultralight and NTAG21x: pages of 4 bytes, no key.

    Source: NXP NTAG213/215/216 data sheet, sections 8.5 and 10; NFC Forum Type 2 Tag.
    """

    unit = PAGE
    unit_name = "page"
    ndef_origin = FIRST_USER_PAGE * PAGE

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._capabilities: bytes | None = None
        self._cached: tuple[int, bytes] | None = None
        self._asked = False
        self._type: TagType | None = None

    def guard(self, number: int) -> str:
        """Protect what is written once and for all, and the configuration behind user memory."""
        if number < FIRST_USER_PAGE:
            return "pages 0 to 3 hold the UID, lock bits and bits that can never be cleared"
        if number >= FIRST_USER_PAGE + self._user_pages():
            return "behind the user memory are lock bits, the password and the configuration"
        return self.forbids((number,))

    def unlock(self, number: int, key: bytes, key_type: KeyType) -> None:
        """Do nothing: these cards have no key for their sectors."""

    def read(self, number: int) -> bytes:
        """Read 4 bytes; the card sends four pages, of which the others are kept for the next."""
        if self._cached is not None:
            first, pages = self._cached
            if first <= number < first + BLOCK // PAGE:
                at = (number - first) * PAGE
                return pages[at : at + PAGE]
        pages = exactly(self._link.exchange(bytes((READ, number)), BLOCK), BLOCK)
        self._cached = number, pages
        return pages[:PAGE]

    def write(self, number: int, data: bytes) -> None:
        """Write 4 bytes."""
        self._cached = None
        self._link.exchange(bytes((WRITE_PAGE, number)) + data, NOTHING)

    def capabilities(self) -> bytes:
        """Read the capability container: magic, version, size in units of 8 bytes, access."""
        if self._capabilities is None:
            self._capabilities = self.read(CAPABILITIES_PAGE)
        return self._capabilities

    def ndef_units(self) -> Sequence[int]:
        """Return the user pages, when the capability container says that they hold NDEF.

        Raises:
            RemoteExceptionError: It says that this version of the format, or this card, is not for
                us to read.
        """
        magic, version, _, access = self.capabilities()
        if magic != NDEF_MAGIC:
            return ()
        if version >> 4 != MAJOR_VERSION:
            raise RemoteExceptionError(
                f"This card is formatted for version {version >> 4}.{version & 15} of NDEF; "
                "version 1 can be read.",
                hint="Read its pages with read_block.",
            )
        if access >> 4:
            raise RemoteExceptionError(
                f"The capability container says that this card may not be read "
                f"(access 0x{access:02x}).",
                hint="Its pages can still be tried with read_block.",
            )
        return range(FIRST_USER_PAGE, FIRST_USER_PAGE + self._user_pages())

    def forbids(self, numbers: Sequence[int]) -> str:
        """Look at the capability container and at the static and dynamic lock bits."""
        magic, _, _, access = self.capabilities()
        if magic == NDEF_MAGIC and access & 0x0F:
            return f"its capability container says that it is read-only (access 0x{access:02x})"
        lock = self.read(STATIC_LOCK_PAGE)[2:]
        locked = [
            page
            for page in numbers
            if CAPABILITIES_PAGE <= page < FIRST_DYNAMIC_PAGE and lock[page // 8] >> page % 8 & 1
        ]
        dynamic = [page for page in numbers if page >= FIRST_DYNAMIC_PAGE]
        kind = self.identify() if dynamic else None
        if kind is not None and kind.lock_page is not None:
            bits = int.from_bytes(self.read(kind.lock_page)[:3], "little")
            for page in dynamic:
                bit = kind.locking(page)
                if bit is not None and bits >> bit & 1:
                    locked.append(page)
        if not locked:
            return ""
        return f"its lock bits lock page{'s' * (len(locked) > 1)} {', '.join(map(str, locked))}"

    def show(self, password: bytes, pack: bytes | None) -> None:
        """Show the password; it opens the card until it is selected again.

        Args:
            password: 4 bytes.
            pack: 2 bytes that the card must answer with, or None to take any.

        Raises:
            RemoteExceptionError: The card refused it, has none, or answered with another PACK.
        """
        self.identify()  # what it refuses would close it again
        self._cached = None
        try:
            answer = self._link.communicate(bytes((PWD_AUTH,)) + password, PACK_LENGTH)
        except CardError as error:
            self._link.select_again()
            raise RemoteExceptionError(
                "The card refused the password, or it has none.",
                hint="Some cards count wrong passwords and close for good (AUTHLIM).",
                where=error.where,
                data={"status": error.status},
            ) from None
        if pack is not None and answer != pack:
            raise RemoteExceptionError(
                "The card took the password, but its answer (PACK) is another one.",
                hint="It may not be the card that it looks like.",
            )

    def identify(self) -> TagType | None:
        """Find out which type it is; a card that refuses a question is selected again.

        Returns:
            The type, or None when it is none that is known.

        Raises:
            CardError: The card was removed.
        """
        if not self._asked:
            self._type = self._ask_type()
            self._asked = True
        return self._type

    def _ask_type(self) -> TagType | None:
        version = self._try(lambda: self._link.communicate(bytes((GET_VERSION,)), VERSION_LENGTH))
        if version is not None:
            return by_version(version)
        if not self._link.passes_commands:
            return by_size(self.capabilities())
        if self._link.target.uid[0] != NXP:
            return None
        answer = self._try(lambda: self._link.communicate(AUTHENTICATE, CHALLENGE_LENGTH))
        if answer is not None:
            self._link.select_again()  # half an authentication is left
            return ULTRALIGHT_C if answer[:1] == AUTHENTICATION_GOES_ON else None
        if self._try(lambda: self._link.exchange(bytes((READ, NTAG203.last_user_page + 1)), BLOCK)):
            return NTAG203
        return ULTRALIGHT if self._try(lambda: self.read(0)) else None

    def _try(self, ask: Callable[[], bytes]) -> bytes | None:
        try:
            return ask()
        except CardError:
            self._link.select_again()
            self._cached = None
            return None

    def unlock_ndef(self, number: int, *, for_writing: bool) -> None:
        """Do nothing: no key is needed."""

    def _user_pages(self) -> int:
        magic, _, size, _ = self.capabilities()
        return size * 8 // PAGE if magic == NDEF_MAGIC else PLAIN_ULTRALIGHT_PAGES
