"""PN532, NFC reader: the driver.

1. Commands and targets on one side, frames over I2C on the other; what a card's bytes mean is the
   business of ``cards``.
2. Nobody spins: the ready byte is looked at between sleeps, and the chip is told to give up looking
   for a card, so that it always answers.
3. A response is read at the length that it should have; one that is longer is asked for again, at
   the length that it says.
4. A command that is given up is aborted with an ACK frame; nothing of it is left for the next.

On 4: a host that only stops waiting leaves the chip searching, and its late answer would be taken
for that of the next command.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.pn532 import frame
from wisblock_bridge.chips.pn532.card import LONGEST_DATA
from wisblock_bridge.chips.pn532.status import MASK, CardError
from wisblock_bridge.errors import (
    BridgeError,
    BusError,
    BusFault,
    ChecksumError,
    NotReadyError,
    SupplyLostError,
    WrongChipError,
)

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.chips.pn532.frame import Frame
    from wisblock_bridge.clock import Clock

GET_FIRMWARE_VERSION = 0x02
GET_GENERAL_STATUS = 0x04
READ_REGISTER = 0x06
SAM_CONFIGURATION = 0x14
RF_CONFIGURATION = 0x32
IN_DATA_EXCHANGE = 0x40
IN_COMMUNICATE_THRU = 0x42
IN_LIST_PASSIVE_TARGET = 0x4A
IN_RELEASE = 0x52
IN_SELECT = 0x54

IC = 0x32
"""First byte of the firmware version: this is a PN532."""

NORMAL_MODE = b"\x01\x14\x01"
"""No SAM, its time-out of 20 times 50 ms (not used), IRQ driven."""
RF_FIELD, MAX_RETRIES = 0x01, 0x05
TYPE_A_106K = 0x00
ISO14443_4 = 0x20
"""Bit of SAK: the card speaks ISO 14443-4, and the list of cards has its ATS behind the UID."""

TX_CONTROL = b"\x63\x04"
TRANSMITTING = 0x03
"""CIU_TxControl, bits 1 and 0: the two antenna drivers are on. 0x80 after a reset."""

RESPONSE_CODE = 2
"""TFI and the code of the response, before its data."""

READY = 0x01
POLL_S = 0.001
SLOW_POLL_S = 0.005
ACK_TIMEOUT_S = 0.05
"""The chip acknowledges within 15 ms; it may stretch the clock besides."""
WAKE_S = 0.005
ATTEMPTS = 3
"""Tries for one transfer: a chip that sleeps does not acknowledge its address while it wakes."""

TRY_S = 0.03
"""Longest time that one look for a card may take; the chip's own is about 5 ms."""
COMMAND_S = 1.0
CARD_S = 1.5
"""Patience with a card, longer than the chip's own."""

TARGET_DATA = 12
"""Bytes for one card in a list: number, SENS_RES, SEL_RES, length, and a UID of 7 bytes."""


