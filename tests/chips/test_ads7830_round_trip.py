"""ADS7830 driver and emulator together: the range, fresh values, threads; and telling it apart."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking, ScriptedBus, each_failure

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import AnalogWire
from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115
from wisblock_bridge.chips.ads7830 import ADS7830
from wisblock_bridge.chips.ads7830.emulator import EmulatedADS7830
from wisblock_bridge.chips.ads7830.identify import identify
from wisblock_bridge.chips.sgm58031.emulator import EmulatedSGM58031
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

STEP_V = 3.0 / 256


class Bench:
    """A driver, an emulated chip and eight adjustable voltages."""

    def __init__(self, clock: FakeClock) -> None:
        self.volts = [0.0] * 8
        wires = [AnalogWire(f"CH{number}") for number in range(8)]
        for number, wire in enumerate(wires):
            wire.connect(partial(self.at_pin, number))
        self.silicon = EmulatedADS7830(wires, reference_v=3.0)
        self.i2c = EmulatedI2CBus("i2c-1", clock)
        self.i2c.attach(0x4A, self.silicon)
        self.bus = Breaking(self.i2c)
        self.chip = ADS7830(self.bus, 0x4A, clock, reference_v=3.0)

    def at_pin(self, number: int) -> float:
        return self.volts[number]


def test_round_trip_over_the_range(clock: FakeClock) -> None:
    bench = Bench(clock)
    for step in range(51):
        for channel in range(8):
            bench.volts[channel] = 2.98 * ((step + 7 * channel) % 51) / 50
        for channel in range(8):
            sample = bench.chip.read(channel)
            assert -1e-9 <= bench.volts[channel] - sample.volts < STEP_V
            assert not sample.clipped
    assert not bench.silicon.reference_conflict


def test_differential_round_trip(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = [0.1, 1.6, 0.0, 2.5, 0.2, 0.2, 2.9, 0.1]
    for positive in range(8):
        negative = positive ^ 1
        sample = bench.chip.read_differential(positive, negative)
        true = max(bench.volts[positive] - bench.volts[negative], 0.0)
        assert -1e-9 <= true - sample.volts < STEP_V


def test_equal_inputs_are_not_zero_against_ground(clock: FakeClock) -> None:
    """What the forgotten single-ended bit of other programs makes of two equal inputs: 0 V."""
    bench = Bench(clock)
    bench.volts = [2.5] * 8
    for channel in range(8):
        assert bench.chip.read(channel).volts == pytest.approx(2.5, abs=STEP_V)
        assert bench.chip.read_differential(channel, channel ^ 1).code == 0


def test_clipping(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts[5] = 3.1
    assert bench.chip.read(5).clipped
    assert bench.chip.read_differential(5, 4).clipped
    bench.volts[5] = 2.98
    assert not bench.chip.read(5).clipped


def test_never_a_value_from_before_or_of_another_input(clock: FakeClock) -> None:
    bench = Bench(clock)
    for volts in (0.6, 2.4, 0.0, 1.2):
        bench.volts[3], bench.volts[4] = volts, 2.4 - volts
        assert bench.chip.read(3).volts == pytest.approx(volts, abs=STEP_V)
        assert bench.chip.read(4).volts == pytest.approx(2.4 - volts, abs=STEP_V)


@for_each("left", ["00", "8C", "FC", "74"])
def test_a_chip_left_in_any_state(left: str, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.silicon.write(bytes.fromhex(left))
    bench.volts[1] = 1.5
    assert bench.chip.read(1).volts == 1.5
    assert not bench.silicon.reference_conflict


def test_after_a_broken_down_supply(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts[1] = 1.5
    bench.chip.read(0)
    bench.silicon.power_cycle()
    assert bench.chip.read(1).volts == 1.5


def test_after_any_failure_the_next_value_is_right(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = [0.0, 0.75, 1.5, 2.25, 0.0, 0.0, 0.0, 0.0]

    def nothing() -> None:
        """The chip and its driver remember nothing that could be reset."""

    for number, _ in each_failure(bench.bus, lambda: bench.chip.read(1), nothing):
        assert bench.chip.read(3).volts == 2.25, number
        assert bench.chip.read_differential(2, 3).volts == 0.0, number
        assert bench.chip.read(1).volts == 0.75, number


def test_threads_never_get_each_others_value(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts = [0.375 * channel for channel in range(8)]
    start = threading.Barrier(8)

    def read_many(channel: int) -> set[float]:
        start.wait(30)
        return {bench.chip.read(channel).volts for _ in range(200)}

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            seen = list(pool.map(read_many, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert seen == [{0.375 * channel} for channel in range(8)]


@pytest.mark.parametrize(
    ("volts_0", "volts_1", "confidence"), [(1.5, 0.0, "medium"), (0.0, 0.0, "low")]
)
def test_identify(volts_0: float, volts_1: float, confidence: str, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.volts[0], bench.volts[1] = volts_0, volts_1
    identification = identify(bench.bus, 0x4A, clock)
    assert (identification.chip, identification.confidence) == ("ADS7830", confidence)
    assert identification.note
    assert not bench.silicon.reference_conflict


@pytest.mark.parametrize("fitted", [EmulatedADS1115, EmulatedSGM58031])
def test_identify_another_converter(fitted: type[EmulatedADS1115], clock: FakeClock) -> None:
    i2c = EmulatedI2CBus("i2c-1", clock)
    i2c.attach(0x4A, fitted([AnalogWire(f"AIN{number}") for number in range(4)], clock))
    assert identify(i2c, 0x4A, clock).chip == ""


@for_each(
    ("answers", "chip", "confidence"),
    [
        (("55 55 55 55", "55 56 55 55", "54 55 57 55"), "ADS7830", "medium"),
        (("55 55 55 55", "55 56 55 55", "54 55 5A 55"), "", "low"),
        (("85 83 85 83", "80 00 80 00", "7F FF 7F FF"), "", "low"),  # an ADS1115
        (("00 00 00 00", "00 00 00 00", "00 01 00 00"), "ADS7830", "low"),
        (("FF FF FF FF", "FF FF FF FF", "FF FF FF FF"), "ADS7830", "low"),
        (("4B 00 4B 00", "50 00 50 00", "19 00 19 00"), "", "low"),  # a thermometer
    ],
)
def test_identifications(
    answers: tuple[str, str, str], chip: str, confidence: str, clock: FakeClock
) -> None:
    lines = [
        f"{command} -> {answer}"
        for command, answer in zip(("01", "02", "03"), answers, strict=True)
    ]
    with ScriptedBus(0x4A, *lines) as bus:
        identification = identify(bus, 0x4A, clock)
    assert (identification.chip, identification.confidence) == (chip, confidence)


def test_identify_nobody(clock: FakeClock) -> None:
    with pytest.raises(BusError) as caught:
        identify(EmulatedI2CBus("i2c-1", clock), 0x4A, clock)
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE
