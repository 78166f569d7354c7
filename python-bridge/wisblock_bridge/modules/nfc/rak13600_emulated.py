"""The emulated RAK13600: a reader, and cards that are laid on it and taken away.

1. Which card lies there is a quantity; a card that was taken away keeps its memory.
2. The reader is the emulated chip; it knows nothing of products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.emulator import EmulatedPN532
from wisblock_bridge.module_api.emulated import Quantity, SlotPins
from wisblock_bridge.modules.nfc.emulated_cards import Card, ClassicCard, new_card
from wisblock_bridge.modules.nfc.emulated_type2 import Type2Card
from wisblock_bridge.modules.shared.emulated_chip import EmulatedI2CModule
from wisblock_bridge.modules.shared.emulated_switches import truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.module_api.emulated import Value

MRS_BLAIR = bytes.fromhex("DCAFFD02")
MR_BROWN = bytes.fromhex("BCF024B5")
"""The two cards of the vendor's examples."""
POSTER = bytes.fromhex("04A1B2C3D4E580")

ADDRESS_MESSAGE = bytes.fromhex("D1011055 02") + b"rakwireless.com"
GREETING_MESSAGE = bytes.fromhex("D101085402656E") + b"Hello"
MOST_CARDS = 2
MOST_OFFERED = 32


class EmulatedRAK13600(EmulatedI2CModule):
    """A RAK13600 with a card on it.

    In demo mode three cards come and go in turn, until one is laid there by hand.
    """

    product = "RAK13600"
    chip = "PN532"
    address = 0x24

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        blair = ClassicCard(MRS_BLAIR)
        blair.format_ndef(GREETING_MESSAGE, first=2)
        poster = Type2Card(POSTER)
        poster.format_ndef(ADDRESS_MESSAGE)
        cards: tuple[Card, ...] = (blair, ClassicCard(MR_BROWN), poster)
        self._known: dict[bytes, Card] = {card.uid: card for card in cards}
        self._turn = cards
        self._lying: list[Card] = [blair]
        self._taken: list[Card] = []
        self._by_hand = demo_period_s <= 0.0
        self.reader = EmulatedPN532(self.cards, pins.clock)
        self.connect(self.reader)

    def cards(self) -> Sequence[Card]:
        """Return the cards that lie on the antenna now."""
        if self._by_hand:
            return self._lying
        # Each card in turn lies there for half of its share of the period.
        share, place = divmod(
            self.pins.clock.monotonic() / self.demo_period_s * len(self._turn), 1.0
        )
        half = 0.5
        return [self._turn[int(share) % len(self._turn)]] if place < half else []

    def card(self, uid: str) -> Card:
        """Return a card by its UID, wherever it is; for tests.

        Args:
            uid: Hexadecimal digits.
        """
        return self._known[bytes.fromhex(uid)]

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities of the emulator control.

        ``tag``: UIDs of the cards on the antenna as hexadecimal text, with commas between them and
        "" for none; a UID that is not known yet makes a new card, of the kind before a colon
        ("ntag215:04112233445566"). ``memory``: all bytes of the first card. ``present``: take the
        cards away, put them back. ``exchanges_left``: after this many commands to the card it is
        taken away, -1 for never. ``on``: the radio field.
        """
        return (
            Quantity(
                "tag", "none", 0, 0, 0, self._tag, self._lay, "cards", ("", *self._known_cards())
            ),
            truth("present", lambda: bool(self.cards()), self._take),
            Quantity("memory", "none", 0, 0, 0, self._memory, self._fill),
            Quantity("exchanges_left", "none", -1, 1e6, 0, self._left, self._limit, "number"),
            truth("on", lambda: self.reader.field, None),
        )

    def _tag(self) -> str:
        return ",".join(card.uid.hex() for card in self.cards())

    def _known_cards(self) -> list[str]:
        """Return the cards to choose from, the newest last."""
        return [uid.hex() for uid in self._known][-MOST_OFFERED:]

    def _lay(self, value: Value) -> None:
        if not isinstance(value, str):
            raise ValueError("UIDs as text are wanted, or an empty text")  # noqa: TRY004  (as ``Quantity.set``)
        lying = [self._named(each.strip()) for each in value.split(",") if each.strip()]
        if len(lying) > MOST_CARDS or len({card.uid for card in lying}) < len(lying):
            raise ValueError(f"{MOST_CARDS} different cards are the most that are modelled")
        self._by_hand = True
        self._taken = [] if lying else self._lying or self._taken
        self._lying = lying
        self._known.update((card.uid, card) for card in lying)
        self.reader.exchanges_left = None

    def _named(self, text: str) -> Card:
        kind, _, digits = text.rpartition(":")
        uid = bytes.fromhex(digits)
        known = self._known.get(uid)
        return known if known is not None and not kind else new_card(kind, uid)

    def _take(self, present: bool) -> None:  # noqa: FBT001  (a setter)
        lying = list(self.cards())
        self._by_hand = True
        if present and not lying:
            lying, self._taken = self._taken or [self._turn[0]], []
        elif not present and lying:
            lying, self._taken = [], lying
        self._lying = lying
        self.reader.exchanges_left = None

    def _memory(self) -> bytes:
        cards = self.cards()
        return bytes(cards[0].memory) if cards else b""

    def _fill(self, value: Value) -> None:
        cards = self.cards()
        if not cards:
            raise ValueError("no card lies there")
        memory = cards[0].memory
        if not isinstance(value, bytes) or len(value) > len(memory):
            raise ValueError(f"up to {len(memory)} bytes are wanted")
        memory[: len(value)] = value

    def _left(self) -> int:
        left = self.reader.exchanges_left
        return -1 if left is None else left

    def _limit(self, value: Value) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("a whole number is wanted")  # noqa: TRY004  (as ``Quantity.set``)
        self.reader.exchanges_left = None if value < 0 else value
