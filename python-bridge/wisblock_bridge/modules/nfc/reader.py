"""What every operation of an NFC reader needs: its field, and the one card that lies there.

1. The field is on while somebody listens, while an operation needs it, or when it was asked for; at
   all other times it is off.
2. What goes wrong with a card is reported with its reason: taken away, or there and refusing.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532 import PN532, CardError
from wisblock_bridge.chips.pn532.cards import block_count, card_at, type_of
from wisblock_bridge.chips.pn532.classic import MifareClassic
from wisblock_bridge.chips.pn532.link import ANOTHER, CardLink
from wisblock_bridge.chips.pn532.type2 import Type2Tag
from wisblock_bridge.errors import (
    BadParamsError,
    BridgeError,
    NotReadyError,
    RemoteExceptionError,
)
from wisblock_bridge.module_api import Module, chip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wisblock_bridge.chips.pn532 import Target
    from wisblock_bridge.chips.pn532.card import Card

TRIES = 5
"""Looks of the chip before it says "no card"; about 5 ms each, so nobody waits long."""

PAUSE_S = 0.05
"""Between two looks of an operation that waits for a card."""


class NfcReader(Module):
    """A reader and the card on it; the products say what can be done with them.

    Args:
        parts: The needs, met.
        clock: Time.
        timers: Later work.
        memory: Not used.
    """

    reader = chip(PN532, "PN532", 0x24)

    def setup(self) -> None:
        """Start with the field off and without listeners."""
        self._held = False
        self._listeners: set[object] = set()

    def open(self) -> None:
        """End whatever the reader does, switch its field off, and make it answer always."""
        self._held = False
        self.reader.start(TRIES)

    def check_supply(self) -> None:
        """See that the reader still has its field on, while it is to be on.

        Raises:
            SupplyLostError: It was reset.
            BusError: The reader did not answer.
        """
        self.reader.check_supply()

    def make_safe(self, output: str) -> None:  # noqa: ARG002  (there is one)
        """Switch the field off, unless somebody listens."""
        self._held = False
        self._rest()

    def close(self) -> None:
        """Switch the field off."""
        self._held = False
        self._listeners.clear()
        try:
            self.reader.abort()
        finally:
            self.reader.set_field(on=False)

    def _rest(self) -> None:
        if not self._held and not self._listeners:
            self.reader.set_field(on=False)

    @contextmanager
    def _powered(self) -> Iterator[None]:
        """Let the field go off afterwards, whatever happened."""
        try:
            yield
        except BridgeError:
            with suppress(BridgeError):  # what went wrong first is reported
                self._rest()
            raise
        self._rest()

    @contextmanager
    def _on_card(
        self, password: bytes | None = None, pack: bytes | None = None
    ) -> Iterator[tuple[CardLink, Card]]:
        """Find the one card that lies there, and show it a password."""
        with self._card_there() as link:
            card = card_at(link)
            if card is None:
                raise RemoteExceptionError(
                    f"This kind of card ({type_of(link)}) has no blocks that can be read here.",
                    hint="Mifare Classic, Ultralight and NTAG21x can be used.",
                    where=self.reader.name,
                )
            if password is not None:
                if not isinstance(card, Type2Tag):
                    raise RemoteExceptionError(
                        "This card has no password.",
                        hint="A Mifare Classic has keys; leave the password out.",
                        where=self.reader.name,
                    )
                card.show(password, pack)
            yield link, card

    @contextmanager
    def _card_there(self) -> Iterator[CardLink]:
        """Find the one card that lies there; a failure is reported with its reason."""
        with self._powered():
            link = self._only_card(0.0)
            try:
                yield link
            except CardError as error:
                self._explain(error, link)
                raise

    def _only_card(self, timeout_s: float) -> CardLink:
        deadline = self.clock.monotonic() + timeout_s
        while not (found := self.reader.find(limit=2)):
            if self.clock.monotonic() >= deadline:
                raise NotReadyError(
                    "No card lies on the reader.",
                    hint="Lay the card flat on the antenna. If that never helps, is the antenna "
                    "plugged in?",
                    where=self.reader.name,
                )
            self.check_cancelled()
            self.clock.sleep(PAUSE_S)
        if len(found) > 1:
            raise _several(found, self.reader.name)
        return CardLink(self.reader, found[0])

    @staticmethod
    def _check_block(link: CardLink, card: Card, block: int) -> None:
        count = block_count(link.target)
        if block >= count and isinstance(card, MifareClassic):
            raise BadParamsError(
                f"block is {block}; this card has blocks 0 to {count - 1}.",
                data={"param": "block", "allowed": f"0...{count - 1}"},
            )

    @staticmethod
    def _explain(error: CardError, link: CardLink) -> None:
        """Distinguish a card that was taken away from one that lies there and refuses."""
        if error.status == ANOTHER or not (error.gone or error.refused):
            return
        with suppress(BridgeError):
            if link.is_there():
                error.tell(
                    why="The card lies there but refuses",
                    hint="The block may be write-protected, ask for a password, or not exist.",
                )
            else:
                error.tell(why="The card was taken away", hint="Leave it on until it is done.")


def _several(found: Sequence[Target], where: str) -> RemoteExceptionError:
    uids = " and ".join(each.uid.hex() for each in found)
    return RemoteExceptionError(
        f"Several cards lie on the reader: {uids}.",
        hint="Leave one there.",
        where=where,
        data={"uids": [each.uid for each in found]},
    )
