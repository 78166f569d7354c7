"""A supply that fails for a moment: noticed by itself, told once, outputs safe, values back.

1. Chips lose their settings through the method that clients have too: ``emulator.fault``.
2. What an output does is what a meter shows (``actuators``), never what the bridge says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.actuators import ACTUATORS
from tests.bridge.rig import Rig, load_catalogue
from tests.cases import for_each
from tests.paths import ROOT
from tests.tally import told

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.module_api import Module, Slot
from wisblock_bridge.module_api.needs import AnalogNeed, BoardNeed, ChipNeed, SpiNeed
from wisblock_bridge.runtime.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bridge.actuators import Actuator
    from tests.bridge.rig import Map
    from tests.tally import Tally

    from wisblock_bridge.buses.i2c import Read, Write
    from wisblock_bridge.runtime.sessions import Session
    from wisblock_bridge.runtime.worker import Worker

A, B = b"a", b"b"
NOTICED_S = 2.0
HOURLY_MS = 3_600_000
TALLIED = "supply dips tried on every chip"

OWN_CHIP = ("RAK13003", "RAK13004", "RAK14003")

DRIVEN: list[tuple[Actuator, Slot]] = [
    (each, each.slot if each.module in OWN_CHIP else "board") for each in ACTUATORS
] + [(each, "board") for each in ACTUATORS if each.module == "RAK13004"]  # its OE line


@dataclass(frozen=True)
class Listened:
    """Something that is subscribed to, and whose supply it hangs on."""

    module: str
    operation: str
    dips: Slot
    params: dict[str, object] = field(default_factory=dict)
    before: tuple[str, dict[str, object]] | None = None
    """What gives the chip something to forget."""


LISTENED = (
    Listened("RAK13004", "state", 1, {"channel": 0}),
    Listened("RAK13004", "state", "board", {"channel": 0}),
    Listened("RAK13003", "read", 1, {"pin": 0}, ("write", {"pin": 3, "level": 1})),
    Listened(
        "RAK13003", "read", 1, {"pin": 0},
        ("configure", {"pin": 3, "direction": "input", "pull_up": True}),
    ),
    Listened("RAK14003", "state", 1),
    Listened("RAK16000", "read", 1, before=("read", {})),
    Listened("RAK13001", "state", "board"),
    Listened("RAK13007", "state", "board"),
    Listened("RAK5801", "read", "board", {"samples": 1}),
    Listened("RAK5811", "read", "board", {"samples": 1}),
    Listened("RAK12009", "calibration", "board"),
    Listened("RAK17000", "state", "board", {"bridge": "A"}),
    Listened("RAK13005", "build", "board", {"id": 1, "data": b"\1"}),
)  # fmt: skip


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        made.result(A, "hello", client="a", lease_ms=60_000)
        made.result(B, "hello", client="b", lease_ms=60_000)
        yield made


def dip(rig: Rig, place: Slot) -> Map:
    """Take the supply away for a moment."""
    found: Map = rig.result(B, "emulator.fault", kind="power_cycle", slot=place)
    return found


def passes(rig: Rig, seconds: float) -> None:
    """Let time pass in steps, as it does; the clients are alive."""
    for _ in range(round(seconds / 0.25)):
        rig.advance(0.25)
        rig.result(A, "ping")
        rig.result(B, "ping")


def worker(rig: Rig, module: str, slot: Slot) -> Worker:
    found = rig.slot_manager.find(Place(module, slot))
    assert found is not None
    return found


def drive(rig: Rig, each: Actuator, **more: Any) -> None:
    rig.invoke(A, each.module, each.slot, each.operation, **{**each.params, **more})
    assert each.look(rig.board) == pytest.approx(each.driven, abs=0.1)


def driving(rig: Rig, module: str, slot: object) -> list[Session]:
    """Who drives outputs of a module, as the sessions' books have it."""
    return [
        session
        for session in rig.sessions
        if any(each.place == (module, slot) for each in session.outputs)
    ]


def drivers(rig: Rig, each: Actuator) -> int:
    return len(driving(rig, each.module, each.slot))


def losses(rig: Rig, module: str, slot: Slot) -> int:
    """How many errors were counted, the last of them a loss of supply."""
    one = worker(rig, module, slot)
    if one.health.latest_error is not None:
        assert one.health.latest_error.code == "not_ready", str(one.health.latest_error)
        assert "lost its supply" in one.health.latest_error.message
    return one.health.errors


def subscribe(rig: Rig, each: Listened, every_ms: int) -> int:
    number: int = rig.result(
        A,
        "subscribe",
        module=each.module,
        slot=1,
        operation=each.operation,
        params=each.params,
        every_ms=every_ms,
    )["subscription"]
    rig.settle()
    return number


