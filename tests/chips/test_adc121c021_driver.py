"""ADC121C021 driver: the exact bytes, the volts, and what happens when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus

from wisblock_bridge.chips.adc121c021 import ADC121C021
from wisblock_bridge.errors import BusError, ErrorCode, WrongChipError

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

    from wisblock_bridge.buses.analog import Conversion

FIRST_USE = "02 00"
"""An automatic mode that somebody left running is ended."""


def scripted(
    clock: FakeClock, *lines: str, reference_v: float = 5.0
) -> tuple[ScriptedBus, ADC121C021]:
    bus = ScriptedBus(0x51, *lines)
    return bus, ADC121C021(bus, 0x51, clock, reference_v=reference_v)


def conversion(result: str, before: str = "0A AA") -> tuple[str]:
    """One transaction: the result of the conversion before, then that of ours."""
    return (f"00 -> {before} {result}",)


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


@pytest.mark.parametrize("failing", range(2))
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


def test_a_sample_is_a_conversion(clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, *conversion("0F FF"))
    with bus:
        sample: Conversion = chip.read()
    assert sample.clipped
    assert chip.name == "ADC121C021 0x51 on i2c-1"


def test_many_results_are_one_transaction_without_the_first(clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, "00 -> 0F FF 01 80 01 81 00 00")
    with bus:
        assert [each.code for each in chip.read_many(3)] == [0x180, 0x181, 0]
    bus.expect("00 ->" + " 08 00" * 33)
    with bus:
        assert {each.volts for each in chip.read_many(32)} == {2.5}


def test_one_result_that_cannot_be_spoils_all(clock: FakeClock) -> None:
    bus, chip = scripted(clock, FIRST_USE, "00 -> 00 00 01 80 FF FF 01 80")
    with bus, pytest.raises(WrongChipError, match="0xffff"):
        chip.read_many(3)


@pytest.mark.parametrize("count", [-1, 0, 33])
def test_more_than_one_transaction_gives_touches_nothing(count: int, clock: FakeClock) -> None:
    bus, chip = scripted(clock)
    with bus, pytest.raises(ValueError, match=r"1\.\.\.32"):
        chip.read_many(count)
