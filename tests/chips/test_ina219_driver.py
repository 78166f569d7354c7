"""INA219 driver: the exact bytes, the waiting, and what happens when it fails."""

from __future__ import annotations

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus
from tests.fake_clock import FakeClock

from wisblock_bridge.chips.ina219 import INA219, Measurement
from wisblock_bridge.chips.ina219.driver import calibration_word
from wisblock_bridge.errors import BusError, ErrorCode, NotReadyError

CALIBRATE = "05 10 00"
START = "00 39 9B"
"""Ranges 32 V and 320 mV, 12 bit, shunt and bus once."""

LONGEST_PAIR_S = 2 * 586e-6 + 40e-6


def scripted(clock: FakeClock, *lines: str) -> tuple[ScriptedBus, INA219]:
    bus = ScriptedBus(0x41, *lines)
    return bus, INA219(bus, 0x41, clock, shunt_ohm=0.1)


def results(
    *, shunt: str, bus: str, current: str, power: str, calibration: str = "10 00"
) -> tuple[str, ...]:
    """A measurement that is over at the first look."""
    return (
        START,
        f"02 -> {bus}",
        f"01 -> {shunt}",
        f"04 -> {current}",
        f"03 -> {power}",
        f"05 -> {calibration}",
    )


HALF_AN_AMPERE = results(shunt="13 88", bus="5D C2", current="13 88", power="0B B8")


@for_each(
    ("shunt", "bus", "current", "power", "expected"),
    [
        ("13 88", "5D C2", "13 88", "0B B8", (12.0, 50.0, 500.0, 6.0)),
        ("27 10", "27 12", "27 10", "09 C4", (5.0, 100.0, 1000.0, 5.0)),
        ("01 F4", "19 CA", "01 F4", "00 52", (3.3, 5.0, 50.0, 0.164)),
        ("EC 78", "5D C2", "EC 78", "0B B8", (12.0, -50.0, -500.0, 6.0)),
        ("FF FF", "1A 3A", "FF FF", "00 00", (3.356, -0.01, -0.1, 0.0)),
        ("00 00", "00 02", "00 00", "00 00", (0.0, 0.0, 0.0, 0.0)),
        ("7C FF", "CB 22", "7C FF", "A2 7F", (26.0, 319.99, 3199.9, 83.198)),
        ("83 01", "CB 22", "83 01", "A2 7F", (26.0, -319.99, -3199.9, 83.198)),
    ],
)
def test_registers_become_quantities(
    shunt: str,
    bus: str,
    current: str,
    power: str,
    expected: tuple[float, float, float, float],
    clock: FakeClock,
) -> None:
    lines = results(shunt=shunt, bus=bus, current=current, power=power)
    script, chip = scripted(clock, CALIBRATE, *lines)
    with script:
        measurement = chip.measure()
    assert measurement.bus_voltage_v == pytest.approx(expected[0], abs=1e-9)
    assert measurement.shunt_voltage_mv == pytest.approx(expected[1], abs=1e-9)
    assert measurement.current_ma == pytest.approx(expected[2], abs=1e-9)
    assert measurement.power_w == pytest.approx(expected[3], abs=1e-9)
    assert not measurement.overflow


@pytest.mark.parametrize(
    ("shunt", "bus", "current"),
    [
        ("7D 00", "BB 82", "7D 00"),  # 3.2 A or more: the end of the range
        ("83 00", "BB 82", "83 00"),
        ("13 88", "5D C3", "13 88"),  # the chip's own flag
    ],
)
def test_overload_is_flagged(shunt: str, bus: str, current: str, clock: FakeClock) -> None:
    lines = results(shunt=shunt, bus=bus, current=current, power="96 00")
    script, chip = scripted(clock, CALIBRATE, *lines)
    with script:
        assert chip.measure().overflow


def test_end_of_the_range_in_figures(clock: FakeClock) -> None:
    lines = results(shunt="7D 00", bus="BB 82", current="7D 00", power="96 00")
    script, chip = scripted(clock, CALIBRATE, *lines)
    with script:
        measurement = chip.measure()
    assert measurement.current_ma == pytest.approx(3200.0)
    assert measurement.power_w == pytest.approx(76.8)


def test_another_step_means_another_calibration(clock: FakeClock) -> None:
    # 3.2 A / 32800, the step of a well-known Python library; 0x1066 is 4198.
    lines = results(shunt="13 88", bus="5D C2", current="14 04", power="0C 02", calibration="10 66")
    bus = ScriptedBus(0x40, "05 10 66", *lines)
    chip = INA219(bus, 0x40, clock, shunt_ohm=0.1, current_step_ma=3200 / 32800)
    with bus:
        measurement = chip.measure()
    # 4198 is cut off from 4198.4, so the chip's real step is 0.097570 mA, not 0.097561.
    assert measurement.current_ma == pytest.approx(5124 * 0.0975703, abs=0.001)
    assert measurement.power_w == pytest.approx(5.9996, abs=0.001)
    assert measurement.shunt_voltage_mv == pytest.approx(50.0)


@for_each(
    ("shunt_ohm", "current_step_ma", "word"),
    [
        (0.1, 0.1, 4096),
        (0.1, 1.0, 408),  # 409.6; bit 0 cannot be written
        (0.1, 3200 / 32800, 4198),
        (0.1, 400 / 32800, 33586),  # 33587; likewise
        (0.05, 0.1, 8192),
        (0.002, 1.0, 20480),
        (1.0, 0.01, 4096),
        (0.01, 0.062501, 0xFFFE),
    ],
)
def test_calibration_word(shunt_ohm: float, current_step_ma: float, word: int) -> None:
    assert calibration_word(shunt_ohm, current_step_ma) == word


