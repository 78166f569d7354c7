"""ADC121C021 driver and emulator together: the range, fresh values; telling it apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking, ScriptedBus, each_failure

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
from wisblock_bridge.chips.adc121c021 import ADC121C021
from wisblock_bridge.chips.adc121c021.emulator import EmulatedADC121C021
from wisblock_bridge.chips.adc121c021.identify import identify
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

STEP_V = 5.0 / 4096


class Bench:
    """A driver, an emulated chip on 5 V and an adjustable voltage."""

    def __init__(self, clock: FakeClock) -> None:
        self.volts = 0.0
        analog = AnalogWire("VIN")
        analog.connect(lambda: self.volts)
        self.alert = Wire("ALERT", pull=1)
        self.silicon = EmulatedADC121C021(analog, clock, supply_v=5.0, alert=self.alert)
        self.i2c = EmulatedI2CBus("i2c-1", clock)
        self.i2c.attach(0x51, self.silicon)
        self.bus = Breaking(self.i2c)
        self.chip = ADC121C021(self.bus, 0x51, clock, reference_v=5.0)


def test_round_trip_over_the_range(clock: FakeClock) -> None:
    bench = Bench(clock)
    for step in range(101):
        bench.volts = 4.998 * (step * 37 % 101) / 100
        sample = bench.chip.read()
        assert abs(sample.volts - bench.volts) <= STEP_V / 2 + 1e-12
        assert not sample.clipped
    bench.volts = 5.0
    assert bench.chip.read().clipped


def test_never_a_value_from_before(clock: FakeClock) -> None:
    bench = Bench(clock)
    for pause_s in (0.0, 1e-6, 1e-3, 5.0):
        for volts in (0.5, 4.5, 2.0):
            bench.volts = volts
            assert bench.chip.read().volts == pytest.approx(volts, abs=STEP_V)
            clock.advance(pause_s)


@for_each("left", ["02 20", "02 3D", "02 E0", "02 1F", "03 0F FF", "04 00 00"])
def test_a_chip_left_in_any_state(left: str, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 1.0
    bench.silicon.write(bytes.fromhex(left))
    clock.advance(0.01)
    bench.silicon.read(2)
    bench.volts = 3.0
    sample = bench.chip.read()
    assert sample.volts == pytest.approx(3.0, abs=STEP_V)
    assert bench.alert.level() == 1


def test_reading_leaves_the_registers_as_after_power_up(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.chip.read()
    for pointer, value in ((2, b"\x00"), (3, b"\0\0"), (4, b"\x0f\xff"), (5, b"\0\0")):
        bench.silicon.write(bytes((pointer,)))
        assert bench.silicon.read(len(value)) == value


def test_a_broken_down_supply(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 4.0
    bench.chip.read()
    bench.silicon.power_cycle()
    assert bench.chip.read().volts == pytest.approx(4.0, abs=STEP_V)


def test_after_any_failure_the_next_value_is_right(clock: FakeClock) -> None:
    bench = Bench(clock)

    def reset() -> None:
        bench.bus.break_at(None, BusFault.IO, delivered=False)
        bench.silicon.power_cycle()
        bench.chip = ADC121C021(bench.bus, 0x51, clock, reference_v=5.0)
        bench.volts = 1.0

    def action() -> None:
        bench.chip.read()

    for number, _ in each_failure(bench.bus, action, reset):
        bench.volts = 4.0
        sample = bench.chip.read()
        assert sample.volts == pytest.approx(4.0, abs=STEP_V), number
        assert bench.alert.level() == 1, number


def test_identify(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = 2.5
    identification = identify(bench.bus, 0x51, clock)
    assert (identification.chip, identification.confidence) == ("ADC121C021", "high")
    bench.silicon.write(b"\x00")
    assert bench.silicon.read(2) == b"\x00\x00"  # nothing was converted
    for written in ("03 03 33", "04 09 99", "02 2C"):  # limits that a program watches
        bench.silicon.write(bytes.fromhex(written))
    identification = identify(bench.bus, 0x51, clock)
    assert (identification.chip, identification.confidence) == ("ADC121C021", "medium")
    assert identification.note
    assert bench.chip.read().volts == pytest.approx(2.5)


@for_each(
    ("status", "config", "words", "chip", "confidence"),
    [
        ("00", "00", "00 00, 0F FF, 00 00, 0F FF, 00 00", "ADC121C021", "high"),
        ("02", "2D", "00 00, 0F FF, 00 00, 0F FF, 00 00", "ADC121C021", "high"),
        ("00", "2C", "04 00, 08 00, 00 20, 03 00, 0A 00", "ADC121C021", "medium"),
        ("00", "00", "00 00, 08 00, 00 00, 0F FF, 00 00", "ADC121C021", "medium"),
        ("00", "00", "00 00, 0F F0, 00 00, 0F F0, 00 00", "", "low"),  # an ADC081C021
        ("00", "00", "00 00, 00 00, 00 00, 00 00, 00 00", "", "low"),
        ("00", "02", "00 00, 0F FF, 00 00, 0F FF, 00 00", "", "low"),
        ("04", "00", "00 00, 0F FF, 00 00, 0F FF, 00 00", "", "low"),
        ("00", "00", "00 00, 0F FF, 10 00, 0F FF, 00 00", "", "low"),
        ("FF", "FF", "FF FF, FF FF, FF FF, FF FF, FF FF", "", "low"),  # an empty EEPROM
    ],
)
def test_identifications(
    status: str, config: str, words: str, chip: str, confidence: str, clock: FakeClock
) -> None:
    lines = [f"{pointer:02x} -> {word}" for pointer, word in enumerate(words.split(","), start=3)]
    with ScriptedBus(0x51, f"01 -> {status}", f"02 -> {config}", *lines) as bus:
        identification = identify(bus, 0x51, clock)
    assert (identification.chip, identification.confidence) == (chip, confidence)


def test_identify_nobody(clock: FakeClock) -> None:
    with pytest.raises(BusError) as caught:
        identify(EmulatedI2CBus("i2c-1", clock), 0x51, clock)
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE
