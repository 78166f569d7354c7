"""PN532: NFC reader by NXP, and the cards that are spoken to through it."""

from wisblock_bridge.chips.pn532.driver import PN532, Firmware, Target
from wisblock_bridge.chips.pn532.status import CardError

__all__ = ["PN532", "CardError", "Firmware", "Target"]
