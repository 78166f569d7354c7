"""What one short transaction tells of a chip that was reset: registers and reset values re-typed.

PCA9685 rev. 4, table 5: MODE1 0x11, PRE_SCALE 0x1E, LEDn_OFF_H 0x10. MCP23017 DS20001952C, table
3-1: IODIR 0xFF, GPPU and OLAT 0x00. TPT29555 (as PCA9555): configuration and output 0xFF.
PI4IOE5V96224: all latches 1. INA219 SBOS448G, register 05h: 0x0000. ADS1115 SBAS444: 0x8583.
"""

from __future__ import annotations

import pytest
from tests.chips.transactions import ScriptedBus
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.ads1115 import ADS1115
from wisblock_bridge.chips.ina219 import INA219
from wisblock_bridge.chips.mcp23017 import MCP23017
from wisblock_bridge.chips.pca9685 import PCA9685
from wisblock_bridge.chips.pi4ioe5v96224 import PI4IOE5V96224
from wisblock_bridge.chips.tpt29555 import TPT29555
from wisblock_bridge.errors import BusError, NotReadyError

BEGIN_50_HZ = (
    "00 30", "FA 00 00 00 10", "01 04", "00 -> 30 04", "FE 79", "FE -> 79", "00 20", "00 -> 20",
)  # fmt: skip
MCP_BEGIN = ("05 00", "0A 00", "02" + " 00" * 8, "00 -> FF FF" + " 00" * 20, "0C 00 00")
TPT_LEARN = ("04 00 00", "02 -> FF FF", "06 -> FF FF")


def pwm(*lines: str) -> tuple[ScriptedBus, PCA9685]:
    bus = ScriptedBus(0x40, *BEGIN_50_HZ, *lines)
    chip = PCA9685(bus, 0x40, FakeClock())
    chip.begin(50.0)
    return bus, chip


@pytest.mark.parametrize(("mode", "gone"), [("20", False), ("A0", False), ("11", True)])
def test_pca9685_by_mode_1(mode: str, *, gone: bool) -> None:
    checks = [f"00 -> {mode}"] * 2 if gone else [f"00 -> {mode}", "FE -> 79", f"00 -> {mode}"]
    bus, chip = pwm(*checks)
    with bus:
        assert [chip.has_forgotten() for _ in range(2)] == [gone] * 2


def test_pca9685_that_was_reset_before_it_was_woken() -> None:
    """The wake-up makes MODE1 right; prescaler and channels are not."""
    bus, chip = pwm("00 -> 20", "FE -> 1E")
    with bus:
        assert chip.has_forgotten()
    bus, chip = pwm("0A 00 00 00 08", "00 -> 20", "FE -> 79", "0A -> 00 00 00 10")
    with bus:
        chip.set_duty(1, 0.5)
        assert chip.has_forgotten()
    bus, chip = pwm("0A 00 00 00 08", "0D 10", "00 -> 20", "FE -> 79")
    with bus:
        chip.set_duty(1, 0.5)
        chip.off(1)
        assert not chip.has_forgotten()


def test_pca9685_that_is_not_there_has_forgotten_nothing() -> None:
    bus, chip = pwm("!00 -> 00")
    with bus, pytest.raises(BusError):
        chip.has_forgotten()


def expander(*lines: str) -> tuple[ScriptedBus, MCP23017]:
    bus = ScriptedBus(0x20, *MCP_BEGIN, *lines)
    chip = MCP23017(bus, 0x20, FakeClock())
    chip.begin()
    return bus, chip


def test_mcp23017_with_nothing_to_forget_is_not_asked() -> None:
    bus, chip = expander()
    with bus:
        assert not chip.has_forgotten()


def test_mcp23017_by_the_direction_of_an_output() -> None:
    bus, chip = expander(
        "14 01", "00 FE", "00 -> FE FF", "14 -> 01 00", "00 -> FE FF", "00 -> FF FF"
    )
    with bus:
        chip.make_outputs(0x0001, 0x0001)
        assert [chip.has_forgotten() for _ in range(3)] == [False, False, True]


def test_mcp23017_that_was_reset_between_latch_and_direction() -> None:
    bus, chip = expander("14 01", "00 FE", "00 -> FE FF", "14 -> 00 00")
    with bus:
        chip.make_outputs(0x0001, 0x0001)
        assert chip.has_forgotten()


def test_mcp23017_by_a_pull_up() -> None:
    bus, chip = expander("0D 80", "01 FF", "0C -> 00 80", "0C -> 00 00")
    with bus:
        chip.make_inputs(0x8000, 0x8000)
        assert [chip.has_forgotten() for _ in range(2)] == [False, True]


def lines_of(*lines: str) -> tuple[ScriptedBus, TPT29555]:
    bus = ScriptedBus(0x26, *TPT_LEARN, *lines)
    return bus, TPT29555(bus, 0x26, FakeClock())


