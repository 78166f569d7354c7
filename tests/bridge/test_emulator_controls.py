"""What ``emulator.list`` and ``status`` say for those who draw the emulated world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgpack
from tests.bridge.rig import load_catalogue
from tests.cases import for_each

from wisblock_bridge.server.occupancy import places

if TYPE_CHECKING:
    from tests.bridge.rig import Rig

A = b"a"
Map = dict[str, Any]
PRODUCTS = [name for name, each in load_catalogue().modules.items() if 1 in each.product.slots]
SETTINGS = {
    "RAK12004": {"ppm": "slider", "warming_time_constant": "slider", "broken": "switch"},
    "RAK12006": {"motion": "switch"},
    "RAK12009": {"ppm": "slider", "warming_time_constant": "slider", "broken": "switch"},
    "RAK12015": {"peak": "slider", "frequency": "slider"},
    "RAK13001": {"active": "switch"},
    "RAK13003": {"levels": "number", **{f"level_{pin}": "line" for pin in range(16)}},
    "RAK13004": {},
    "RAK13005": {
        "data_16": "bytes",
        "other_master": "switch",
        "bus": "choice",
        "line_fault": "choice",
        "said": "packets",
    },
    "RAK13007": {},
    "RAK13300": {
        "rssi": "slider",
        "path_loss": "slider",
        "crystal_error": "slider",
        "incoming": "packets",
        "next_packet": "choice",
        "busy_stuck": "switch",
        "transmitter_stuck": "switch",
        "oscillator_dead": "switch",
    },
    "RAK13600": {
        "tag": "cards",
        "present": "switch",
        "memory": "bytes",
        "exchanges_left": "number",
    },
    "RAK14003": {},
    "RAK16000": {"voltage": "slider", "current": "slider"},
    "RAK16001": {f"voltage_{channel}": "slider" for channel in range(8)},
    "RAK17000": {},
    "RAK5801": {"current": "slider"},
    "RAK5802": {
        **{
            f"{what}_{unit}": "slider"
            for unit in (42, 43)
            for what in ("humidity", "temperature", "value")
        },
        "line_fault": "choice",
        "echo": "switch",
        "said": "packets",
    },
    "RAK5811": {"voltage": "slider"},
}


def plug(rig: Rig, product: str) -> None:
    rig.result(A, "emulator.unplug", slot=1)
    rig.result(A, "emulator.plug", slot=1, module=product)


def listed(rig: Rig, slot: Any) -> dict[str, Map]:
    return {each["quantity"]: each for each in rig.result(A, "emulator.list", slot=slot)}


@for_each("product", PRODUCTS)
def test_each_product_says_how_it_is_drawn(rig: Rig, product: str) -> None:
    plug(rig, product)
    found = listed(rig, 1)
    assert {name: each["control"] for name, each in found.items() if each["writable"]} == SETTINGS[
        product
    ]
    for name, each in found.items():
        assert (each["control"] == "display") is not each["writable"]
        got = rig.result(A, "emulator.get", slot=1, quantity=name)["value"]
        value = each["value"]
        if each["writable"]:
            assert value == got
        assert type(value) is type(got)
        match each["control"]:
            case "slider":
                assert each["low"] <= value <= each["high"]
                assert each["low"] < each["high"]
            case "switch":
                assert isinstance(value, bool)
            case "choice":
                assert value in each["choices"]
            case "packets" | "bytes":
                assert isinstance(value, bytes)
            case _:
                assert value is not None


@for_each("product", PRODUCTS)
def test_what_a_control_offers_is_taken(rig: Rig, product: str) -> None:
    plug(rig, product)
    for name, each in listed(rig, 1).items():
        values: list[object] = {
            "slider": [each["low"], each["high"]],
            "switch": [True, False],
            "line": [0, 1, -1],
            "packets": [b"\x01"],
            "number": [int(max(each["low"], -1))],
        }.get(each["control"], [])
        for value in [*each.get("choices", []), *values]:
            rig.result(A, "emulator.set", slot=1, quantity=name, value=value)


def test_the_board_has_sliders_and_lines(rig: Rig) -> None:
    found = listed(rig, "board")
    controls = {name: each["control"] for name, each in found.items()}
    assert controls["voltage_3"] == "slider"
    assert controls["board_6"] == "line"
    assert set(controls.values()) == {"slider", "line"}
    rig.result(A, "emulator.set", slot="board", quantity="board_6", value=0)
    assert listed(rig, "board")["board_6"]["value"] == 0


def test_cards_are_offered_by_their_numbers(rig: Rig) -> None:
    plug(rig, "RAK13600")
    offered = listed(rig, 1)["tag"]["choices"]
    assert offered == ["", "dcaffd02", "bcf024b5", "04a1b2c3d4e580"]
    uid = ""
    for number in range(70):
        uid = f"04{number:012x}"
        rig.result(A, "emulator.set", slot=1, quantity="tag", value=f"ntag215:{uid}")
    tag = listed(rig, 1)["tag"]
    assert tag["value"] == uid
    assert tag["choices"][-1] == uid
    assert len(tag["choices"]) <= 64


def test_a_list_is_not_long(rig: Rig) -> None:
    for product in PRODUCTS:
        plug(rig, product)
        assert len(msgpack.packb(rig.result(A, "emulator.list", slot=1))) < 16_384
    assert len(msgpack.packb(rig.result(A, "emulator.list", slot="board"))) < 16_384


def about(rig: Rig, slot: int) -> Map:
    control = rig.dispatcher._emulator
    assert control is not None
    found: Any = places(rig.slot_manager, rig.board.plugged, control.about)["plugged"]
    (entry,) = [each for each in found if each["slot"] == slot]
    return dict(entry)


def test_status_says_what_fits_an_empty_slot(rig: Rig) -> None:
    entry = about(rig, 2)
    assert (entry["module"], entry["faults"], entry["fault"]) == (None, [], None)
    assert set(entry["fits"]) == {
        name for name, each in load_catalogue().modules.items() if 2 in each.product.slots
    }
    for product in entry["fits"]:
        rig.result(A, "emulator.plug", slot=2, module=product)
        assert about(rig, 2)["module"] == product
        rig.result(A, "emulator.unplug", slot=2)


@for_each("product", PRODUCTS)
def test_the_faults_that_are_offered_can_be_switched_on_and_are_seen(
    rig: Rig, product: str
) -> None:
    plug(rig, product)
    offered = about(rig, 1)["faults"]
    assert offered
    for kind in offered:
        answer = rig.result(A, "emulator.fault", slot=1, kind=kind)
        assert answer["addresses"] or answer.get("devices") or kind == "power_cycle"
        if kind != "power_cycle":
            assert about(rig, 1)["fault"] == kind
            rig.result(A, "emulator.fault", slot=1, kind=kind, count=0)
        assert about(rig, 1)["fault"] is None
    if "power_cycle" not in offered:
        assert rig.code(A, rig.send(A, "emulator.fault", slot=1, kind="power_cycle")) != "ok"


@for_each("product", ["RAK16001", "RAK5802", "RAK13300"])
def test_a_fault_ends_by_itself(rig: Rig, product: str) -> None:
    plug(rig, product)
    rig.result(A, "emulator.fault", slot=1, kind="nack", for_ms=500)
    assert about(rig, 1)["fault"] == "nack"
    rig.advance(0.6)
    assert about(rig, 1)["fault"] is None


def test_faults_are_of_their_slot(rig: Rig) -> None:
    rig.result(A, "emulator.plug", slot=1, module="RAK16001")
    rig.result(A, "emulator.plug", slot=2, module="RAK16000")
    rig.result(A, "emulator.fault", slot=2, kind="stuck")
    assert (about(rig, 1)["fault"], about(rig, 2)["fault"]) == (None, "stuck")
