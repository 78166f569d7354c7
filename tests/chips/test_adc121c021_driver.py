"""ADC121C021 driver: the exact bytes, the volts, the limits, and what happens when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus

from wisblock_bridge.chips.adc121c021 import ADC121C021, Alerts
from wisblock_bridge.errors import BusError, ErrorCode, WrongChipError

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

    from wisblock_bridge.buses.analog import Conversion

FIRST_USE = "02 00"
"""An automatic mode that somebody left running is ended."""

CYCLE_S = 1 / 27000


def scripted(
    clock: FakeClock, *lines: str, reference_v: float = 5.0
) -> tuple[ScriptedBus, ADC121C021]:
    bus = ScriptedBus(0x51, *lines)
    return bus, ADC121C021(bus, 0x51, clock, reference_v=reference_v)


def conversion(result: str, before: str = "0A AA") -> tuple[str, str]:
    """The two readings of a conversion; the first gives the result of the one before."""
    return f"00 -> {before}", f"00 -> {result}"


def limits(low: str, high: str, hysteresis: str, config: str) -> tuple[str, ...]:
    """All that is written for a watch."""
    return (
        "02 00",
        f"03 {low}",
        f"04 {high}",
        f"05 {hysteresis}",
        "01 03",
        "01 -> 00",
        f"02 {config}",
    )


@for_each(
    ("result", "volts"),
    [
        ("00 00", 0.0),
        ("00 01", 0.00122),
        ("00 56", 0.105),
        ("01 7E", 0.466),
        ("01 80", 0.469),
        ("01 81", 0.470),
        ("00 B3", 0.219),
        ("04 58", 1.358),
        ("04 61", 1.369),
        ("04 65", 1.374),
        ("08 00", 2.5),
        ("09 2E", 2.869),
        ("0F FF", 4.999),
    ],
)
def test_codes_become_volts(result: str, volts: float, clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, *conversion(result))
    with bus:
        sample = chip.read()
    assert sample.volts == pytest.approx(volts, abs=0.0008)
    assert sample.code == int(result.replace(" ", ""), 16)
    assert sample.clipped == (result == "0F FF")
    assert not sample.alert
    assert clock.sleeps == []


def test_one_step_is_the_reference_by_4096(clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, *conversion("08 00"), reference_v=3.3)
    with bus:
        assert chip.read().volts == pytest.approx(1.65, abs=1e-12)


@pytest.mark.parametrize("reference_v", [0.0, -5.0])
def test_a_reference_that_cannot_be(reference_v: float, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="larger than 0 V"):
        scripted(clock, reference_v=reference_v)


def test_the_second_reading_configures_nothing(clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, *conversion("01 80"), *conversion("01 81", "01 80"))
    with bus:
        assert chip.read().code == 384
        assert chip.read().code == 385


@for_each("result", ["10 00", "FF FF", "7F FF", "41 80"])
def test_bits_that_cannot_be(result: str, clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, *conversion(result), *conversion("01 80"))
    with bus:
        with pytest.raises(WrongChipError, match=f"0x{result.replace(' ', '').lower()}") as caught:
            chip.read()
        assert caught.value.where == "ADC121C021 0x51 on i2c-1"
        assert caught.value.hint
        assert chip.read().code == 384


@pytest.mark.parametrize("failing", range(3))
def test_failure_at_every_transaction(failing: int, clock: FakeClock) -> None:
    lines = [FIRST_USE, *conversion("01 80")][: failing + 1]
    lines[failing] = f"!{lines[failing]}"
    bus, chip = scripted(clock, *lines)
    with bus, pytest.raises(BusError) as caught:
        chip.read()
    assert caught.value.code is ErrorCode.NO_DEVICE
    again = [FIRST_USE] if failing == 0 else []
    bus.expect(*again, *conversion("01 81"))
    with bus:
        assert chip.read().code == 385


@for_each(
    ("hold", "active_high", "config"),
    [
        (False, False, "2C"),
        (False, True, "2D"),
        (True, False, "3C"),
        (True, True, "3D"),
    ],
)
def test_watches(hold: bool, active_high: bool, config: str, clock: FakeClock) -> None:  # noqa: FBT001
    bus, chip = scripted(clock, *limits("04 00", "08 00", "00 20", config))
    with bus:
        chip.watch(
            low_v=1.25,
            high_v=2.5,
            hysteresis_v=5 * 32 / 4096,
            hold=hold,
            active_high=active_high,
        )


@for_each(
    ("low_v", "high_v", "low", "high"),
    [
        (None, None, "00 00", "0F FF"),
        (None, 2.5, "00 00", "08 00"),
        (1.25, None, "04 00", "0F FF"),
        (0.0, 5.0, "00 00", "0F FF"),
        (2.5, 2.5, "08 00", "08 00"),
    ],
)
def test_limits_that_are_not_given(
    low_v: float | None, high_v: float | None, low: str, high: str, clock: FakeClock
) -> None:
    bus, chip = scripted(clock, *limits(low, high, "00 00", "2C"))
    with bus:
        chip.watch(low_v=low_v, high_v=high_v)


@for_each(
    ("low_v", "high_v", "hysteresis_v"),
    [(-0.1, None, 0.0), (None, 5.1, 0.0), (3.0, 2.0, 0.0), (None, None, -1.0), (1.0, 2.0, 6.0)],
)
def test_limits_that_cannot_be_touch_nothing(
    low_v: float | None, high_v: float | None, hysteresis_v: float, clock: FakeClock
) -> None:
    bus, chip = scripted(clock)
    with bus, pytest.raises(ValueError, match="V is"):
        chip.watch(low_v=low_v, high_v=high_v, hysteresis_v=hysteresis_v)
    bus.expect(FIRST_USE, *conversion("01 80"))
    with bus:
        chip.read()


def test_reading_while_watching(clock: FakeClock) -> None:
    bus, chip = scripted(clock, *limits("00 00", "08 00", "00 00", "2C"))
    bus.expect("02 -> 2C", "00 -> 87 FF", "02 -> 2C", "00 -> 01 80")
    with bus:
        chip.watch(high_v=2.5)
        sample = chip.read()
        assert (sample.code, sample.alert) == (0x7FF, True)
        sample = chip.read()
        assert (sample.code, sample.alert) == (384, False)
    assert len(clock.sleeps) == 2
    assert all(CYCLE_S <= sleep < 2 * CYCLE_S for sleep in clock.sleeps)


@for_each(
    ("status", "under", "over"),
    [("00", False, False), ("01", True, False), ("02", False, True), ("03", True, True)],
)
def test_alerts(status: str, under: bool, over: bool, clock: FakeClock) -> None:  # noqa: FBT001
    bus, chip = scripted(clock, *limits("04 00", "08 00", "00 00", "2C"))
    bus.expect("02 -> 2C", f"01 -> {status}")
    with bus:
        chip.watch(low_v=1.25, high_v=2.5)
        assert chip.alerts() == Alerts(under=under, over=over)


def test_without_limits_there_are_no_alerts(clock: FakeClock) -> None:
    bus, chip = scripted(clock)
    with bus:
        assert chip.alerts() == Alerts(under=False, over=False)


def test_alerts_are_cleared_with_ones_or_else_with_zeros(clock: FakeClock) -> None:
    bus, chip = scripted(clock, "01 03", "01 -> 00", "01 03", "01 -> 02", "01 00")
    with bus:
        chip.clear_alerts()
        chip.clear_alerts()


def test_no_longer_watching(clock: FakeClock) -> None:
    bus, chip = scripted(clock, *limits("00 00", "08 00", "00 00", "2C"))
    bus.expect("02 00", *conversion("01 80"))
    with bus:
        chip.watch(high_v=2.5)
        chip.unwatch()
        assert not chip.read().alert


def test_limits_that_the_chip_lost_are_written_again(clock: FakeClock) -> None:
    written = limits("00 00", "08 00", "00 00", "2C")
    bus, chip = scripted(clock, *written, "02 -> 00", *written, "00 -> 01 80")
    bus.expect("02 -> 2C", "00 -> 01 81", "02 -> 00", *written, "01 -> 02")
    with bus:
        chip.watch(high_v=2.5)
        assert chip.read().code == 384
        assert chip.read().code == 385
        assert chip.alerts().over
    assert chip.recoveries == 2


@for_each("failing", range(7))
def test_failure_at_every_transaction_of_a_watch(failing: int, clock: FakeClock) -> None:
    written = limits("00 00", "08 00", "00 00", "2C")
    lines = list(written)[: failing + 1]
    lines[failing] = f"!{lines[failing]}"
    bus, chip = scripted(clock, *lines)
    with bus, pytest.raises(BusError):
        chip.watch(high_v=2.5)
    # Nothing is believed to be written: all of it is sent before the next use.
    bus.expect(*written, "00 -> 01 80")
    with bus:
        assert chip.read().code == 384
    assert chip.recoveries == 0


def test_failure_of_the_end_of_a_watch(clock: FakeClock) -> None:
    bus, chip = scripted(clock, *limits("00 00", "08 00", "00 00", "2C"), "!02 00")
    with bus:
        chip.watch(high_v=2.5)
        with pytest.raises(BusError):
            chip.unwatch()
        bus.expect("02 00", *conversion("01 80"))
        assert chip.read().code == 384


def test_a_sample_is_a_conversion(clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, *conversion("0F FF"))
    with bus:
        sample: Conversion = chip.read()
    assert sample.clipped
    assert chip.name == "ADC121C021 0x51 on i2c-1"
