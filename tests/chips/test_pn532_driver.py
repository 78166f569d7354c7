"""PN532 driver: the bytes on the bus, patience, and what is left of an abandoned command."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus, Fault, FaultKind
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.pn532.driver import PN532
from wisblock_bridge.chips.pn532.emulator import EmulatedPN532
from wisblock_bridge.chips.pn532.identify import identify
from wisblock_bridge.chips.pn532.status import CardError
from wisblock_bridge.errors import (
    BusError,
    BusFault,
    ChecksumError,
    NotReadyError,
    WrongChipError,
)
from wisblock_bridge.modules.nfc.emulated_cards import ClassicCard
from wisblock_bridge.modules.nfc.emulated_type2 import Type2Card

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.modules.nfc.emulated_cards import Card

ABORT = bytes.fromhex("00 00 FF 00 FF 00")
AGAIN = bytes.fromhex("00 00 FF FF 00 00")


class Listening:
    """A bus that writes down what is sent and how much is read."""

    def __init__(self, bus: EmulatedI2CBus) -> None:
        self._bus = bus
        self.name = bus.name
        self.sent: list[bytes] = []
        self.reads: list[int] = []

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        for each in messages:
            if isinstance(each, Write):
                self.sent.append(each.data)
            else:
                self.reads.append(each.length)
        return self._bus.transfer(address, *messages)

    def close(self) -> None:
        """Nothing to close."""


class Bench:
    """A reader, its silicon, and what lies on it."""

    def __init__(self, *cards: Card, start: bool = True) -> None:
        self.clock = FakeClock()
        self.cards = list(cards)
        self.silicon = EmulatedPN532(lambda: self.cards, self.clock)
        self.i2c = EmulatedI2CBus("i2c-1", self.clock)
        self.i2c.attach(0x24, self.silicon)
        self.listening = Listening(self.i2c)
        self.bus = Breaking(self.listening)
        self.reader = PN532(self.bus, 0x24, self.clock)
        if start:
            self.reader.start()
            self.listening.sent.clear()
            self.listening.reads.clear()

    @property
    def sent(self) -> list[str]:
        return [each.hex(" ").upper() for each in self.listening.sent]


def classic(uid: str = "BCF024B5") -> ClassicCard:
    return ClassicCard(bytes.fromhex(uid))


def test_the_start_of_a_chip_in_any_state() -> None:
    bench = Bench(start=False)
    bench.silicon.write(bytes.fromhex("00 00 FF 04 FC D4 4A 01 00 E1 00"))  # searching for ever
    firmware = bench.reader.start()
    assert (firmware.version, firmware.revision, firmware.support) == (1, 6, 7)
    assert bench.sent == [
        "00 00 FF 00 FF 00",
        "00 00 FF 02 FE D4 02 2A 00",
        "00 00 FF 05 FB D4 14 01 14 01 02 00",
        "00 00 FF 06 FA D4 32 05 FF 01 14 E1 00",
        "00 00 FF 04 FC D4 32 01 00 F9 00",
    ]
    assert not bench.silicon.pending
    assert bench.silicon.configured


def test_looking_for_cards() -> None:
    bench = Bench()
    assert bench.reader.find() == ()
    bench.cards = [classic()]
    (found,) = bench.reader.find()
    assert (found.number, found.atqa, found.sak) == (1, b"\x00\x04", 8)
    assert found.uid == bytes.fromhex("BCF024B5")
    bench.cards.append(Type2Card(bytes.fromhex("04A1B2C3D4E580")))
    assert len(bench.reader.find()) == 1
    assert [each.number for each in bench.reader.find(2)] == [1, 2]
    assert bench.sent == ["00 00 FF 04 FC D4 4A 01 00 E1 00"] * 3 + [
        "00 00 FF 04 FC D4 4A 02 00 E0 00"
    ]


def test_nobody_spins() -> None:
    bench = Bench()
    before = bench.clock.monotonic()
    bench.reader.find()
    took_s = bench.clock.monotonic() - before
    polls = bench.listening.reads.count(1)
    assert 0.1 <= took_s < 0.2  # 21 tries of 5 ms
    assert polls <= took_s / 0.004
    assert bench.listening.reads.count(7) == 1  # the ACK, in one piece
    assert bench.listening.reads.count(23) == 1  # the answer, in one piece


@for_each(
    ("action", "length"),
    [
        (lambda reader: reader.firmware(), 14),
        (lambda reader: reader.set_field(on=True), 10),
        (lambda reader: reader.find(), 23),
        (lambda reader: reader.find(2), 35),
        (lambda reader: reader.exchange(1, bytes.fromhex("30 04"), 16), 27),
        (lambda reader: reader.communicate(1, bytes.fromhex("60"), 8), 19),
        (lambda reader: reader.exchange(1, bytes.fromhex("A2 04 01 02 03 04"), 0), 11),
        (lambda reader: reader.communicate(1, bytes.fromhex("60")), 75),  # nothing known of it
    ],
)
def test_an_answer_is_read_at_its_length(action: Callable[[PN532], object], length: int) -> None:
    """Ready byte, 00 00 FF LEN LCS, D5, code, data, DCS 00 (user manual, 6.2.1.1)."""
    bench = Bench(Type2Card(bytes.fromhex("04A1B2C3D4E580")))
    bench.reader.find()
    bench.listening.reads.clear()
    action(bench.reader)
    assert [each for each in bench.listening.reads if each > 1] == [7, length]


def test_an_answer_that_is_longer_is_asked_for_again_at_its_length() -> None:
    bench = Bench(Type2Card(bytes.fromhex("04A1B2C3D4E580")))
    bench.reader.find()
    bench.listening.reads.clear()
    assert len(bench.reader.exchange(1, bytes.fromhex("30 04"), 3)) == 16
    assert [each for each in bench.listening.reads if each > 1] == [7, 14, 27]
    assert bench.listening.sent[-1] == AGAIN


def test_a_refusal_is_shorter_than_the_answer() -> None:
    bench = Bench(Type2Card(bytes.fromhex("04A1B2C3D4E580")))
    bench.reader.find()
    with pytest.raises(CardError) as caught:
        bench.reader.exchange(1, bytes.fromhex("30 F0"), 16)
    assert caught.value.status == 0x01
    assert AGAIN not in bench.listening.sent


def test_exchanges_with_a_classic() -> None:
    bench = Bench(classic())
    bench.reader.find()
    bench.listening.sent.clear()
    bench.reader.exchange(1, bytes.fromhex("60 04 FF FF FF FF FF FF BC F0 24 B5"))
    assert bench.reader.exchange(1, bytes.fromhex("A0 04") + bytes(range(16))) == b""
    assert bench.reader.exchange(1, bytes.fromhex("30 04")) == bytes(range(16))
    bench.reader.release()
    assert bench.sent == [
        "00 00 FF 0F F1 D4 40 01 60 04 FF FF FF FF FF FF BC F0 24 B5 08 00",
        "00 00 FF 15 EB D4 40 01 A0 04 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F CF 00",
        "00 00 FF 05 FB D4 40 01 30 04 B7 00",
        "00 00 FF 03 FD D4 52 00 DA 00",
    ]


def test_a_refused_key_has_its_status() -> None:
    bench = Bench(classic())
    bench.reader.find()
    with pytest.raises(CardError, match="refused the key") as caught:
        bench.reader.exchange(1, bytes.fromhex("60 04 00 00 00 00 00 01 BC F0 24 B5"))
    assert caught.value.status == 0x14
    assert "00 00 00 00 01" not in str(caught.value)


def test_a_chip_that_sleeps_is_woken() -> None:
    bench = Bench()
    bench.silicon.asleep = 2
    assert bench.reader.firmware().revision == 6
    assert bench.clock.sleeps.count(0.005) >= 2


def test_nobody_there() -> None:
    bench = Bench(start=False)
    bench.i2c.detach(0x24)
    with pytest.raises(BusError) as caught:
        bench.reader.start()
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE


def test_an_answer_that_never_comes_is_aborted() -> None:
    bench = Bench()
    bench.silicon.mute = True
    before = bench.clock.monotonic()
    with pytest.raises(NotReadyError, match="did not answer within") as caught:
        bench.reader.find()
    assert caught.value.where == "PN532 0x24 on i2c-1"
    assert bench.clock.monotonic() - before < 3.0
    assert bench.listening.sent[-1] == ABORT
    assert not bench.silicon.pending
    bench.silicon.mute = False
    assert bench.reader.find() == ()


def test_a_chip_that_lost_its_supply_is_started_anew() -> None:
    bench = Bench()
    bench.silicon.power_cycle()  # from now on it would search for ever
    with pytest.raises(NotReadyError):
        bench.reader.find()
    assert not bench.silicon.pending
    bench.listening.sent.clear()
    assert bench.reader.find() == ()
    assert "00 00 FF 06 FA D4 32 05 FF 01 14 E1 00" in bench.sent


def test_no_acknowledge_frame() -> None:
    bench = Bench()
    bench.silicon.deaf = True
    with pytest.raises(NotReadyError, match="does not take commands"):
        bench.reader.firmware()
    command = bytes.fromhex("00 00 FF 02 FE D4 02 2A 00")
    assert bench.listening.sent == [command, ABORT, command, ABORT]
    bench.silicon.deaf = False
    assert bench.reader.firmware().version == 1


def test_a_damaged_answer_is_asked_for_again() -> None:
    bench = Bench()
    bench.silicon.damage_next = 1
    assert bench.reader.firmware().revision == 6
    assert AGAIN in bench.listening.sent


def test_an_answer_that_stays_damaged() -> None:
    bench = Bench()
    bench.silicon.damage_next = 2
    with pytest.raises(ChecksumError, match="data checksum"):
        bench.reader.firmware()
    assert bench.listening.sent.count(AGAIN) == 1
    assert bench.listening.sent[-1] == ABORT
    assert bench.reader.firmware().revision == 6


def test_another_chip() -> None:
    bench = Bench()
    bench.silicon.version = bytes.fromhex("07 01 06 07")
    with pytest.raises(WrongChipError, match="07 01 06 07"):
        bench.reader.firmware()


def test_a_command_that_the_chip_does_not_know() -> None:
    bench = Bench()
    with pytest.raises(NotReadyError, match="rejected command 0x7e"):
        bench.reader._call(0x7E)


@for_each(
    "action",
    [
        lambda bench: bench.reader.start(),
        lambda bench: bench.reader.find(2),
        lambda bench: bench.reader.set_field(on=False),
    ],
    ids=["start", "find", "field"],
)
@for_each("fault", [BusFault.NO_ACKNOWLEDGE, BusFault.IO, BusFault.TIMEOUT])
@for_each("delivered", [False, True])
def test_a_failure_at_each_transfer(
    action: Callable[[Bench], object], fault: BusFault, *, delivered: bool
) -> None:
    counting = Bench(classic())
    counting.bus.break_at(None, fault, delivered=False)
    action(counting)
    for number in range(counting.bus.count):
        bench = Bench(classic())
        bench.bus.break_at(number, fault, delivered=delivered)
        with suppress(BusError, NotReadyError, ChecksumError):
            action(bench)
        bench.bus.break_at(None, fault, delivered=False)
        (found,) = bench.reader.find()
        assert found.uid == bytes.fromhex("BCF024B5"), number


@pytest.mark.parametrize("kind", [FaultKind.NACK, FaultKind.EIO, FaultKind.STUCK])
def test_a_dead_bus(kind: FaultKind) -> None:
    bench = Bench()
    bench.i2c.fail(0x24, Fault(kind))
    with pytest.raises(BusError):
        bench.reader.find()
    bench.i2c.fail(0x24, None)
    assert bench.reader.find() == ()


def test_recognised_by_reading_alone() -> None:
    bench = Bench()
    bench.listening.sent.clear()
    identification = identify(bench.bus, 0x24, bench.clock)
    assert (identification.chip, identification.confidence) == ("PN532", "medium")
    assert bench.listening.sent == []


def test_not_every_chip_is_one() -> None:
    class Counting:
        def __init__(self) -> None:
            self.at = 0

        def write(self, data: bytes) -> None:
            raise AssertionError(data)

        def read(self, length: int) -> bytes:
            self.at += 1
            return bytes(255 if self.at % 22 < 2 else 0 for _ in range(length))

    clock = FakeClock()
    bus = EmulatedI2CBus("i2c-1", clock)
    bus.attach(0x24, Counting())
    assert identify(bus, 0x24, clock).chip == ""
    bus.detach(0x24)
    with pytest.raises(BusError):
        identify(bus, 0x24, clock)