class CommandRejectedError(NotReadyError):
    """The chip is well, and does not know a command or its parameters."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """What the chip says of itself.

    Attributes:
        version: Version, as in "1.6": 1.
        revision: Revision, as in "1.6": 6.
        support: Bit 0: ISO 14443 A, bit 1: ISO 14443 B, bit 2: ISO 18092.
    """

    version: int
    revision: int
    support: int


@dataclass(frozen=True, slots=True)
class Target:
    """A card that the chip has found.

    Attributes:
        number: The chip's number for it, 1 or 2.
        atqa: SENS_RES, two bytes in the order of the chip's answer.
        sak: SEL_RES.
        uid: Its identifier, 4, 7 or 10 bytes.
    """

    number: int
    atqa: bytes
    sak: int
    uid: bytes


class PN532:
    """A reader for ISO 14443 A cards.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, always 0x24.
        clock: Time.

    Source: NXP PN532 user manual UM0701-02, sections 6.2 (frames), 6.2.4 (I2C) and 7 (commands).
    """

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._lock = threading.Lock()
        self._tries = 21
        self._prepared = False
        """Whether the chip is known to answer even without a card; a restart makes it forget."""
        self._several = False
        self.passes_commands = True
        """Whether the chip passes on every command to a card; False once it refused to."""
        self._field = False
        """Whether the field was switched on, as far as the chip keeps its settings."""
        self.name = f"PN532 0x{address:02x} on {bus.name}"

    def start(self, tries: int = 21) -> Firmware:
        """Bring a chip of any state to a known one: idle, its field off, nothing pending.

        Args:
            tries: How often the chip looks for a card before it says that there is none, 1...255.

        Returns:
            What the chip says of itself.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: It does not do what it is told to.
            WrongChipError: Something else answers.
        """
        self.abort()
        firmware = self.firmware()
        self._call(SAM_CONFIGURATION, NORMAL_MODE, length=0)
        # Left at its default (indefinitely) the chip would not answer while there is no card.
        self._call(RF_CONFIGURATION, bytes((MAX_RETRIES, 0xFF, 0x01, tries - 1)), length=0)
        self.set_field(on=False)
        self._tries = tries
        self._prepared = True
        return firmware

    def abort(self) -> None:
        """End a command that may be running.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            self._send(frame.ACK)

    def firmware(self) -> Firmware:
        """Ask the chip who it is.

        Returns:
            Version and revision.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: It did not answer in time.
            WrongChipError: Something else answers.
        """
        answer = self._call(GET_FIRMWARE_VERSION, length=4)
        if len(answer) != 4 or answer[0] != IC:  # noqa: PLR2004
            raise WrongChipError(
                f"It calls itself {answer.hex(' ') or 'nothing'}; a PN532 begins with 32.",
                hint="Is another module in this slot?",
                where=self.name,
            )
        return Firmware(answer[1], answer[2], answer[3])

    def set_field(self, *, on: bool) -> None:
        """Switch the radio field.

        Args:
            on: Whether cards are fed.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: It did not answer in time.
        """
        self._call(RF_CONFIGURATION, bytes((RF_FIELD, 1 if on else 0)), length=0)
        self._field = on

    def check_supply(self) -> None:
        """See that the chip did not lose its settings, by one command; while its field is to be on.

        A reset switches the field off, and nothing else does that the driver did not ask for. With
        the field off nothing would be lost but the number of tries, which is set again
        automatically.

        Raises:
            SupplyLostError: The field is off.
            BusError: The chip did not answer.
            NotReadyError: It did not answer in time.

        Source: NXP PN532 user manual UM0701-02, sections 7.2.3 and 7.2.4; data sheet, register
        CIU_TxControl.
        """
        if not self._field:
            return
        try:
            on = any(
                each & TRANSMITTING for each in self._call(READ_REGISTER, TX_CONTROL, length=1)[:1]
            )
        except CommandRejectedError:  # by a chip that is none of NXP's
            on = self._call(GET_GENERAL_STATUS)[1:2] == b"\x01"
        if not on:
            self._field = self._prepared = False
            raise SupplyLostError(
                "The reader lost its settings: its radio field is off, although it was switched "
                "on. Its supply failed for a moment, or something reset it.",
                hint="It is set up again by itself. If it happens again, look at the 3.3 V supply: "
                "the radio field takes about 100 mA.",
                where=self.name,
            )

    def find(self, limit: int = 1) -> tuple[Target, ...]:
        """Look for cards once and select what is found; this switches the field on.

        After a failure the chip is started again first: it may have lost its supply.

        Args:
            limit: How many to look for, 1 or 2. Looking for the second takes time when there is
                one card only.

        Returns:
            The cards, none if there are none.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: It did not answer in time; the look was aborted.
            ChecksumError: Its answer makes no sense.
        """
        if not self._prepared:
            self.start(self._tries)
        answer = self._call(
            IN_LIST_PASSIVE_TARGET,
            bytes((limit, TYPE_A_106K)),
            COMMAND_S + limit * self._tries * TRY_S,
            length=1 + limit * TARGET_DATA,
        )
        self._field = True
        try:
            found = targets(answer)
        except ChecksumError as error:
            raise error.at(self.name) from None
        self._several = len(found) > 1
        return found

    def exchange(self, number: int, data: bytes, length: int = LONGEST_DATA) -> bytes:
        """Send something to a card and wait for what it says.

        Args:
            number: The chip's number for the card.
            data: The card's command.
            length: How many bytes the card should answer; it may be more or fewer.

        Returns:
            The card's answer, perhaps empty.

        Raises:
            CardError: The card refused or was removed.
            BusError: The chip did not answer.
            NotReadyError: It did not answer in time.
        """
        command = bytes((number,)) + data
        return self._checked_status(
            self._call(IN_DATA_EXCHANGE, command, CARD_S, length=1 + length)
        )

    def communicate(self, number: int, data: bytes, length: int = LONGEST_DATA) -> bytes:
        """Send something to a card without a look at it by the chip.

        ``exchange`` carries out some commands itself, by their first byte: 0x60 is the
        authentication of a Mifare Classic for it, whatever card lies there.

        Args:
            number: The chip's number for the card.
            data: The card's command, without its CRC.
            length: How many bytes the card should answer; it may be more or fewer.

        Returns:
            The card's answer, perhaps empty.

        Raises:
            CardError: The card refused or was removed.
            BusError: The chip did not answer.
            NotReadyError: It did not answer in time.

        Source: NXP PN532 user manual UM0701-02, sections 7.3.9 and 7.3.12.
        """
        try:
            if self._several:
                self._checked_status(self._call(IN_SELECT, bytes((number,)), CARD_S, length=1))
            answer = self._call(IN_COMMUNICATE_THRU, data, CARD_S, length=1 + length)
        except CommandRejectedError:  # by a chip that is none of NXP's
            self.passes_commands = False
            return self.exchange(number, data, length)
        return self._checked_status(answer)

    def release(self) -> None:
        """Let go of all cards.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: It did not answer in time.
        """
        self._call(IN_RELEASE, b"\x00", length=1)

    def _checked_status(self, answer: bytes) -> bytes:
        status = answer[0] & MASK if answer else 0x0B
        if status:
            raise CardError(status, self.name)
        return answer[1:]

    # -- one command ------------------------------------------------------------------------------

    def _call(
        self,
        code: int,
        parameters: bytes = b"",
        timeout_s: float = COMMAND_S,
        length: int = LONGEST_DATA,
    ) -> bytes:
        with self._lock:
            try:
                self._begin(frame.command(code, parameters))
                answer = self._response(code, timeout_s, frame.OVERHEAD + RESPONSE_CODE + length)
            except BusError:
                self._prepared = False
                raise
            except CommandRejectedError as error:
                raise error.at(self.name) from None
            except (NotReadyError, ChecksumError) as error:
                self._prepared = False
                with suppress(BridgeError):  # the reason is reported, not what came of tidying up
                    self._send(frame.ACK)
                raise error.at(self.name) from None
        return answer

    def _begin(self, sent: bytes) -> None:
        """Send a command and see that it was taken; once more if it was not."""
        for last_try in (False, True):
            self._send(sent)
            self._clock.sleep(POLL_S)  # it never acknowledges at once: a look would be for nothing
            if self._ready_within(ACK_TIMEOUT_S, POLL_S):
                with suppress(ChecksumError):
                    if frame.parse(self._receive(len(frame.ACK))).kind == "ack":
                        return
            if not last_try:
                self._send(frame.ACK)
        raise NotReadyError(
            "The reader does not take commands: it is busy, or the bus is disturbed.",
            hint="Check that the module sits firmly; switch the board off and on.",
        )

    def _response(self, code: int, timeout_s: float, length: int) -> bytes:
        for last_try in (False, True):
            self._clock.sleep(POLL_S)
            if not self._ready_within(timeout_s, SLOW_POLL_S):
                raise NotReadyError(
                    f"The reader did not answer within {timeout_s:.1f} s; the command was aborted.",
                    hint="Try again. If it stays so, switch the board off and on.",
                )
            received = b""
            try:
                received = self._receive(length)
                found = frame.parse(received)
            except (ChecksumError, BusError):
                if last_try:
                    raise
                # The chip keeps its last response: a NACK brings it again.
                length = max(length, frame.announced_length(received))
                self._send(frame.NACK)
                timeout_s = ACK_TIMEOUT_S
            else:
                return self._checked(found, code)
        raise AssertionError  # the loop leaves by return or raise

    @staticmethod
    def _checked(found: Frame, code: int) -> bytes:
        if found.kind == "error":
            raise CommandRejectedError(
                f"The reader rejected command 0x{code:02x}.",
                hint="Another program may be using it; switch the board off and on.",
            )
        if found.kind != "data" or found.code != code + 1:
            raise ChecksumError(
                f"The reader answered something else than command 0x{code:02x}.",
                hint="Another program may be using it.",
            )
        return found.data

    # -- one transfer -----------------------------------------------------------------------------

    def _ready_within(self, timeout_s: float, pause_s: float) -> bool:
        """Wait for the ready byte; looked at once more after the deadline, if we were held up.

        Short commands take 1 or 2 ms and a card's look 30 ms, so pauses grow up to ``pause_s``.
        """
        deadline = self._clock.monotonic() + timeout_s
        next_s = POLL_S
        while True:
            last_try = self._clock.monotonic() >= deadline
            if self._transfer(Read(1))[0] & READY:
                return True
            if last_try:
                return False
            self._clock.sleep(next_s)
            next_s = min(2 * next_s, pause_s)

    def _receive(self, length: int) -> bytes:
        """Read a frame in one transaction: what was clocked out once does not come again."""
        received = self._bus.transfer(self._address, Read(1 + length))
        if not received[0] & READY:
            raise ChecksumError("The reader took its answer back.")
        return received[1:]

    def _send(self, data: bytes) -> None:
        self._transfer(Write(data))

    def _transfer(self, message: Write | Read) -> bytes:
        for attempt in range(ATTEMPTS):
            try:
                return self._bus.transfer(self._address, message)
            except BusError as error:
                weak = error.fault in {BusFault.NO_ACKNOWLEDGE, BusFault.IO}
                if not weak or attempt == ATTEMPTS - 1:
                    raise
            self._clock.sleep(WAKE_S)
        raise AssertionError  # the loop leaves by return or raise


def targets(answer: bytes) -> tuple[Target, ...]:
    """Read what InListPassiveTarget answers for type A at 106 kbit/s.

    Args:
        answer: What follows the response's code.

    Returns:
        The cards.

    Raises:
        ChecksumError: It is cut off or makes no sense.

    Source: NXP PN532 user manual UM0701-02, section 7.3.5.
    """
    if not answer or answer[0] > 2:  # noqa: PLR2004  (the chip keeps two at most)
        raise _nonsense()
    found: list[Target] = []
    rest = answer[1:]
    for _ in range(answer[0]):
        if len(rest) < 5 or len(rest) < 5 + rest[4]:  # noqa: PLR2004  (Tg, SENS_RES, SEL_RES, length)
            raise _nonsense()
        number, sak, length = rest[0], rest[3], rest[4]
        uid = rest[5 : 5 + length]
        if length not in {4, 7, 10} or number not in {1, 2}:
            raise _nonsense()
        found.append(Target(number, rest[1:3], sak, uid))
        rest = rest[5 + length :]
        if sak & ISO14443_4 and rest:
            rest = rest[max(1, rest[0]) :]  # the first byte is the length of all of the ATS
    return tuple(found)


def _nonsense() -> ChecksumError:
    return ChecksumError(
        "The reader's list of cards makes no sense.",
        hint="Lay the card flat on the antenna and try again.",
    )
