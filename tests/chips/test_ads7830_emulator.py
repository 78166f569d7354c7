"""ADS7830 emulator: it does what the datasheet says, on the bus and at the pins."""

from __future__ import annotations

from functools import partial

import pytest
from tests.cases import for_each

from wisblock_bridge.buses.emulated.wires import AnalogWire
from wisblock_bridge.chips.ads7830.emulator import EmulatedADS7830


class Bench:
    """A chip with eight adjustable voltages and a reference of 3.0 V."""

    def __init__(self) -> None:
        self.volts = [0.0] * 8
        wires = [AnalogWire(f"CH{number}") for number in range(8)]
        for number, wire in enumerate(wires):
            wire.connect(partial(self.at_pin, number))
        self.chip = EmulatedADS7830(wires, reference_v=3.0)

    def at_pin(self, number: int) -> float:
        return self.volts[number]

    def convert(self, command: int) -> int:
        self.chip.write(bytes((command,)))
        return self.chip.read(1)[0]


DISTINCT = [0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4]


@for_each(
    ("command", "channel"),
    [
        (0x84, 0),
        (0xC4, 1),
        (0x94, 2),
        (0xD4, 3),
        (0xA4, 4),
        (0xE4, 5),
        (0xB4, 6),
        (0xF4, 7),
    ],
)
def test_single_ended_commands(command: int, channel: int) -> None:
    bench = Bench()
    bench.volts[channel] = 1.5
    assert bench.convert(command) == 128
    bench.volts = [1.5] * 8
    bench.volts[channel] = 0.0
    assert bench.convert(command) == 0


@for_each(
    ("command", "positive", "negative"),
    [
        (0x04, 0, 1),
        (0x14, 2, 3),
        (0x24, 4, 5),
        (0x34, 6, 7),
        (0x44, 1, 0),
        (0x54, 3, 2),
        (0x64, 5, 4),
        (0x74, 7, 6),
    ],
)
def test_differential_commands(command: int, positive: int, negative: int) -> None:
    bench = Bench()
    bench.volts[positive], bench.volts[negative] = 2.0, 0.5
    assert bench.convert(command) == 128
    bench.volts[positive], bench.volts[negative] = 0.5, 2.0
    assert bench.convert(command) == 0  # negative differences do not show
    bench.volts[positive] = bench.volts[negative] = 2.0
    assert bench.convert(command) == 0


@for_each("low_bits", range(4))
@for_each("power_down", [0x00, 0x04])
def test_the_other_bits_do_not_select(low_bits: int, power_down: int) -> None:
    bench = Bench()
    bench.volts = DISTINCT.copy()
    assert bench.convert(0xD0 | power_down | low_bits) == 102  # 1.2 V


@for_each(
    ("volts", "code"),
    [
        (0.0, 0),
        (0.0117, 0),
        (0.01171875, 1),
        (0.99609375, 85),
        (1.0, 85),
        (1.5, 128),
        (2.5547, 218),
        (2.8477, 243),
        (2.98, 254),
        (2.98828125, 255),
        (3.0, 255),
        (3.3, 255),
        (12.0, 255),
        (-5.0, 0),
    ],
)
def test_codes(volts: float, code: int) -> None:
    bench = Bench()
    bench.volts[0] = volts
    assert bench.convert(0x84) == code


def test_every_voltage_of_a_code_gives_that_code() -> None:
    bench = Bench()
    for code in range(256):
        bench.volts[0] = code * 3.0 / 256
        assert bench.convert(0x84) == code


def test_inputs_are_held_near_supply_and_ground() -> None:
    bench = Bench()
    bench.volts[0], bench.volts[1] = 5.0, 3.0
    assert bench.convert(0x04) == 42  # 3.3 + 0.2 - 3.0
    bench.volts[0], bench.volts[1] = 0.0, -1.0
    assert bench.convert(0x04) == 17  # 0.2


def test_each_byte_is_a_conversion_of_the_same_input() -> None:
    bench = Bench()
    voltages = iter((0.75, 1.5, 2.25))
    bench.chip.inputs[2].connect(lambda: next(voltages))
    bench.chip.write(b"\x94")
    assert bench.chip.read(3) == bytes((64, 128, 192))


def test_the_command_is_kept() -> None:
    bench = Bench()
    bench.volts = DISTINCT.copy()
    assert bench.convert(0xF4) == 204
    bench.chip.write(b"")
    assert bench.chip.read(1)[0] == 204
    bench.volts[7] = 1.5
    assert bench.chip.read(1)[0] == 128


def test_of_several_commands_the_last_counts() -> None:
    bench = Bench()
    bench.volts = DISTINCT.copy()
    bench.chip.write(b"\x84\xf4")
    assert bench.chip.read(1)[0] == 204


@for_each(("command", "conflict"), [(0x80, 0), (0x84, 0), (0x88, 1), (0x8C, 1)])
def test_the_internal_reference_against_the_outer_one(command: int, conflict: int) -> None:
    bench = Bench()
    bench.convert(command)
    assert bench.chip.reference_conflict == bool(conflict)


def test_power_cycle() -> None:
    bench = Bench()
    bench.volts = [2.0, 0.5, *[0.0] * 5, 3.0]
    bench.convert(0xFC)
    bench.chip.power_cycle()
    assert not bench.chip.reference_conflict
    assert bench.chip.read(1)[0] == 128  # as after command 00: input 0 against input 1


def test_it_wants_eight_inputs() -> None:
    with pytest.raises(ValueError, match="8 inputs"):
        EmulatedADS7830([AnalogWire("only one")], reference_v=3.0)
