"""ADS1115 and SGM58031 in continuous mode: one start, one pointer, then nothing but results.

Config words by SBAS444: MODE is bit 8, 0 for continuous; DR 111 is 860 SPS, SGM58031 800 SPS.
"""

from __future__ import annotations

import itertools
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import AnalogWire
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.ads1115 import ADS1115
from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115
from wisblock_bridge.chips.sgm58031 import SGM58031
from wisblock_bridge.chips.sgm58031.emulator import EmulatedSGM58031
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BusError, CutShortError, ErrorCode, NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.analog import TimedConversion

_POINTER_TO_THRESHOLD = (Write(b"\x02"), Read(2))
IDLE = ("01 05 83", "01 -> 85 83")
STOP = "01 05 83"
BOTH = pytest.mark.parametrize(
    ("driver", "conversion_s"),
    [(ADS1115, 1 / 860), (SGM58031, 1 / 800)],
    ids=["ads1115", "sgm58031"],
)


def nothing() -> None:
    """Nobody cancels."""


def run(single: str, running: str, read_back: str, *results: str) -> tuple[str, ...]:
    """A single conversion that is waited for, then the continuous mode of the same input."""
    first, *others = results
    return (
        f"01 {single}", f"01 -> {single}", f"01 {running}", f"00 -> {first}",
        *[f"only -> {each}" for each in others],
        f"01 -> {read_back}", STOP,
    )  # fmt: skip


@BOTH
@pytest.mark.parametrize(
    ("channel", "single", "running"),
    [
        (0, "C3 E3", "42 E3"),
        (1, "D3 E3", "52 E3"),
        (2, "E3 E3", "62 E3"),
        (3, "F3 E3", "72 E3"),
    ],
)
def test_one_start_and_one_pointer(
    driver: type[ADS1115],
    conversion_s: float,
    channel: int,
    single: str,
    running: str,
    clock: FakeClock,
) -> None:
    lines = run(single, running, running, "00 08", "00 10", "67 20", "7F FF")
    begin = clock.monotonic()
    with ScriptedBus(0x4B, *IDLE, *lines) as bus:
        found = driver(bus, 0x4B, clock).sample(channel, 2.5 * conversion_s, nothing)
    assert [each.volts for each in found] == pytest.approx([0.001, 0.002, 3.3, 4.095875])
    assert [each.clipped for each in found] == [False, False, False, True]
    assert [each.at_s - begin for each in found] == pytest.approx(
        [conversion_s * number for number in (1, 2, 3, 4)]
    )


def test_the_next_start_waits_for_the_conversion_that_is_still_under_way(clock: FakeClock) -> None:
    lines = run("D3 E3", "52 E3", "52 E3", "00 08", "00 08")
    single = ("01 F3 83", "01 -> F3 83", "00 -> 00 10")
    with ScriptedBus(0x4B, *IDLE, *lines, *single) as bus:
        chip = ADS1115(bus, 0x4B, clock)
        chip.sample(1, 0.001, nothing)
        clock.sleeps.clear()
        assert chip.read(3).volts == 0.002
    assert clock.sleeps == pytest.approx([2 / 860, 1 / 128])


@for_each("read_back", ["85 83", "05 83", "72 E3", "53 E3", "54 E3"])
def test_settings_that_were_lost_under_way(read_back: str, clock: FakeClock) -> None:
    """A supply that failed for a moment, another input, single-shot, another range."""
    lines = run("D3 E3", "52 E3", read_back, "00 08", "00 00")[:-1]
    bus = ScriptedBus(0x4B, *IDLE, *lines)
    chip = ADS1115(bus, 0x4B, clock)
    with bus, pytest.raises(NotReadyError, match="settings changed"):
        chip.sample(1, 0.001, nothing)
    bus.expect(*IDLE, "01 D3 83", "01 -> D3 83", "00 -> 00 08")
    with bus:
        assert chip.read(1).volts == 0.001


@pytest.mark.parametrize("failing", range(9))
@BOTH
def test_failure_at_every_transaction(
    driver: type[ADS1115], conversion_s: float, failing: int, clock: FakeClock
) -> None:
    lines = [*IDLE, *run("D3 E3", "52 E3", "52 E3", "00 08", "00 08")][: failing + 1]
    lines[failing] = f"!{lines[failing]}"
    bus = ScriptedBus(0x4B, *lines)
    chip = driver(bus, 0x4B, clock)
    with bus, pytest.raises(BusError) as caught:
        chip.sample(1, conversion_s / 2, nothing)
    assert caught.value.code is ErrorCode.NO_DEVICE
    # The chip may still be converting: it is stopped and asked first.
    bus.expect(*IDLE, "01 F3 83", "01 -> F3 83", "00 -> 00 10")
    with bus:
        assert chip.read(3).volts == 0.002


@pytest.mark.parametrize("stop", [STOP, f"!{STOP}"])
def test_who_is_cancelled_stops_the_chip_and_the_next_user_makes_sure(
    stop: str, clock: FakeClock
) -> None:
    calls = iter(range(10))

    def proceed() -> None:
        if next(calls) == 2:
            raise CutShortError(ErrorCode.EXPIRED, "Enough.")

    bus = ScriptedBus(0x4B, *IDLE, *run("D3 E3", "52 E3", "", "00 08", "00 08")[:-2], stop)
    chip = ADS1115(bus, 0x4B, clock)
    with bus, pytest.raises(CutShortError):
        chip.sample(1, 1.0, proceed)
    bus.expect(*IDLE, "01 D3 83", "01 -> D3 83", "00 -> 00 08")
    with bus:
        assert chip.read(1).volts == 0.001


