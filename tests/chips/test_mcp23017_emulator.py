"""MCP23017 emulator: it does what the datasheet says, seen from the bus and from the pins."""

from __future__ import annotations

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus, NotAcknowledged
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.mcp23017.emulator import EmulatedMCP23017
from wisblock_bridge.chips.mcp23017.identify import identify
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555
from wisblock_bridge.errors import BusError, BusFault


@pytest.fixture
def wires() -> list[Wire]:
    return [Wire(f"pin {number}", pull=0) for number in range(16)]


@pytest.fixture
def chip(wires: list[Wire]) -> EmulatedMCP23017:
    return EmulatedMCP23017(wires)


def read(chip: EmulatedMCP23017, address: int, length: int = 1) -> str:
    chip.write(bytes((address,)))
    return chip.read(length).hex(" ").upper()


def write(chip: EmulatedMCP23017, data: str) -> None:
    chip.write(bytes.fromhex(data))


def test_reset_values(chip: EmulatedMCP23017) -> None:
    assert read(chip, 0x00, 22) == "FF FF" + " 00" * 20


# Register, address A and B with BANK = 0, address A and B with BANK = 1.
REGISTER_MAP = [
    ("IODIR", 0x00, 0x01, 0x00, 0x10),
    ("IPOL", 0x02, 0x03, 0x01, 0x11),
    ("GPINTEN", 0x04, 0x05, 0x02, 0x12),
    ("DEFVAL", 0x06, 0x07, 0x03, 0x13),
    ("INTCON", 0x08, 0x09, 0x04, 0x14),
    ("GPPU", 0x0C, 0x0D, 0x06, 0x16),
    ("OLAT", 0x14, 0x15, 0x0A, 0x1A),
]


@pytest.mark.parametrize(("name", "a", "b", "banked_a", "banked_b"), REGISTER_MAP)
def test_register_map_of_both_layouts(
    chip: EmulatedMCP23017, name: str, a: int, b: int, banked_a: int, banked_b: int
) -> None:
    chip.write(bytes((a, 0x5A)))
    chip.write(bytes((b, 0xC3)))
    assert [chip.register(name, port) for port in (0, 1)] == [0x5A, 0xC3]
    assert [read(chip, a), read(chip, b)] == ["5A", "C3"]
    write(chip, "0B 80")
    assert [read(chip, banked_a), read(chip, banked_b)] == ["5A", "C3"]
    chip.write(bytes((banked_a, 0x11)))
    chip.write(bytes((banked_b, 0x22)))
    assert [chip.register(name, port) for port in (0, 1)] == [0x11, 0x22]


def test_iocon_is_one_register_at_two_addresses_of_either_layout(chip: EmulatedMCP23017) -> None:
    write(chip, "0B 41")
    assert read(chip, 0x0A, 2) == "40 40"  # bit 0 is not there
    write(chip, "0A A0")
    assert [read(chip, 0x05), read(chip, 0x15)] == ["A0", "A0"]
    write(chip, "15 00")
    assert read(chip, 0x0A, 2) == "00 00"


def test_entry_to_bank_1_as_the_vendors_node_does_it_and_the_way_back(
    chip: EmulatedMCP23017,
) -> None:
    write(chip, "0B A0")
    write(chip, "05 A0")
    assert chip.register("IOCON", 0) == 0xA0
    assert chip.register("GPINTEN", 1) == 0x00
    write(chip, "05 00")
    assert chip.register("IOCON", 0) == 0x00
    write(chip, "05 00")
    assert chip.register("IOCON", 0) == 0x00


def test_a_bank_0_driver_on_a_bank_1_chip_writes_elsewhere(chip: EmulatedMCP23017) -> None:
    write(chip, "0A A0")
    write(chip, "01 00")
    assert chip.register("IODIR", 1) == 0xFF
    write(chip, "0A FF")
    assert chip.register("OLAT", 0) == 0xFF


def test_pointer_counts_on_and_wraps(chip: EmulatedMCP23017) -> None:
    write(chip, "14 11 22 FE")
    assert [chip.register("OLAT", port) for port in (0, 1)] == [0x11, 0x22]
    assert chip.register("IODIR", 0) == 0xFE
    assert read(chip, 0x14, 4) == "11 22 FE FF"


def test_pointer_toggles_in_byte_mode_of_the_paired_layout(chip: EmulatedMCP23017) -> None:
    write(chip, "0A 20")
    write(chip, "14 11 22 33")
    assert read(chip, 0x14, 4) == "33 22 33 22"
    assert read(chip, 0x15, 3) == "22 33 22"


def test_pointer_stays_in_byte_mode_of_the_banked_layout(chip: EmulatedMCP23017) -> None:
    write(chip, "0A A0")
    write(chip, "0A 11 22 33")
    assert chip.register("OLAT", 0) == 0x33
    assert chip.register("OLAT", 1) == 0x00
    assert read(chip, 0x0A, 3) == "33 33 33"


