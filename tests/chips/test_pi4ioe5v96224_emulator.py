"""PI4IOE5V96224 emulator: it does what the datasheet says, seen from the bus and from the pins."""

from __future__ import annotations

import pytest
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.pi4ioe5v96224.emulator import EmulatedPI4IOE5V96224
from wisblock_bridge.chips.pi4ioe5v96224.identify import identify
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555
from wisblock_bridge.errors import BusError, BusFault


@pytest.fixture
def wires() -> list[Wire]:
    return [Wire(f"pin {number}", pull=0) for number in range(24)]


@pytest.fixture
def chip(wires: list[Wire]) -> EmulatedPI4IOE5V96224:
    return EmulatedPI4IOE5V96224(wires)


def read(chip: EmulatedPI4IOE5V96224, length: int = 3) -> str:
    return chip.read(length).hex(" ").upper()


def write(chip: EmulatedPI4IOE5V96224, data: str) -> None:
    chip.write(bytes.fromhex(data))


def test_after_power_up_all_is_high_and_weak(
    chip: EmulatedPI4IOE5V96224, wires: list[Wire]
) -> None:
    assert read(chip) == "FF FF FF"
    assert [wire.driver_of("PI4IOE5V96224") for wire in wires] == [None] * 24
    assert [wire.level() for wire in wires] == [1] * 24


def test_three_bytes_are_ports_0_1_and_2(chip: EmulatedPI4IOE5V96224, wires: list[Wire]) -> None:
    write(chip, "7F FF FF")
    assert [number for number, wire in enumerate(wires) if wire.level() == 0] == [7]
    write(chip, "FE FD FB")
    assert [number for number, wire in enumerate(wires) if wire.level() == 0] == [0, 9, 18]
    assert read(chip) == "FE FD FB"
    write(chip, "FF FF FF")
    assert [wire.level() for wire in wires] == [1] * 24


def test_further_bytes_start_again_at_port_0(chip: EmulatedPI4IOE5V96224) -> None:
    write(chip, "11 22 33 44 55")
    assert chip.latches == 0x335544
    assert read(chip, 7) == "44 55 33 44 55 33 44"


def test_fewer_bytes_leave_the_other_ports(chip: EmulatedPI4IOE5V96224) -> None:
    write(chip, "11 22 33")
    write(chip, "44")
    assert chip.latches == 0x332244
    chip.write(b"")
    assert chip.latches == 0x332244


def test_reading_gives_pins_not_latches(chip: EmulatedPI4IOE5V96224, wires: list[Wire]) -> None:
    wires[0].drive("outside", 0)
    assert read(chip) == "FE FF FF"
    assert chip.latches == 0xFFFFFF
    assert not wires[0].conflict
    wires[0].drive("outside", None)
    assert read(chip) == "FF FF FF"


def test_writing_back_what_was_read_latches_an_input(
    chip: EmulatedPI4IOE5V96224, wires: list[Wire]
) -> None:
    wires[0].drive("outside", 0)
    chip.write(chip.read(3))
    wires[0].drive("outside", None)
    assert read(chip) == "FE FF FF"


def test_a_latched_0_drives(chip: EmulatedPI4IOE5V96224, wires: list[Wire]) -> None:
    write(chip, "FE FF FF")
    wires[0].drive("outside", 1)
    assert wires[0].conflict
    assert read(chip) == "FE FF FF"


def pending(chip: EmulatedPI4IOE5V96224) -> bool:
    return chip.interrupt


def test_interrupt_on_any_edge_until_read_or_back_again(
    chip: EmulatedPI4IOE5V96224, wires: list[Wire]
) -> None:
    assert not pending(chip)
    wires[20].drive("outside", 0)
    assert pending(chip)
    read(chip, 2)  # port 2 was not read
    assert pending(chip)
    read(chip)
    assert not pending(chip)
    wires[20].drive("outside", None)
    assert pending(chip)
    wires[20].drive("outside", 0)
    assert not pending(chip)
    wires[3].drive("outside", 0)
    assert pending(chip)
    write(chip, "FF FF FF")
    assert not pending(chip)


def test_power_cycle(chip: EmulatedPI4IOE5V96224, wires: list[Wire]) -> None:
    write(chip, "00 00 00")
    assert [wire.level() for wire in wires] == [0] * 24
    chip.power_cycle()
    assert [wire.driver_of("PI4IOE5V96224") for wire in wires] == [None] * 24
    assert read(chip) == "FF FF FF"
    assert not chip.interrupt


def test_every_pin_has_its_own_bit(chip: EmulatedPI4IOE5V96224, wires: list[Wire]) -> None:
    for number, wire in enumerate(wires):
        wire.drive("outside", 0)
        assert int.from_bytes(chip.read(3), "little") == 0xFFFFFF ^ 1 << number
        wire.drive("outside", None)


def test_it_wants_twenty_four_pins() -> None:
    with pytest.raises(ValueError, match="24 pins"):
        EmulatedPI4IOE5V96224([Wire("only one")])


@pytest.mark.parametrize(
    ("latches", "confidence"),
    [("FF FF FF", "low"), ("7F FF FF", "medium"), ("12 34 56", "medium")],
)
def test_identify_knows_it_and_writes_nothing(
    chip: EmulatedPI4IOE5V96224, latches: str, confidence: str
) -> None:
    write(chip, latches)
    bus = EmulatedI2CBus("i2c-1", FakeClock())
    bus.attach(0x20, chip)
    identification = identify(bus, 0x20, FakeClock())
    assert (identification.chip, identification.confidence) == ("PI4IOE5V96224", confidence)
    assert identification.note
    assert read(chip) == latches


def test_identify_a_chip_with_registers() -> None:
    other = EmulatedTPT29555([Wire(f"pin {number}") for number in range(16)])
    other.write(bytes.fromhex("02 12 34"))
    bus = EmulatedI2CBus("i2c-1", FakeClock())
    bus.attach(0x20, other)
    identification = identify(bus, 0x20, FakeClock())
    assert (identification.chip, identification.confidence) == ("", "low")
    assert identification.note


def test_identify_nobody() -> None:
    with pytest.raises(BusError) as caught:
        identify(EmulatedI2CBus("i2c-1", FakeClock()), 0x20, FakeClock())
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE
