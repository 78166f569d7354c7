"""PN532, NFC reader: the emulator.

1. Bus side: frames behind a ready byte, ACK first, answers that take time and are read once.
   Emulator control: the cards in its field, asked for whenever it looks.
2. Values are typed from the user manual, never imported from the driver.
3. What is not a frame is ignored, as the chip does; a new frame ends the command under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.buses.emulated.i2c import NotAcknowledged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.clock import Clock

ACK = bytes.fromhex("00 00 FF 00 FF 00")
NACK = bytes.fromhex("00 00 FF FF 00 00")
ERROR = bytes.fromhex("00 00 FF 01 FF 7F 81 00")

ACK_S = 0.001
COMMAND_S = 0.002
EXCHANGE_S = 0.004
TRY_S = 0.005
"""One look for a card, about the duration of a REQA with its guard time."""

FOREVER = 0xFF


class SilentCard(Exception):  # noqa: N818  (a card's way to say no)
    """The card does not answer; ``status`` is what the reader makes of it."""

    def __init__(self, status: int = 0x01) -> None:
        super().__init__(status)
        self.status = status


class CardInField(Protocol):
    """What a card shows a reader."""

    uid: bytes
    atqa: bytes
    sak: int

    def select(self) -> None:
        """Be woken: forget what was authenticated."""
        ...

    def command(self, data: bytes) -> bytes:
        """Answer a command.

        Raises:
            SilentCard: It refuses.
        """
        ...


@dataclass(slots=True)
class _Pending:
    """A frame that the host may read from some moment on."""

    frame: bytes
    ready_at: float


class EmulatedPN532:
    """A reader in memory.

    Args:
        cards: Tells the cards in its field.
        clock: Time.

    Attributes:
        field: Whether the radio field is on.
        configured: Whether SAMConfiguration came since power-up.
        version: IC, version, revision, support.
        asleep: It does not acknowledge this many transfers, as while it wakes.
        deaf: Fault: frames are not answered, not even by an ACK.
        mute: Fault: commands are acknowledged but never answered.
        damage_next: Fault: this many of the next responses get a wrong checksum on their way; a
            NACK brings the right one.
        exchanges_left: After this many further exchanges the cards are out of reach; None for
            never.
        halts_the_first: After a look for two cards that found one, that one is silent until it is
            selected again. The manual does not say whether it is.
        commands: Codes of all commands taken, for tests.

    Source: NXP PN532 user manual UM0701-02, sections 6.2 and 7.
    """

    def __init__(self, cards: Callable[[], Sequence[CardInField]], clock: Clock) -> None:
        self._cards = cards
        self._clock = clock
        self.version = bytes.fromhex("32 01 06 07")
        self.asleep = 0
        self.deaf = False
        self.mute = False
        self.damage_next = 0
        self.exchanges_left: int | None = None
        self.halts_the_first = False
        self.commands: list[int] = []
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back."""
        self.field = False
        self.configured = False
        self._tries = FOREVER
        self._targets: list[CardInField] = []
        self._queue: list[_Pending] = []
        self._last = b""
        self._searching: int | None = None
        self._selected = 1
        self._halted = False

    @property
    def pending(self) -> bool:
        """Whether a command is under way or an answer was not fetched."""
        return bool(self._queue) or self._searching is not None

    # -- the bus side -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Take what the host sends, as ``EmulatedI2CDevice.write`` says."""
        self._wake()
        begin = data.find(b"\x00\x00\xff")
        if begin < 0 or self.deaf:
            return
        frame = data[begin:]
        if frame[:6] == ACK:
            self._queue, self._searching = [], None
            return
        if frame[:6] == NACK:
            if self._last:
                self._queue = [_Pending(self._last, self._clock.monotonic() + ACK_S)]
            return
        length = frame[3] if len(frame) > 3 else 0  # noqa: PLR2004
        body = frame[5 : 5 + length]
        whole = len(frame) >= 7 + length and not (frame[3] + frame[4]) & 0xFF
        if not whole or (sum(body) + frame[5 + length]) & 0xFF:
            return
        self._queue, self._searching = [], None
        now = self._clock.monotonic()
        self._queue.append(_Pending(ACK, now + ACK_S))
        if body[:1] != b"\xd4" or len(body) < 2:  # noqa: PLR2004
            self._queue.append(_Pending(ERROR, now + COMMAND_S))
            return
        self.commands.append(body[1])
        if not self.mute:
            self._carry_out(body[1], body[2:])

    def read(self, length: int) -> bytes:
        """Return the ready byte and what there is to read, once."""
        self._wake()
        now = self._clock.monotonic()
        if self._searching is not None and not any(p.frame == ACK for p in self._queue):
            self._search_on()
        if not self._queue or self._queue[0].ready_at > now:
            return bytes(length)
        if length == 1:
            return b"\x01"
        frame = self._queue.pop(0).frame
        if frame != ACK and self.damage_next > 0:
            self.damage_next -= 1
            frame = frame[:-2] + bytes((frame[-2] ^ 0xFF, 0))
        return (b"\x01" + frame + bytes(length))[:length]

    # -- commands ---------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self.asleep > 0:
            self.asleep -= 1
            raise NotAcknowledged

    def _answer(self, code: int, data: bytes, after_s: float) -> None:
        body = bytes((0xD5, code + 1)) + data
        frame = b"\x00\x00\xff" + bytes((len(body), -len(body) & 0xFF)) + body
        frame += bytes((-sum(body) & 0xFF, 0))
        self._last = frame
        self._queue.append(_Pending(frame, self._clock.monotonic() + after_s))

    def _carry_out(self, code: int, data: bytes) -> None:  # noqa: C901, PLR0912  (one case each)
        match code:
            case 0x02:
                self._answer(code, self.version, COMMAND_S)
            case 0x06 if data == b"\x63\x04":  # CIU_TxControl: 80 after a reset, both drivers off
                self._answer(code, bytes((0x80 | 3 * self.field,)), COMMAND_S)
            case 0x14:
                self.configured = True
                self._answer(code, b"", COMMAND_S)
            case 0x32 if data[:1] == b"\x01" and len(data) == 2:  # noqa: PLR2004
                self.field = bool(data[1] & 1)
                if not self.field:
                    self._targets = []
                self._answer(code, b"", COMMAND_S)
            case 0x32 if data[:1] == b"\x05" and len(data) == 4:  # noqa: PLR2004
                self._tries = data[3]
                self._answer(code, b"", COMMAND_S)
            case 0x4A if len(data) >= 2 and data[0] in {1, 2}:  # noqa: PLR2004
                self._list(data[0], data[1])
            case 0x40 if data:
                self._exchange(data[0], data[1:])
            case 0x42 if data:
                self._exchange(self._selected, data, 0x42)
            case 0x54 if data and 1 <= data[0] <= len(self._targets):
                self._selected, self._halted = data[0], False
                self._answer(code, b"\x00", COMMAND_S)
            case 0x52 | 0x44 | 0x54:
                self._targets = []
                self._answer(code, b"\x00", COMMAND_S)
            case 0x16:
                self.field, self._targets, self.asleep = False, [], 1
                self._answer(code, b"\x00", COMMAND_S)
            case 0x04:
                count = len(self._targets)
                self._answer(code, bytes((0, self.field, count)) + bytes(4 * count + 1), COMMAND_S)
            case _:
                self._queue.append(_Pending(ERROR, self._clock.monotonic() + COMMAND_S))

    def _in_field(self) -> list[CardInField]:
        return [] if self.exchanges_left == 0 else list(self._cards())

    def _list(self, limit: int, modulation: int) -> None:
        self.field = True
        self._targets = []
        found = self._in_field()[:limit] if modulation == 0 else []
        if not found and self._tries == FOREVER:
            self._searching = limit
            return
        looked_s = TRY_S * (1 + (self._tries if len(found) < limit else 0))
        self._tell(found, limit, looked_s)

    def _search_on(self) -> None:
        """Go on searching indefinitely, as the chip does after power-up."""
        assert self._searching is not None  # noqa: S101
        found = self._in_field()[: self._searching]
        if found:
            limit, self._searching = self._searching, None
            self._tell(found, limit, TRY_S)

    def _tell(self, found: Sequence[CardInField], limit: int, after_s: float) -> None:
        answer = bytes((len(found),))
        for number, card in enumerate(found, 1):
            card.select()
            answer += bytes((number,)) + card.atqa + bytes((card.sak, len(card.uid))) + card.uid
        self._targets = list(found)
        self._selected = 1
        self._halted = self.halts_the_first and limit > len(found)
        self._answer(0x4A, answer, after_s)

    def _exchange(self, number: int, data: bytes, code: int = 0x40) -> None:
        """Pass a command on; 0x40 takes 60 and 61 for an authentication with key and UID."""
        wrong = code == 0x40 and data[:1] in {b"\x60", b"\x61"} and len(data) != 12  # noqa: PLR2004
        if not 1 <= number <= len(self._targets) or wrong:
            self._answer(code, b"\x10" if wrong else b"\x27", COMMAND_S)
            return
        card = self._targets[number - 1]
        if self._halted or not any(card is each for each in self._in_field()):
            self._answer(code, b"\x01", EXCHANGE_S)
            return
        if self.exchanges_left is not None:
            self.exchanges_left -= 1
        try:
            answer = b"\x00" + card.command(data)
        except SilentCard as refusal:
            answer = bytes((refusal.status,))
        self._answer(code, answer, EXCHANGE_S)
