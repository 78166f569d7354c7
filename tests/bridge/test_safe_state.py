"""Modules that could not be made safe when they were closed, and what the next bridge is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.probe import Probe, Script, no_answer
from tests.bridge.rig import Rig

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.state_store import LastRun, StateStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B = b"a", b"b"
SLOTS = 0x26


@pytest.fixture
def rig() -> Iterator[Rig]:
    Probe.script = Script()
    with Rig(modules={"PROBE": Probe}) as made:
        yield made


def coil(rig: Rig) -> int:
    """What drives the coil of a relay in slot 1 of a RAK7391: IO4 is line 4."""
    return rig.board.wires["slots", 4].level()


def closed(rig: Rig) -> None:
    """Let what closes have closed."""
    rig.pump_until(
        lambda: not any(each.closing for each in rig.slot_manager), "what closes has closed"
    )


def break_expander(rig: Rig) -> None:
    rig.board.fault((SLOTS,), Fault(FaultKind.EIO))


def mend_expander(rig: Rig) -> None:
    rig.board.fault((SLOTS,), None)


def test_a_module_released_while_the_bus_fails_is_made_safe_later(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    break_expander(rig)
    rig.result(A, "release", module="RAK13007", slot=1)
    assert rig.slot_manager.find(Place("RAK13007", 1)) is None, "its slot is free"
    assert coil(rig) == 1
    for _ in range(4):
        rig.advance(10.0)
        closed(rig)
    mend_expander(rig)
    rig.advance(10.0)
    closed(rig)
    assert coil(rig) == 0
    told = [each.getMessage() for each in caplog.records if "RAK13007" in each.getMessage()]
    assert sum("could not be made safe when it was closed" in each for each in told) == 1
    assert len(told) <= 3, told
    before = rig.transactions
    rig.advance(60.0)
    assert rig.transactions == before, "nothing is owed any more"


def test_pauses_grow_to_ten_seconds(rig: Rig) -> None:
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    break_expander(rig)
    rig.result(A, "release", module="RAK13007", slot=1)
    pending_safe_states = rig.dispatcher.pending_safe_states
    pauses = []
    for _ in range(8):
        (due,) = (each.timer.due for each in pending_safe_states._pending.values())
        pauses.append(round(due - rig.clock.monotonic(), 3))
        rig.advance(due - rig.clock.monotonic())
        closed(rig)
    assert pauses[0] == 0.5
    assert pauses == sorted(pauses)
    assert max(pauses) == 10.0


def test_who_opens_it_again_is_not_disturbed(rig: Rig) -> None:
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    rig.board.fault((SLOTS,), Fault(FaultKind.EIO))
    rig.result(A, "release", module="RAK13007", slot=1)
    mend_expander(rig)
    rig.invoke(B, "RAK13007", 1, "set", on=True)
    for _ in range(10):
        rig.result(B, "ping")
        rig.advance(2.0)
    assert coil(rig) == 1
    rig.result(B, "release", module="RAK13007", slot=1)
    assert coil(rig) == 0
    assert not rig.dispatcher.pending_safe_states


def test_another_module_in_the_slot_is_not_disturbed(rig: Rig) -> None:
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    break_expander(rig)
    rig.result(A, "release", module="RAK13007", slot=1)
    rig.invoke(A, "RAK16000", 1, "read")
    mend_expander(rig)
    rig.advance(1.0)
    rig.invoke(A, "RAK16000", 1, "read")
    assert coil(rig) == 1
    rig.result(A, "release", module="RAK16000", slot=1)
    assert not rig.dispatcher.pending_safe_states, "the relay has been pulled out"


def test_it_ends_after_a_minute(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    break_expander(rig)
    rig.result(A, "release", module="RAK13007", slot=1)
    for _ in range(8):
        rig.advance(10.0)
        closed(rig)
    assert not rig.dispatcher.pending_safe_states
    assert "giving up" in caplog.text


def test_what_never_was_open_owes_nothing(rig: Rig) -> None:
    """A slot that somebody chose by mistake is not asked for ever."""
    break_expander(rig)
    assert rig.refused(A, "RAK13007", 1, "set", on=True)["code"] == "bus_error"
    rig.result(A, "release", module="RAK13007", slot=1)
    assert not rig.dispatcher.pending_safe_states


def test_a_line_that_somebody_else_holds_is_not_fought_for(rig: Rig) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    held = BusError(BusFault.HELD, "Held.", where="line 4")
    Probe.script.failures.append(held)
    rig.result(A, "release", module="PROBE", slot=1)
    assert not rig.dispatcher.pending_safe_states
    rig.invoke(A, "PROBE", 1, "read")
    Probe.script.failures.append(no_answer())
    rig.result(A, "release", module="PROBE", slot=1)
    assert rig.dispatcher.pending_safe_states


# -- notes for the next bridge --------------------------------------------------------------------


def noted(path: Path) -> list[Any]:
    return LastRun(StateStore(path).of_bridge()).left_open()


def test_what_a_killed_bridge_left_stays_noted_until_it_is_closed(tmp_path: Path) -> None:
    first = LastRun(StateStore(tmp_path).of_bridge())
    first.opened(Place("RAK13007", 1))
    first.opened(Place("RAK13004", 2))
    second = LastRun(StateStore(tmp_path).of_bridge())
    assert second.left_open() == [("RAK13007", 1), ("RAK13004", 2)]
    second.opened(Place("RAK13007", 1))  # and killed at this very moment
    assert noted(tmp_path) == [("RAK13007", 1), ("RAK13004", 2)]
    second.closed(Place("RAK13007", 1))
    assert noted(tmp_path) == [("RAK13004", 2)]


def test_a_module_that_could_not_be_closed_stays_noted(rig: Rig, tmp_path: Path) -> None:
    rig.slot_manager._last_run = LastRun(StateStore(tmp_path).of_bridge())
    rig.invoke(A, "RAK13007", 1, "set", on=True)
    break_expander(rig)
    rig.result(A, "release", module="RAK13007", slot=1)
    assert noted(tmp_path) == [("RAK13007", 1)]
    mend_expander(rig)
    rig.advance(10.0)
    closed(rig)
    assert noted(tmp_path) == []
