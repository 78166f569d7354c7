"""ADS1115 and SGM58031 emulators: they do what the datasheets say, on the bus and at the pins."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each

from wisblock_bridge.buses.emulated.wires import AnalogWire
from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115
from wisblock_bridge.chips.sgm58031.emulator import EmulatedSGM58031

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

EITHER = pytest.mark.parametrize(
    "make", [EmulatedADS1115, EmulatedSGM58031], ids=["ads1115", "sgm58031"]
)


class Bench:
    """A chip with four adjustable voltages."""

    def __init__(self, make: type[EmulatedADS1115], clock: FakeClock) -> None:
        self.clock = clock
        self.volts = [0.0, 0.0, 0.0, 0.0]
        self.wires = [AnalogWire(f"AIN{number}") for number in range(4)]
        for number, wire in enumerate(self.wires):
            wire.connect(partial(self.at_pin, number))
        self.chip = make(self.wires, clock)

    def at_pin(self, number: int) -> float:
        return self.volts[number]

    def write(self, data: str) -> None:
        self.chip.write(bytes.fromhex(data))

    def read(self, pointer: int) -> int:
        self.chip.write(bytes((pointer,)))
        return int.from_bytes(self.chip.read(2), "big")

    def convert(self, config: str) -> int:
        self.write(f"01 {config}")
        self.clock.advance(0.2)
        return self.read(0)


@EITHER
@for_each(("pointer", "word"), [(0, 0x0000), (1, 0x8583), (2, 0x8000), (3, 0x7FFF)])
def test_reset_values(
    make: type[EmulatedADS1115], pointer: int, word: int, clock: FakeClock
) -> None:
    assert Bench(make, clock).read(pointer) == word


@pytest.mark.parametrize(("pointer", "word"), [(4, 0x0000), (5, 0x0080)])
def test_registers_of_the_sgm58031_only(pointer: int, word: int, clock: FakeClock) -> None:
    assert Bench(EmulatedSGM58031, clock).read(pointer) == word


@for_each("pointer", [4, 5, 6, 7, 0xF1])
def test_ads1115_decodes_two_pointer_bits(pointer: int, clock: FakeClock) -> None:
    bench = Bench(EmulatedADS1115, clock)
    bench.volts[0] = 1.0
    bench.convert("C3 83")
    assert bench.read(pointer) == bench.read(pointer & 3)


def test_identity_cannot_be_written(clock: FakeClock) -> None:
    bench = Bench(EmulatedSGM58031, clock)
    bench.write("05 12 34")
    assert bench.read(5) == 0x0080


def test_gain_trim_has_eleven_bits(clock: FakeClock) -> None:
    bench = Bench(EmulatedSGM58031, clock)
    bench.write("06 FF FF")
    assert bench.read(6) == 0x07FF


@EITHER
def test_the_pointer_is_sticky_and_does_not_move_on(
    make: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(make, clock)
    bench.write("02")
    assert bench.chip.read(2) == b"\x80\x00"
    assert bench.chip.read(2) == b"\x80\x00"
    assert bench.chip.read(4) == b"\x80\x00\x80\x00"


@EITHER
def test_registers_keep_what_was_written(make: type[EmulatedADS1115], clock: FakeClock) -> None:
    bench = Bench(make, clock)
    bench.write("02 12 34")
    bench.write("03 56 78")
    bench.write("00 11 11")
    assert [bench.read(pointer) for pointer in (0, 2, 3)] == [0, 0x1234, 0x5678]


@EITHER
def test_half_a_word_is_not_a_write(make: type[EmulatedADS1115], clock: FakeClock) -> None:
    bench = Bench(make, clock)
    bench.write("02 12")
    bench.chip.write(b"")
    assert bench.read(2) == 0x8000


@for_each(
    ("make", "config", "config1", "conversion_s"),
    [
        (EmulatedADS1115, config, None, 1 / rate)
        for config, rate in zip(
            ("C3 03", "C3 23", "C3 43", "C3 63", "C3 83", "C3 A3", "C3 C3", "C3 E3"),
            (8, 16, 32, 64, 128, 250, 475, 860),
            strict=True,
        )
    ]
    + [
        (EmulatedSGM58031, config, None, 1 / rate)
        for config, rate in zip(
            ("C3 03", "C3 23", "C3 43", "C3 63", "C3 83", "C3 A3", "C3 C3", "C3 E3"),
            (6.25, 12.5, 25, 50, 100, 200, 400, 800),
            strict=True,
        )
    ]
    + [
        (EmulatedSGM58031, "C3 03", "04 00 80", 1 / 7.5),
        (EmulatedSGM58031, "C3 83", "04 00 80", 1 / 120),
        (EmulatedSGM58031, "C3 E3", "04 00 80", 1 / 960),
    ],
)
def test_a_conversion_takes_its_time(
    make: type[EmulatedADS1115],
    config: str,
    config1: str | None,
    conversion_s: float,
    clock: FakeClock,
) -> None:
    bench = Bench(make, clock)
    if config1:
        bench.write(config1)
    bench.volts[0] = 1.0
    bench.write(f"01 {config}")
    clock.advance(conversion_s * 0.999)
    assert bench.read(1) & 0x8000 == 0
    assert bench.read(0) == 0
    clock.advance(conversion_s * 0.002)
    assert bench.read(1) & 0x8000
    assert bench.read(0) == 8000


@EITHER
def test_until_the_end_the_previous_result_is_read(
    make: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(make, clock)
    bench.volts = [0.0, 1.0, 0.0, 2.0]
    assert bench.convert("D3 83") == 8000
    bench.write("01 F3 83")
    clock.advance(0.0077)
    assert bench.read(0) == 8000
    clock.advance(0.0025)
    assert bench.read(0) == 16000


def test_waiting_for_an_ads1115_is_too_short_for_an_sgm58031(clock: FakeClock) -> None:
    bench = Bench(EmulatedSGM58031, clock)
    bench.volts = [0.0, 1.0, 0.0, 2.0]
    bench.convert("D3 83")
    bench.write("01 F3 83")
    clock.advance(1 / 128 + 0.0001)
    assert bench.read(0) == 8000  # slot 1's value, reported for slot 2


@EITHER
def test_the_voltage_at_the_end_counts(make: type[EmulatedADS1115], clock: FakeClock) -> None:
    bench = Bench(make, clock)
    bench.write("01 C3 83")
    clock.advance(0.005)
    bench.volts[0] = 1.5
    clock.advance(0.006)
    assert bench.read(0) == 12000
    bench.volts[0] = 3.0
    assert bench.read(0) == 12000


@EITHER
def test_a_start_while_converting_is_ignored(make: type[EmulatedADS1115], clock: FakeClock) -> None:
    bench = Bench(make, clock)
    bench.volts = [0.0, 1.0, 0.0, 2.0]
    bench.write("01 D3 83")
    clock.advance(0.001)
    bench.write("01 F3 83")
    clock.advance(0.0095)
    assert bench.read(1) == 0xF383
    assert bench.read(0) == 8000


@EITHER
def test_without_the_start_bit_nothing_is_converted(
    make: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(make, clock)
    bench.volts[0] = 1.0
    assert bench.convert("43 83") == 0
    assert bench.read(1) == 0xC383


@EITHER
def test_continuous_mode(make: type[EmulatedADS1115], clock: FakeClock) -> None:
    bench = Bench(make, clock)
    bench.volts[0] = 1.0
    bench.write("01 42 83")
    for volts, code in ((1.0, 8000), (2.0, 16000), (0.5, 4000)):
        bench.volts[0] = volts
        clock.advance(0.0101)
        assert bench.read(0) == code
        assert bench.read(1) == 0x4283
    bench.write("01 05 83")
    assert bench.chip.converting
    clock.advance(0.0101)
    assert bench.read(1) == 0x8583
    bench.volts[0] = 3.0
    clock.advance(1.0)
    assert bench.read(0) == 4000


def test_power_down_ends_a_conversion_at_once(clock: FakeClock) -> None:
    bench = Bench(EmulatedSGM58031, clock)
    bench.write("01 42 83")
    bench.write("04 01 80")
    assert not bench.chip.converting
    assert bench.read(4) == 0x0080


@EITHER
@for_each(
    ("config", "volts", "word"),
    [
        ("C3 83", 0.559625, 0x117D),
        ("C3 83", 3.3, 0x6720),
        ("C3 83", 3.6, 0x7080),
        ("C3 83", 5.0, 0x7080),  # the protection diode conducts at 3.3 + 0.3 V
        ("C3 83", -0.000125, 0xFFFF),
        ("C3 83", -2.0, 0xF6A0),  # and at -0.3 V
        ("C1 83", 3.0, 0x3E80),
        ("C5 83", 2.0, 0x7D00),
        ("C5 83", 2.1, 0x7FFF),
        ("C7 83", 1.0, 0x7D00),
        ("C9 83", 0.5, 0x7D00),
        ("CB 83", 0.25, 0x7D00),
        ("CD 83", 0.25, 0x7D00),
        ("CF 83", 0.25, 0x7D00),
        ("CB 83", -0.3, 0x8000),
    ],
)
def test_ranges_and_limits(
    make: type[EmulatedADS1115], config: str, volts: float, word: int, clock: FakeClock
) -> None:
    bench = Bench(make, clock)
    bench.volts[0] = volts
    assert bench.convert(config) == word


@EITHER
@for_each(
    ("config", "millivolts"),
    [
        ("83 83", 1000 - 1200),
        ("93 83", 1000 - 1700),
        ("A3 83", 1200 - 1700),
        ("B3 83", 1400 - 1700),
        ("C3 83", 1000),
        ("D3 83", 1200),
        ("E3 83", 1400),
        ("F3 83", 1700),
    ],
)
def test_multiplexer(
    make: type[EmulatedADS1115], config: str, millivolts: int, clock: FakeClock
) -> None:
    bench = Bench(make, clock)
    bench.volts = [1.0, 1.2, 1.4, 1.7]
    assert bench.convert(config) == millivolts * 8 & 0xFFFF


@EITHER
def test_stuck_status_bit(make: type[EmulatedADS1115], clock: FakeClock) -> None:
    bench = Bench(make, clock)
    bench.chip.never_ready = True
    bench.volts[0] = 1.0
    assert bench.convert("C3 83") == 0
    assert bench.read(1) == 0x4383
    bench.chip.never_ready = False
    assert bench.read(0) == 8000


@EITHER
def test_power_cycle(make: type[EmulatedADS1115], clock: FakeClock) -> None:
    bench = Bench(make, clock)
    bench.volts[0] = 1.0
    bench.convert("C3 83")
    bench.write("02 12 34")
    bench.write("01 C3 83")
    bench.chip.power_cycle()
    assert bench.chip.read(2) == b"\x00\x00"
    assert [bench.read(pointer) for pointer in range(4)] == [0x0000, 0x8583, 0x8000, 0x7FFF]


def test_it_wants_four_inputs(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="4 inputs"):
        EmulatedADS1115([AnalogWire("only one")], clock)
