"""What registers stand for: numbers in all orders, texts, bit fields; vectors typed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.modules.modbus_bench import SETTINGS, UnitBench, of, whole
from tests.modules.test_rak5802 import PORT, Plugged

from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BadParamsError, OutOfRangeError
from wisblock_bridge.modules.modbus import frames
from wisblock_bridge.modules.modbus.numbers import encode, number, register_count
from wisblock_bridge.modules.modbus.rak5802 import RAK5802

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.modules.modbus.numbers import NumberType, Order

WHO = b"flow"
HIGH, LOW = "high_first", "low_first"

VECTORS: list[tuple[str, NumberType, Order, Order, float]] = [
    # IEEE 754: 123.456 is 42F6E979, -123.456 with 64 bits C05EDD2F1A9FBE77.
    ("42 F6 E9 79", "float32", "high_first", "high_first", 123.456),  # ABCD
    ("E9 79 42 F6", "float32", "low_first", "high_first", 123.456),  # CDAB
    ("F6 42 79 E9", "float32", "high_first", "low_first", 123.456),  # BADC
    ("79 E9 F6 42", "float32", "low_first", "low_first", 123.456),  # DCBA
    ("C0 5E DD 2F 1A 9F BE 77", "float64", "high_first", "high_first", -123.456),
    ("BE 77 1A 9F DD 2F C0 5E", "float64", "low_first", "high_first", -123.456),
    ("5E C0 2F DD 9F 1A 77 BE", "float64", "high_first", "low_first", -123.456),
    ("77 BE 9F 1A 2F DD 5E C0", "float64", "low_first", "low_first", -123.456),
    ("FF FE 79 60", "int32", "high_first", "high_first", -100000),
    ("79 60 FF FE", "int32", "low_first", "high_first", -100000),
    ("FE FF 60 79", "int32", "high_first", "low_first", -100000),
    ("60 79 FE FF", "int32", "low_first", "low_first", -100000),
    ("00 01 86 A0", "uint32", "high_first", "high_first", 100000),
    ("FF FF FF FF FF FF FF FE", "int64", "high_first", "high_first", -2),
    ("00 00 00 02 54 0B E4 00", "uint64", "high_first", "high_first", 10_000_000_000),
    ("E4 00 54 0B 00 02 00 00", "uint64", "low_first", "high_first", 10_000_000_000),
    ("00 00 02 00 0B 54 00 E4", "uint64", "high_first", "low_first", 10_000_000_000),
    ("00 E4 0B 54 02 00 00 00", "uint64", "low_first", "low_first", 10_000_000_000),
    ("00 20 00 00 00 00 00 00", "int64", "high_first", "high_first", 9007199254740992),
    ("FD F3", "int16", "high_first", "high_first", -525),
    ("F3 FD", "int16", "high_first", "low_first", -525),
    ("80 00", "int16", "high_first", "high_first", -32768),
    ("FF FF", "uint16", "high_first", "high_first", 65535),
]


def words(text: str) -> list[int]:
    data = of(text)
    return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]


@for_each(("text", "kind", "word_order", "byte_order", "value"), VECTORS)
def test_numbers_both_ways(
    text: str, kind: NumberType, word_order: Order, byte_order: Order, value: float
) -> None:
    registers = words(text)
    assert register_count(kind) == len(registers)
    assert number(registers, kind, word_order, byte_order) == pytest.approx(value, rel=1e-7)
    written, held = encode(value, kind, word_order, byte_order, 1.0, 0.0)
    assert written == registers
    assert held == pytest.approx(value, rel=1e-7)


@for_each(
    ("value", "kind", "factor", "offset", "registers", "held"),
    [
        (27.83, "int16", 0.01, 0.0, [2783], 27.83),
        (-5.25, "int16", 0.01, 0.0, [0xFDF3], -5.25),
        (21.456, "int16", 0.1, 0.0, [215], 21.5),  # the nearest step
        (78.17, "uint16", 0.018, 32.0, [2565], 78.17),
        (
            1234567890123.456,
            "int64",
            0.001,
            0.0,
            [0x0004, 0x62D5, 0x3C8A, 0xBAC0],
            1234567890123.456,
        ),
        (65535, "uint16", 1.0, 0.0, [65535], 65535.0),
        (-0.0, "uint16", 1.0, 0.0, [0], 0.0),
    ],
)
def test_scaled_numbers(
    value: float,
    kind: NumberType,
    factor: float,
    offset: float,
    registers: list[int],
    held: float,
) -> None:
    assert encode(value, kind, "high_first", "high_first", factor, offset) == (registers, held)


@for_each(
    ("value", "kind", "factor", "why"),
    [
        (float("nan"), "float64", 1.0, "finite"),
        (float("-inf"), "uint16", 1.0, "finite"),
        (65536, "uint16", 1.0, r"0\.\.\.65535"),
        (-1, "uint32", 1.0, r"0\.\.\.4294967295"),
        (32768, "int16", 1.0, r"-32768\.\.\.32767"),
        (400.0, "int16", 0.01, r"-32768\.\.\.32767 .*factor 0\.01"),
        (1e300, "int64", 1.0, r"-9007199254740992\.\.\.9007199254740992"),
        (2.5, "int16", 1.0, "whole number"),
        (3.5e38, "float32", 1.0, "float32"),
        (1.7e308, "float64", 0.01, "float64"),
        (1, "uint16", 0.0, "any number but 0"),
    ],
)
def test_what_registers_cannot_hold_is_refused(
    value: float, kind: NumberType, factor: float, why: str
) -> None:
    with pytest.raises(BadParamsError, match=why):
        encode(value, kind, "high_first", "high_first", factor, 0.0)


# -- the operations, byte for byte ----------------------------------------------------------------


class Spoken:
    """A RAK5802 on a line with a unit that says what the test wants."""

    def __init__(self) -> None:
        self.bench = UnitBench()
        self.module = RAK5802(
            {"port": self.bench.line.port},
            self.bench.clock,
            None,  # type: ignore[arg-type]
        )
        self.module.open()


@pytest.fixture
def spoken() -> Iterator[Spoken]:
    made = Spoken()
    yield made
    made.module.close()


def test_write_value_writes_all_registers_at_once(spoken: Spoken) -> None:
    spoken.bench.answers = [whole("07 10 00 0A 00 02")]
    found = spoken.module.write_value(7, -100000, 10, "int32", "low_first")
    assert spoken.bench.heard == [whole("07 10 00 0A 00 02 04 79 60 FF FE")]
    assert found.values == {"value": -100000.0, "registers": [0x7960, 0xFFFE]}
    assert found.quality == "good"


def test_write_value_with_function_6(spoken: Spoken) -> None:
    spoken.bench.answers = [whole("07 06 00 0A FD F3")]
    found = spoken.module.write_value(7, -5.25, 10, "int16", factor=0.01, function=6)
    assert spoken.bench.heard == [whole("07 06 00 0A FD F3")]
    assert found.values == {"value": -5.25, "registers": [0xFDF3]}


def test_a_number_that_is_too_long_for_the_wire_is_uncertain(spoken: Spoken) -> None:
    spoken.bench.answers = [whole("07 03 08 00 20 00 00 00 00 00 01")]
    found = spoken.module.read_value(7, 0, number_type="uint64")
    assert found.quality == "uncertain"
    assert "9007199254740993" in found.note
    assert found.values["registers"] == [0x20, 0, 0, 1]


def test_texts(spoken: Spoken) -> None:
    spoken.bench.answers = [
        whole("07 10 00 00 00 03"),
        whole("07 03 06 50 75 6D 70 20 00"),
        whole("07 03 06 75 50 70 6D 00 20"),
        whole("07 03 02 FF FF"),
    ]
    assert spoken.module.write_text(7, "Pump", 0, 3).values == {
        "text": "Pump",
        "registers": [0x5075, 0x6D70, 0],
    }
    assert spoken.bench.heard == [whole("07 10 00 00 00 03 06 50 75 6D 70 00 00")]
    assert spoken.module.read_text(7, 0, 3).values["text"] == "Pump"
    assert spoken.module.read_text(7, 0, 3, byte_order="low_first").values["text"] == "Pump"
    with pytest.raises(OutOfRangeError, match="no ascii text: ff ff"):
        spoken.module.read_text(7, 0, 1)


def test_a_bit_field(spoken: Spoken) -> None:
    spoken.bench.answers = [whole("07 04 02 80 05"), whole("07 03 04 80 05 00 01")]
    found = spoken.module.read_bit_field(7, table="input_registers").values["bits"]
    assert found == [bit in {0, 2, 15} for bit in range(16)]
    found = spoken.module.read_bit_field(7, width=32, word_order="low_first").values["bits"]
    assert found == [bit in {0, 2, 15, 16} for bit in range(32)]


def test_mask_and_read_write(spoken: Spoken) -> None:
    """MODBUS Application Protocol 1.1b3, 6.16 and 6.17: their own examples."""
    spoken.bench.answers = [
        whole("01 16 00 04 00 F2 00 25"),
        whole("01 17 0C 00 FE 0A CD 00 01 00 03 00 0D 00 FF"),
    ]
    found = spoken.module.mask_write_register(1, 0xF2, 0x25, 4)
    assert found.values == {"and_mask": 0xF2, "or_mask": 0x25}
    found = spoken.module.read_write_registers(1, [0xFF] * 3, 14, 3, 6)
    assert found.values == {"registers": [0xFE, 0x0ACD, 1, 3, 0x0D, 0xFF]}
    assert spoken.bench.heard == [
        whole("01 16 00 04 00 F2 00 25"),
        whole("01 17 00 03 00 06 00 0E 00 03 06 00 FF 00 FF 00 FF"),
    ]


def test_the_most_that_the_standard_writes(spoken: Spoken) -> None:
    """Application Protocol 1.1b3, 6.11 and 6.12: 1968 coils, 123 registers; a frame has 256."""
    spoken.bench.answers = [whole("07 10 00 00 00 7B"), whole("07 0F 00 00 07 B0")]
    spoken.module.write_registers(7, list(range(123)))
    spoken.module.write_coils(7, [True] * 1968)
    assert [len(each) for each in spoken.bench.heard] == [255, 255]
    assert len(frames.read_write(7, 0, 125, 0, [1] * 121).frame) == 255


@pytest.mark.parametrize("unit", [248, 255])
def test_reserved_units(spoken: Spoken, unit: int) -> None:
    spoken.bench.answers = [whole(f"{unit:02X} 03 02 00 09")]
    assert spoken.module.read_holding_registers(unit).values == {"registers": [9]}


def test_a_broadcast_writes_a_value(spoken: Spoken) -> None:
    assert spoken.module.write_value(0, 5).values == {"value": 5.0, "registers": [5]}
    assert spoken.bench.heard == [whole("00 10 00 00 00 01 02 00 05")]


def test_seven_data_bits_carry_text_and_no_modbus(spoken: Spoken) -> None:
    found = spoken.module.line(300, "even", 1, 7)
    assert found.values["data_bits"] == 7
    assert spoken.bench.line.port.settings == LineSettings(300, "even", 1, 7)
    with pytest.raises(BadParamsError, match="Modbus RTU has 8"):
        spoken.module.read_coils(1)
    with pytest.raises(BadParamsError, match="above 0x7F"):
        spoken.module.transceive(b"\x80")
    assert spoken.bench.heard == []
    spoken.module.line()
    assert spoken.bench.line.port.settings == SETTINGS


def test_the_setting_of_the_echo_is_kept_and_used(spoken: Spoken) -> None:
    spoken.module.line(echo="on", quiet_ms=3000)
    again = RAK5802(
        {"port": spoken.bench.line.port},
        spoken.bench.clock,
        None,  # type: ignore[arg-type]
        spoken.module.memory,
    )
    again.open()
    master = again._line_master()
    assert (master.echo.mode, master.late.quiet_s) == ("on", 3.0)


def test_a_write_that_may_be_its_own_echo_is_uncertain() -> None:
    bench = UnitBench(paced=False)
    module = RAK5802({"port": bench.master._port}, bench.clock, None)  # type: ignore[arg-type]
    module.open()
    bench.answers = [whole("01 05 00 00 FF 00")] * 2
    found = module.write_coil(1, on=True)
    assert found.values == {"on": True}
    assert found.quality == "uncertain"
    assert "line" in found.note
    bench.answers = [whole("01 03 02 00 09"), whole("01 05 00 00 FF 00")]
    module.read_holding_registers(1)
    assert module.write_coil(1, on=True).quality == "good"
    module.close()


# -- the emulated unit and the whole way ----------------------------------------------------------


def test_the_emulated_unit_knows_masks_and_both_at_once() -> None:
    """libmodbus, on which the vendor's sketch is built, knows functions 22 and 23."""
    plugged = Plugged()
    plugged.module.write_registers(42, [0x0012, 7])
    plugged.module.mask_write_register(42, 0x00F2, 0x0025)
    assert plugged.module.read_holding_registers(42).values["registers"] == [0x0017]
    found = plugged.module.read_write_registers(42, [1, 2], 0, 0, 2)
    assert found.values["registers"] == [1, 2]
    with pytest.raises(Exception, match="illegal data address"):
        plugged.module.mask_write_register(42, 1, 1, 2)
    with pytest.raises(Exception, match="illegal data address"):
        plugged.module.read_write_registers(42, [1, 2, 3], 0, 0, 2)
    plugged.module.close()


@for_each(
    ("kind", "value"),
    [("float32", -1.5), ("int32", -100000), ("uint32", 4_000_000_000), ("int16", -1)],
)
@for_each("word_order", [HIGH, LOW])
@for_each("byte_order", [HIGH, LOW])
def test_what_is_written_is_read_over_the_wire(
    kind: str, value: float, word_order: str, byte_order: str
) -> None:
    common: dict[str, Any] = {
        "unit": 42,
        "number_type": kind,
        "word_order": word_order,
        "byte_order": byte_order,
    }
    with Rig() as rig:
        rig.result(WHO, "hello", client="test", version="1")
        written = rig.invoke(WHO, "RAK5802", 1, "write_value", value=value, **common)
        assert written["value"] == value
        assert rig.invoke(WHO, "RAK5802", 1, "read_value", **common)["value"] == value
        assert rig.board.serial_lines[PORT].transmissions
