"""TPT29555: the lines of both expanders, over the real driver on an emulated board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.rig import Rig

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B = b"a", b"b"


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        yield made


def do(rig: Rig, operation: str, line: int = 3, expander: str = "slots", **more: Any) -> object:
    return rig.invoke(A, "TPT29555", "board", operation, expander=expander, line=line, **more)


def registers_of(rig: Rig, expander: str) -> bytes:
    """What is in the chip, the two input registers aside."""
    chip = rig.board.expanders[expander]
    assert isinstance(chip, EmulatedTPT29555)
    return bytes(chip._registers[2:])


def words(rig: Rig, expander: str = "slots") -> dict[str, int]:
    return rig.invoke(A, "TPT29555", "board", "read_all", expander=expander)


@pytest.mark.parametrize("line", range(16))
def test_every_line_in_both_directions(rig: Rig, line: int) -> None:
    assert do(rig, "write", line, level=0) == {"level": 0}
    assert rig.level("slots", line) == 0
    assert words(rig) == {"levels": 0xFFFF & ~(1 << line), "directions": 1 << line}
    assert do(rig, "write", line, level=1) == {"level": 1}
    assert rig.level("slots", line) == 1
    assert do(rig, "release", line) == {"direction": "input"}
    assert rig.level("slots", line) is None
    assert words(rig) == {"levels": 0xFFFF, "directions": 0}


@pytest.mark.parametrize(
    ("line", "level", "registers"),
    [
        (4, 0, "EF FF 00 00 EF FF"),  # IO4 of slot 1, prepared low
        (4, 1, "FF FF 00 00 EF FF"),
        (12, 0, "FF EF 00 00 FF EF"),  # IO4 of slot 2
        (1, 1, "FF FF 00 00 FD FF"),  # IO1 of slot 1
        (14, 0, "FF BF 00 00 FF BF"),  # IO6 of slot 2
    ],
)
def test_registers_after_a_write(rig: Rig, line: int, level: int, registers: str) -> None:
    do(rig, "write", line, level=level)
    assert registers_of(rig, "slots") == bytes.fromhex(registers)


def test_the_led(rig: Rig) -> None:
    do(rig, "write", 7, "board", level=0)
    assert registers_of(rig, "board") == bytes.fromhex("7F FF 00 00 7F FF")
    assert do(rig, "toggle", 7, "board") == {"level": 1}
    assert do(rig, "toggle", 7, "board") == {"level": 0}
    assert rig.level("board", 7) == 0


def test_a_toggled_input_becomes_the_opposite_of_what_it_was(rig: Rig) -> None:
    assert do(rig, "toggle") == {"level": 0}
    assert words(rig)["directions"] == 1 << 3


def test_reading_shows_the_pin_not_the_latch(rig: Rig) -> None:
    rig.board.wires["slots", 3].drive("outside", 0)
    assert do(rig, "read") == {"level": 0}
    assert words(rig)["levels"] == 0xFFF7


def test_a_short_is_told(rig: Rig) -> None:
    rig.board.wires["slots", 3].drive("outside", 0)
    error = rig.refused(A, "TPT29555", "board", "write", expander="slots", line=3, level=1)
    assert error["code"] == "not_ready"
    assert "driven to 1 and reads 0" in error["message"]
    assert "short" in error["hint"]
    assert error["where"] == "TPT29555 on the board, TPT29555 0x26 on i2c-1"
    rig.board.wires["slots", 3].drive("outside", None)
    assert do(rig, "write", level=1) == {"level": 1}


def test_a_pulse_ends_by_itself(rig: Rig) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    do(rig, "write", level=0)
    assert do(rig, "pulse", ms=200) == {"level": 1}
    rig.advance(0.19)
    assert rig.level("slots", 3) == 1
    rig.advance(0.02)
    assert rig.level("slots", 3) == 0


def test_a_pulse_that_begins_again_is_prolonged(rig: Rig) -> None:
    do(rig, "write", level=0)
    do(rig, "pulse", ms=200)
    rig.advance(0.15)
    # It begins at the level that the first pulse made, so it goes the other way.
    assert do(rig, "pulse", ms=200) == {"level": 0}
    rig.advance(0.15)
    assert rig.level("slots", 3) == 0
    rig.advance(0.1)
    assert rig.level("slots", 3) == 1


@pytest.mark.parametrize("skip", range(6))
@pytest.mark.parametrize("rest", [0, 1])
def test_a_pulse_that_fails_half_way_does_not_stay(rig: Rig, rest: int, skip: int) -> None:
    """Whatever transaction fails: the line goes back to its level, within the time of the pulse."""
    do(rig, "write", level=rest)
    rig.board.bus.fail(0x26, Fault(FaultKind.EIO, skip=skip, count=1))
    number = rig.send_invoke(A, "TPT29555", "board", "pulse", expander="slots", line=3, ms=200)
    assert "ok" in rig.reply(A, number)
    rig.board.bus.fail(0x26, None)
    rig.advance(0.5)
    assert rig.level("slots", 3) == rest


def test_a_pulse_into_a_short_ends(rig: Rig) -> None:
    do(rig, "write", level=0)
    rig.board.wires["slots", 3].drive("outside", 0)
    error = rig.refused(A, "TPT29555", "board", "pulse", expander="slots", line=3, ms=200)
    assert error["code"] == "not_ready"
    rig.board.wires["slots", 3].drive("outside", None)
    rig.advance(0.5)
    assert rig.level("slots", 3) == 0


@pytest.mark.parametrize("operation", ["write", "toggle", "release"])
def test_whatever_is_said_about_the_line_ends_its_pulse(rig: Rig, operation: str) -> None:
    do(rig, "write", level=0)
    do(rig, "pulse", ms=200)
    do(rig, operation, 3, "slots", **({"level": 1} if operation == "write" else {}))
    state = rig.level("slots", 3)
    rig.advance(0.3)
    assert rig.level("slots", 3) == state


def test_a_pulse_ends_although_its_client_is_gone(rig: Rig) -> None:
    do(rig, "pulse", ms=10_000, on_loss="hold")
    assert rig.level("slots", 3) == 0
    rig.advance(5.1)
    assert rig.level("slots", 3) == 0
    rig.advance(5.0)
    assert rig.level("slots", 3) == 1


def test_closing_returns_every_line(rig: Rig) -> None:
    for line in (0, 5, 9):
        do(rig, "write", line, level=0)
    do(rig, "write", 6, "board", level=0)
    rig.result(B, "release", module="TPT29555", slot="board", force=True)
    assert words(rig) == {"levels": 0xFFFF, "directions": 0}
    assert words(rig, "board") == {"levels": 0xFFFF, "directions": 0}


def test_closing_returns_what_it_can(rig: Rig) -> None:
    """One of the expanders does not answer: the other one's lines are returned all the same."""
    for line in (0, 5):
        do(rig, "write", line, level=0)
    do(rig, "write", 6, "board", level=0)
    do(rig, "write", 7, "board", level=0)
    rig.board.bus.fail(0x26, Fault(FaultKind.NACK))
    rig.result(B, "release", module="TPT29555", slot="board", force=True)
    assert [rig.level("board", line) for line in (6, 7)] == [None, None]
    assert [rig.level("slots", line) for line in (0, 5)] == [0, 0]


