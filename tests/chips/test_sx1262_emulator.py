"""The emulated SX1262 against the data sheet, and against the bytes of the vendor's programs."""

from __future__ import annotations

import pytest
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.air import Air
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.sx1262.emulator import EmulatedSX1262

START = """
80 00 | C0 00 | 8A 01 | 1D 08 D8 00 00 | 0D 08 D8 DE | 97 02 00 05 60 | 80 00 | 89 FF | 98 E1 E9
86 39 30 00 00 | 95 02 03 00 01 | 8E 16 05 | 8B 07 04 01 00 00 00 00 00
8C 00 0C 00 0F 01 00 00 00 00 | 1D 07 36 00 00 | 0D 07 36 09 | 0D 07 40 34 44
"""
SEND = """
8F 00 00 | 11 00 00 | 1D 08 89 00 00 | 0D 08 89 05
0E 00 48 65 4C 6F 52 61 20 57 6F 72 6C 64 21 00 | 0E 0E 07
02 03 FF | 08 02 01 02 01 00 00 00 00 | 8C 00 0C 00 0F 01 00 00 00 00 | 83 00 00 00
"""
LISTEN = "C0 00 | 02 03 FF | 08 02 62 02 62 00 00 00 00 | 82 00 00 00"
"""What the vendor's Python programs send (their driver, followed by hand)."""


class Radio:
    """One emulated radio and its wires."""

    def __init__(self, air: Air, clock: FakeClock) -> None:
        self.clock = clock
        self.reset, self.busy, self.dio1 = Wire("reset"), Wire("busy"), Wire("dio1")
        self.chip = EmulatedSX1262(self.reset, self.busy, self.dio1, air, clock)

    def say(self, script: str) -> list[bytes]:
        """Send a script, waiting for BUSY before each command."""
        answers = []
        for command in script.replace("\n", "|").split("|"):
            if command.strip():
                waited = 0
                while self.busy.level():
                    self.clock.sleep(0.001)
                    waited += 1
                    assert waited < 1000, "BUSY never falls"
                answers.append(self.chip.transfer(bytes.fromhex(command)))
        return answers

    def ask(self, command: str) -> bytes:
        return self.say(command)[-1]

    def irq(self) -> int:
        return int.from_bytes(self.ask("12 00 00 00")[2:], "big")


