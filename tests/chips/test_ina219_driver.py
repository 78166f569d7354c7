"""INA219 driver: the exact bytes, the waiting, and what happens when it fails."""

from __future__ import annotations

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus
from tests.fake_clock import FakeClock

from wisblock_bridge.chips.ina219 import INA219, Measurement
from wisblock_bridge.errors import BusError, ErrorCode, NotReadyError

CALIBRATE = "05 10 00"
START = "00 39 9B"
"""Ranges 32 V and 320 mV, 12 bit, shunt and bus once."""

LONGEST_PAIR_S = 2 * 586e-6 + 40e-6


def scripted(clock: FakeClock, *lines: str) -> tuple[ScriptedBus, INA219]:
    bus = ScriptedBus(0x41, *lines)
    return bus, INA219(bus, 0x41, clock, shunt_ohm=0.1)


def results(*, bus: str, shunt: str) -> tuple[str, ...]:
    """A measurement that is over at the first look; the current register is the shunt voltage."""
    return (START, f"02 -> {bus}", f"04 -> {shunt}")


HALF_AN_AMPERE = results(bus="5D C2", shunt="13 88")
NO_CURRENT = results(bus="5D C2", shunt="00 00")
INTACT, GONE = "05 -> 10 00", "05 -> 00 00"


@for_each(
    ("shunt", "bus", "expected"),
    [
        ("13 88", "5D C2", (12.0, 50.0, 500.0)),
        ("27 10", "27 12", (5.0, 100.0, 1000.0)),
        ("01 F4", "19 CA", (3.3, 5.0, 50.0)),
        ("EC 78", "5D C2", (12.0, -50.0, -500.0)),
        ("FF FF", "1A 3A", (3.356, -0.01, -0.1)),
        ("7C FF", "CB 22", (26.0, 319.99, 3199.9)),
        ("83 01", "CB 22", (26.0, -319.99, -3199.9)),
    ],
)
def test_registers_become_quantities(
    shunt: str, bus: str, expected: tuple[float, float, float], clock: FakeClock
) -> None:
    script, chip = scripted(clock, CALIBRATE, *results(shunt=shunt, bus=bus))
    with script:
        measurement = chip.measure()
    assert measurement.bus_voltage_v == pytest.approx(expected[0], abs=1e-9)
    assert measurement.shunt_voltage_mv == pytest.approx(expected[1], abs=1e-9)
    assert measurement.current_ma == pytest.approx(expected[2], abs=1e-9)
    assert not measurement.overflow


def test_no_current_is_believed_when_the_calibration_is_there(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *NO_CURRENT, INTACT)
    with script:
        assert chip.measure() == Measurement(12.0, 0.0, 0.0, overflow=False)
    assert chip.recoveries == 0


@pytest.mark.parametrize(
    ("shunt", "bus"),
    [
        ("7D 00", "BB 82"),  # 320 mV or more: the end of the range
        ("83 00", "BB 82"),
        ("13 88", "5D C3"),  # the chip's own flag
    ],
)
def test_overload_is_flagged(shunt: str, bus: str, clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *results(shunt=shunt, bus=bus))
    with script:
        assert chip.measure().overflow


def test_another_shunt_needs_no_other_calibration(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *HALF_AN_AMPERE, *HALF_AN_AMPERE)
    with script:
        for shunt_ohm, current_ma in ((0.001, 50_000.0), (10.0, 5.0)):
            chip.use_shunt(shunt_ohm)
            measurement = chip.measure()
            assert measurement.current_ma == pytest.approx(current_ma)
            assert measurement.shunt_voltage_mv == pytest.approx(50.0)


@pytest.mark.parametrize("shunt_ohm", [0.0, -0.1])
def test_shunts_that_cannot_be(shunt_ohm: float, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="INA219"):
        INA219(ScriptedBus(0x41), 0x41, clock, shunt_ohm=shunt_ohm)


def test_the_second_measurement_does_not_calibrate_again(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *HALF_AN_AMPERE)
    script.expect(*results(shunt="27 10", bus="27 12"))
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


@pytest.mark.parametrize("found", [GONE, "05 -> 10 66", "05 -> FF FE"])
def test_a_lost_calibration_is_written_again(found: str, clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *HALF_AN_AMPERE)
    script.expect(*NO_CURRENT, found, CALIBRATE, *HALF_AN_AMPERE)
    with script:
        chip.measure()
        assert chip.measure() == Measurement(12.0, 50.0, 500.0, overflow=False)
    assert chip.recoveries == 1


def test_a_calibration_that_does_not_stay(clock: FakeClock) -> None:
    script, chip = scripted(clock, CALIBRATE, *NO_CURRENT, GONE, CALIBRATE, *NO_CURRENT, GONE)
    with script, pytest.raises(NotReadyError, match="lost its calibration twice") as caught:
        chip.measure()
    assert caught.value.where == "INA219 0x41 on i2c-1"
    assert "supply" in caught.value.hint
    script.expect(*HALF_AN_AMPERE)
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)


@for_each("failing", range(5))
def test_failure_at_every_transaction(failing: int, clock: FakeClock) -> None:
    lines = [CALIBRATE, *NO_CURRENT, INTACT][: failing + 1]
    lines[failing] = f"!{lines[failing]}"
    script, chip = scripted(clock, *lines)
    with script, pytest.raises(BusError) as caught:
        chip.measure()
    assert caught.value.code is ErrorCode.NO_DEVICE
    again = [CALIBRATE] if failing == 0 else []
    script.expect(*again, *results(shunt="27 10", bus="27 12"))
    with script:
        assert chip.measure().current_ma == pytest.approx(1000.0)


@for_each("failing", range(4))
def test_failure_at_every_transaction_of_a_recovery(failing: int, clock: FakeClock) -> None:
    lines = [CALIBRATE, *HALF_AN_AMPERE][: failing + 1]
    lines[failing] = f"!{lines[failing]}"
    script, chip = scripted(clock, CALIBRATE, *NO_CURRENT, GONE, *lines)
    with script, pytest.raises(BusError):
        chip.measure()
    if failing == 0:  # the chip never got its calibration, and says so the next time
        script.expect(*NO_CURRENT, GONE, CALIBRATE)
    script.expect(*HALF_AN_AMPERE)
    with script:
        assert chip.measure().current_ma == pytest.approx(500.0)
