"""Emulated nodes on a LIN bus: those that answer, and another master.

1. A node hears what a receiver hears: a break is at least 11 bits long, at the node's own rate.
2. Identifiers, parity and checksums are typed again from the specification (LIN 2.2A, 2.3.1).
3. It knows no product; how the bus fails is not its business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.uart import RESTING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.uart import LineSettings
    from wisblock_bridge.clock import Clock

RECOGNISED_BITS = 11
SHORTEST_WAKE_UP_S = 0.00015
LONGEST_START_S = 0.1
RESPONSE_SPACE_S = 0.0005

DOCUMENTED = bytes([0, 1, 2, 3, 255, 5, 6, 100])
"""What the vendor's Arduino master sends with the identifier 1."""

EVERY_S = 0.5
"""How often it does."""

MOST_MISSED = 4
"""This many frames are made up for when nobody used the port for a while."""


class Published:
    """What a node answers to a header.

    Args:
        data: 1 to 8 bytes.
        enhanced: Its checksum covers the identifier too.
    """

    def __init__(self, data: bytes, *, enhanced: bool) -> None:
        self.data = data
        self.enhanced = enhanced


class LinNodes:
    """All the nodes of a bus but the one behind the port.

    Args:
        talk: Puts characters on the bus, so much later (s).
        clock: Time.
        published: Identifier to what is answered.
    """

    def __init__(
        self,
        talk: Callable[[bytes, float], None],
        clock: Clock,
        published: dict[int, Published],
    ) -> None:
        self.published = published
        self.received: dict[int, bytes] = {}
        """Identifier to the data that nodes took last, those of whole frames only."""
        self.asleep = False
        self.other_master: bool | None = None
        """Whether another master sends; None to let it as long as the port has sent nothing."""
        self._talk = talk
        self._clock = clock
        self._frame: bytearray | None = None
        self._ready_at = 0.0
        self._addressed = False
        self._next_s: float | None = None

    def hear(self, data: bytes, settings: LineSettings) -> None:
        """Hear characters; those of another rate are a break, a pulse or nothing."""
        self._addressed = True
        if settings.baud != RESTING.baud or self._frame is None:
            self._frame = None
            if not any(data):
                self.hear_break(9 * len(data) / settings.baud)
            return
        self._frame += data
        if len(self._frame) == 2:  # noqa: PLR2004  (a header)
            self._answer(self._frame[1])
        elif len(self._frame) > 3:  # noqa: PLR2004  (a header, a byte and the checksum)
            self._take(bytes(self._frame))

    def hear_break(self, duration_s: float) -> None:
        """Hear a dominant pulse: it wakes who sleeps, and begins a frame if it is long enough."""
        self._addressed = True
        if self.asleep and duration_s >= SHORTEST_WAKE_UP_S:
            self.asleep = False
            self._ready_at = self._clock.monotonic() + LONGEST_START_S
        long_enough = duration_s * RESTING.baud >= RECOGNISED_BITS
        self._frame = bytearray() if long_enough and not self._is_deaf else None

    def pass_time(self) -> None:
        """Send what the other master had to send until now."""
        now = self._clock.monotonic()
        speaks = not self._addressed if self.other_master is None else self.other_master
        if not speaks:
            self._next_s = None
            return
        if self._next_s is None:
            self._next_s = now + EVERY_S
        self._next_s = max(self._next_s, now - MOST_MISSED * EVERY_S)
        while self._next_s <= now:
            self._next_s += EVERY_S
            self.say(1, DOCUMENTED)

    def say(self, identifier: int, data: bytes) -> None:
        """Send a frame as another master: a port hears the break as a zero.

        Args:
            identifier: 0 to 63.
            data: 1 to 8 bytes, sent with the classic checksum.
        """
        protected = protect(identifier)
        frame = bytes([0x00, 0x55, protected]) + data + bytes([inverted_sum(data)])
        self._talk(frame, 0.0)

    @property
    def _is_deaf(self) -> bool:
        return self.asleep or self._clock.monotonic() < self._ready_at

    def _answer(self, protected: int) -> None:
        published = self.published.get(protected & 0x3F)
        is_header = self._frame is not None and self._frame[0] == 0x55  # noqa: PLR2004
        if published is None or not is_header or protect(protected & 0x3F) != protected:
            return
        self._frame = None
        covered = bytes([protected]) + published.data if published.enhanced else published.data
        body = published.data + bytes([inverted_sum(covered)])
        self._talk(body, RESPONSE_SPACE_S)

    def _take(self, frame: bytes) -> None:
        identifier, data = frame[1] & 0x3F, frame[2:-1]
        if frame[0] != 0x55 or protect(identifier) != frame[1]:  # noqa: PLR2004
            return
        if frame[-1] not in {inverted_sum(data), inverted_sum(frame[1:-1])}:
            return
        self._frame = None
        self.received[identifier] = data
        if identifier == 0x3C and data[0] == 0x00:  # noqa: PLR2004  (go to sleep)
            self.asleep = True


def protect(identifier: int) -> int:
    """Add the parity bits to an identifier.

    Args:
        identifier: 0 to 63.

    Returns:
        The protected identifier.
    """
    p0 = (identifier ^ identifier >> 1 ^ identifier >> 2 ^ identifier >> 4) & 1
    p1 = ~(identifier >> 1 ^ identifier >> 3 ^ identifier >> 4 ^ identifier >> 5) & 1
    return identifier | p0 << 6 | p1 << 7


def inverted_sum(data: bytes) -> int:
    """Add bytes up, 255 being taken off above 255, and invert the sum.

    Args:
        data: What the checksum covers.

    Returns:
        The checksum.
    """
    total = 0
    for value in data:
        total += value
        if total > 255:  # noqa: PLR2004
            total -= 255
    return 255 - total