@for_each(
    ("shunt_ohm", "current_step_ma"),
    [(0.0, 0.1), (-0.1, 0.1), (0.1, 0.0), (0.1, -0.1), (0.1, 0.001), (0.01, 0.0625), (10.0, 10.0)],
)
def test_constants_that_cannot_be(
    shunt_ohm: float, current_step_ma: float, clock: FakeClock
) -> None:
    with pytest.raises(ValueError, match="INA219"):
        INA219(
            ScriptedBus(0x41),
            0x41,
            clock,
            shunt_ohm=shunt_ohm,
            current_step_ma=current_step_ma,
        )


def test_the_second_measurement_does_not_calibrate_again(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *HALF_AN_AMPERE)
    script.expect(*results(shunt="27 10", bus="27 12", current="27 10", power="09 C4"))
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)
        assert chip.measure().current_ma == pytest.approx(1000.0)
    assert chip.recoveries == 0


def test_the_first_look_comes_after_the_longest_conversion(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *HALF_AN_AMPERE)
    with script:
        chip.measure()
    assert len(clock.sleeps) == 1
    assert LONGEST_PAIR_S <= clock.sleeps[0] < 1.1 * LONGEST_PAIR_S


def test_the_word_that_showed_the_flag_is_the_voltage(clock: FakeClock) -> None:
    """Reading the register takes the flag away, so it is read exactly once with the flag."""
    script, chip = scripted(clock, CALIBRATE, START, *["02 -> 27 10"] * 3, *HALF_AN_AMPERE[1:])
    with script:
        assert chip.measure().bus_voltage_v == pytest.approx(12.0)
    assert len(clock.sleeps) == 4
    assert sum(clock.sleeps) < 3 * LONGEST_PAIR_S


def test_a_measurement_that_does_not_end(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, START, *["02 -> 5D C0"] * 1000)
    before = clock.monotonic()
    with pytest.raises(NotReadyError, match="does not finish measuring") as caught:
        chip.measure()
    assert 3 * LONGEST_PAIR_S <= clock.monotonic() - before < 4 * LONGEST_PAIR_S
    assert caught.value.code is ErrorCode.NOT_READY
    assert caught.value.where == "INA219 0x41 on i2c-1"
    assert "Switch the board off and on" in caught.value.hint
    script.script[script.position :] = HALF_AN_AMPERE
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)


def test_who_is_held_up_still_looks_once_more() -> None:
    class LateClock(FakeClock):
        """A computer so busy that every sleep takes a second."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            self.advance(1.0)

    script, chip = scripted(LateClock(), CALIBRATE, *HALF_AN_AMPERE)
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)


def test_a_lost_calibration_is_written_again(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *HALF_AN_AMPERE)
    without = results(
        shunt="13 88", bus="5D C2", current="00 00", power="00 00", calibration="00 00"
    )
    script.expect(*without, CALIBRATE, *HALF_AN_AMPERE)
    with script:
        chip.measure()
        assert chip.measure() == Measurement(12.0, 50.0, 500.0, 6.0, overflow=False)
    assert chip.recoveries == 1


def test_the_calibration_of_another_program_is_replaced(clock: FakeClock) -> None:
    foreign = results(
        shunt="13 88", bus="5D C2", current="14 04", power="0C 02", calibration="10 66"
    )
    script, chip = scripted(clock, CALIBRATE, *foreign, CALIBRATE, *HALF_AN_AMPERE)
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)


def test_a_calibration_that_does_not_stay(clock: FakeClock) -> None:
    without = results(
        shunt="13 88", bus="5D C2", current="00 00", power="00 00", calibration="00 00"
    )
    script, chip = scripted(clock, CALIBRATE, *without, CALIBRATE, *without)
    with script, pytest.raises(NotReadyError, match="lost its calibration twice") as caught:
        chip.measure()
    assert caught.value.where == "INA219 0x41 on i2c-1"
    assert "supply" in caught.value.hint
    script.expect(*HALF_AN_AMPERE)
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)


@for_each("failing", range(7))
def test_failure_at_every_transaction(failing: int, clock: FakeClock) -> None:
    lines = [CALIBRATE, *HALF_AN_AMPERE][: failing + 1]
    lines[failing] = f"!{lines[failing]}"
    script, chip = scripted(clock, *lines)
    with script, pytest.raises(BusError) as caught:
        chip.measure()
    assert caught.value.code is ErrorCode.NO_DEVICE
    again = [CALIBRATE] if failing == 0 else []
    script.expect(*again, *results(shunt="27 10", bus="27 12", current="27 10", power="09 C4"))
    with script:
        assert chip.measure().current_ma == pytest.approx(1000.0)


@for_each("failing", range(7))
def test_failure_at_every_transaction_of_a_recovery(failing: int, clock: FakeClock) -> None:
    without = results(
        shunt="13 88", bus="5D C2", current="00 00", power="00 00", calibration="00 00"
    )
    lines = [CALIBRATE, *HALF_AN_AMPERE][: failing + 1]
    lines[failing] = f"!{lines[failing]}"
    script, chip = scripted(clock, CALIBRATE, *without, *lines)
    with script, pytest.raises(BusError):
        chip.measure()
    if failing == 0:  # the chip never got its calibration, and says so the next time
        script.expect(*without, CALIBRATE)
    script.expect(*HALF_AN_AMPERE)
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)
