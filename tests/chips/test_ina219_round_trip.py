"""INA219 driver and emulator together: the range, fresh values, broken supplies, threads."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking, ScriptedBus, each_failure
from tests.fake_clock import FakeClock, GatedClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.chips.ina219 import INA219
from wisblock_bridge.chips.ina219.emulator import EmulatedINA219
from wisblock_bridge.chips.ina219.identify import identify
from wisblock_bridge.errors import BusError, BusFault, NotReadyError

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import Read, Write

FLAGS = pytest.mark.parametrize(
    "falls_with_bus_voltage", [True, False], ids=["as-the-silicon", "as-the-register-table"]
)


class Bench:
    """A driver, an emulated chip and an adjustable load."""

    def __init__(self, clock: FakeClock) -> None:
        self.current_a = 0.0
        self.bus_v = 0.0
        self.silicon = EmulatedINA219(lambda: self.current_a, lambda: self.bus_v, clock)
        self.i2c = EmulatedI2CBus("i2c-1", clock)
        self.i2c.attach(0x41, self.silicon)
        self.bus = Breaking(self.i2c)
        self.chip = INA219(self.bus, 0x41, clock, shunt_ohm=0.1)

    def load(self, current_a: float, bus_v: float) -> None:
        self.current_a, self.bus_v = current_a, bus_v


@FLAGS
def test_round_trip_over_the_range(falls_with_bus_voltage: bool, clock: FakeClock) -> None:  # noqa: FBT001
    bench = Bench(clock)
    bench.silicon.ready_falls_with_bus_voltage = falls_with_bus_voltage
    for step in range(-20, 21):
        bench.load(3.199 * step / 20, 26.0 * ((step + 27) % 41) / 40)
        result = bench.chip.measure()
        assert result.current_ma == pytest.approx(bench.current_a * 1000, abs=0.0501)
        assert result.shunt_voltage_mv == pytest.approx(bench.current_a * 100, abs=0.00501)
        assert result.bus_voltage_v == pytest.approx(bench.bus_v, abs=0.00201)
        assert not result.overflow
    assert bench.chip.recoveries == 0


def test_overload(clock: FakeClock) -> None:
    bench = Bench(clock)
    for current_a in (3.21, 10.0, -3.21, -10.0):
        bench.load(current_a, 12.0)
        assert bench.chip.measure().overflow
    bench.load(3.19, 12.0)
    assert not bench.chip.measure().overflow


@FLAGS
def test_never_a_value_from_before(falls_with_bus_voltage: bool, clock: FakeClock) -> None:  # noqa: FBT001
    bench = Bench(clock)
    bench.silicon.ready_falls_with_bus_voltage = falls_with_bus_voltage
    for pause_s in (0.0, 1e-6, 1e-3, 1.0):
        for current_a, bus_v in ((0.5, 12.0), (1.5, 5.0), (0.0, 0.0)):
            bench.load(current_a, bus_v)
            result = bench.chip.measure()
            assert result.current_ma == pytest.approx(current_a * 1000)
            assert result.bus_voltage_v == pytest.approx(bus_v)
            clock.advance(pause_s)


def test_the_results_belong_to_one_moment(clock: FakeClock) -> None:
    bench = Bench(clock)
    deliver = bench.i2c.transfer
    moments = iter(range(1, 10_000))

    def slow_transfer(address: int, *messages: Write | Read) -> bytes:
        clock.advance(0.002)  # what converts again by itself has a new result at every transfer
        return deliver(address, *messages)

    bench.i2c.transfer = slow_transfer  # type: ignore[method-assign]
    bench.silicon.current_a = lambda: next(moments) * 0.01
    bench.bus_v = 5.0
    for _ in range(20):
        result = bench.chip.measure()
        assert result.current_ma == pytest.approx(result.shunt_voltage_mv * 10)


@for_each(
    "left",
    [
        "00 39 98",  # asleep
        "00 39 9C",  # converter off
        "00 01 9F",  # small ranges
        "00 3F FF",  # 128 samples of each: 136 ms, under way
        "05 83 32",  # another program's calibration
    ],
)
def test_a_chip_left_in_any_state(left: str, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.silicon.write(bytes.fromhex(left))
    bench.load(2.5, 24.0)
    result = bench.chip.measure()
    assert result.current_ma == pytest.approx(2500.0)
    assert result.bus_voltage_v == pytest.approx(24.0)


def test_a_broken_down_supply_between_measurements(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.load(0.5, 12.0)
    for count in (1, 2, 3):
        bench.chip.measure()
        bench.silicon.power_cycle()
        result = bench.chip.measure()
        assert result.current_ma == pytest.approx(500.0)
        assert bench.chip.recoveries == count


@for_each("at", range(3))
def test_a_broken_down_supply_before_any_transaction(at: int, clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.load(0.5, 12.0)
    bench.chip.measure()
    transactions = 0
    deliver = bench.i2c.transfer

    def transfer(address: int, *messages: Write | Read) -> bytes:
        nonlocal transactions
        if transactions == at:
            bench.silicon.power_cycle()
        transactions += 1
        return deliver(address, *messages)

    bench.i2c.transfer = transfer  # type: ignore[method-assign]
    result = bench.chip.measure()
    assert result.current_ma == pytest.approx(500.0)
    assert bench.chip.recoveries == 1
    bench.load(0.0, 12.0)
    assert bench.chip.measure().current_ma == 0.0
    assert bench.chip.recoveries == 1


def test_after_any_failure_the_next_value_is_right(clock: FakeClock) -> None:
    bench = Bench(clock)

    def reset() -> None:
        bench.bus.break_at(None, BusFault.IO, delivered=False)
        bench.silicon.power_cycle()
        bench.chip = INA219(bench.bus, 0x41, clock, shunt_ohm=0.1)
        bench.load(0.5, 12.0)

    def action() -> None:
        bench.chip.measure()

    for number, _ in each_failure(bench.bus, action, reset):
        bench.load(1.0, 5.0)
        result = bench.chip.measure()
        assert result.current_ma == pytest.approx(1000.0), number
        assert result.bus_voltage_v == pytest.approx(5.0), number


def test_a_stuck_chip_is_told_and_recovers(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.load(0.5, 12.0)
    bench.silicon.never_ready = True
    for _ in range(2):
        with pytest.raises(NotReadyError):
            bench.chip.measure()
    bench.silicon.never_ready = False
    assert bench.chip.measure().current_ma == pytest.approx(500.0)


def test_the_bus_is_free_while_the_chip_measures() -> None:
    clock = GatedClock()
    bench = Bench(clock)
    bench.load(0.5, 12.0)
    bench.i2c.attach(0x40, EmulatedINA219(lambda: 0.0, lambda: 0.0, clock))
    with ThreadPoolExecutor(2) as pool:
        measurement = pool.submit(bench.chip.measure)
        assert clock.entered.wait(30)
        look = pool.submit(identify, bench.i2c, 0x40, clock)
        assert look.result(30).chip == "INA219"
        assert not measurement.done()
        clock.gate.set()
        assert measurement.result(30).current_ma == pytest.approx(500.0)


def test_two_threads_do_not_disturb_each_other(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.load(0.5, 12.0)
    start = threading.Barrier(4)

    def measure_many(_: int) -> set[tuple[float, float]]:
        start.wait(30)
        results = [bench.chip.measure() for _ in range(100)]
        return {(round(one.current_ma, 6), round(one.bus_voltage_v, 6)) for one in results}

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            seen = list(pool.map(measure_many, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert seen == [{(500.0, 12.0)}] * 4
    assert bench.chip.recoveries == 0


def test_identify_a_new_chip_and_one_in_use(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.load(0.5, 12.0)
    identification = identify(bench.bus, 0x41, clock)
    assert (identification.chip, identification.confidence) == ("INA219", "high")
    bench.chip.measure()
    identification = identify(bench.bus, 0x41, clock)
    assert (identification.chip, identification.confidence) == ("INA219", "medium")
    assert identification.note


def test_identify_does_not_take_the_ready_flag_away(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.silicon.write(bytes.fromhex("00 39 9B"))
    clock.advance(0.01)
    identify(bench.bus, 0x41, clock)
    bench.silicon.write(b"\x02")
    assert bench.silicon.read(2)[1] & 2


@for_each(
    ("config", "calibration", "shunt", "current", "chip", "confidence"),
    [
        ("39 9F", "00 00", "12 34", "00 00", "INA219", "high"),
        ("39 9F", "10 00", "12 34", "12 34", "INA219", "medium"),
        ("39 9B", "10 00", "00 00", "00 00", "INA219", "medium"),
        ("21 9F", "83 32", "01 F4", "10 03", "INA219", "medium"),
        ("21 9F", "83 32", "FE 0C", "EF FD", "INA219", "medium"),
        ("21 9F", "83 32", "01 F4", "01 F4", "", "low"),
        ("21 9F", "00 00", "01 F4", "00 00", "", "low"),
        ("39 9F", "10 01", "00 00", "00 00", "", "low"),
        ("41 27", "00 00", "00 00", "00 00", "", "low"),  # an INA226
        ("11 11", "E0 E0", "04 04", "E2 E2", "", "low"),  # a PCA9685
        ("00 00", "00 00", "00 00", "00 00", "", "low"),
        ("FF FF", "FF FF", "FF FF", "FF FF", "", "low"),
    ],
)
def test_identifications(
    config: str,
    calibration: str,
    shunt: str,
    current: str,
    chip: str,
    confidence: str,
    clock: FakeClock,
) -> None:
    with ScriptedBus(
        0x41,
        f"00 -> {config}",
        f"05 -> {calibration}",
        f"01 -> {shunt}",
        f"04 -> {current}",
    ) as bus:
        identification = identify(bus, 0x41, clock)
    assert (identification.chip, identification.confidence) == (chip, confidence)


def test_identify_nobody(clock: FakeClock) -> None:
    with pytest.raises(BusError) as caught:
        identify(EmulatedI2CBus("i2c-1", clock), 0x41, clock)
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE
