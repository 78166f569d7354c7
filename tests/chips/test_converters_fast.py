"""ADS1115 and SGM58031 at their highest data rate, for many looks at one input."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import AnalogWire
from wisblock_bridge.chips.ads1115 import ADS1115
from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115
from wisblock_bridge.chips.sgm58031 import SGM58031
from wisblock_bridge.chips.sgm58031.emulator import EmulatedSGM58031
from wisblock_bridge.module_api import AnalogInput

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

IDLE = ("01 05 83", "01 -> 85 83")


@pytest.mark.parametrize(
    ("driver", "conversion_s"),
    [(ADS1115, 1 / 860), (SGM58031, 1 / 800)],
    ids=["ads1115", "sgm58031"],
)
@pytest.mark.parametrize(
    ("channel", "config"), [(0, "C3 E3"), (1, "D3 E3"), (2, "E3 E3"), (3, "F3 E3")]
)
def test_config_word_and_waiting(
    driver: type[ADS1115], conversion_s: float, channel: int, config: str, clock: FakeClock
) -> None:
    with ScriptedBus(0x4B, *IDLE, f"01 {config}", f"01 -> {config}", "00 -> 67 20") as bus:
        result = driver(bus, 0x4B, clock).read(channel, fast=True)
    assert result.volts == pytest.approx(3.3)
    assert clock.sleeps == [conversion_s]


def test_the_next_one_is_as_slow_and_quiet_as_ever(clock: FakeClock) -> None:
    fast = ("01 D3 E3", "01 -> D3 E3", "00 -> 00 08")
    slow = ("01 D3 83", "01 -> D3 83", "00 -> 00 10")
    with ScriptedBus(0x4B, *IDLE, *fast, *slow) as bus:
        chip = SGM58031(bus, 0x4B, clock)
        assert chip.read(1, fast=True).volts == 0.001
        assert chip.read(1).volts == 0.002
    assert clock.sleeps == [1 / 800, 1 / 100]


@for_each("driver", [ADS1115, SGM58031])
@for_each("fitted", [EmulatedADS1115, EmulatedSGM58031])
def test_fast_and_slow_in_turn_on_the_silicon(
    driver: type[ADS1115], fitted: type[EmulatedADS1115], clock: FakeClock
) -> None:
    wires = [AnalogWire(f"AIN{number}") for number in range(4)]
    for number, wire in enumerate(wires):
        wire.connect(partial(float.__mul__, 0.5, number))
    bus = EmulatedI2CBus("i2c-1", clock)
    bus.attach(0x4B, fitted(wires, clock))
    chip = driver(bus, 0x4B, clock)
    inputs = [AnalogInput(chip, number, f"AIN{number}") for number in range(4)]
    for _ in range(20):
        before = clock.monotonic()
        assert inputs[1].read(fast=True).volts == pytest.approx(0.5)
        assert clock.monotonic() - before < 0.0016
        assert inputs[3].read().volts == pytest.approx(1.5)
        assert clock.monotonic() - before > 0.0078
