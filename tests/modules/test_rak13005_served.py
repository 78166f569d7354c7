"""RAK13005: through the bridge, on both boards; and the emulated nodes themselves."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.modules.lin_slot import LinSlot, of
from tests.tally import told

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import InMemoryState
from wisblock_bridge.modules.lin.emulated_nodes import LinNodes, Published, inverted_sum, protect
from wisblock_bridge.modules.lin.rak13005 import RAK13005, remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tally import Tally

Map = dict[str, Any]
WHO = b"flow"
PORT = "/dev/ttyUSB0"


@pytest.fixture
def slot() -> LinSlot:
    return LinSlot()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        made.result(WHO, "hello", client="test", version="1")
        yield made


# -- through the bridge ---------------------------------------------------------------------------


@for_each(
    ("operation", "params", "wrong"),
    [
        ("send", {"id": 1, "data": b""}, "data"),
        ("send", {"id": 1, "data": bytes(9)}, "data"),
        ("send", {"id": 64, "data": b"1"}, "id"),
        ("send", {"data": b"1"}, "id"),
        ("send", {"id": 1, "data": b"1", "checksum": "auto"}, "checksum"),
        ("send", {"id": 0x3C, "data": b"1"}, "data"),
        ("build", {"id": 0x3D, "data": b"1"}, "data"),
        ("request", {"id": -1}, "id"),
        ("request", {"id": 1, "length": 9}, "length"),
        ("request", {"id": 0x3D, "length": 4}, "length"),
        ("parse", {"data": b"", "id": 0x3C, "length": 2}, "length"),
        ("schedule", {"table": []}, "table"),
        ("schedule", {"table": ["20 ms beg 1 8"]}, "table"),
        ("schedule_data", {"id": 1, "data": b"1"}, "id"),
        ("line", {"baud": 2399}, "baud"),
        ("line", {"baud": 20001}, "baud"),
        ("line", {"break_method": "hope"}, "break_method"),
    ],
)
def test_wrong_parameters_send_nothing(rig: Rig, operation: str, params: Map, wrong: str) -> None:
    error = rig.ask(WHO, "invoke", module="RAK13005", slot=1, operation=operation, params=params)[
        "error"
    ]
    assert error["code"] == "bad_params"
    assert error["data"]["param"].split("[")[0] == wrong
    assert not rig.board.serial_lines[PORT].transmissions


def test_the_line_is_kept_for_the_slot(slot: LinSlot) -> None:
    memory = InMemoryState()
    module = slot.make(memory)
    assert module.line(19200, "timed").values == {"baud": 19200, "break_method": "timed"}
    module.wake()
    assert slot.line.port.settings == LineSettings(19200)
    module.close()
    again = slot.make(memory)
    again.wake()
    assert slot.line.port.settings == LineSettings(19200)
    assert again.state().values["break_method"] == "timed"
    again.line(10417)
    assert slot.line.port.settings == LineSettings(10417)


@for_each(
    "facts",
    [
        {},
        {"baud": 9600},
        {"baud": "9600", "break_method": "auto"},
        {"baud": 100, "break_method": "auto"},
        {"baud": 9600, "break_method": "luck"},
    ],
)
def test_nonsense_in_the_memory_is_as_good_as_nothing(facts: Map) -> None:
    assert remembered(facts) == (9600, "auto")


def test_both_slots_of_a_rak6421_share_one_port() -> None:
    with Rig(REVISION_VA) as rig:
        rig.result(WHO, "hello", client="test", version="1")
        rig.invoke(WHO, "RAK13005", 1, "request", id=16)
        error = rig.refused(WHO, "RAK13005", 2, "request", id=16)
        assert error["code"] == "in_use"
        assert "is held by RAK13005 in slot 1" in error["message"]


def test_the_port_is_pulled_and_comes_back(rig: Rig, tally: Tally) -> None:
    rig.invoke(WHO, "RAK13005", 1, "request", id=16)
    rig.result(WHO, "emulator.set", slot=1, quantity="line_fault", value="unplugged")
    error = rig.refused(WHO, "RAK13005", 1, "request", id=16)
    assert (error["code"], error["where"]) == ("no_bus", f"RAK13005 in slot 1, {PORT}")
    tally.add("fault", "serial adapter pulled out", seen=told(error))
    assert rig.invoke(WHO, "RAK13005", 1, "build", id=1, data=b"\1")["frame"][-1] == 0xFE
    rig.result(WHO, "emulator.set", slot=1, quantity="line_fault", value="none")
    assert rig.invoke(WHO, "RAK13005", 1, "request", id=16)["checksum"] == "classic"


# -- the emulated nodes ---------------------------------------------------------------------------


def test_ten_thousand_random_frames_to_the_nodes(tally: Tally) -> None:
    """No crash; an answer only to a whole header, data only from a whole frame."""
    chance = random.Random(55)  # noqa: S311
    said: list[bytes] = []
    clock = LinSlot().clock
    nodes = LinNodes(
        lambda data, _: said.append(data), clock, {0x10: Published(b"\x12", enhanced=True)}
    )
    at_9600 = LineSettings(9600)
    for _ in range(10_000):
        data = chance.randbytes(chance.randrange(12))
        if chance.random() < 0.7:
            data = bytes([0x55, protect(chance.choice([0x10, 0x11]))]) + data[:9]
        whole = len(data) > 3 and data[0] == 0x55 and protect(data[1] & 0x3F) == data[1]
        whole = whole and data[-1] in {inverted_sum(data[2:-1]), inverted_sum(data[1:-1])}
        said.clear()
        nodes.received.clear()
        broke = chance.random() < 0.8
        nodes.asleep = False
        nodes._ready_at = 0.0
        nodes.hear_break(13 / 9600 if broke else 9 / 9600)
        nodes.hear(data, at_9600)
        assert said == ([of("12 9D")] if broke and data == of("55 50") else [])
        assert bool(nodes.received) == (broke and whole)
    tally.add("bad_input", "random frames to emulated LIN nodes", 10_000, seed="55")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("line_fault", "smoke"),
        ("bus", "?"),
        ("said", "text"),
        ("data_16", b""),
        ("other_master", 1),
    ],
)
def test_nonsense_through_the_back_door(slot: LinSlot, name: str, value: object) -> None:
    with pytest.raises(BadParamsError, match="wanted"):
        slot.set(name, value)


def test_an_unplugged_module_leaves_nothing_behind(slot: LinSlot) -> None:
    slot.make().request(0x10)
    slot.board.unplug(1)
    assert (slot.line.echo, slot.line.returned, slot.line.passing) == (False, None, None)
    assert slot.board.slots[1].wire("IO6").pull == 1
    assert RAK13005.product.slug == "rak13005"
