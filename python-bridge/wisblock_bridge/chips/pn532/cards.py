"""Which card lies there, and what can be done with it.

1. What is not known is called unknown: a wrong name is worse than none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.classic import CLASSIC_BLOCKS, MifareClassic
from wisblock_bridge.chips.pn532.status import CardError
from wisblock_bridge.chips.pn532.tag_types import NAMES
from wisblock_bridge.chips.pn532.type2 import Type2Tag

if TYPE_CHECKING:
    from wisblock_bridge.chips.pn532.card import Card, Link
    from wisblock_bridge.chips.pn532.driver import Target

CLASSIC_NAMES = {20: "mifare_classic_mini", 64: "mifare_classic_1k", 256: "mifare_classic_4k"}
SMART_NAMES = {0x28: "smartmx_classic_1k", 0x38: "smartmx_classic_4k"}
"""By SAK: processor cards that can behave as a Mifare Classic. The reader speaks ISO 14443-4 to
them, in which their blocks cannot be reached (NXP AN10833, table of SAK values).
"""
UNKNOWN = "unknown"
PHONE = "iso14443_4"

CARD_TYPES = (*CLASSIC_NAMES.values(), *SMART_NAMES.values(), *NAMES, PHONE, UNKNOWN)


def card_at(link: Link) -> Card | None:
    """Return what can be done with a card.

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
    """Name the kind of a card; an Ultralight or NTAG is asked for it.

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
    if sak in SMART_NAMES:
        return SMART_NAMES[sak]
    if sak:
        return PHONE if sak & 0x20 else UNKNOWN
    try:
        kind = Type2Tag(link).identify()
    except CardError:
        return UNKNOWN
    return kind.name if kind is not None else UNKNOWN


def block_count(target: Target) -> int:
    """Return how many blocks a card can be asked for.

    Args:
        target: The card.

    Returns:
        64 for a Mifare Classic 1K; 256 where only the card itself knows.
    """
    return CLASSIC_BLOCKS.get(target.sak, 256)
