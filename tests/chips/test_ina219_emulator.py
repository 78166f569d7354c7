"""INA219 emulator: it does what the datasheet says, on the bus and at the pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each

from wisblock_bridge.chips.ina219.emulator import EmulatedINA219

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

PAIR_S = 2 * 532e-6


class Bench:
    """A chip with an adjustable load."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.current_a = 0.0
        self.bus_v = 0.0
        self.chip = EmulatedINA219(lambda: self.current_a, lambda: self.bus_v, clock)

    def write(self, data: str) -> None:
        self.chip.write(bytes.fromhex(data))

    def read(self, pointer: int) -> int:
        self.chip.write(bytes((pointer,)))
        return int.from_bytes(self.chip.read(2), "big")

    def measure(self, current_a: float, bus_v: float, config: str = "39 9B") -> None:
        self.current_a, self.bus_v = current_a, bus_v
        self.write(f"00 {config}")
        self.clock.advance(0.2)


@for_each(
    ("pointer", "word"), [(0, 0x399F), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (0xFF, 0)]
)
def test_reset_values(pointer: int, word: int, clock: FakeClock) -> None:
    assert Bench(clock).read(pointer) == word


@for_each(
    ("current_a", "bus_v", "shunt", "bus", "current_4096", "power_4096"),
    [
        (0.5, 12.0, 0x1388, 0x5DC2, 0x1388, 0x0BB8),
        (1.0, 5.0, 0x2710, 0x2712, 0x2710, 0x09C4),
        (0.05, 3.3, 0x01F4, 0x19CA, 0x01F4, 0x0052),
        (-0.5, 12.0, 0xEC78, 0x5DC2, 0xEC78, 0x0BB8),
        (3.2, 24.0, 0x7D00, 0xBB82, 0x7D00, 0x9600),
        (5.0, 24.0, 0x7D00, 0xBB82, 0x7D00, 0x9600),  # clipped at 320 mV
        (-5.0, 24.0, 0x8300, 0xBB82, 0x8300, 0x9600),
        (0.0, 40.0, 0x0000, 0xFA02, 0x0000, 0x0000),  # clipped at 32 V
        (0.0, -1.0, 0x0000, 0x0002, 0x0000, 0x0000),
    ],
)
def test_vectors_with_calibration_4096(
    current_a: float,
    bus_v: float,
    shunt: int,
    bus: int,
    current_4096: int,
    power_4096: int,
    clock: FakeClock,
) -> None:
    bench = Bench(clock)
    bench.write("05 10 00")
    bench.measure(current_a, bus_v)
    assert bench.read(1) == shunt
    assert bench.read(2) == bus
    assert bench.read(4) == current_4096
    assert bench.read(3) == power_4096


@for_each(
    ("current_a", "bus_v", "current", "power"),
    [
        (0.5, 12.0, 0x1404, 0x0C02),
        (1.0, 5.0, 0x2809, 0x0A02),
        (0.05, 3.3, 0x0200, 0x0054),
        (-0.5, 12.0, 0xEBFC, 0x0C02),  # cut off towards 0, not downwards
        (-0.0001, 3.348, 0xFFFF, 0x0000),
    ],
)
def test_vectors_with_calibration_4198(
    current_a: float, bus_v: float, current: int, power: int, clock: FakeClock
) -> None:
    bench = Bench(clock)
    bench.write("05 10 66")
    bench.measure(current_a, bus_v)
    assert bench.read(4) == current
    assert bench.read(3) == power
    assert not bench.read(2) & 1


def test_the_overflow_flag_comes_and_goes(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("05 10 66")
    bench.measure(3.2, 24.0)  # 32000 * 4198 / 4096 is more than 32767
    assert bench.read(2) == 0xBB83
    bench.measure(1.0, 5.0)
    assert bench.read(2) == 0x2712


def test_overflow_of_the_power_alone(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("05 10 00")
    bench.measure(3.2, 32.0)  # 32000 * 8000 / 5000 still fits into 16 bits
    assert bench.read(2) == 0xFA02
    bench.write("05 A0 00")  # ten times as fine
    bench.measure(0.7, 32.0)  # 28000... the power register would need 112000
    assert bench.read(2) & 1


def test_bus_voltages_of_the_readme(clock: FakeClock) -> None:
    bench = Bench(clock)
    for bus_v, code in ((3.360, 840), (3.348, 837)):
        bench.measure(0.0, bus_v)
        assert bench.read(2) >> 3 == code


def test_without_calibration_current_and_power_stay_zero(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.measure(1.0, 5.0)
    assert bench.read(1) == 0x2710
    assert bench.read(2) == 0x2712
    assert (bench.read(3), bench.read(4)) == (0, 0)


def test_calibration_counts_from_the_next_conversion(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.measure(1.0, 5.0)
    bench.write("05 10 00")
    assert bench.read(4) == 0
    bench.measure(1.0, 5.0)
    assert bench.read(4) == 0x2710


def test_bit_0_of_the_calibration_reads_0(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("05 10 67")
    assert bench.read(5) == 0x1066


@for_each("register", [1, 2, 3, 4])
def test_results_cannot_be_written(register: int, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("05 10 00")
    bench.measure(1.0, 5.0)
    before = bench.read(register)
    bench.write(f"{register:02x} 12 34")
    assert bench.read(register) | 2 == before | 2


@for_each(
    ("config", "limit_a", "limit_v"),
    [
        ("01 9B", 0.4, 16.0),
        ("09 9B", 0.8, 16.0),
        ("11 9B", 1.6, 16.0),
        ("19 9B", 3.2, 16.0),
        ("21 9B", 0.4, 32.0),
        ("39 9B", 3.2, 32.0),
    ],
)
def test_ranges(config: str, limit_a: float, limit_v: float, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.measure(limit_a - 0.01, limit_v - 0.1, config)
    assert bench.read(1) == round(limit_a * 10000) - 100
    assert bench.read(2) >> 3 == round(limit_v * 250) - 25
    bench.measure(limit_a + 0.01, limit_v + 0.1, config)
    assert bench.read(1) == round(limit_a * 10000)
    assert bench.read(2) >> 3 == round(limit_v * 250)
    bench.measure(-limit_a - 0.01, 0.0, config)
    assert bench.read(1) == 0x10000 - round(limit_a * 10000)


@for_each(
    ("code", "conversion_s"),
    [
        (0, 84e-6),
        (1, 148e-6),
        (2, 276e-6),
        (3, 532e-6),
        (4, 84e-6),
        (7, 532e-6),
        (8, 532e-6),
        (9, 1.06e-3),
        (10, 2.13e-3),
        (11, 4.26e-3),
        (12, 8.51e-3),
        (13, 17.02e-3),
        (14, 34.05e-3),
        (15, 68.10e-3),
    ],
)
@for_each(("mode", "shift"), [(1, 3), (2, 7)], ids=["shunt", "bus"])
def test_a_conversion_takes_its_time(
    code: int, conversion_s: float, mode: int, shift: int, clock: FakeClock
) -> None:
    bench = Bench(clock)
    bench.write("00 39 98")  # asleep: 40 us to wake up
    bench.bus_v, bench.current_a = 12.0, 1.0
    config = 0x3800 | code << shift | mode
    bench.write(f"00 {config >> 8:02x} {config & 0xFF:02x}")
    clock.advance(40e-6 + conversion_s * 0.999)
    assert not bench.read(2) & 2
    clock.advance(conversion_s * 0.002)
    word = bench.read(2)
    assert word & 2
    assert (word >> 3 > 0) == (mode == 2)
    assert (bench.read(1) > 0) == (mode == 1)


@for_each(("code", "step"), [(0, 8), (1, 4), (2, 2), (3, 1), (8, 1)])
def test_resolution(code: int, step: int, clock: FakeClock) -> None:
    bench = Bench(clock)
    config = 0x3803 | code << 3 | code << 7
    for steps in (1003, 1005, 2007):
        bench.measure(steps / 10000, steps / 250, f"{config >> 8:02x} {config & 0xFF:02x}")
        assert bench.read(1) % step == 0
        assert abs(bench.read(1) - steps) <= step / 2
        assert abs((bench.read(2) >> 3) - steps) <= step / 2


def test_triggered_mode_converts_once_for_each_write(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.measure(1.0, 5.0)
    assert bench.read(1) == 0x2710
    bench.current_a, bench.bus_v = 2.0, 6.0
    clock.advance(1.0)
    assert bench.read(1) == 0x2710
    bench.write("00 39 9B")  # the same mode again is a trigger, too
    assert bench.read(1) == 0x2710
    clock.advance(PAIR_S + 50e-6)
    assert not bench.chip.converting
    assert bench.read(1) == 0x4E20
    assert bench.read(0) == 0x399B


def test_continuous_mode(clock: FakeClock) -> None:
    bench = Bench(clock)
    for current_a in (1.0, 2.0, -0.5):
        bench.current_a = current_a
        clock.advance(PAIR_S * 1.01)
        assert bench.read(2) & 2
        assert bench.read(1) == round(current_a * 10000) & 0xFFFF
        assert bench.chip.converting
    assert not bench.read(2) & 2
    clock.advance(10.0)
    assert bench.read(2) & 2
    clock.advance(PAIR_S * 1.01)
    assert bench.read(2) & 2


@pytest.mark.parametrize("mode", ["98", "9C"], ids=["power-down", "off"])
def test_modes_that_do_not_convert(mode: str, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.measure(1.0, 5.0)
    bench.write(f"00 39 {mode}")
    assert not bench.chip.converting
    bench.current_a = 2.0
    clock.advance(1.0)
    assert bench.read(1) == 0x2710
    assert bench.read(2) & 2  # these do not take the flag away


def test_the_ready_flag_falls_with_power_and_with_bus_voltage(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.measure(1.0, 5.0)
    bench.read(3)
    assert not bench.read(2) & 2
    bench.measure(1.0, 5.0)
    assert bench.read(2) & 2
    assert not bench.read(2) & 2


def test_the_other_account_of_the_datasheet(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.chip.ready_falls_with_bus_voltage = False
    bench.measure(1.0, 5.0)
    assert bench.read(2) & 2
    assert bench.read(2) & 2
    bench.read(3)
    assert not bench.read(2) & 2


def test_a_trigger_takes_the_ready_flag_away(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.measure(1.0, 5.0)
    bench.write("00 39 9B")
    assert not bench.read(2) & 2


def test_reset_bit(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("05 10 00")
    bench.measure(1.0, 5.0)
    bench.write("00 80 00")
    assert [bench.read(pointer) for pointer in range(6)] == [0x399F, 0, 0, 0, 0, 0]
    assert bench.chip.converting


def test_power_cycle(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("05 10 00")
    bench.measure(1.0, 5.0)
    bench.chip.power_cycle()
    assert bench.chip.read(2) == b"\x39\x9f"
    assert [bench.read(pointer) for pointer in range(6)] == [0x399F, 0, 0, 0, 0, 0]
    clock.advance(PAIR_S * 1.01)
    assert bench.read(1) == 0x2710  # it converts all by itself
    assert bench.read(4) == 0  # but knows no current


def test_the_pointer_is_sticky_and_does_not_move_on(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("00")
    assert bench.chip.read(2) == b"\x39\x9f"
    assert bench.chip.read(4) == b"\x39\x9f\x39\x9f"


def test_half_a_word_is_not_a_write(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("05 10")
    bench.chip.write(b"")
    assert bench.read(5) == 0


def test_stuck_ready_flag(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.chip.never_ready = True
    bench.measure(1.0, 5.0)
    assert (bench.read(1), bench.read(2)) == (0, 0)
    bench.chip.never_ready = False
    assert bench.read(1) == 0x2710


def test_another_shunt(clock: FakeClock) -> None:
    chip = EmulatedINA219(lambda: 1.0, lambda: 5.0, clock, shunt_ohm=0.05)
    clock.advance(0.01)
    chip.write(b"\x01")
    assert chip.read(2) == b"\x13\x88"
