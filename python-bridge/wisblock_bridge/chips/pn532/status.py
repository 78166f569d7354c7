"""What the PN532 says of an exchange with a card, in words.

1. Numbers are the chip's, sentences are for people; nothing is sent from here.
2. No key ever stands in an error.
"""

from __future__ import annotations

from wisblock_bridge.errors import RemoteExceptionError

MASK = 0x3F
"""Bits 5...0 are the error; above are "more information" and NAD."""

TIMEOUT = 0x01
AUTHENTICATION = 0x14

GONE = frozenset({TIMEOUT, 0x0A, 0x29, 0x2A, 0x2B})
"""How a card that was taken away shows itself."""

REFUSED = frozenset({0x02, 0x05, 0x0B, 0x13})
"""How the four bits of a refusal (NAK) can look to a reader that waits for a whole answer."""

_WORDS = {
    TIMEOUT: "the card does not answer",
    0x02: "the card's answer has a wrong CRC",
    0x03: "the card's answer has a wrong parity",
    0x04: "the anticollision of several cards failed",
    0x05: "the card's answer is badly framed",
    0x06: "several cards answered at once",
    0x07: "the reader's buffer is too small",
    0x09: "the reader's radio buffer overflowed",
    0x0A: "the radio field was not switched on in time",
    0x0B: "the card broke the radio protocol",
    0x0D: "the reader is too hot and switched its field off",
    0x0E: "the reader's buffer overflowed",
    0x10: "the reader was given a parameter that it does not know",
    AUTHENTICATION: "the card refused the key",
    0x23: "the check byte of the card's UID is wrong",
    0x25: "the card is in a state that does not allow this",
    0x27: "the command is not allowed now",
    0x29: "the card was released",
    0x2A: "another card lies there now",
    0x2B: "the card disappeared",
    0x2D: "the reader's transmitter draws too much current",
}

_HINTS = {
    0x02: "Lay the card flat on the antenna and try again.",
    0x06: "Leave one card on the reader.",
    0x0D: "Let it cool down; switch the field off between uses.",
    AUTHENTICATION: "Give the right key and key_type; the factory key is six times FF.",
    0x2D: "Check the antenna and its plug.",
}


class CardError(RemoteExceptionError):
    """An exchange with a card failed; the reader itself is well.

    Args:
        status: The chip's code.
        where: The chip.

    Attributes:
        status: The chip's code.

    Source: NXP PN532 user manual UM0701-02, section 7.1, "Error handling".
    """

    def __init__(self, status: int, where: str = "") -> None:
        words = _WORDS.get(status, "the exchange with the card failed")
        self.status = status
        self._why = f"{words[:1].upper()}{words[1:]}"
        self._story = ""
        super().__init__(
            self._sentence(),
            hint=_HINTS.get(status, "Hold the card still on the antenna and try again."),
            where=where,
            data={"status": status},
        )

    @property
    def gone(self) -> bool:
        """Whether it looks as if the card was taken away."""
        return self.status in GONE

    @property
    def refused(self) -> bool:
        """Whether it may be the card's way to say no."""
        return self.status in REFUSED

    def tell(self, *, why: str = "", story: str = "", hint: str = "") -> None:
        """Say more, as more becomes known.

        Args:
            why: What happened, in place of what was said before.
            story: What it interrupted, with further sentences.
            hint: What the user can do.
        """
        self._why = why or self._why
        self._story = story or self._story
        self.hint = hint or self.hint
        self.message = self._sentence()

    def _sentence(self) -> str:
        story = f" {self._story}" if self._story else "."
        return f"{self._why} (status 0x{self.status:02x}){story}"