def listen(rig: Rig, each: Listened, every_ms: int) -> int:
    if each.before is not None:
        operation, params = each.before
        rig.invoke(B, each.module, 1, operation, **params)
    return subscribe(rig, each, every_ms)


def kinds(events: list[Map]) -> str:
    """E for an error, v for a value, in order."""
    return "".join("E" if each["event"] == "error" else "v" for each in events)


@pytest.mark.parametrize("on_loss", ["safe", "hold"])
@pytest.mark.parametrize(("each", "place"), DRIVEN, ids=lambda each: getattr(each, "module", each))
def test_a_dip_while_driven(
    rig: Rig, each: Actuator, place: Slot, on_loss: str, tally: Tally
) -> None:
    drive(rig, each, on_loss=on_loss)
    assert drivers(rig, each) == 1
    dip(rig, place)
    passes(rig, NOTICED_S)
    assert losses(rig, each.module, each.slot) == 1
    assert each.look(rig.board) == each.safe
    assert drivers(rig, each) == 0
    assert worker(rig, each.module, each.slot).health.last_error is None  # it works again
    passes(rig, 5.0)
    assert losses(rig, each.module, each.slot) == 1  # told once
    drive(rig, each)
    assert drivers(rig, each) == 1
    tally.add("fault", TALLIED)


@pytest.mark.parametrize(("each", "place"), DRIVEN, ids=lambda each: getattr(each, "module", each))
def test_dips_again_and_again(rig: Rig, each: Actuator, place: Slot, tally: Tally) -> None:
    for number in range(1, 6):
        drive(rig, each)
        dip(rig, place)
        dip(rig, place)  # two within a second are one
        passes(rig, NOTICED_S)
        assert losses(rig, each.module, each.slot) == number
        assert each.look(rig.board) == each.safe
        assert drivers(rig, each) == 0
    tally.add("fault", TALLIED, 10)


@pytest.mark.parametrize("every_ms", [100, 1000, HOURLY_MS])
@pytest.mark.parametrize("each", LISTENED, ids=lambda each: f"{each.module}-{each.dips}")
def test_a_dip_while_listened_to(rig: Rig, each: Listened, every_ms: int, tally: Tally) -> None:
    one = listen(rig, each, every_ms)
    other = subscribe(rig, each, HOURLY_MS)
    passes(rig, 1.0)
    seen_by_user = ""
    seen = [len(rig.events(A, number)) for number in (one, other)]
    dip(rig, each.dips)
    passes(rig, NOTICED_S)
    for number, before in zip((one, other), seen, strict=True):
        news = rig.events(A, number)[before:]
        assert kinds(news).count("E") == 1, kinds(news)
        assert kinds(news).endswith("v"), kinds(news)
        error: Map = next(event["error"] for event in news if event["event"] == "error")
        assert error["code"] == "not_ready"
        assert "lost its supply" in error["message"]
        assert f"{each.module} in slot 1" in error["where"]
        sequences = [event["sequence"] for event in rig.events(A, number)]
        assert sequences == list(range(1, len(sequences) + 1))
        seen_by_user = told(error)
    assert losses(rig, each.module, 1) == 1
    passes(rig, 5.0)
    assert losses(rig, each.module, 1) == 1
    tally.add("fault", TALLIED, seen=seen_by_user)


@pytest.mark.parametrize("each", LISTENED, ids=lambda each: f"{each.module}-{each.dips}")
def test_a_dip_while_idle_costs_nothing_and_the_next_use_works(
    rig: Rig, each: Listened, tally: Tally
) -> None:
    rig.invoke(A, each.module, 1, each.operation, **each.params)
    one = worker(rig, each.module, 1)
    rig.settle()
    before = rig.transactions
    dip(rig, each.dips)
    passes(rig, 30.0)
    assert rig.transactions == before
    assert one._looks.timers == []
    params: Map = dict(each.params)
    rig.reply(A, rig.send_invoke(A, each.module, 1, each.operation, **params))
    # The first request may be the one that finds it; that is an error, and the next one works.
    assert losses(rig, each.module, 1) <= 1
    assert rig.invoke(A, each.module, 1, each.operation, **each.params)
    tally.add("fault", TALLIED)


def test_no_wake_ups_once_nothing_is_driven_or_listened_to(rig: Rig) -> None:
    """Released outputs and ended subscriptions end the checks."""
    rig.invoke(A, "RAK13004", 1, "duty", channel=3, percent=50.0)
    number = rig.result(
        A, "subscribe", module="RAK13004", slot=1, operation="state", params={"channel": 3},
        every_ms=HOURLY_MS,
    )["subscription"]  # fmt: skip
    one = worker(rig, "RAK13004", 1)
    passes(rig, 3.0)
    before = rig.transactions
    passes(rig, 4.0)
    assert 1 <= (rig.transactions - before) / 4 <= 2  # one for the chip, one for OE's expander
    rig.result(A, "unsubscribe", subscription=number)
    rig.invoke(A, "RAK13004", 1, "off")  # everything
    passes(rig, 1.0)
    before = rig.transactions
    passes(rig, 30.0)
    assert rig.transactions == before
    assert one._supply._timer is None


