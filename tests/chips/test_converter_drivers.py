"""ADS1115 and SGM58031 drivers: the exact bytes, the waiting, and what happens when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus
from tests.fake_clock import FakeClock

from wisblock_bridge.chips.ads1115 import ADS1115
from wisblock_bridge.chips.sgm58031 import SGM58031
from wisblock_bridge.errors import BusError, ErrorCode, NotReadyError

if TYPE_CHECKING:
    from wisblock_bridge.buses.analog import AnalogConverter

FIRST_USE = ("01 05 83", "01 -> 85 83")
"""A conversion left running is ended, then the chip says that it is idle."""

BOTH = pytest.mark.parametrize(
    ("driver", "conversion_s"),
    [(ADS1115, 1 / 128), (SGM58031, 1 / 100)],
    ids=["ads1115", "sgm58031"],
)


def scripted(driver: type[ADS1115], clock: FakeClock, *lines: str) -> tuple[ScriptedBus, ADS1115]:
    bus = ScriptedBus(0x4B, *lines)
    return bus, driver(bus, 0x4B, clock)


def conversion(config: str, result: str) -> tuple[str, str, str]:
    """The three transactions of a conversion that is over at the first look."""
    return f"01 {config}", f"01 -> {config}", f"00 -> {result}"


@BOTH
@pytest.mark.parametrize(
    ("channel", "config"), [(0, "C3 83"), (1, "D3 83"), (2, "E3 83"), (3, "F3 83")]
)
def test_config_word_of_each_input(
    driver: type[ADS1115], conversion_s: float, channel: int, config: str, clock: FakeClock
) -> None:
    bus, chip = scripted(driver, clock, *FIRST_USE, *conversion(config, "67 20"))
    with bus:
        result = chip.read(channel)
    assert result.volts == pytest.approx(3.3, abs=1e-12)
    assert not result.clipped
    assert clock.sleeps == [conversion_s]


@BOTH
@pytest.mark.parametrize(
    ("full_scale", "config", "step_v"),
    [
        (6.144, "D1 83", 0.0001875),
        (4.096, "D3 83", 0.000125),
        (2.048, "D5 83", 0.0000625),
        (1.024, "D7 83", 0.00003125),
        (0.512, "D9 83", 0.000015625),
        (0.256, "DB 83", 0.0000078125),
    ],
)
def test_config_word_and_step_of_each_range(
    driver: type[ADS1115],
    conversion_s: float,
    full_scale: float,
    config: str,
    step_v: float,
    clock: FakeClock,
) -> None:
    bus, chip = scripted(driver, clock, *FIRST_USE, *conversion(config, "00 01"))
    with bus:
        assert chip.read(1, full_scale).volts == pytest.approx(step_v, rel=1e-12)
    assert clock.sleeps == [conversion_s]


@BOTH
@pytest.mark.parametrize(
    ("positive", "negative", "config"),
    [(0, 1, "83 83"), (0, 3, "93 83"), (1, 3, "A3 83"), (2, 3, "B3 83")],
)
def test_config_word_of_each_pair(
    driver: type[ADS1115],
    conversion_s: float,
    positive: int,
    negative: int,
    config: str,
    clock: FakeClock,
) -> None:
    bus, chip = scripted(driver, clock, *FIRST_USE, *conversion(config, "FF FF"))
    with bus:
        result = chip.read_differential(positive, negative)
    assert (result.volts, result.clipped) == (-0.000125, False)
    assert clock.sleeps == [conversion_s]


@for_each(
    ("result", "volts", "clipped"),
    [
        ("00 00", 0.0, False),
        ("11 7D", 0.559625, False),
        ("67 20", 3.3, False),
        ("7F FE", 4.09575, False),
        ("7F FF", 4.095875, True),
        ("FF FF", -0.000125, False),
        ("80 01", -4.095875, False),
        ("80 00", -4.096, True),
    ],
)
def test_codes_become_volts(result: str, volts: float, clipped: bool, clock: FakeClock) -> None:  # noqa: FBT001
    bus, chip = scripted(ADS1115, clock, *FIRST_USE, *conversion("C3 83", result))
    with bus:
        answer = chip.read(0)
    assert answer.volts == pytest.approx(volts, abs=1e-12)
    assert answer.clipped is clipped


def test_the_second_conversion_needs_three_transactions(clock: FakeClock) -> None:
    bus, chip = scripted(SGM58031, clock, *FIRST_USE)
    bus.expect(*conversion("D3 83", "12 BD"), *conversion("F3 83", "00 00"))
    with bus:
        assert chip.read(1).volts == pytest.approx(0.599625)
        assert chip.read(3).volts == 0.0


def test_the_result_is_not_read_before_the_chip_says_so(clock: FakeClock) -> None:
    busy = ("01 -> 53 83",) * 3
    bus, chip = scripted(
        ADS1115, clock, *FIRST_USE, "01 D3 83", *busy, "01 -> D3 83", "00 -> 00 08"
    )
    with bus:
        assert chip.read(1).volts == 0.001
    assert clock.sleeps[0] == 1 / 128
    assert len(clock.sleeps) == 4
    assert sum(clock.sleeps) < 3 / 128


@BOTH
def test_a_conversion_that_does_not_end(
    driver: type[ADS1115], conversion_s: float, clock: FakeClock
) -> None:
    bus, chip = scripted(driver, clock, *FIRST_USE, "01 D3 83", *["01 -> 53 83"] * 1000)
    before = clock.monotonic()
    with pytest.raises(NotReadyError, match="does not finish converting") as caught:
        chip.read(1)
    assert 3 * conversion_s <= clock.monotonic() - before < 3.2 * conversion_s
    assert caught.value.code is ErrorCode.NOT_READY
    assert caught.value.where == f"{driver.__name__} 0x4b on i2c-1"
    assert "Switch the board off and on" in caught.value.hint
    # Once it works again, the chip is first made sure to be idle.
    bus.script[bus.position :] = [*FIRST_USE, *conversion("D3 83", "00 08")]
    with bus:
        assert chip.read(1).volts == 0.001


def test_who_is_held_up_still_looks_once_more(clock: FakeClock) -> None:
    class LateClock(FakeClock):
        """A computer so busy that every sleep takes a second."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            self.advance(1.0)

    bus, chip = scripted(ADS1115, LateClock(), *FIRST_USE, *conversion("D3 83", "00 08"))
    with bus:
        assert chip.read(1).volts == 0.001
    assert clock.sleeps == []


