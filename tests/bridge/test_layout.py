"""The board as the status draws it: slots, pins, holders and levels."""

from __future__ import annotations

from typing import Any

from tests.bridge.rig import Rig

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.boards.board import LineRef
from wisblock_bridge.server.layout import layout

A = b"client A"


def pins(told: Any, slot: object) -> dict[str, dict[str, Any]]:
    return {each["pin"]: each for entry in told if entry["slot"] == slot for each in entry["pins"]}


def test_every_pin_says_what_it_is_on_this_board() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        told = layout(rig.slot_manager)
    assert [(each["slot"], each["kind"]) for each in told] == [(1, "io"), (2, "io")]
    first, second = pins(told, 1), pins(told, 2)
    assert first["IO1"] == {
        "pin": "IO1", "kind": "line", "chip": "TPT29555", "address": 0x26, "line": 1,
    }  # fmt: skip
    assert second["IO1"]["line"] == 9
    assert first["AIN1"] == {
        "pin": "AIN1", "kind": "analog", "chip": "SGM58031", "address": 0x4B, "channel": 1,
    }  # fmt: skip
    assert second["TXD1, RXD1"] == {"pin": "TXD1, RXD1", "kind": "serial", "device": "/dev/ttyUSB1"}
    assert second["SPI_CS"] == {
        "pin": "SPI_CS", "kind": "line", "chip": "soc", "line": 7, "device": "/dev/spidev0.1",
    }  # fmt: skip
    assert first["SDA, SCL"] == {"pin": "SDA, SCL", "kind": "i2c", "device": "i2c-1"}


def test_a_module_in_use_holds_its_pins_the_measured_one_included() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        rig.invoke(A, "RAK5801", 1, "read")
        told = layout(rig.slot_manager)
    assert pins(told, 1)["AIN1"]["held_by"] == {"module": "RAK5801", "slot": 1}
    held = {pin for pin, each in pins(told, 1).items() if each.get("holder") == "RAK5801 in slot 1"}
    assert held == {"IO1", "IO4", "AIN1"}
    assert not any("holder" in each for each in pins(told, 2).values())


def test_serial_port_and_chip_select_have_their_holders() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        rig.send_invoke(A, "RAK5802", 1, "line", baud=9600)
        rig.invoke(A, "RAK13300", 2, "settings")
        told = layout(rig.slot_manager)
    assert pins(told, 1)["TXD1, RXD1"]["holder"] == "RAK5802 in slot 1"
    assert pins(told, 2)["SPI_CS"]["holder"] == "RAK13300 in slot 2"


def test_an_emulated_board_knows_the_level_of_a_line() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        rig.board.wires["slots", 1].drive("test", 0)
        assert pins(layout(rig.slot_manager, rig.board.level), 1)["IO1"]["level"] == 0
        rig.board.wires["slots", 1].drive("test", 1)
        assert pins(layout(rig.slot_manager, rig.board.level), 1)["IO1"]["level"] == 1
        assert rig.board.level(LineRef("slots", 1)) == 1


def test_the_sensor_slots_of_a_rak6421_are_there_to_be_seen() -> None:
    with Rig(BOARDS["rak6421-vb"]) as rig:
        told = layout(rig.slot_manager)
    assert [each["slot"] for each in told] == [1, 2, "A", "B", "C", "D"]
    assert [pins(told, name)["pin 12"]["line"] for name in "ABCD"] == [6, 13, 21, 23]
    assert [pins(told, name)["pin 10"]["line"] for name in "ABCD"] == [12, 16, 22, 24]
    assert "SDA, SCL" in pins(told, "D")


def test_the_older_rak6421_has_sensor_slots_whose_lines_nobody_has_documented() -> None:
    with Rig(BOARDS["rak6421-va"]) as rig:
        told = layout(rig.slot_manager)
    assert list(pins(told, "A")) == ["SDA, SCL"]