def test_tpt29555_by_the_configuration() -> None:
    bus, chip = lines_of(
        "02 EF", "06 EF", "06 -> EF FF", "02 -> EF FF", "06 -> EF FF", "06 -> FF FF"
    )
    with bus:
        chip.make_output(4, 0)
        assert [chip.outputs_lost(0x0010) for _ in range(3)] == [0, 0, 0x0010]
        assert chip.outputs_lost(0x8000) == 0  # never an output, so nobody is asked


def test_tpt29555_that_was_reset_between_latch_and_configuration() -> None:
    """The line would be driven high: a relay on that was to be off."""
    bus, chip = lines_of("02 EF", "06 EF", "06 -> EF FF", "02 -> FF FF")
    with bus:
        chip.make_output(4, 0)
        assert chip.outputs_lost(0x0010) == 0x0010


def test_tpt29555_does_not_set_lines_of_others_again() -> None:
    """Of two users one notices first; its command must not drive the other's line, too."""
    bus, chip = lines_of(
        "02 EF", "06 EF", "02 EF", "06 CF",
        "06 -> FF FF",  # a loss of line 4, line 5 is somebody else's
        *TPT_LEARN, "02 EF", "06 EF",
        "06 -> EF FF",
    )  # fmt: skip
    with bus:
        chip.make_output(4, 0)
        chip.make_output(5, 1)
        assert chip.outputs_lost(0x0010) == 0x0010
        chip.make_output(4, 0)
        assert chip.outputs_lost(0x0020) == 0x0020  # and is still told


def test_tpt29555_tells_a_loss_after_the_bus_failed_in_between() -> None:
    """What was commanded is remembered, not read from a chip that was reset meanwhile."""
    bus, chip = lines_of("02 EF", "06 EF", "!06 -> 00 00", *TPT_LEARN, "00 -> FF", "06 -> FF FF")
    with bus:
        chip.make_output(4, 0)
        with pytest.raises(BusError):
            chip.outputs_lost(0x0010)
        assert chip.level(4) == 1
        assert chip.outputs_lost(0x0010) == 0x0010


class Pins:
    """A bus with a PI4IOE5V96224, which has no pointer: three bytes in, three bytes out."""

    name = "i2c-1"

    def __init__(self) -> None:
        self.pins = b"\xff\xff\xff"
        self.written: list[str] = []

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        assert address == 0x20
        assert len(messages) == 1
        message = messages[0]
        if isinstance(message, Read):
            assert message.length == 3
            return self.pins
        self.pins = message.data
        self.written.append(message.data.hex(" ").upper())
        return b""

    def close(self) -> None:
        """Nothing to close."""


def test_pi4ioe5v96224_by_a_line_at_0_that_is_high() -> None:
    bus = Pins()
    chip = PI4IOE5V96224(bus, 0x20, FakeClock())
    chip.make_output(7, 0)
    chip.make_output(8, 0)
    chip.make_output(9, 1)
    assert chip.outputs_lost(0x000380) == 0
    bus.pins = b"\xff\xff\xff"
    assert chip.outputs_lost(0x000200) == 0  # a 1 is no more than an input
    assert chip.outputs_lost(0x000080) == 0x000080
    chip.make_output(7, 0)
    assert bus.written[-1] == "7F FF FF"  # line 8 is not pulled down again by line 7's owner
    assert chip.outputs_lost(0x000100) == 0x000100


def test_ina219_by_its_calibration() -> None:
    bus = ScriptedBus(0x41)
    chip = INA219(bus, 0x41, FakeClock(), shunt_ohm=0.1)
    with bus:
        assert not chip.is_reset()  # nothing was written yet
        measured = ("00 39 9B", "02 -> 5D C2", "04 -> 13 88")
        bus.expect("05 10 00", *measured, "05 -> 10 00", "05 -> 00 00")
        chip.measure()
        assert not chip.is_reset()
        assert chip.is_reset()
        bus.expect("05 10 00", *measured)
        assert chip.measure().current_ma == 500.0


def test_ads1115_tells_its_settings_from_those_after_power_up() -> None:
    """0-1 at 2.048 V would be 0x8583, just what a reset chip holds beside a result of 0."""
    chip_after_power_up = "01 -> 85 83"
    bus = ScriptedBus(0x4B, "01 05 83", chip_after_power_up, "01 85 8B", chip_after_power_up)
    chip = ADS1115(bus, 0x4B, FakeClock())
    with bus, pytest.raises(NotReadyError, match="settings changed"):
        chip.read_differential(0, 1, 2.048)
    bus.expect("01 05 83", chip_after_power_up, "01 85 8B", "01 -> 85 8B", "00 -> 00 10")
    with bus:
        assert chip.read_differential(0, 1, 2.048).volts == 0.001