@for_each(("channel", "full_scale"), [(-1, 4.096), (4, 4.096), (0, 3.3)])
def test_what_does_not_exist_touches_nothing(
    channel: int, full_scale: float, clock: FakeClock
) -> None:
    with ScriptedBus(0x4B) as bus, pytest.raises(ValueError, match=r"0\.\.\.3|no range"):
        ADS1115(bus, 0x4B, clock).sample(channel, 0.1, nothing, full_scale)


class LateClock(FakeClock):
    """A computer so busy that every sleep takes 7 ms more."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.advance(0.007)


def test_who_is_held_up_does_not_make_up_for_it_with_the_same_result() -> None:
    clock = LateClock()
    bus = EmulatedI2CBus("i2c-1", clock)
    bus.attach(0x4B, EmulatedADS1115([AnalogWire(f"AIN{n}") for n in range(4)], clock))
    found = ADS1115(bus, 0x4B, clock).sample(1, 0.1, nothing)
    steps = [right.at_s - left.at_s for left, right in itertools.pairwise(found)]
    assert min(steps) > 0.99 / 860
    assert len(found) < 20


class Silicon:
    """A converter on an emulated bus, with a voltage of its own at each input."""

    def __init__(
        self,
        driver: type[ADS1115],
        fitted: type[EmulatedADS1115],
        volts: Callable[[int], float],
    ) -> None:
        self.clock = FakeClock()
        wires = [AnalogWire(f"AIN{number}") for number in range(4)]
        for number, wire in enumerate(wires):
            wire.connect(partial(volts, number))
        self.bus = EmulatedI2CBus("i2c-1", self.clock)
        self.emulated = fitted(wires, self.clock)
        self.bus.attach(0x4B, self.emulated)
        self.chip = driver(self.bus, 0x4B, self.clock)


@for_each("driver", [ADS1115, SGM58031])
@for_each("fitted", [EmulatedADS1115, EmulatedSGM58031])
def test_no_input_ever_shows_the_voltage_of_another(
    driver: type[ADS1115], fitted: type[EmulatedADS1115]
) -> None:
    place = Silicon(driver, fitted, lambda number: 0.5 * number)
    for channel in (1, 3, 0, 2, 1, 3):
        found = place.chip.sample(channel, 0.02, nothing)
        assert {each.volts for each in found} == {0.5 * channel}
        assert len(found) >= 16
        assert place.chip.read((channel + 1) % 4).volts == 0.5 * ((channel + 1) % 4)


def test_a_supply_that_fails_within_the_run_is_an_error() -> None:
    place = Silicon(ADS1115, EmulatedADS1115, lambda number: 0.5 * number)
    calls = iter(range(1000))

    def proceed() -> None:
        if next(calls) == 30:
            place.emulated.power_cycle()

    with pytest.raises(NotReadyError, match="settings changed"):
        place.chip.sample(2, 0.1, proceed)
    assert {each.volts for each in place.chip.sample(2, 0.1, nothing)} == {1.0}


def test_somebody_else_gets_the_chip_in_turn_and_both_go_on() -> None:
    """While another thread waits, a conversion each; alone again, the continuous mode."""
    place = Silicon(SGM58031, EmulatedSGM58031, lambda number: 0.5 * number)
    chip: Any = place.chip
    others: list[float] = []
    threads: list[threading.Thread] = []
    calls = iter(range(1000))

    def proceed() -> None:
        if next(calls) == 10:
            thread = threading.Thread(target=lambda: others.append(chip.read(3).volts))
            thread.start()
            threads.append(thread)
            while not chip._lock.contended:
                pass

    found = chip.sample(1, 0.1, proceed)
    for thread in threads:
        thread.join(10)
    assert others == [1.5]
    assert {each.volts for each in found} == {0.5}
    steps = [right.at_s - left.at_s for left, right in itertools.pairwise(found)]
    assert max(steps) < 0.016  # the other's conversion of 10 ms, and starts
    assert len(found) > 60


def test_who_reads_registers_waits_until_nobody_uses_the_chip() -> None:
    place = Silicon(SGM58031, EmulatedSGM58031, lambda number: 0.5 * number)
    chip: Any = place.chip
    seen: list[bool] = []
    calls = iter(range(1000))
    threads: list[threading.Thread] = []

    def look() -> None:
        with chip.in_between():
            place.bus.transfer(0x4B, *_POINTER_TO_THRESHOLD)
            seen.append(place.emulated.converting)

    def proceed() -> None:
        if next(calls) == 10:
            threads.append(threading.Thread(target=look))
            threads[0].start()
            while not chip._lock.contended:
                pass

    found = chip.sample(1, 0.1, proceed)
    threads[0].join(10)
    assert len(seen) == 1
    assert {each.volts for each in found} == {0.5}


def test_two_that_measure_for_a_while_share_the_chip() -> None:
    """A RAK12015 beside a RAK5801, in real time: nobody waits for the other's end."""
    clock = SystemClock()
    wires = [AnalogWire(f"AIN{number}") for number in range(4)]
    for number, wire in enumerate(wires):
        wire.connect(partial(float, number / 2))
    bus = EmulatedI2CBus("i2c-1", clock)
    bus.attach(0x4B, EmulatedSGM58031(wires, clock))
    chip = SGM58031(bus, 0x4B, clock)
    found: dict[int, list[TimedConversion]] = {}
    ends: dict[int, float] = {}

    def measure(channel: int, duration_s: float) -> None:
        found[channel] = chip.sample(channel, duration_s, nothing)
        ends[channel] = clock.monotonic()

    threads = [
        threading.Thread(target=measure, args=each) for each in ((1, 1.0), (3, 0.1), (2, 0.1))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for channel in (1, 2, 3):
        assert {each.volts for each in found[channel]} == {channel / 2}
        assert len(found[channel]) > 5
    assert max(ends[2], ends[3]) < ends[1]
