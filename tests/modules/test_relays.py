"""What RAK13001 and RAK13007 have in common: a relay on IO4."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Literal

import msgspec
import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.modules.timed_slot import TimedSlot, each_failure

from wisblock_bridge.boards.rak6421 import REVISION_VA, REVISION_VB
from wisblock_bridge.boards.rak7391 import GENERATION_B, GENERATION_C
from wisblock_bridge.errors import BridgeError, BusError, BusFault, NotReadyError, SupplyLostError
from wisblock_bridge.modules.rak13001 import RAK13001
from wisblock_bridge.modules.rak13007 import RAK13007

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec

RelaySlot = TimedSlot[RAK13001 | RAK13007]
PRODUCTS = [RAK13001, RAK13007]
A, B = b"a", b"b"


@pytest.fixture(params=PRODUCTS)
def product(request: pytest.FixtureRequest) -> type[RAK13001 | RAK13007]:
    found: type[RAK13001 | RAK13007] = request.param
    return found


@pytest.fixture
def slot(product: type[RAK13001 | RAK13007]) -> RelaySlot:
    return opened(product)


def opened(product: type[RAK13001 | RAK13007]) -> RelaySlot:
    made: RelaySlot = TimedSlot(product)
    made.module.open()
    made.history.clear()
    return made


ACTIONS: dict[str, Callable[[RelaySlot], object]] = {
    "on": lambda slot: slot.module.set(on=True),
    "off": lambda slot: slot.module.set(on=False),
    "toggle": lambda slot: slot.module.toggle(),
    "pulse": lambda slot: slot.module.pulse(100),
    "state": lambda slot: slot.module.state(),
    "open": lambda slot: slot.module.open(),
    "close": lambda slot: slot.module.close(),
    "make_safe": lambda slot: slot.module.make_safe("relay"),
}


@pytest.mark.parametrize(
    ("board", "number", "controller", "line"),
    [
        (GENERATION_C, 1, "slots", 4),
        (GENERATION_C, 2, "slots", 12),
        (GENERATION_B, 2, "slots", 12),
        (REVISION_VA, 1, "soc", 16),
        (REVISION_VA, 2, "soc", 24),
        (REVISION_VB, 1, "soc", 16),
    ],
)
def test_the_line_of_each_board(
    product: type[RAK13001 | RAK13007],
    board: BoardSpec,
    number: Literal[1, 2],
    controller: str,
    line: int,
) -> None:
    slot: RelaySlot = TimedSlot(product, board, number)
    slot.module.open()
    assert slot.board.wires[controller, line].level() == 0
    assert slot.module.set(on=True).values == {"on": True}
    assert slot.board.wires[controller, line].level() == 1
    assert slot.module.set(on=False).values == {"on": False}
    assert slot.board.wires[controller, line].level() == 0


def test_the_contact_follows_in_its_time(slot: RelaySlot) -> None:
    slot.module.set(on=True)
    assert (slot.get("on"), slot.get("contact")) == (True, False)
    slot.clock.advance(0.0101)
    assert slot.get("contact") is True
    slot.module.set(on=False)
    assert (slot.get("on"), slot.get("contact")) == (False, True)
    slot.clock.advance(0.0051)
    assert slot.get("contact") is False
    assert slot.get("operations") == 1


def test_every_operation_gives_the_state(slot: RelaySlot) -> None:
    module = slot.module
    assert module.state().values == {"on": False}
    assert module.toggle().values == {"on": True}
    assert module.state().values == {"on": True}
    assert module.toggle().values == {"on": False}
    assert module.pulse(20).values == {"on": True}
    assert slot.changes("IO4") == [1, 0, 1]


def test_a_command_given_twice_does_not_make_it_blink(slot: RelaySlot) -> None:
    for on in (True, True, True, False, False):
        slot.module.set(on=on)
    assert slot.changes("IO4") == [1, 0]


def test_a_pulse_ends_by_itself(slot: RelaySlot) -> None:
    slot.module.pulse(1500)
    slot.timers.pass_time(1.499)
    assert slot.get("on") is True
    slot.timers.pass_time(0.002)
    assert slot.get("on") is False
    assert slot.module.state().values == {"on": False}
    assert slot.timers.waiting == 0


def test_a_pulse_that_begins_again_is_prolonged(slot: RelaySlot) -> None:
    slot.module.pulse(200)
    slot.timers.pass_time(0.15)
    slot.module.pulse(200)
    slot.timers.pass_time(0.15)
    assert slot.get("on") is True
    slot.timers.pass_time(0.06)
    assert slot.get("on") is False
    assert slot.changes("IO4") == [1, 0]


@pytest.mark.parametrize("command", ["on", "off", "toggle"])
def test_every_command_ends_a_pulse(slot: RelaySlot, command: str) -> None:
    slot.module.pulse(200)
    if command == "toggle":
        slot.module.toggle()
    else:
        slot.module.set(on=command == "on")
    state = slot.get("on")
    assert state is (command == "on")
    slot.timers.pass_time(1.0)
    assert slot.get("on") is state


def test_safe_before_the_first_command(product: type[RAK13001 | RAK13007]) -> None:
    for registers in ("FF FF", "EF FF"):  # the latch of an earlier bridge: high or low
        for directions in ("EF FF", "FF FF"):  # an output still, or an input
            slot: RelaySlot = TimedSlot(product)
            slot.expander(f"02 {registers}")
            slot.expander(f"06 {directions}")
            was_on = slot.get("on")
            slot.history.clear()
            slot.module.open()
            assert slot.drives("IO4") == 0
            assert slot.changes("IO4") == ([0] if was_on else [])


@pytest.mark.parametrize("how", ["close", "make_safe", "open"])
def test_safe_afterwards(slot: RelaySlot, how: str) -> None:
    slot.module.pulse(200)
    {
        "close": slot.module.close,
        "make_safe": lambda: slot.module.make_safe("relay"),
        "open": slot.module.open,
    }[how]()
    assert slot.drives("IO4") == 0
    assert slot.changes("IO4") == [1, 0]
    assert slot.timers.waiting == 0


def test_a_short_is_told_and_not_fought(slot: RelaySlot) -> None:
    wire = slot.pins.wire("IO4")
    wire.drive("outside", 0)
    for action in ("on", "toggle", "pulse"):
        with pytest.raises(NotReadyError, match="driven high and reads 0") as caught:
            ACTIONS[action](slot)
        assert caught.value.where.startswith("IO4, TPT29555")
        assert not wire.conflict
    wire.drive("outside", None)
    assert slot.module.toggle().values == {"on": True}


def test_a_line_that_stays_high_is_told(slot: RelaySlot) -> None:
    slot.module.set(on=True)
    slot.board.expanders["slots"].power_cycle()  # now an input with a pull-up
    assert slot.module.state().values == {"on": True}
    slot.module.set(on=False)
    slot.board.expanders["slots"].power_cycle()
    with pytest.raises(SupplyLostError, match="lost its supply") as caught:
        slot.module.state()
    assert caught.value.where.startswith("IO4, TPT29555")
    assert slot.module.set(on=False).values == {"on": False}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_failure_at_each_transaction(product: type[RAK13001 | RAK13007], action: str) -> None:
    make = functools.partial(opened, product)
    for slot, error in each_failure(make, ACTIONS[action]):
        assert isinstance(error, BusError)
        assert error.where.startswith(("IO4", "IO3"))
        assert slot.get("on") is False, "a failed command leaves the relay off"
        slot.module.open()
        assert slot.module.set(on=True).values == {"on": True}
        slot.timers.pass_time(60.0)
        assert slot.get("on") is True, "what was left of the failure is over"


@pytest.mark.parametrize("action", ["off", "close", "make_safe"])
def test_off_is_never_given_up(product: type[RAK13001 | RAK13007], action: str) -> None:
    slot = opened(product)
    slot.module.set(on=True)
    slot.fail(count=None)
    with pytest.raises(BusError):
        ACTIONS[action](slot)
    slot.timers.pass_time(100.0)
    assert slot.get("on") is True
    slot.repair()
    if action == "close":  # a worker that closes carries out nothing later
        slot.module.close()
    slot.timers.pass_time(10.1)
    assert slot.get("on") is False
    assert slot.timers.waiting == 0


def test_a_pulse_whose_end_fails_is_ended_later(slot: RelaySlot) -> None:
    slot.module.pulse(100)
    slot.fail(count=None)
    slot.timers.pass_time(1.0)
    assert len(slot.timers.errors) == 1, "it is told once"
    assert slot.get("on") is True
    slot.repair()
    slot.timers.pass_time(1.0)
    assert slot.get("on") is False


def test_a_line_of_somebody_else_is_not_tried_again(product: type[RAK13001 | RAK13007]) -> None:
    slot: RelaySlot = TimedSlot(product, held="IO4")
    with pytest.raises(BusError, match="held by") as caught:
        slot.module.open()
    assert caught.value.fault is BusFault.HELD
    assert slot.timers.waiting == 0


@for_each(
    "params",
    [{}, {"on": 1}, {"on": "off"}, {"on": None}, {"on": True, "ms": 5}],
)
def test_bad_parameters_of_set(
    product: type[RAK13001 | RAK13007], params: dict[str, object]
) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(params, product.description.operations["set"].struct)


@for_each("ms", [19, 0, -1, 86_400_001, 1.5, "100"])
def test_bad_parameters_of_pulse(product: type[RAK13001 | RAK13007], ms: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"ms": ms}, product.description.operations["pulse"].struct)


def test_only_off_is_urgent(product: type[RAK13001 | RAK13007]) -> None:
    operation = product.description.operations["set"]
    assert operation.is_urgent({"on": False})
    assert not operation.is_urgent({"on": True})
    assert operation.payload_param == "on"


# -- through the bridge ---------------------------------------------------------------------------


@pytest.fixture
def rig() -> Rig:  # type: ignore[misc]
    with Rig() as made:
        yield made


def test_a_lost_client_switches_it_off_unless_it_said_hold(
    rig: Rig, product: type[RAK13001 | RAK13007]
) -> None:
    name = product.product.name
    for on_loss, afterwards in (("safe", 0), ("hold", 1)):
        assert rig.invoke(A, name, 1, "set", on=True, on_loss=on_loss) == {"on": True}
        rig.advance(6.0)
        assert rig.level("slots", 4) == afterwards


def test_a_pulse_ends_although_its_client_is_gone(
    rig: Rig, product: type[RAK13001 | RAK13007]
) -> None:
    rig.invoke(A, product.product.name, 2, "pulse", ms=10_000, on_loss="hold")
    rig.advance(9.9)
    assert rig.level("slots", 12) == 1
    rig.advance(0.2)
    assert rig.level("slots", 12) == 0


def test_released_it_is_off(rig: Rig, product: type[RAK13001 | RAK13007]) -> None:
    rig.invoke(A, product.product.name, 1, "set", on=True)
    rig.result(B, "release", module=product.product.name, slot=1)
    assert rig.level("slots", 4) == 1, "it is another client's"
    rig.result(A, "release", module=product.product.name, slot=1)
    assert rig.level("slots", 4) == 0


def test_both_slots_at_once(rig: Rig) -> None:
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    rig.invoke(A, "RAK13001", 2, "set", on=True)
    assert (rig.level("slots", 4), rig.level("slots", 12)) == (1, 1)
    error = rig.refused(A, "RAK13001", 1, "set", on=False)
    assert error["code"] == "slot_conflict"
    assert "RAK13007" in error["message"]
    assert "RAK13001" in error["message"]
    assert rig.level("slots", 4) == 1


def test_errors_are_of_the_house(slot: RelaySlot) -> None:
    slot.fail()
    with pytest.raises(BridgeError) as caught:
        slot.module.state()
    assert str(caught.value)
