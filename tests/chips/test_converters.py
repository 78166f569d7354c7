"""Drivers and emulators of the two converters together: crosswise, and with several threads."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking, ScriptedBus, each_failure
from tests.fake_clock import FakeClock, GatedClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
from wisblock_bridge.chips.ads1115 import ADS1115
from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115
from wisblock_bridge.chips.sgm58031 import SGM58031
from wisblock_bridge.chips.sgm58031.emulator import EmulatedSGM58031
from wisblock_bridge.chips.sgm58031.identify import identify
from wisblock_bridge.chips.tpt29555 import TPT29555
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555
from wisblock_bridge.errors import BusError, BusFault, NotReadyError

CROSSWISE = pytest.mark.parametrize("driver", [ADS1115, SGM58031], ids=["driver-ads", "driver-sgm"])
FITTED = pytest.mark.parametrize(
    "fitted", [EmulatedADS1115, EmulatedSGM58031], ids=["fitted-ads", "fitted-sgm"]
)
STEPS_V = {
    6.144: 0.0001875,
    4.096: 0.000125,
    2.048: 0.0000625,
    1.024: 0.00003125,
    0.512: 0.000015625,
    0.256: 0.0000078125,
}


class Bench:
    """A driver, an emulated chip and four adjustable voltages."""

    def __init__(
        self, driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
    ) -> None:
        self.volts = [0.0, 0.0, 0.0, 0.0]
        wires = [AnalogWire(f"AIN{number}") for number in range(4)]
        for number, wire in enumerate(wires):
            wire.connect(partial(self.at_pin, number))
        self.silicon = fitted(wires, clock)
        self.i2c = EmulatedI2CBus("i2c-1", clock)
        self.i2c.attach(0x4B, self.silicon)
        self.bus = Breaking(self.i2c)
        self.chip = driver(self.bus, 0x4B, clock)

    def at_pin(self, number: int) -> float:
        return self.volts[number]


@CROSSWISE
@FITTED
@for_each("full_scale", STEPS_V)
def test_round_trip_over_the_range(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], full_scale: float, clock: FakeClock
) -> None:
    bench = Bench(driver, fitted, clock)
    top = min(3.6, full_scale * 32766 / 32768)
    for step in range(21):
        for channel in range(4):
            bench.volts[channel] = top * ((step + 5 * channel) % 21) / 20
        for channel in range(4):
            result = bench.chip.read(channel, full_scale)
            assert abs(result.volts - bench.volts[channel]) <= STEPS_V[full_scale] / 2 + 1e-12
            assert not result.clipped


@CROSSWISE
@FITTED
def test_differential_round_trip(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(driver, fitted, clock)
    bench.volts = [0.5, 3.1, 1.25, 2.0]
    for positive, negative in ((0, 1), (0, 3), (1, 3), (2, 3)):
        true = bench.volts[positive] - bench.volts[negative]
        assert bench.chip.read_differential(positive, negative).volts == pytest.approx(true)


@CROSSWISE
@FITTED
def test_alternating_inputs_never_give_the_other_ones_value(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(driver, fitted, clock)
    bench.volts = [0.0, 0.6, 0.0, 2.4]
    for _ in range(50):
        assert bench.chip.read(1).volts == pytest.approx(0.6)
        assert bench.chip.read(3).volts == pytest.approx(2.4)


@CROSSWISE
@FITTED
def test_clipping_at_the_range(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(driver, fitted, clock)
    bench.volts[0] = 2.5
    assert bench.chip.read(0, 2.048).clipped
    assert not bench.chip.read(0, 4.096).clipped


@CROSSWISE
@FITTED
def test_after_any_failure_the_next_value_is_right(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(driver, fitted, clock)
    bench.volts = [0.0, 0.6, 0.0, 2.4]

    def reset() -> None:
        bench.bus.break_at(None, BusFault.IO, delivered=False)
        bench.chip = driver(bench.bus, 0x4B, clock)
        bench.chip.read(1)

    def action() -> None:
        bench.chip.read(1)

    for number, _ in each_failure(bench.bus, action, reset):
        assert bench.chip.read(3).volts == pytest.approx(2.4), number
        assert bench.chip.read(1).volts == pytest.approx(0.6), number


@CROSSWISE
@FITTED
def test_a_chip_left_in_continuous_mode_at_its_slowest(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(driver, fitted, clock)
    bench.volts = [0.0, 0.6, 0.0, 2.4]
    bench.silicon.write(bytes.fromhex("01 72 03"))
    clock.advance(1.0)
    assert bench.chip.read(1).volts == pytest.approx(0.6)


@CROSSWISE
@FITTED
def test_a_stuck_chip_is_told_and_recovers(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(driver, fitted, clock)
    bench.volts[1] = 0.6
    bench.silicon.never_ready = True
    for _ in range(2):
        with pytest.raises(NotReadyError):
            bench.chip.read(1)
    bench.silicon.never_ready = False
    assert bench.chip.read(1).volts == pytest.approx(0.6)


@CROSSWISE
@FITTED
def test_a_chip_that_loses_its_supply_while_converting(
    driver: type[ADS1115], fitted: type[EmulatedADS1115]
) -> None:
    class PowerCut(FakeClock):
        """The supply fails during the first conversion."""

        def sleep(self, seconds: float) -> None:
            if not self.sleeps:
                bench.silicon.power_cycle()
            super().sleep(seconds)

    bench = Bench(driver, fitted, PowerCut())
    bench.volts[1] = 0.6
    with pytest.raises(NotReadyError, match="settings changed"):
        bench.chip.read(1)
    assert bench.chip.read(1).volts == pytest.approx(0.6)


def test_the_bus_is_free_while_the_converter_works() -> None:
    clock = GatedClock()
    bench = Bench(SGM58031, EmulatedSGM58031, clock)
    bench.volts[1] = 0.6
    wires = [Wire(f"pin {number}") for number in range(16)]
    bench.i2c.attach(0x26, EmulatedTPT29555(wires))
    expander = TPT29555(bench.i2c, 0x26, clock)
    wires[3].drive("outside", 0)
    with ThreadPoolExecutor(2) as pool:
        conversion = pool.submit(bench.chip.read, 1)
        assert clock.entered.wait(30)  # the conversion is under way and will stay so
        assert bench.silicon.converting
        assert pool.submit(expander.level, 3).result(30) == 0
        pool.submit(expander.make_output, 4, 0).result(30)
        assert bench.silicon.converting
        assert not conversion.done()
        clock.gate.set()
        assert conversion.result(30).volts == pytest.approx(0.6)


def test_two_threads_never_get_each_others_value(clock: FakeClock) -> None:
    bench = Bench(SGM58031, EmulatedSGM58031, clock)
    bench.volts = [0.3, 0.6, 1.2, 2.4]
    start = threading.Barrier(4)

    def read_many(channel: int) -> set[float]:
        start.wait(30)
        return {round(bench.chip.read(channel).volts, 6) for _ in range(200)}

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            seen = list(pool.map(read_many, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert seen == [{0.3}, {0.6}, {1.2}, {2.4}]


@FITTED
def test_identify_tells_them_apart_and_changes_nothing(
    fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(ADS1115, fitted, clock)
    bench.volts[1] = 0.6
    identification = identify(bench.bus, 0x4B, clock)
    is_sgm = fitted is EmulatedSGM58031
    assert identification.chip == ("SGM58031" if is_sgm else "ADS1115")
    assert identification.confidence == ("high" if is_sgm else "medium")
    assert identification.note
    assert bench.chip.read(1).volts == pytest.approx(0.6)


@FITTED
def test_identify_while_a_conversion_is_under_way(
    fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    bench = Bench(ADS1115, fitted, clock)
    bench.silicon.write(bytes.fromhex("01 F3 83"))
    identification = identify(bench.bus, 0x4B, clock)
    assert identification.chip == ("SGM58031" if fitted is EmulatedSGM58031 else "ADS1115")
    assert bench.silicon.converting


@for_each(
    ("registers", "chip", "confidence"),
    [
        ("01 -> 85 83; 02 -> 80 00; 05 -> 00 80; 06 -> 03 FA", "SGM58031", "high"),
        ("01 -> 42 83; 02 -> 12 34; 05 -> 00 80; 06 -> 00 00", "SGM58031", "high"),
        ("01 -> 85 83; 02 -> 80 00; 05 -> 00 A0; 06 -> 03 FA", "SGM58031", "medium"),
        ("01 -> 85 83; 02 -> 80 00; 05 -> 85 83; 06 -> 80 00", "ADS1115", "medium"),
        ("01 -> 05 83; 02 -> 80 00; 05 -> 85 83; 06 -> 80 00", "ADS1115", "medium"),
        ("01 -> 00 80; 02 -> 80 00; 05 -> 00 80; 06 -> 80 00", "ADS1115", "medium"),
        ("01 -> 85 83; 02 -> 80 00; 05 -> 85 83; 06 -> 03 FA", "", "low"),
        ("01 -> FF FF; 02 -> FF FF; 05 -> 12 34; 06 -> FF FF", "", "low"),
        ("01 -> 85 83; 02 -> 80 00; 05 -> 00 00; 06 -> 00 00", "", "low"),
        ("01 -> 85 83; 02 -> 80 00; 05 -> FF FF; 06 -> FF FF", "", "low"),
    ],
)
def test_identifications(registers: str, chip: str, confidence: str, clock: FakeClock) -> None:
    with ScriptedBus(0x4B, *registers.split("; ")) as bus:
        identification = identify(bus, 0x4B, clock)
    assert (identification.chip, identification.confidence) == (chip, confidence)


def test_identify_a_chip_that_refuses_the_unknown_register(clock: FakeClock) -> None:
    with ScriptedBus(0x4B, "01 -> 85 83", "02 -> 80 00", "!05 -> 00 00") as bus:
        identification = identify(bus, 0x4B, clock)
    assert (identification.chip, identification.confidence) == ("ADS1115", "low")


def test_identify_nobody(clock: FakeClock) -> None:
    with pytest.raises(BusError) as caught:
        identify(EmulatedI2CBus("i2c-1", clock), 0x48, clock)
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE


def test_identify_on_a_stuck_bus(clock: FakeClock) -> None:
    bench = Bench(ADS1115, EmulatedADS1115, clock)
    bench.bus.break_at(0, BusFault.TIMEOUT, delivered=False)
    with pytest.raises(BusError) as caught:
        identify(bench.bus, 0x4B, clock)
    assert caught.value.fault is BusFault.TIMEOUT
