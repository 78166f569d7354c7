"""ADC121C021 emulator: it does what the datasheet says, on the bus and at the pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cases import for_each

from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
from wisblock_bridge.chips.adc121c021.emulator import EmulatedADC121C021

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock


class Bench:
    """A chip on 5 V with an adjustable voltage and a pulled-up ALERT line."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.volts = 0.0
        analog = AnalogWire("VIN")
        analog.connect(lambda: self.volts)
        self.alert = Wire("ALERT", pull=1)
        self.chip = EmulatedADC121C021(analog, clock, supply_v=5.0, alert=self.alert)

    def write(self, data: str) -> None:
        self.chip.write(bytes.fromhex(data))

    def read(self, pointer: int, length: int = 2) -> int:
        self.chip.write(bytes((pointer,)))
        return int.from_bytes(self.chip.read(length), "big")

    def status(self) -> int:
        return self.read(1, 1)

    def convert_at(self, volts: float) -> int:
        """In automatic mode: let the voltage be and a conversion happen."""
        self.volts = volts
        self.clock.advance(0.01)
        return self.read(0)


@for_each(
    ("pointer", "length", "value"),
    [
        (0, 2, 0x0000),
        (1, 1, 0x00),
        (2, 1, 0x00),
        (3, 2, 0x0000),
        (4, 2, 0x0FFF),
        (5, 2, 0x0000),
        (6, 2, 0x0FFF),
        (7, 2, 0x0000),
    ],
)
def test_reset_values(pointer: int, length: int, value: int, clock: FakeClock) -> None:
    assert Bench(clock).read(pointer, length) == value


def test_the_pointer_after_power_up_is_the_result(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 2.5
    assert bench.chip.read(2) == b"\x00\x00"
    assert bench.chip.read(2) == b"\x08\x00"


def test_a_reading_gives_the_conversion_before(clock: FakeClock) -> None:
    bench = Bench(clock)
    seen = []
    for volts in (1.25, 2.5, 3.75, 0.0):
        bench.volts = volts
        seen.append(bench.read(0))
        clock.advance(5.0)
    assert seen == [0x000, 0x400, 0x800, 0xC00]


def test_more_bytes_are_more_conversions(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 2.5
    bench.write("00")
    assert bench.chip.read(6).hex(" ") == "00 00 08 00 08 00"
    assert bench.chip.read(3).hex(" ") == "08 00 08"


@for_each(
    ("volts", "code"),
    [
        (0.0, 0),
        (0.105, 86),
        (0.46875, 384),
        (1.0, 819),
        (2.869, 2350),
        (4.9988, 4095),
        (5.0, 4095),
        (6.0, 4095),
        (-1.0, 0),
    ],
)
def test_codes(volts: float, code: int, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = volts
    bench.read(0)
    assert bench.read(0) == code


@for_each(
    ("register", "written", "read"),
    [(3, 0xFFFF, 0x0FFF), (4, 0xF123, 0x0123), (5, 0x8001, 0x0001), (6, 0x7AAA, 0x0AAA)],
)
def test_words_have_twelve_bits(register: int, written: int, read: int, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write(f"{register:02x} {written:04x}")
    assert bench.read(register) == read
    assert bench.chip.read(4) == read.to_bytes(2, "big") * 2


def test_bit_1_of_the_config_reads_0(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("02 FF")
    assert bench.read(2, 1) == 0xFD
    assert bench.chip.read(3) == b"\xfd\xfd\xfd"


def test_the_result_cannot_be_written(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("00 01 23")
    assert bench.read(0) == 0


def test_half_a_word_is_not_a_write(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("04 08")
    bench.chip.write(b"")
    bench.write("02")
    assert (bench.read(4), bench.read(2, 1)) == (0x0FFF, 0)


@for_each(
    ("config", "rate"),
    [
        ("20", 27000),
        ("40", 13500),
        ("60", 6750),
        ("80", 3375),
        ("A0", 1687.5),
        ("C0", 843.75),
        ("E0", 421.875),
    ],
)
def test_cycles_of_the_automatic_mode(config: str, rate: float, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 2.5
    bench.write(f"02 {config}")
    clock.advance(0.999 / rate)
    assert bench.read(0) == 0x000
    clock.advance(0.002 / rate)
    assert bench.read(0) == 0x800
    bench.volts = 1.25
    clock.advance(0.9 / rate)
    assert bench.read(0) == 0x800  # readings do not convert
    assert bench.read(0) == 0x800
    clock.advance(0.2 / rate)
    assert bench.read(0) == 0x400
    clock.advance(1000.3 / rate)
    assert bench.read(0) == 0x400
    bench.volts = 0.0
    clock.advance(0.5 / rate)
    assert bench.read(0) == 0x400
    clock.advance(0.5 / rate)
    assert bench.read(0) == 0x000


def test_extremes_in_automatic_mode_only(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 2.5
    bench.read(0)
    bench.read(0)
    assert (bench.read(6), bench.read(7)) == (0x0FFF, 0x0000)
    bench.write("02 20")
    for volts in (2.5, 1.25, 3.75, 2.0):
        bench.convert_at(volts)
    assert (bench.read(6), bench.read(7)) == (0x0400, 0x0C00)
    bench.write("06 0F FF")
    bench.write("07 00 00")
    bench.convert_at(2.5)
    assert (bench.read(6), bench.read(7)) == (0x0800, 0x0800)


def test_limits_with_hysteresis(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("03 04 00")
    bench.write("04 08 00")
    bench.write("05 00 40")
    bench.write("02 20")
    step = 5.0 / 4096
    for code, status in (
        (0x600, 0),
        (0x800, 0),  # the limit itself is inside
        (0x801, 2),
        (0x7C1, 2),  # inside, but not far enough
        (0x7C0, 0),
        (0x400, 0),
        (0x3FF, 1),
        (0x43F, 1),
        (0x440, 0),
        (0x801, 2),
        (0x3FF, 1),  # from above to below
    ):
        bench.convert_at(code * step)
        assert bench.status() == status, f"0x{code:03x}"


def test_limits_in_normal_mode(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("04 08 00")
    bench.volts = 3.0
    assert bench.status() == 0
    bench.read(0)
    assert bench.status() == 2


def test_alerts_that_are_held(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("03 04 00")
    bench.write("04 08 00")
    bench.write("02 30")
    bench.convert_at(3.0)
    bench.convert_at(1.0)
    bench.convert_at(2.0)
    assert bench.status() == 3
    bench.write("01 00")
    assert bench.status() == 3
    bench.write("01 02")
    assert bench.status() == 1
    bench.write("01 03")
    assert bench.status() == 0
    bench.convert_at(3.0)
    bench.write("01 03")
    bench.convert_at(3.0)
    assert bench.status() == 2  # still broken, so it comes back


@for_each(("config", "flag"), [("20", 0), ("24", 0), ("28", 0x8000), ("2C", 0x8000)])
def test_the_flag_in_the_result(config: str, flag: int, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("04 08 00")
    bench.write(f"02 {config}")
    assert bench.convert_at(3.75) == 0xC00 | flag
    assert bench.convert_at(1.25) == 0x400


@for_each(
    ("config", "at_rest", "in_alert"),
    [
        ("20", 1, 1),  # pin not enabled: only the pull-up
        ("21", 1, 1),
        ("28", 1, 1),
        ("24", 1, 0),  # active low
        ("25", 0, 1),  # active high
        ("2D", 0, 1),
    ],
)
def test_the_alert_pin(config: str, at_rest: int, in_alert: int, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("04 08 00")
    bench.write(f"02 {config}")
    bench.convert_at(1.25)
    assert bench.alert.level() == at_rest
    bench.convert_at(3.75)
    assert bench.alert.level() == in_alert
    bench.convert_at(1.25)
    assert bench.alert.level() == at_rest
    bench.convert_at(3.75)
    bench.chip.power_cycle()
    assert bench.alert.level() == 1


def test_the_alert_pin_without_talking_to_the_chip(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.write("04 08 00")
    bench.write("02 24")
    bench.volts = 3.75
    assert bench.alert.level() == 1
    clock.advance(0.00101)
    bench.chip.look()
    assert bench.alert.level() == 0
    bench.volts = 1.25
    bench.chip.look()
    assert bench.alert.level() == 0  # no time has passed
    bench.chip.settle()
    assert bench.alert.level() == 1


def test_settling_does_nothing_in_normal_mode(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 2.5
    bench.chip.settle()
    assert bench.read(0) == 0


def test_an_open_drain_never_drives_high(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.alert.pull = 0
    bench.write("04 08 00")
    bench.write("02 25")
    bench.convert_at(3.75)
    assert bench.alert.level() == 0


def test_power_cycle(clock: FakeClock) -> None:
    bench = Bench(clock)
    for line in ("03 04 00", "04 08 00", "05 00 40", "06 01 00", "07 0A 00", "02 2D"):
        bench.write(line)
    bench.convert_at(3.75)
    bench.chip.power_cycle()
    assert bench.chip.read(2) == b"\x00\x00"
    assert [bench.read(pointer) for pointer in range(3, 8)] == [0, 0x0FFF, 0, 0x0FFF, 0]
    assert (bench.status(), bench.read(2, 1)) == (0, 0)


def test_without_an_alert_line(clock: FakeClock) -> None:
    chip = EmulatedADC121C021(AnalogWire("VIN"), clock, supply_v=5.0)
    chip.write(b"\x02\x2c")
    clock.advance(0.001)
    chip.write(b"\x00")
    assert chip.read(2) == b"\x00\x00"