class Counting:
    """Lets the supply fail after a transaction of a run."""

    def __init__(self, rig: Rig, after: int, dip: Callable[[], object]) -> None:
        self.left = after
        self._dip = dip
        self._bus = rig.board.bus
        self._transfer = rig.board.bus.transfer

    def __enter__(self) -> Counting:
        self._bus.transfer = self.transfer  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._bus.transfer = self._transfer  # type: ignore[method-assign]

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        answer = self._transfer(address, *messages)
        self.left -= 1
        if self.left == 0:
            self._dip()
        return answer


@for_each(("each", "place"), DRIVEN, ids=lambda each: getattr(each, "module", each))
def test_a_dip_after_each_transaction_of_a_command(
    each: Actuator, place: Slot, tally: Tally
) -> None:
    """Afterwards an output is as commanded and somebody's, or safe and nobody's."""
    after = 0
    while True:
        after += 1
        with Rig() as rig:
            rig.result(A, "hello", client="a", lease_ms=60_000)
            rig.result(B, "hello", client="b", lease_ms=60_000)
            rig.board.ask_for(each.module, each.slot)
            with Counting(rig, after, lambda rig=rig: rig.board.power_cycle(place)) as count:  # type: ignore[misc]
                params: Map = dict(each.params)
                number = rig.send_invoke(A, each.module, each.slot, each.operation, **params)
                reply = rig.reply(A, number)
                if count.left > 0:
                    break
            passes(rig, NOTICED_S + 0.5)
            found = each.look(rig.board)
            if not reply["ok"] and found == each.safe:
                assert reply["error"]["code"] in {"not_ready", "wrong_chip"}, reply
            elif drivers(rig, each):
                assert found == pytest.approx(each.driven, abs=0.1), (after, reply)
            else:
                assert found == each.safe, (after, reply)
            assert worker(rig, each.module, each.slot).health.errors <= 1
            drive(rig, each)
        tally.add("fault", TALLIED)
    assert after > 1


@pytest.mark.parametrize("kind", [FaultKind.NACK, FaultKind.EIO, FaultKind.STUCK])
@pytest.mark.parametrize(("each", "place"), DRIVEN, ids=lambda each: getattr(each, "module", each))
def test_a_dip_while_the_bus_fails(
    rig: Rig, each: Actuator, place: Slot, kind: FaultKind, tally: Tally
) -> None:
    drive(rig, each)
    addresses = rig.board.bus.addresses
    for address in addresses:
        rig.board.bus.fail(address, Fault(kind))
    rig.board.power_cycle(place)
    passes(rig, 7.0)
    assert drivers(rig, each) == 1  # nobody knows
    for address in addresses:
        rig.board.bus.fail(address, None)
    passes(rig, NOTICED_S)
    losses(rig, each.module, each.slot)
    assert each.look(rig.board) == each.safe
    assert drivers(rig, each) == 0
    tally.add("fault", TALLIED)


@pytest.mark.parametrize(("each", "place"), DRIVEN, ids=lambda each: getattr(each, "module", each))
def test_a_bus_that_fails_at_checks_changes_nothing(rig: Rig, each: Actuator, place: Slot) -> None:
    """A check that fails must not switch off what works."""
    drive(rig, each)
    for address in rig.board.bus.addresses:
        rig.board.bus.fail(address, Fault(FaultKind.NACK))
    passes(rig, 4.0)
    for address in rig.board.bus.addresses:
        rig.board.bus.fail(address, None)
    passes(rig, 3.0)  # a run of the motor driver lasts 10 s
    one = worker(rig, each.module, each.slot)
    assert one.health.errors > 0
    assert one.health.last_error is None
    assert each.look(rig.board) == pytest.approx(each.driven, abs=0.1)
    assert drivers(rig, each) == 1
    assert place in {1, "board"}


def test_both_slots_and_the_expander_itself_are_told(rig: Rig) -> None:
    """One expander, three users: each is told, and none is switched on again by another."""
    rig.invoke(A, "RAK13001", 1, "set", on=True)
    rig.invoke(A, "RAK13007", 2, "set", on=True)
    rig.invoke(A, "TPT29555", "board", "write", expander="slots", line=8, level=0)
    dip(rig, "board")
    passes(rig, NOTICED_S)
    for module, slot in (("RAK13001", 1), ("RAK13007", 2), ("TPT29555", "board")):
        assert losses(rig, module, slot) == 1, module  # type: ignore[arg-type]
        assert not driving(rig, module, slot)
    assert [rig.level("slots", line) for line in (4, 12, 8)] == [0, 0, None]


def test_a_request_that_finds_a_reset_chip_tells_everybody(rig: Rig) -> None:
    """Whoever finds it, it is one error event of each subscription and one in the status."""
    each = Listened("RAK13004", "state", 1, {"channel": 0})
    number = listen(rig, each, HOURLY_MS)
    rig.invoke(A, "RAK13004", 1, "duty", channel=0, percent=50.0)
    rig.invoke(A, "RAK13004", 1, "duty", channel=1, percent=50.0)
    dip(rig, 1)
    rig.invoke(B, "RAK13004", 1, "duty", channel=2, percent=25.0)
    passes(rig, NOTICED_S)
    assert kinds(rig.events(A, number)) == "vEv"
    assert losses(rig, "RAK13004", 1) == 1
    assert [rig.board.get(1, f"percent_{channel}") for channel in (0, 1, 2)] == [0.0, 0.0, 25.0]
    owners = [session.name for session in driving(rig, "RAK13004", 1)]
    assert owners == ["b"]


def test_a_chip_that_keeps_nothing_is_tried_ever_more_rarely(rig: Rig) -> None:
    """A supply that never comes up properly is one error, not one a second."""
    rig.invoke(A, "RAK13004", 1, "duty", channel=0, percent=50.0)
    number = listen(rig, Listened("RAK13004", "state", 1, {"channel": 0}), HOURLY_MS)
    emulated: Any = rig.board._plugged[1]
    real = emulated.silicon.write
    emulated.silicon.write = lambda data: (real(data), emulated.silicon.power_cycle())[0]
    emulated.silicon.power_cycle()
    passes(rig, 60.0)
    assert kinds(rig.events(A, number)) == "vE"
    assert worker(rig, "RAK13004", 1).health.errors < 20
    emulated.silicon.write = real
    passes(rig, 12.0)
    assert kinds(rig.events(A, number)) == "vEv"


def test_after_a_reset_the_pwm_chip_answers_at_0x70_again_and_is_taken_off_it(rig: Rig) -> None:
    """0x70 is the SHTC3's: within 2 s nobody else may answer there."""
    rig.invoke(A, "RAK13004", 1, "duty", channel=0, percent=50.0)
    dip(rig, 1)
    emulated: Any = rig.board._plugged[1]
    assert emulated.silicon.all_call_enabled
    passes(rig, NOTICED_S)
    assert not emulated.silicon.all_call_enabled


def test_the_oldest_board_shows_it_at_a_line_that_is_low() -> None:
    """A PI4IOE5V96224 has latches at 1 after power-up; only a 0 can be seen to be lost."""
    from wisblock_bridge.boards.rak7391 import GENERATION_A  # noqa: PLC0415

    with Rig(GENERATION_A) as rig:
        rig.result(A, "hello", client="a", lease_ms=60_000)
        rig.result(B, "hello", client="b", lease_ms=60_000)
        rig.invoke(A, "RAK13004", 1, "duty", channel=0, percent=50.0)  # OE is low by that
        ref = GENERATION_A.slots[1].lines["IO6"]
        wire = rig.board.wires[ref.controller, ref.offset]
        assert wire.level() == 0
        dip(rig, "board")
        assert wire.level() == 1
        passes(rig, NOTICED_S)
        assert losses(rig, "RAK13004", 1) == 1
        assert rig.board.get(1, "percent_0") == 0.0
        assert not driving(rig, "RAK13004", 1)


def test_the_fault_is_refused_where_nothing_forgets(rig: Rig) -> None:
    rig.invoke(A, "RAK13007", 1, "state")
    reply = rig.ask(A, "emulator.fault", kind="power_cycle", slot=1)
    assert reply["error"]["code"] == "bad_params"
    for more in ({}, {"slot": 1, "count": 2}, {"slot": 1, "for_ms": 5}, {"address": 0x40}):
        reply = rig.ask(A, "emulator.fault", kind="power_cycle", **more)
        assert reply["error"]["code"] == "bad_params", more
    assert dip(rig, "board") == {"addresses": [0x26, 0x27, 0x4B]}


@for_each("name", sorted(load_catalogue().modules))
def test_every_module_with_a_chip_has_a_check_or_says_why_not(name: str) -> None:
    cls = load_catalogue().modules[name]
    needs = cls.description.needs.values()
    kinds = ChipNeed | SpiNeed | AnalogNeed | BoardNeed
    if not any(isinstance(need, kinds) for need in needs):
        return
    page = (ROOT / "docs" / "modules" / f"{cls.product.slug}.md").read_text()
    assert "## When the supply fails for a moment" in page
    checked = cls.check_supply is not Module.check_supply
    assert checked != bool(cls.no_supply_check), f"{name}: a check, or the reason why there is none"
