"""RAK16001: eight voltages come out where they went in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tests.cases import for_each
from tests.chips.transactions import each_failure
from tests.fake_clock import FakeClock
from tests.modules.in_slot import InSlot

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.boards.rak7391 import GENERATION_B, GENERATION_C
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BadParamsError, BusError, InUseError
from wisblock_bridge.module_api import Quality
from wisblock_bridge.modules.rak16001 import RAK16001
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.slots import SlotManager
from wisblock_bridge.threads.mailbox import Mailbox

if TYPE_CHECKING:
    from wisblock_bridge.boards.board import BoardSpec

STEP_V = 3.0 / 256


@pytest.fixture
def place() -> InSlot:
    return InSlot(RAK16001)


@pytest.fixture
def module(place: InSlot) -> Any:
    made = place.make()
    made.open()
    return made


@pytest.mark.parametrize(
    ("code", "volts"),
    [(0, 0.0), (85, 0.9961), (128, 1.5), (218, 2.5547), (243, 2.8477)],
)
def test_vectors(place: InSlot, module: Any, code: int, volts: float) -> None:
    place.set("voltage_0", code * 3.0 / 256)
    readings = module.read(channel=0)
    assert readings.values == {"voltage": pytest.approx(volts, abs=5e-5)}
    assert (readings.quality, readings.note) == (Quality.GOOD, "")


def test_each_input_gives_its_own_voltage_whatever_its_neighbour_has(
    place: InSlot, module: Any
) -> None:
    volts = [0.3 * (channel + 1) for channel in range(8)]
    for channel, each in enumerate(volts):
        place.set(f"voltage_{channel}", each)
    for channel, each in enumerate(volts):
        assert module.read(channel=channel).values["voltage"] == pytest.approx(each, abs=STEP_V)
    everything = module.read_all()
    assert list(everything.values) == [f"voltage_{channel}" for channel in range(8)]
    assert list(everything.values.values()) == pytest.approx(volts, abs=STEP_V)
    assert everything.quality is Quality.GOOD


def test_equal_neighbours_do_not_read_0(place: InSlot, module: Any) -> None:
    place.set("voltage_2", 2.0)
    place.set("voltage_3", 2.0)
    assert module.read(channel=2).values["voltage"] == pytest.approx(2.0, abs=STEP_V)
    assert module.read(channel=3).values["voltage"] == pytest.approx(2.0, abs=STEP_V)


def test_the_command_bytes_and_never_the_internal_reference(place: InSlot, module: Any) -> None:
    sent: list[int] = []
    write = place.emulated.converter.write

    def note_and_write(data: bytes) -> None:
        sent.extend(data)
        write(data)

    place.emulated.converter.write = note_and_write
    module.read_all()
    assert bytes(sent).hex(" ").upper() == "84 C4 94 D4 A4 E4 B4 F4"
    sent.clear()
    module.read_differential(positive=2, negative=3)
    assert sent[0] == 0x14
    assert not any(each & 0x08 for each in sent)


def test_the_end_of_the_range_is_said(place: InSlot, module: Any) -> None:
    place.set("voltage_5", 3.3)
    readings = module.read(channel=5)
    assert readings.values["voltage"] == pytest.approx(2.98828125)
    assert readings.quality is Quality.UNCERTAIN
    assert "Input 5: at the end of the range" in readings.note
    place.set("voltage_7", 3.1)
    readings = module.read_all()
    assert readings.quality is Quality.UNCERTAIN
    assert "Inputs 5, 7" in readings.note


def test_conversions_are_averaged(place: InSlot, module: Any) -> None:
    volts = iter([0.75, 1.5, 2.25])
    place.emulated.converter.inputs[1].connect(lambda: next(volts))
    assert module.read(channel=1, samples=3).values["voltage"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("positive_v", "negative_v", "difference", "quality"),
    [
        (1.5, 0.0, 1.5, Quality.GOOD),
        (0.0, 1.5, -1.5, Quality.GOOD),
        (0.1, 0.1, 0.0, Quality.GOOD),
        (2.25, 0.75, 1.5, Quality.UNCERTAIN),
        (0.75, 2.25, -1.5, Quality.UNCERTAIN),
        (3.2, 0.0, 2.98828125, Quality.UNCERTAIN),
    ],
)
def test_differences(
    place: InSlot,
    module: Any,
    positive_v: float,
    negative_v: float,
    difference: float,
    quality: Quality,
) -> None:
    place.set("voltage_5", positive_v)
    place.set("voltage_4", negative_v)
    readings = module.read_differential(positive=5, negative=4)
    assert readings.values["voltage"] == pytest.approx(difference, abs=STEP_V)
    assert readings.quality is quality
    assert bool(readings.note) == (quality is Quality.UNCERTAIN)


@pytest.mark.parametrize(("positive", "negative"), [(0, 2), (1, 2), (0, 0), (7, 5), (3, 4)])
def test_a_pair_that_does_not_exist_is_refused_before_anything_is_sent(
    place: InSlot, positive: int, negative: int
) -> None:
    operation = RAK16001.description.operations["read_differential"]
    assert operation.check is not None
    with pytest.raises(BadParamsError, match="0-1, 2-3, 4-5, 6-7"):
        operation.check(operation.struct(positive=positive, negative=negative))
    for pair in ((0, 1), (1, 0), (6, 7), (7, 6)):
        operation.check(operation.struct(positive=pair[0], negative=pair[1]))
    assert place.board.bus.transactions == 0


@for_each(
    ("operation", "params"),
    [
        ("read", {"channel": 8}),
        ("read", {"channel": -1}),
        ("read", {"channel": "0"}),
        ("read", {"samples": 0}),
        ("read", {"chanel": 0}),
        ("read_all", {"samples": 257}),
        ("read_differential", {"positive": 8}),
    ],
)
def test_bad_parameters_are_refused_by_the_description(
    operation: str, params: dict[str, object]
) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(params, RAK16001.description.operations[operation].struct)


@pytest.mark.parametrize("operation", ["read", "read_all", "read_differential"])
def test_a_failure_at_every_transaction_is_told_and_over_afterwards(operation: str) -> None:
    place = InSlot(RAK16001)
    module = place.make()
    place.set("voltage_0", 1.5)
    action = getattr(module, operation)
    for number, error in each_failure(place.bus, action, module.open):
        assert "0x48" in error.where, number
        assert module.read(channel=0).values["voltage"] == pytest.approx(1.5), number


def test_unplugged_nobody_answers(place: InSlot, module: Any) -> None:
    place.board.unplug(1)
    with pytest.raises(BusError) as caught:
        module.read()
    assert caught.value.code == "no_device"


def test_beside_the_converter_of_the_board(place: InSlot, module: Any) -> None:
    assert place.board.bus.addresses == (0x26, 0x27, 0x48, 0x4B)
    place.set("voltage_0", 1.5)
    assert module.read().values["voltage"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("spec", "address"),
    [(GENERATION_C, 0x4B), (GENERATION_B, None), (REVISION_VA, None)],
    ids=["RAK7391 C", "RAK7391 B", "RAK6421"],
)
def test_at_the_address_of_the_boards_converter_it_is_refused_with_both_names(
    spec: BoardSpec, address: int | None
) -> None:
    clock = FakeClock()
    board = EmulatedBoard(spec, clock)
    straps = {(1, "ADS7830"): address} if address is not None else {}
    slot_manager = SlotManager(
        Hardware(spec, board, clock), {"RAK16001": RAK16001}, Mailbox(), clock, addresses=straps
    )
    with pytest.raises(InUseError) as caught:
        slot_manager.worker(Place("RAK16001", 1))
    text = str(caught.value)
    assert "RAK16001 in slot 1" in text
    assert f"I2C address 0x{address or 0x48:02x} is held by the board's converter" in text
    assert spec.converter.chip in text
    assert list(slot_manager) == []
    assert board.bus.transactions == 0


def test_at_the_address_of_the_vendors_examples() -> None:
    place = InSlot(RAK16001, addresses={"ADS7830": 0x4A})
    place.set("voltage_3", 0.75)
    assert place.make().read(channel=3).values["voltage"] == pytest.approx(0.75)
    assert 0x4A in place.board.bus.addresses
    assert 0x48 not in place.board.bus.addresses
