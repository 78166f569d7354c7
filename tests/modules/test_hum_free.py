"""The default reading of RAK5801 and RAK5811: 0.1 s, in which mains hum cancels out.

The hum is at the converter's pin, where it cannot be told from the signal. A conversion takes the
voltage of one moment here; a real one takes the mean of its 1.2 ms, so this is the harder case. The
converter's noise is what its data sheet says for this range at every data rate: one step, 125 uV
rms. The bus takes its time: 100 000 bits a second.
"""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

import pytest
from tests.cases import for_each
from tests.chips.transactions import AtSpeed
from tests.modules.analog_slot import AnalogSlot, NoTimers

from wisblock_bridge.buses.analog import TimedConversion
from wisblock_bridge.chips.ads1115 import ADS1115
from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115
from wisblock_bridge.errors import BusError, BusFault, NotReadyError, OutOfRangeError
from wisblock_bridge.module_api import AnalogInput
from wisblock_bridge.modules.rak5801 import RAK5801
from wisblock_bridge.modules.rak5801_emulated import EmulatedRAK5801
from wisblock_bridge.modules.rak5811 import RAK5811
from wisblock_bridge.modules.rak5811_emulated import EmulatedRAK5811
from wisblock_bridge.modules.shared.hum_free import mean_over

STEP_V = 0.000125
NOISE_V = 0.000125


class OffRate(EmulatedADS1115):
    """A converter whose oscillator is off by as much as the data sheet allows."""

    share = 1.0

    def conversion_s(self, config: int) -> float:
        return super().conversion_s(config) * self.share


class Plugged:
    """A product on a board whose converter is an ADS1115."""

    def __init__(self, product: type[Any] = RAK5811, emulated: type[Any] = EmulatedRAK5811) -> None:
        self.board = AnalogSlot()
        board = self.board
        self.converter = OffRate(board.inputs, board.clock)
        board.i2c.detach(0x4B)
        board.i2c.attach(0x4B, self.converter)
        chip = ADS1115(AtSpeed(board.bus, board.clock), 0x4B, board.clock)
        board.parts["channel_1"] = AnalogInput(chip, 1, "AIN1")
        self.emulated = emulated(board)
        self.module = product(board.parts, board.clock, NoTimers())
        self.module.open()

    def hum(self, hertz: float, amplitude_v: float, noise_v: float = 0.0, seed: int = 1) -> None:
        """A steady 1.5 V with hum on it."""
        clock, source = self.board.clock, random.Random(seed)  # noqa: S311
        self.board.analog("AIN1").connect(
            lambda: (
                1.5
                + amplitude_v * math.sin(2 * math.pi * hertz * clock.monotonic())
                + source.gauss(0.0, noise_v)
            )
        )

    def volts(self, **params: object) -> float:
        """The mean at the converter's pin; a RAK5811 divides by 0.6."""
        return float(self.module.read(**params).values["voltage"]) * 0.6

    def spread(self, readings: int, **params: object) -> float:
        """How far readings lie from the truth, rms, begun at moments that have no order."""
        source, errors = random.Random(7), []  # noqa: S311
        for _ in range(readings):
            self.board.clock.advance(source.uniform(0.0, 0.05))
            errors.append(self.volts(**params) - 1.5)
        return math.sqrt(statistics.fmean(each * each for each in errors))


@for_each("hertz", [49.8, 50.0, 50.2, 59.9, 60.0, 60.1, 100.0, 120.0])
@for_each("share", [0.9, 1.0, 1.1])
def test_hum_cancels_out_whatever_the_converters_oscillator_does(
    hertz: float, share: float
) -> None:
    plugged = Plugged()
    plugged.converter.share = share
    plugged.hum(hertz, 0.2)
    worst = 0.0
    for _ in range(12):
        plugged.board.clock.advance(0.0137)
        worst = max(worst, abs(plugged.volts() - 1.5))
    assert worst < 0.2 / 50  # 34 dB at the mains' own tolerance of 0.2 Hz, and far more at 50


@pytest.mark.parametrize("hertz", [50.0, 60.0])
def test_it_rejects_more_than_many_slow_conversions(hertz: float) -> None:
    """Hum alone: 32 conversions of 8 ms, as before, against the mean of 0.1 s."""
    new, old = Plugged(), Plugged()
    for each in (new, old):
        each.hum(hertz, 0.2)
    assert new.spread(30) < old.spread(30, samples=32) / 3