class Pair:
    """Two radios in one air."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.air = Air(self.clock)
        self.sender, self.receiver = Radio(self.air, self.clock), Radio(self.air, self.clock)

    def ready(self) -> Pair:
        self.sender.say(START)
        self.receiver.say(START)
        self.receiver.say(LISTEN)
        return self


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_power_on(pair: Pair) -> None:
    radio = pair.sender
    assert radio.busy.level() == 1
    assert radio.chip.transfer(b"\xc0\x00") == b"\0\0"
    assert radio.chip.lost_commands == 1
    pair.clock.advance(0.0035)
    assert radio.busy.level() == 0
    assert radio.chip.transfer(b"\xc0\x00")[1] >> 4 == 2  # STDBY_RC
    assert radio.ask("17 00 00 00")[2:] == b"\x00\x20"  # no crystal: there is a TCXO


@for_each(
    ("address", "value"),
    [
        ("07 36", 0x0D), ("07 40", 0x14), ("07 41", 0x24), ("08 89", 0x01), ("08 AC", 0x94),
        ("08 D8", 0xC8), ("08 E7", 0x18), ("09 02", 0x00), ("09 11", 0x05), ("09 44", 0x00),
    ],
)  # fmt: skip
def test_registers_after_reset(pair: Pair, address: str, value: int) -> None:
    assert pair.sender.ask(f"1D {address} 00 00")[4] == value
    pair.sender.ask(f"0D {address} AA")
    assert pair.sender.ask(f"1D {address} 00 00")[4] == 0xAA
    pair.sender.reset.drive("test", 0)
    assert pair.sender.busy.level() == 1
    pair.sender.reset.drive("test", 1)
    assert pair.sender.ask(f"1D {address} 00 00")[4] == value


def test_a_dip_of_the_supply(pair: Pair) -> None:
    radio = pair.receiver
    radio.say(START)
    radio.say("07 00 00 | 82 FF FF FF")
    pair.clock.advance(0.03)
    assert radio.ask("C0 00")[1] >> 4 == 5
    radio.chip.power_cycle()
    assert radio.busy.level() == 1
    assert radio.chip.transfer(b"\xc0\x00") == b"\0\0"
    assert radio.ask("C0 00")[1] >> 4 == 2  # STDBY_RC, and it answers as if nothing were
    assert radio.ask("11 00 00")[2] == 0  # FSK
    assert radio.ask("1D 07 40 00 00 00")[4:] == b"\x14\x24"
    assert radio.ask("17 00 00 00")[2:] == b"\x00\x20"
    assert radio.irq() == 0
    radio.reset.drive("test", 0)
    radio.chip.power_cycle()
    assert radio.busy.level() == 1
    pair.clock.advance(1.0)
    assert radio.busy.level() == 1  # held in reset


def test_the_vendors_transmitter_reaches_the_vendors_receiver(pair: Pair) -> None:
    pair.ready()
    pair.sender.say(SEND)
    begun = pair.clock.monotonic()
    while not (found := pair.sender.irq()):
        pair.clock.sleep(0.0005)
    assert found == 0x0001
    # 50.432 ms on the air, after 21.5 ms for the oscillator
    assert pair.clock.monotonic() - begun == pytest.approx(0.0719, abs=0.001)
    assert pair.receiver.dio1.level() == 1
    assert pair.receiver.irq() == 0x0002
    length, start = pair.receiver.ask("13 00 00 00")[2:]
    assert (length, start) == (15, 0)
    payload = pair.receiver.ask("1E 00 00" + " 00" * 15)[3:]
    assert payload == b"HeLoRa World!\0\x07"
    pair.receiver.say("02 03 FF")
    assert pair.receiver.dio1.level() == 0
    assert pair.receiver.ask("C0 00")[1] >> 4 == 2  # single: back in standby


def test_level_and_distance(pair: Pair) -> None:
    pair.ready()
    pair.sender.say("9D 01")
    pair.receiver.say("80 00 | 9D 01")
    pair.receiver.say(LISTEN)
    pair.receiver.chip.path_loss_db = 108.0
    pair.receiver.chip.ambient = lambda: -89.0
    pair.sender.say(SEND)
    pair.clock.advance(0.1)
    assert pair.receiver.irq() == 0x0002
    rssi, snr, _signal = pair.receiver.ask("14 00 00 00 00")[2:]
    assert (-rssi / 2, (snr - 256) / 4) == (-91.0, -2.0)


def test_out_of_reach(pair: Pair) -> None:
    pair.ready()
    pair.receiver.chip.path_loss_db = 150.0
    pair.sender.say(SEND)
    pair.clock.advance(0.1)
    assert pair.receiver.irq() == 0


def test_without_the_antenna_switch_much_is_lost(pair: Pair) -> None:
    pair.ready()
    pair.sender.say("9D 00")
    pair.sender.say(SEND)
    pair.clock.advance(0.1)
    pair.receiver.irq()
    without = pair.receiver.ask("14 00 00 00 00")[2]
    pair.sender.say("9D 01")
    pair.receiver.say(LISTEN)
    pair.sender.say(SEND)
    pair.clock.advance(0.1)
    pair.receiver.irq()
    assert pair.receiver.ask("14 00 00 00 00")[2] < without - 40


@pytest.mark.parametrize(
    "other",
    ["0D 07 40 14 24", "86 36 40 00 00", "8B 08 04 01 00", "8B 07 05 01 00",
     "8C 00 0C 00 0F 01 01", "8C 00 0C 01 0F 01 00"],
    ids=["sync word", "frequency", "spreading factor", "bandwidth", "IQ", "header"],
)  # fmt: skip
def test_who_is_set_otherwise_hears_nothing(pair: Pair, other: str) -> None:
    pair.ready()
    pair.receiver.say(f"80 00 | {other}")
    pair.receiver.say(LISTEN)
    pair.sender.say(SEND)
    pair.clock.advance(0.2)
    assert pair.receiver.irq() == 0


@pytest.mark.parametrize(
    ("fate", "reported"),
    [("arrives", 0x0002), ("lost", 0), ("crc_error", 0x0042), ("header_error", 0x0020)],
)
def test_fates(pair: Pair, fate: str, reported: int) -> None:
    pair.ready()
    pair.receiver.chip.fates = [fate]
    pair.sender.say(SEND)
    pair.clock.advance(0.1)
    assert pair.receiver.irq() == reported


def test_two_at_once_are_in_each_others_way(pair: Pair) -> None:
    third = Radio(pair.air, pair.clock)
    third.say(START)
    pair.ready()
    pair.sender.say(SEND)
    pair.clock.advance(0.005)
    third.say(SEND)
    pair.clock.advance(0.2)
    assert pair.receiver.irq() == 0x0042


def test_the_much_stronger_of_two_is_understood(pair: Pair) -> None:
    third = Radio(pair.air, pair.clock)
    third.say(START)
    third.say("95 04 07 00 01 | 8E 05 04")  # 5 dBm against 17
    pair.ready()
    pair.sender.say(SEND)
    third.say(SEND)
    pair.clock.advance(0.2)
    assert pair.receiver.irq() == 0x0002


def test_time_out_of_reception(pair: Pair) -> None:
    radio = pair.receiver
    radio.say(START)
    radio.say("08 02 62 02 62 00 00 00 00 | 82 00 FA 00")
    assert radio.busy.level() == 1  # the oscillator starts
    pair.clock.advance(0.0216)
    assert radio.irq() == 0
    pair.clock.advance(0.99)
    assert radio.irq() == 0
    pair.clock.advance(0.02)
    assert radio.irq() == 0x0200
    assert radio.ask("C0 00")[1] >> 4 == 2


def test_a_packet_that_has_begun_stops_the_time_out(pair: Pair) -> None:
    pair.ready()
    pair.receiver.say("80 00 | 02 03 FF | 82 00 12 C0")  # 75 ms
    pair.sender.say(SEND)
    pair.clock.advance(0.2)
    assert pair.receiver.irq() == 0x0002


def test_time_out_of_transmission(pair: Pair) -> None:
    pair.ready()
    pair.sender.chip.stuck_transmitter = True
    pair.sender.say(SEND.replace("83 00 00 00", "83 00 FA 00"))
    pair.clock.advance(1.0)
    assert pair.sender.irq() == 0
    pair.clock.advance(0.03)
    assert pair.sender.irq() == 0x0200
    assert pair.receiver.irq() == 0
    assert pair.sender.chip.sent == []


def test_packets_follow_each_other_and_wrap_in_the_buffer(pair: Pair) -> None:
    pair.ready()
    pair.receiver.say("80 00 | 8F 00 F8 | 02 03 FF | 82 FF FF FF")
    for start in (0xF8, 0x07):
        pair.sender.say(SEND)
        pair.clock.advance(0.1)
        assert pair.receiver.irq() == 0x0002
        assert tuple(pair.receiver.ask("13 00 00 00")[2:]) == (15, start)
        command = bytes((0x1E, start, 0)).hex() + "00" * 15
        assert pair.receiver.ask(command)[3:] == b"HeLoRa World!\0\x07"
        pair.receiver.say("02 03 FF")
    assert pair.receiver.ask("C0 00")[1] >> 4 == 5  # still listening


def test_activity(pair: Pair) -> None:
    pair.ready()
    scan = "80 00 | 88 01 16 0A 00 00 00 00 | 08 01 80 01 80 00 00 00 00 | 02 03 FF | C5"
    pair.receiver.say(scan)
    pair.clock.advance(0.03)
    assert pair.receiver.irq() == 0x0080
    pair.sender.say(SEND)
    pair.clock.advance(0.022)
    pair.receiver.say(scan)
    pair.clock.advance(0.03)
    assert pair.receiver.irq() == 0x0180


def test_asleep_it_hears_nothing_and_wakes_forgetful(pair: Pair) -> None:
    pair.ready()
    pair.receiver.say("84 00")
    assert pair.receiver.busy.level() == 1
    pair.sender.say(SEND)
    pair.clock.advance(0.2)
    pair.receiver.chip.transfer(b"\xc0\x00")
    assert pair.receiver.irq() == 0
    assert pair.receiver.ask("1D 07 40 00 00 00")[4:] == b"\x14\x24"


def test_a_dead_oscillator(pair: Pair) -> None:
    pair.sender.chip.dead_oscillator = True
    pair.sender.say(START)
    assert pair.sender.ask("17 00 00 00")[2:] == b"\x00\x20"
    pair.sender.say(SEND)
    assert pair.sender.ask("C0 00")[1] >> 4 == 2


def test_frequency_error(pair: Pair) -> None:
    pair.sender.chip.crystal_error_hz = 1200.0
    pair.ready()
    pair.sender.say(SEND)
    pair.clock.advance(0.2)
    assert pair.receiver.irq() == 0x0002
    raw = int.from_bytes(pair.receiver.ask("1D 07 6B 00 00 00 00")[4:], "big")
    assert 1.55 * raw / (1600 / 125) == pytest.approx(1200.0, abs=0.2)


def test_level_of_the_channel(pair: Pair) -> None:
    pair.ready()
    assert -pair.receiver.ask("15 00 00")[2] / 2 == -110.0
    pair.sender.say(SEND)
    pair.clock.advance(0.04)
    assert -pair.receiver.ask("15 00 00")[2] / 2 > -110.0


def test_unplugged_it_leaves_its_wires_and_the_air(pair: Pair) -> None:
    pair.ready()
    pair.sender.say(SEND)
    pair.sender.chip.leave()
    pair.clock.advance(0.2)
    assert pair.receiver.irq() == 0
    assert pair.sender.busy.level() == 1  # the pull-up