def test_a_client_that_is_lost_returns_its_own_lines(rig: Rig) -> None:
    rig.result(B, "hello", lease_ms=60_000)
    do(rig, "write", 1, level=0)
    rig.invoke(B, "TPT29555", "board", "write", expander="slots", line=2, level=0)
    rig.advance(5.1)
    assert (rig.level("slots", 1), rig.level("slots", 2)) == (None, 0)


def test_changes_are_told_line_by_line(rig: Rig) -> None:
    rig.result(A, "hello", lease_ms=60_000)
    number = rig.result(
        A, "subscribe", module="TPT29555", slot="board", event="change",
        params={"expander": "slots", "lines": [3, 9, 3], "poll_ms": 20},
    )["subscription"]  # fmt: skip

    def told() -> list[tuple[int, int]]:
        found = [each["readings"] for each in rig.events(A, number)]
        return [(each["line"], each["level"]) for each in found]

    rig.pump_until(lambda: len(told()) == 2, "the present levels")
    rig.settle()
    assert told() == [(3, 1), (9, 1)]
    assert all(each["initial"] for each in rig.events(A, number))
    rig.board.wires["slots", 3].drive("outside", 0)
    rig.board.wires["slots", 4].drive("outside", 0)
    rig.advance(0.02)
    rig.advance(0.02)
    do(rig, "write", 9, level=0)
    rig.advance(0.02)
    assert told() == [(3, 1), (9, 1), (3, 0), (9, 0)]


def test_no_lines_means_all(rig: Rig) -> None:
    number = rig.result(
        A, "subscribe", module="TPT29555", slot="board", event="change",
        params={"expander": "board"},
    )["subscription"]  # fmt: skip
    rig.pump_until(lambda: len(rig.events(A, number)) == 16, "the present levels")
    rig.settle()


def test_a_look_takes_one_transaction(rig: Rig) -> None:
    number = rig.result(
        A, "subscribe", module="TPT29555", slot="board", event="change",
        params={"expander": "slots", "poll_ms": 100},
    )["subscription"]  # fmt: skip
    rig.pump_until(lambda: len(rig.events(A, number)) == 16, "the present levels")
    rig.settle()
    before = rig.transactions
    for _ in range(5):
        rig.advance(0.1)
    assert rig.transactions == before + 5