@pytest.mark.parametrize("hertz", [50.0, 60.0])
def test_with_the_converters_own_noise_it_is_as_quiet_or_quieter(hertz: float) -> None:
    """Quiet input: noise alone, then noise with a hum of 10 mV."""
    for amplitude_v in (0.0, 0.01):
        new, old = Plugged(), Plugged()
        for each in (new, old):
            each.hum(hertz, amplitude_v, NOISE_V)
        assert new.spread(40) < old.spread(40, samples=32)


@for_each(("product", "emulated"), [(RAK5801, EmulatedRAK5801), (RAK5811, EmulatedRAK5811)])
def test_it_takes_a_tenth_of_a_second(product: type[Any], emulated: type[Any]) -> None:
    plugged = Plugged(product, emulated)
    plugged.module.read()
    board = plugged.board
    before, transactions = board.clock.monotonic(), board.i2c.transactions
    board.clock.advance(1.0)
    before = board.clock.monotonic()
    plugged.module.read()
    assert 0.1 <= board.clock.monotonic() - before <= 0.105
    assert board.i2c.transactions - transactions <= 95


def test_what_was_asked_for_keeps_its_meaning() -> None:
    plugged = Plugged()
    taken: list[float] = []

    def volts() -> float:
        taken.append(1.5)
        return 1.5

    plugged.board.analog("AIN1").connect(volts)
    for samples in (1, 3, 32):
        taken.clear()
        before = plugged.board.clock.monotonic()
        plugged.module.read(samples=samples)
        assert len(taken) == samples
        assert plugged.board.clock.monotonic() - before >= samples / 128


def test_every_failure_of_the_bus_comes_out_and_is_over_afterwards() -> None:
    plugged = Plugged()
    board = plugged.board
    plugged.hum(50.0, 0.0)
    board.bus.break_at(None, BusFault.IO, delivered=False)
    plugged.module.read()
    board.bus.break_at(None, BusFault.IO, delivered=False)
    plugged.module.read()
    total = board.bus.count
    assert total > 80
    for number in [*range(6), 40, total - 3, total - 2, total - 1]:
        for delivered in (False, True):
            plugged.board.clock.advance(1.0)
            board.bus.break_at(number, BusFault.IO, delivered=delivered)
            with pytest.raises(BusError) as caught:
                plugged.module.read()
            assert caught.value.where.startswith("AIN1"), number
            board.bus.break_at(None, BusFault.IO, delivered=False)
            assert plugged.volts() == pytest.approx(1.5, abs=STEP_V)


def test_a_supply_that_fails_meanwhile_gives_no_mean_of_zeros() -> None:
    plugged = Plugged()
    calls = iter(range(1000))

    def falls() -> float:
        if next(calls) == 40:
            plugged.converter.power_cycle()
        return 1.5

    plugged.board.analog("AIN1").connect(falls)
    with pytest.raises(NotReadyError, match="settings changed") as caught:
        plugged.module.read()
    assert caught.value.where.startswith("AIN1")


def test_a_current_at_the_end_for_a_moment_is_said() -> None:
    plugged = Plugged(RAK5801, EmulatedRAK5801)
    calls = iter(range(1000))
    plugged.board.analog("AIN1").connect(lambda: 3.3 if next(calls) == 40 else 1.7988)
    found = plugged.module.read()
    assert found.values["loop"] == "ok"
    assert ">= 22 mA" in found.note
    plugged.board.analog("AIN1").connect(lambda: 3.3)
    assert plugged.module.read().values["current"] == 22.0


def test_a_voltage_beyond_the_end_for_a_moment_is_an_error() -> None:
    plugged = Plugged()
    plugged.converter.supply_v = 5.0
    calls = iter(range(1000))
    plugged.board.analog("AIN1").connect(lambda: 4.2 if next(calls) == 40 else 1.5)
    with pytest.raises(OutOfRangeError, match=r"above 5\.3 V"):
        plugged.module.read()


@for_each(
    ("times_s", "volts", "mean"),
    [
        ((0.0, 0.1), (1.0, 2.0), 1.5),
        ((0.0, 0.05, 0.1), (0.0, 1.0, 0.0), 0.5),
        ((0.0, 0.01, 0.1), (0.0, 1.0, 1.0), 0.95),  # each counts for its time
        ((0.0, 0.2), (0.0, 2.0), 0.5),  # what lies beyond the window does not count
        ((0.0, 0.0, 0.1), (1.0, 1.0, 1.0), 1.0),  # a clock that stood still
    ],
)
def test_means(times_s: tuple[float, ...], volts: tuple[float, ...], mean: float) -> None:
    results = [
        TimedConversion(each, clipped=False, at_s=5.0 + at_s)
        for each, at_s in zip(volts, times_s, strict=True)
    ]
    assert mean_over(results, 0.1) == pytest.approx(mean)
