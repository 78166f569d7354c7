"""ADS7830 driver: the exact bytes, the volts, and what happens when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus

from wisblock_bridge.chips.ads7830 import ADS7830, Sample
from wisblock_bridge.errors import BusError, ErrorCode

if TYPE_CHECKING:
    from tests.fake_clock import FakeClock

    from wisblock_bridge.buses.analog import Conversion


def scripted(
    clock: FakeClock, *lines: str, reference_v: float = 3.0
) -> tuple[ScriptedBus, ADS7830]:
    bus = ScriptedBus(0x4A, *lines)
    return bus, ADS7830(bus, 0x4A, clock, reference_v=reference_v)


@for_each(
    ("channel", "command"),
    [(0, "84"), (1, "C4"), (2, "94"), (3, "D4"), (4, "A4"), (5, "E4"), (6, "B4"), (7, "F4")],
)
def test_command_of_each_input(channel: int, command: str, clock: FakeClock) -> None:
    bus, chip = scripted(clock, f"{command} -> 55")
    with bus:
        assert chip.read(channel).code == 85
    assert clock.sleeps == []


@for_each(
    ("positive", "negative", "command"),
    [
        (0, 1, "04"),
        (2, 3, "14"),
        (4, 5, "24"),
        (6, 7, "34"),
        (1, 0, "44"),
        (3, 2, "54"),
        (5, 4, "64"),
        (7, 6, "74"),
    ],
)
def test_command_of_each_pair(positive: int, negative: int, command: str, clock: FakeClock) -> None:
    bus, chip = scripted(clock, f"{command} -> 80")
    with bus:
        assert chip.read_differential(positive, negative) == Sample(1.5, clipped=False, code=128)
    assert clock.sleeps == []


@for_each(
    ("code", "volts", "clipped"),
    [
        ("00", 0.0, False),
        ("01", 0.01171875, False),
        ("55", 0.9961, False),
        ("80", 1.5, False),
        ("DA", 2.5547, False),
        ("F3", 2.8477, False),
        ("FE", 2.9766, False),
        ("FF", 2.9883, True),
    ],
)
def test_codes_become_volts(code: str, volts: float, clipped: bool, clock: FakeClock) -> None:  # noqa: FBT001
    bus, chip = scripted(clock, f"84 -> {code}", f"04 -> {code}")
    with bus:
        for sample in (chip.read(0), chip.read_differential(0, 1)):
            assert sample.volts == pytest.approx(volts, abs=0.00005)
            assert sample.clipped is clipped
            assert sample.code == int(code, 16)


@pytest.mark.parametrize(("reference_v", "volts"), [(2.5, 1.25), (3.0, 1.5), (3.3, 1.65)])
def test_the_reference_decides(reference_v: float, volts: float, clock: FakeClock) -> None:
    bus, chip = scripted(clock, "84 -> 80", reference_v=reference_v)
    with bus:
        assert chip.read(0).volts == pytest.approx(volts)


@pytest.mark.parametrize("reference_v", [0.0, -3.0])
def test_a_reference_that_cannot_be(reference_v: float, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="larger than 0 V"):
        scripted(clock, reference_v=reference_v)


def test_every_reading_is_a_transaction_of_its_own(clock: FakeClock) -> None:
    bus, chip = scripted(clock, "84 -> 10", "84 -> 20", "C4 -> 30")
    with bus:
        assert [chip.read(0).code, chip.read(0).code, chip.read(1).code] == [0x10, 0x20, 0x30]


def test_failure(clock: FakeClock) -> None:
    bus, chip = scripted(clock, "!D4 -> 00", "94 -> 40", "!14 -> 00", "94 -> 41")
    with bus:
        with pytest.raises(BusError) as caught:
            chip.read(3)
        assert caught.value.code is ErrorCode.NO_DEVICE
        assert chip.read(2).code == 0x40
        with pytest.raises(BusError):
            chip.read_differential(2, 3)
        assert chip.read(2).code == 0x41


@pytest.mark.parametrize("channel", [-1, 8])
def test_an_input_that_does_not_exist_touches_nothing(channel: int, clock: FakeClock) -> None:
    bus, chip = scripted(clock)
    with bus, pytest.raises(ValueError, match=r"0\.\.\.7"):
        chip.read(channel)


@for_each(("positive", "negative"), [(0, 0), (1, 2), (0, 2), (7, 0), (-1, 0), (8, 9), (0, -1)])
def test_a_pair_that_does_not_exist_touches_nothing(
    positive: int, negative: int, clock: FakeClock
) -> None:
    bus, chip = scripted(clock)
    with bus, pytest.raises(ValueError, match="0-1, 2-3, 4-5 and 6-7"):
        chip.read_differential(positive, negative)


def test_a_sample_is_a_conversion(clock: FakeClock) -> None:
    bus, chip = scripted(clock, "84 -> FF")
    with bus:
        conversion: Conversion = chip.read(0)
    assert conversion.clipped
    assert chip.name == "ADS7830 0x4a on i2c-1"