def test_a_conversion_left_running_is_waited_for(clock: FakeClock) -> None:
    running = ("01 -> 05 83",) * 5
    bus, chip = scripted(ADS1115, clock, "01 05 83", *running, "01 -> 85 83")
    bus.expect(*conversion("D3 83", "00 08"))
    with bus:
        assert chip.read(1).volts == 0.001


def test_a_chip_that_never_becomes_idle_is_not_started(clock: FakeClock) -> None:
    bus, chip = scripted(ADS1115, clock, "01 05 83", *["01 -> 05 83"] * 1000)
    with pytest.raises(NotReadyError):
        chip.read(1)
    assert "01 D3 83" not in bus.script


@for_each(
    "read_back",
    [
        "85 83",  # as after power-up: the supply broke down
        "F3 83",  # another input: another program was faster
        "D2 83",  # continuous
        "D5 83",  # another range
    ],
)
def test_settings_that_changed_under_way(read_back: str, clock: FakeClock) -> None:
    bus, chip = scripted(ADS1115, clock, *FIRST_USE, "01 D3 83", f"01 -> {read_back}")
    with bus, pytest.raises(NotReadyError, match="settings changed") as caught:
        chip.read(1)
    assert caught.value.where == "ADS1115 0x4b on i2c-1"
    bus.expect(*FIRST_USE, *conversion("D3 83", "00 08"))
    with bus:
        assert chip.read(1).volts == 0.001


@for_each(
    "lines",
    [
        ["!01 05 83"],
        ["01 05 83", "!01 -> 85 83"],
        [*FIRST_USE, "!01 D3 83"],
        [*FIRST_USE, "01 D3 83", "!01 -> D3 83"],
        [*FIRST_USE, "01 D3 83", "01 -> D3 83", "!00 -> 00 08"],
    ],
)
@BOTH
def test_failure_at_every_transaction(
    driver: type[ADS1115], conversion_s: float, lines: list[str], clock: FakeClock
) -> None:
    bus, chip = scripted(driver, clock, *lines)
    with bus, pytest.raises(BusError) as caught:
        chip.read(1)
    assert caught.value.code is ErrorCode.NO_DEVICE
    clock.sleeps.clear()
    # The chip may still be converting what was broken off: it is asked first.
    bus.expect(*FIRST_USE, *conversion("F3 83", "00 10"))
    with bus:
        assert chip.read(3).volts == 0.002
    assert clock.sleeps == [conversion_s]


@pytest.mark.parametrize("channel", [-1, 4])
def test_an_input_that_does_not_exist_touches_nothing(channel: int, clock: FakeClock) -> None:
    bus, chip = scripted(ADS1115, clock)
    with bus, pytest.raises(ValueError, match=r"0\.\.\.3"):
        chip.read(channel)


@for_each(("positive", "negative"), [(0, 2), (1, 0), (3, 2), (1, 1), (4, 3)])
def test_a_pair_that_does_not_exist_touches_nothing(
    positive: int, negative: int, clock: FakeClock
) -> None:
    bus, chip = scripted(ADS1115, clock)
    with bus, pytest.raises(ValueError, match="0-1, 0-3, 1-3 and 2-3"):
        chip.read_differential(positive, negative)


@for_each("full_scale", [0.0, 3.3, 5.0, -4.096])
def test_a_range_that_does_not_exist_touches_nothing(full_scale: float, clock: FakeClock) -> None:
    bus, chip = scripted(ADS1115, clock)
    with bus, pytest.raises(ValueError, match="no range"):
        chip.read(0, full_scale)


@BOTH
def test_it_is_an_analog_converter(
    driver: type[ADS1115], conversion_s: float, clock: FakeClock
) -> None:
    converter: AnalogConverter = scripted(driver, clock)[1]
    assert converter.name == f"{driver.__name__} 0x4b on i2c-1"
    assert conversion_s > 0
