"""TPT29555 emulator: it does what the datasheet says, seen from the bus and from the pins."""

from __future__ import annotations

import pytest
from tests.cases import for_each

from wisblock_bridge.buses.emulated.i2c import NotAcknowledged
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555


@pytest.fixture
def wires() -> list[Wire]:
    return [Wire(f"pin {number}", pull=0) for number in range(16)]


@pytest.fixture
def chip(wires: list[Wire]) -> EmulatedTPT29555:
    return EmulatedTPT29555(wires)


def read(chip: EmulatedTPT29555, command: int, length: int = 1) -> str:
    chip.write(bytes((command,)))
    return chip.read(length).hex(" ").upper()


def write(chip: EmulatedTPT29555, data: str) -> None:
    chip.write(bytes.fromhex(data))


@for_each(
    ("command", "value"),
    [(0, "FF"), (1, "FF"), (2, "FF"), (3, "FF"), (4, "00"), (5, "00"), (6, "FF"), (7, "FF")],
)
def test_reset_values(chip: EmulatedTPT29555, command: int, value: str) -> None:
    assert read(chip, command) == value


def test_pull_ups_hold_free_pins_high(chip: EmulatedTPT29555, wires: list[Wire]) -> None:
    assert [wire.level() for wire in wires] == [1] * 16
    assert not any(wire.conflict for wire in chip.wires)


def test_the_pointer_is_sticky(chip: EmulatedTPT29555) -> None:
    write(chip, "02 A5")
    assert chip.read(1) == b"\xa5"
    assert chip.read(1) == b"\xa5"


def test_the_pointer_is_0_after_power_up(chip: EmulatedTPT29555, wires: list[Wire]) -> None:
    wires[0].drive("outside", 0)
    assert chip.read(1) == b"\xfe"


def test_reading_toggles_inside_the_pair(chip: EmulatedTPT29555) -> None:
    write(chip, "02 12 34")
    assert read(chip, 2, 4) == "12 34 12 34"
    assert read(chip, 3, 3) == "34 12 34"


def test_writing_toggles_inside_the_pair(chip: EmulatedTPT29555) -> None:
    write(chip, "02 11 22 33")
    assert read(chip, 2, 2) == "33 22"
    assert read(chip, 4, 2) == "00 00"
    write(chip, "07 AA 55")
    assert read(chip, 6, 2) == "55 AA"


def test_writes_to_the_input_registers_have_no_effect(chip: EmulatedTPT29555) -> None:
    write(chip, "00 00 00")
    assert read(chip, 0, 2) == "FF FF"


def test_input_shows_the_pin_and_the_latch_register_the_latch(
    chip: EmulatedTPT29555, wires: list[Wire]
) -> None:
    write(chip, "02 FF")
    write(chip, "06 FE")
    wires[0].drive("short to ground", 0)
    assert read(chip, 0) == "FE"
    assert read(chip, 2) == "FF"
    assert wires[0].conflict


def test_polarity_inverts_the_input_register_only(
    chip: EmulatedTPT29555, wires: list[Wire]
) -> None:
    write(chip, "04 0F")
    wires[0].drive("outside", 0)
    assert read(chip, 0) == "F1"
    assert read(chip, 2) == "FF"


def test_direction_before_latch_drives_high(chip: EmulatedTPT29555, wires: list[Wire]) -> None:
    write(chip, "06 FE")
    assert wires[0].driver_of("TPT29555") == 1
    write(chip, "02 FE")
    assert wires[0].driver_of("TPT29555") == 0


def test_the_latch_survives_being_an_input(chip: EmulatedTPT29555, wires: list[Wire]) -> None:
    write(chip, "02 FE")
    write(chip, "06 FE")
    write(chip, "06 FF")
    assert wires[0].driver_of("TPT29555") is None
    assert wires[0].level() == 1
    write(chip, "06 FE")
    assert wires[0].level() == 0


def test_power_cycle_releases_everything(chip: EmulatedTPT29555, wires: list[Wire]) -> None:
    for data in ("02 00 00", "04 FF FF", "06 00 00"):
        write(chip, data)
    assert [wire.level() for wire in wires] == [0] * 16
    chip.power_cycle()
    assert [wire.driver_of("TPT29555") for wire in wires] == [None] * 16
    assert [read(chip, command, 2) for command in (0, 2, 4, 6)] == [
        "FF FF",
        "FF FF",
        "00 00",
        "FF FF",
    ]


@pytest.mark.parametrize("command", [0x08, 0x80, 0xFF])
def test_a_command_that_does_not_exist_is_refused(chip: EmulatedTPT29555, command: int) -> None:
    with pytest.raises(NotAcknowledged):
        chip.write(bytes((command, 0x00)))
    assert read(chip, 2, 2) == "FF FF"


def test_an_address_without_data_changes_nothing(chip: EmulatedTPT29555) -> None:
    write(chip, "02")
    chip.write(b"")
    assert chip.read(1) == b"\xff"


def test_every_pin_has_its_own_bit(chip: EmulatedTPT29555, wires: list[Wire]) -> None:
    for number, wire in enumerate(wires):
        wire.drive("outside", 0)
        port_0, port_1 = bytes.fromhex(read(chip, 0, 2))
        assert port_1 << 8 | port_0 == 0xFFFF ^ 1 << number
        wire.drive("outside", None)


def test_it_wants_sixteen_pins() -> None:
    with pytest.raises(ValueError, match="16 pins"):
        EmulatedTPT29555([Wire("only one")])
