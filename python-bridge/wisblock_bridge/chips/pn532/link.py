"""The way to one card on a PN532.

1. It remembers which card it leads to: when another one lies there, that is reported, not spoken
   to.
2. Looking for a second card may leave the first one asleep. So when the first command gets no
   answer, the card is selected again and asked once more, and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.card import LONGEST_DATA
from wisblock_bridge.chips.pn532.status import CardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.chips.pn532.driver import PN532, Target

DISAPPEARED, ANOTHER = 0x2B, 0x2A


class CardLink:
    """The way to a card that was found.

    Args:
        reader: The reader that found it.
        target: The card.
    """

    def __init__(self, reader: PN532, target: Target) -> None:
        self._reader = reader
        self._target = target
        self._awake = False
        """Whether the card answered, or was selected, since it was found."""

    @property
    def target(self) -> Target:
        """The card."""
        return self._target

    @property
    def passes_commands(self) -> bool:
        """Whether every command gets to the card, as ``card.Link.passes_commands`` says."""
        return self._reader.passes_commands

    def exchange(self, data: bytes, length: int = LONGEST_DATA) -> bytes:
        """Send a command to the card, as ``card.Link.exchange`` says."""
        return self._first(lambda: self._reader.exchange(self._target.number, data, length))

    def communicate(self, data: bytes, length: int = LONGEST_DATA) -> bytes:
        """Send a command as it is, as ``card.Link.communicate`` says."""
        return self._first(lambda: self._reader.communicate(self._target.number, data, length))

    def select_again(self) -> None:
        """Find the same card again, as ``card.Link.select_again`` says."""
        found = self._reader.find(limit=self._target.number)
        if not found:
            raise CardError(DISAPPEARED, self._reader.name)
        same = [each for each in found if each.uid == self._target.uid]
        if not same:
            raise CardError(ANOTHER, self._reader.name)
        self._target = same[0]
        self._awake = True

    def is_there(self) -> bool:
        """Check whether the card still lies there.

        Returns:
            False when it was taken away or another one lies there.

        Raises:
            BusError: The reader did not answer.
        """
        try:
            self.select_again()
        except CardError:
            return False
        return True

    def _first(self, ask: Callable[[], bytes]) -> bytes:
        if self._awake:
            return ask()
        try:
            answer = ask()
        except CardError as error:
            if not error.gone:
                raise
            self.select_again()
            return ask()
        self._awake = True
        return answer
