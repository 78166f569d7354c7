"""What the bridge tells of who sits where, so that clients see a clash coming."""

from __future__ import annotations

from typing import Any

import pytest
from tests.bridge.rig import Rig

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.module_api.needs import ChipInUse
from wisblock_bridge.server.occupancy import chips_in_use, places

A = b"client A"


def holders(told: dict[str, Any]) -> dict[int, str]:
    return {each["address"]: each["holder"] for each in told["addresses"]}


def test_the_parts_of_the_board_hold_their_addresses() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        told = holders(places(rig.slot_manager, None))
    assert set(told) == {0x26, 0x27, 0x2F, 0x4B, 0x51, 0x60, 0x70}
    assert told[0x51] == "the clock PCF85063A"
    assert told[0x4B] == "the board's converter SGM58031"


def test_a_module_in_use_holds_its_address_and_expects_its_chip() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        rig.invoke(A, "RAK16001", 2, "read_all")
        rig.invoke(A, "RAK5801", 1, "read")
        assert chips_in_use(rig.slot_manager) == (ChipInUse(0x48, "ADS7830", "RAK16001", 2),)
        assert holders(places(rig.slot_manager, None))[0x48] == "RAK16001 in slot 2"


def test_straps_of_the_configuration_count() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        rig.slot_manager.addresses[2, "ADS7830"] = 0x4A
        rig.send_invoke(A, "RAK16001", 2, "read_all")
        assert chips_in_use(rig.slot_manager) == (ChipInUse(0x4A, "ADS7830", "RAK16001", 2),)
        straps = places(rig.slot_manager, None)["straps"]
    assert straps == [{"slot": 2, "chip": "ADS7830", "address": 0x4A}]


@pytest.mark.parametrize(("key", "ports"), [("rak7391-c", 2), ("rak6421-va", 1)])
def test_slots_may_share_a_serial_port(key: str, ports: int) -> None:
    with Rig(BOARDS[key]) as rig:
        told: Any = places(rig.slot_manager, None)["serial_ports"]
    assert [each["slot"] for each in told] == [1, 2]
    assert len({each["device"] for each in told}) == ports


def test_only_an_emulated_board_knows_what_is_plugged_in() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        assert "plugged" not in places(rig.slot_manager, None)
        rig.board.plug("RAK5801", 1)
        told = places(rig.slot_manager, rig.board.plugged)["plugged"]
    assert told == [{"slot": 1, "module": "RAK5801"}, {"slot": 2, "module": None}]


def test_a_scan_through_the_bridge_warns_of_a_module_in_the_wrong_place() -> None:
    with Rig(BOARDS["rak7391-c"]) as rig:
        rig.invoke(A, "RAK14003", 1, "state")
        found = {each["address"]: each for each in rig.result(A, "scan")}
        assert found[0x24]["in_use"] == [{"module": "RAK14003", "slot": 1}]
        assert found[0x24]["warnings"] == []
        rig.board.unplug(1)
        rig.board.plug("RAK13600", 1)
        found = {each["address"]: each for each in rig.result(A, "scan")}
    assert "RAK14003 in slot 1 expects its MCP23017 at 0x24" in found[0x24]["warnings"][0]
