"""What all cards have in common, and the way to one.

1. A card is spoken to through a ``Link``; which reader is behind it is not known here.
2. What would spoil a card for good is protected: ``guard`` names the reason, the caller decides.
3. Keys go to the card and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, Protocol

from wisblock_bridge.chips.pn532.status import CardError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.chips.pn532.driver import Target

KeyType = Literal["A", "B"]

READ = 0x30
BLOCK, PAGE = 16, 4
NOTHING = 0
"""Bytes that a card answers besides its acknowledge."""
LONGEST_DATA = 64
"""Bytes of an answer of which nothing is known."""


class Link(Protocol):
    """The way to one card."""

    @property
    def target(self) -> Target:
        """The card."""
        ...

    @property
    def passes_commands(self) -> bool:
        """Whether every command gets to the card: some readers carry out only those they know."""
        ...

    def exchange(self, data: bytes, length: int = LONGEST_DATA) -> bytes:
        """Send a command to the card.

        Args:
            data: The command.
            length: How many bytes it should answer; more take a second read.

        Returns:
            The answer.

        Raises:
            CardError: The card refused or was removed.
        """
        ...

    def communicate(self, data: bytes, length: int = LONGEST_DATA) -> bytes:
        """Send a command past the reader, which would take its code for something else.

        Args:
            data: The command.
            length: How many bytes it should answer; more take a second read.

        Returns:
            The answer.

        Raises:
            CardError: The card refused or was removed.
        """
        ...

    def select_again(self) -> None:
        """Wake the card after it refused; a card that refused a key answers nothing else.

        Raises:
            CardError: The card was removed, or another one lies there.
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
    ndef_origin: int | None = None
    """Address on the card of the first byte for NDEF, where TLVs name areas by address."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @abstractmethod
    def guard(self, number: int) -> str:
        """Return why a block had better not be written, or "" where it may."""

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
        """Return which blocks hold NDEF, in order; none when the card is not formatted for it."""

    @abstractmethod
    def unlock_ndef(self, number: int, *, for_writing: bool) -> None:
        """Show the public key of a block that holds NDEF."""

    @abstractmethod
    def forbids(self, numbers: Sequence[int]) -> str:
        """Return why blocks that hold NDEF may not be written, as the card itself tells, or ""."""


def exactly(answer: bytes, length: int) -> bytes:
    """Refuse an answer of the wrong length."""
    if len(answer) != length:
        raise CardError(0x05)
    return answer