def test_pointer_counts_on_and_wraps_in_the_banked_layout(chip: EmulatedMCP23017) -> None:
    write(chip, "0A 80")
    write(chip, "00 F0 01")
    assert [chip.register("IODIR", 0), chip.register("IPOL", 0)] == [0xF0, 0x01]
    assert read(chip, 0x1A, 2) == "00 F0"


def test_the_pointer_is_sticky(chip: EmulatedMCP23017) -> None:
    write(chip, "14 A5 5A")
    write(chip, "14")
    assert chip.read(1) == b"\xa5"
    assert chip.read(1) == b"\x5a"


def test_gpio_shows_the_pin_and_olat_the_latch(chip: EmulatedMCP23017, wires: list[Wire]) -> None:
    write(chip, "12 FF")  # writing GPIO is writing OLAT
    write(chip, "00 FE")
    assert [read(chip, 0x12), read(chip, 0x14)] == ["01", "FF"]
    wires[0].drive("short to ground", 0)
    assert [read(chip, 0x12), read(chip, 0x14)] == ["00", "FF"]
    assert wires[0].conflict


def test_polarity_inverts_reading_only(chip: EmulatedMCP23017, wires: list[Wire]) -> None:
    write(chip, "02 0F 80")
    wires[0].drive("outside", 1)
    assert read(chip, 0x12, 2) == "0E 80"
    assert read(chip, 0x14, 2) == "00 00"


def test_pull_ups_act_on_inputs_only(chip: EmulatedMCP23017, wires: list[Wire]) -> None:
    write(chip, "0C 03 80")
    assert [wire.level() for wire in wires] == [1, 1] + [0] * 13 + [1]
    write(chip, "00 FD")
    assert wires[1].level() == 0
    write(chip, "0C 00 00")
    assert [wire.level() for wire in wires] == [0] * 16


def test_latch_and_direction(chip: EmulatedMCP23017, wires: list[Wire]) -> None:
    write(chip, "14 01")
    assert wires[0].driver_of("MCP23017") is None
    write(chip, "00 FE")
    assert wires[0].driver_of("MCP23017") == 1
    write(chip, "14 00")
    assert wires[0].driver_of("MCP23017") == 0
    write(chip, "00 FF")
    assert wires[0].driver_of("MCP23017") is None


def test_interrupt_on_low_as_in_the_datasheet(wires: list[Wire]) -> None:
    outputs = (Wire("INTA"), Wire("INTB"))
    chip = EmulatedMCP23017(wires, interrupts=outputs)
    assert [wire.level() for wire in outputs] == [1, 1]
    for data in ("0C 01", "06 01", "08 01", "04 01"):  # pull-up, DEFVAL, INTCON, GPINTEN of GPA0
        write(chip, data)
    assert outputs[0].level() == 1
    wires[0].drive("button", 0)
    assert [wire.level() for wire in outputs] == [0, 1]
    assert [read(chip, 0x0E), read(chip, 0x10)] == ["01", "00"]
    assert outputs[0].level() == 0  # the level is still there, so it comes again
    wires[0].drive("button", None)
    assert outputs[0].level() == 0
    assert read(chip, 0x12) == "01"
    assert outputs[0].level() == 1
    assert read(chip, 0x0E) == "00"


def test_interrupt_on_change_captures_the_first_event(
    chip: EmulatedMCP23017, wires: list[Wire]
) -> None:
    write(chip, "04 0F")
    wires[1].drive("outside", 1)
    wires[2].drive("outside", 1)
    wires[7].drive("outside", 1)  # not enabled
    assert [read(chip, 0x0E), chip.register("INTCAP", 0)] == ["02", 0x02]
    assert read(chip, 0x10) == "02"
    assert read(chip, 0x0E) == "00"
    wires[1].drive("outside", 0)
    assert [read(chip, 0x0E), read(chip, 0x10)] == ["02", "84"]


@pytest.mark.parametrize("address", [0x10, 0x12])
def test_reading_capture_or_port_clears_its_own_port(
    chip: EmulatedMCP23017, wires: list[Wire], address: int
) -> None:
    write(chip, "04 FF FF")
    wires[0].drive("outside", 1)
    wires[8].drive("outside", 1)
    assert read(chip, 0x0E, 2) == "01 01"
    read(chip, address)
    assert read(chip, 0x0E, 2) == "00 01"


def test_flags_and_capture_cannot_be_written(chip: EmulatedMCP23017) -> None:
    write(chip, "0E FF FF FF FF")
    assert read(chip, 0x0E, 4) == "00 00 00 00"


@pytest.mark.parametrize(
    ("iocon", "idle", "active"),
    [
        ("00", [1, 1], [0, 1]),
        ("02", [0, 0], [1, 0]),
        ("40", [1, 1], [0, 0]),
        ("42", [0, 0], [1, 1]),
        ("04", [None, None], [0, None]),
        ("06", [None, None], [0, None]),  # open drain overrides the polarity
    ],
)
def test_interrupt_outputs(
    wires: list[Wire], iocon: str, idle: list[int | None], active: list[int | None]
) -> None:
    outputs = (Wire("INTA"), Wire("INTB"))
    chip = EmulatedMCP23017(wires, interrupts=outputs)
    write(chip, f"0A {iocon}")
    write(chip, "04 01")
    assert [wire.driver_of("MCP23017") for wire in outputs] == idle
    wires[0].drive("outside", 1)
    assert [wire.driver_of("MCP23017") for wire in outputs] == active


