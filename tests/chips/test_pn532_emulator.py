"""The emulated PN532 on its bus face, byte by byte."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import NotAcknowledged
from wisblock_bridge.chips.pn532.emulator import EmulatedPN532
from wisblock_bridge.modules.nfc.emulated_cards import ClassicCard, new_card
from wisblock_bridge.modules.nfc.emulated_type2 import Type2Card

if TYPE_CHECKING:
    from wisblock_bridge.modules.nfc.emulated_cards import Card

ACK = "01 00 00 FF 00 FF 00"


class Silicon:
    def __init__(self, *cards: Card) -> None:
        self.clock = FakeClock()
        self.cards = list(cards)
        self.chip = EmulatedPN532(lambda: self.cards, self.clock)

    def ask(self, sent: str) -> str:
        """Send a frame, fetch the ACK and the answer (without its ready byte)."""
        self.chip.write(bytes.fromhex(sent))
        assert self.chip.read(1) == b"\x00"
        self.clock.advance(0.02)
        assert self.chip.read(7) == bytes.fromhex(ACK)
        self.clock.advance(0.2)
        assert self.chip.read(1) == b"\x01"
        answer = self.chip.read(40)
        assert answer[0] == 1
        assert self.chip.read(40) == bytes(40)  # read once
        return answer[1 : 8 + answer[4]].hex(" ").upper()


@for_each(
    ("sent", "answer"),
    [
        ("00 00 FF 02 FE D4 02 2A 00", "00 00 FF 06 FA D5 03 32 01 06 07 E8 00"),
        ("00 00 FF 05 FB D4 14 01 14 01 02 00", "00 00 FF 02 FE D5 15 16 00"),
        ("00 00 FF 06 FA D4 32 05 FF 01 14 E1 00", "00 00 FF 02 FE D5 33 F8 00"),
        ("00 00 FF 04 FC D4 32 01 00 F9 00", "00 00 FF 02 FE D5 33 F8 00"),
        ("00 00 FF 03 FD D4 52 00 DA 00", "00 00 FF 03 FD D5 53 00 D8 00"),
        ("00 00 FF 04 FC D4 16 B0 00 66 00", "00 00 FF 03 FD D5 17 00 14 00"),
        ("00 00 FF 02 FE D4 7E AE 00", "00 00 FF 01 FF 7F 81 00"),
    ],
)
def test_answers(sent: str, answer: str) -> None:
    silicon = Silicon()
    if "D4 16" not in sent:
        assert silicon.ask(sent) == answer
        return
    silicon.chip.write(bytes.fromhex(sent))
    with pytest.raises(NotAcknowledged):  # asleep: woken by being spoken to
        silicon.chip.read(1)
    silicon.clock.advance(0.02)
    assert silicon.chip.read(7) == bytes.fromhex(ACK)
    assert silicon.chip.read(11)[1:] == bytes.fromhex(answer)


@pytest.mark.parametrize(
    ("card", "answer"),
    [
        (
            ClassicCard(bytes.fromhex("BCF024B5")),
            "00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 BC F0 24 B5 49 00",
        ),
        (
            ClassicCard(bytes.fromhex("DCAFFD02")),
            "00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 DC AF FD 02 44 00",
        ),
        (
            Type2Card(bytes.fromhex("04A1B2C3D4E580")),
            "00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 A1 B2 C3 D4 E5 80 40 00",
        ),
    ],
)
def test_lists(card: Card, answer: str) -> None:
    silicon = Silicon(card)
    assert silicon.ask("00 00 FF 04 FC D4 4A 01 00 E1 00") == answer
    assert silicon.chip.field


def test_no_card_and_finite_tries() -> None:
    silicon = Silicon()
    silicon.ask("00 00 FF 06 FA D4 32 05 FF 01 14 E1 00")
    found = silicon.ask("00 00 FF 04 FC D4 4A 01 00 E1 00")
    assert found == "00 00 FF 03 FD D5 4B 00 E0 00"


def test_after_power_up_it_searches_until_a_card_comes_or_it_is_aborted() -> None:
    silicon = Silicon()
    search = bytes.fromhex("00 00 FF 04 FC D4 4A 01 00 E1 00")
    silicon.chip.write(search)
    silicon.clock.advance(0.01)
    silicon.chip.read(7)
    silicon.clock.advance(3600.0)
    assert silicon.chip.read(1) == b"\x00"
    assert silicon.chip.pending
    silicon.cards.append(ClassicCard(bytes.fromhex("BCF024B5")))
    silicon.chip.read(1)
    silicon.clock.advance(0.01)
    assert silicon.chip.read(20)[6:9] == bytes.fromhex("D5 4B 01")
    silicon.cards.clear()
    silicon.chip.write(search)
    silicon.chip.write(bytes.fromhex("00 00 FF 00 FF 00"))
    assert not silicon.chip.pending


def test_a_card_sleeps_after_a_wrong_key_until_it_is_selected() -> None:
    silicon = Silicon(ClassicCard(bytes.fromhex("BCF024B5")))
    silicon.ask("00 00 FF 04 FC D4 4A 01 00 E1 00")
    right = "00 00 FF 0F F1 D4 40 01 60 04 FF FF FF FF FF FF BC F0 24 B5 08 00"
    wrong = "00 00 FF 0F F1 D4 40 01 60 04 FF FF FF FF FF FE BC F0 24 B5 09 00"
    assert silicon.ask(wrong) == "00 00 FF 03 FD D5 41 14 D6 00"
    assert silicon.ask(right) == "00 00 FF 03 FD D5 41 01 E9 00"
    silicon.ask("00 00 FF 04 FC D4 4A 01 00 E1 00")
    assert silicon.ask(right) == "00 00 FF 03 FD D5 41 00 EA 00"


def test_a_trailer_hides_its_first_key_and_block_0_stays() -> None:
    card = ClassicCard(bytes.fromhex("BCF024B5"))
    assert card.memory[:5].hex() == "bcf024b5dd"
    card.command(bytes.fromhex("60 00 FF FF FF FF FF FF BC F0 24 B5"))
    assert card.command(b"\x30\x03").hex() == "000000000000ff078069ffffffffffff"
    with pytest.raises(Exception, match="1"):
        card.command(b"\xa0\x00" + bytes(16))


def test_an_ntag_has_its_check_bytes_and_its_size() -> None:
    card = Type2Card(bytes.fromhex("04A1B2C3D4E580"), 135)
    assert card.memory[:9].hex() == "04a1b29fc3d4e58072"
    assert card.memory[12:16].hex() == "e1103e00"
    assert len(card.command(b"\x30\x85")) == 16  # rolls over to page 0
    card.command(b"\xa2\x03\x00\x00\x00\x0f")
    assert card.memory[12:16].hex() == "e1103e0f"  # bits are set, never cleared


@pytest.mark.parametrize(
    ("kind", "uid", "words"),
    [("visa", "01020304", "there is no card"), ("ntag213", "01020304", "has 7 bytes, not 4")],
)
def test_cards_that_there_are_not(kind: str, uid: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        new_card(kind, bytes.fromhex(uid))


def test_noise_is_ignored() -> None:
    silicon = Silicon(ClassicCard(bytes.fromhex("BCF024B5")))
    chance = random.Random(7)  # noqa: S311
    for _ in range(10_000):
        data = chance.randbytes(chance.randrange(1, 24))
        silicon.chip.write(b"\x00\x00\xff" + data if chance.random() < 0.5 else data)
        assert len(silicon.chip.read(9)) == 9
    silicon.chip.write(bytes.fromhex("00 00 FF 00 FF 00"))
    assert silicon.ask("00 00 FF 02 FE D4 02 2A 00").endswith("32 01 06 07 E8 00")