def test_power_cycle_releases_everything(chip: EmulatedMCP23017, wires: list[Wire]) -> None:
    for data in ("14 FF FF", "0C FF FF", "02 FF FF", "04 FF FF", "00 00 00", "0A A0"):
        write(chip, data)
    assert [wire.level() for wire in wires] == [1] * 16
    chip.power_cycle()
    assert [wire.driver_of("MCP23017") for wire in wires] == [None] * 16
    assert [wire.level() for wire in wires] == [0] * 16
    assert read(chip, 0x00, 22) == "FF FF" + " 00" * 20


def test_reset_pin_holds_it_in_reset(wires: list[Wire]) -> None:
    reset = Wire("RESET")
    chip = EmulatedMCP23017(wires, reset=reset)
    write(chip, "14 FF FF")
    write(chip, "00 00 00")
    reset.drive("host", 0)
    assert [wire.driver_of("MCP23017") for wire in wires] == [None] * 16
    with pytest.raises(NotAcknowledged):
        chip.write(b"\x00")
    with pytest.raises(NotAcknowledged):
        chip.read(1)
    reset.drive("host", 1)
    assert read(chip, 0x14, 2) == "00 00"


def test_addresses_without_a_register_read_0_and_take_nothing(chip: EmulatedMCP23017) -> None:
    write(chip, "16 FF")
    write(chip, "FF FF")
    assert read(chip, 0x16) == "00"
    assert read(chip, 0x00, 22) == "FF FF" + " 00" * 20


def test_an_address_without_data_changes_nothing(chip: EmulatedMCP23017) -> None:
    write(chip, "14")
    chip.write(b"")
    assert chip.read(1) == b"\x00"


def test_every_pin_has_its_own_bit(chip: EmulatedMCP23017, wires: list[Wire]) -> None:
    for number, wire in enumerate(wires):
        wire.drive("outside", 1)
        port_a, port_b = bytes.fromhex(read(chip, 0x12, 2))
        assert port_b << 8 | port_a == 1 << number
        wire.drive("outside", None)


def test_it_wants_sixteen_pins() -> None:
    with pytest.raises(ValueError, match="16 pins"):
        EmulatedMCP23017([Wire("only one")])


@pytest.mark.parametrize(
    ("state", "confidence"),
    [
        ([], "medium"),
        (["14 FF FF", "00 00 00", "0C 12 34"], "low"),  # nothing but zeros where it looks
        (["0A 62"], "medium"),
        (["14 55 AA", "0A A0"], "medium"),
        (["14 55 AA", "0A 80"], "medium"),
        (["04 FF FF"], "medium"),
    ],
)
def test_identify_knows_it_in_any_state_and_changes_nothing(
    chip: EmulatedMCP23017, wires: list[Wire], state: list[str], confidence: str
) -> None:
    for data in state:
        write(chip, data)
    wires[3].drive("outside", 1)
    names = ("IODIR", "IPOL", "GPINTEN", "IOCON", "GPPU", "INTF", "INTCAP", "OLAT")
    before = [chip.register(name, port) for name in names for port in (0, 1)]
    bus = EmulatedI2CBus("i2c-1", FakeClock())
    bus.attach(0x20, chip)
    identification = identify(bus, 0x20, FakeClock())
    assert (identification.chip, identification.confidence) == ("MCP23017", confidence)
    assert identification.note
    assert [chip.register(name, port) for name in names for port in (0, 1)] == before


def test_identify_a_chip_that_refuses_registers() -> None:
    bus = EmulatedI2CBus("i2c-1", FakeClock())
    bus.attach(0x20, EmulatedTPT29555([Wire(f"pin {number}") for number in range(16)]))
    identification = identify(bus, 0x20, FakeClock())
    assert (identification.chip, identification.confidence) == ("", "low")
    assert "refuses" in identification.note


@for_each(
    "lines",
    [
        ["05 -> FF", "15 -> FF", "0A -> FF FF", "04 -> FF FF", "0E -> FF FF"],
        ["05 -> 00", "15 -> 00", "0A -> 12 34", "04 -> 00 00", "0E -> 00 00"],
        ["05 -> 80", "15 -> 81", "0A -> 12 13", "04 -> 00 00", "0E -> 00 00"],
        ["05 -> 00", "15 -> 00", "0A -> 00 00", "04 -> 00 00", "0E -> 01 00"],
    ],
)
def test_identify_something_else(lines: list[str]) -> None:
    with ScriptedBus(0x20, *lines) as bus:
        identification = identify(bus, 0x20, FakeClock())
    assert (identification.chip, identification.confidence) == ("", "low")
    assert identification.note


def test_identify_nobody() -> None:
    bus = EmulatedI2CBus("i2c-1", FakeClock())
    with pytest.raises(BusError) as caught:
        identify(bus, 0x20, FakeClock())
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE
