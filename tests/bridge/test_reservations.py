"""What is reserved, all or none, and every refusal names both sides."""

from __future__ import annotations

import threading

import pytest

from wisblock_bridge.boards.board import LineRef
from wisblock_bridge.errors import InUseError
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.reservations import (
    Address,
    BoardPart,
    ChipSelect,
    Line,
    Port,
    Reservations,
)

LINE = Line(LineRef("slots", 4), "IO4")
OTHER_LINE = Line(LineRef("slots", 5), "IO5")
ADDRESS = Address(0x04)
A, B = Place("RAK13001", 1), Place("RAK5801", 1)


def test_a_refusal_names_both_sides() -> None:
    reservations = Reservations()
    reservations.reserve(A, [LINE])
    with pytest.raises(InUseError) as caught:
        reservations.reserve(B, [LINE])
    error = caught.value
    assert error.code == "in_use"
    assert error.message == "IO4 (line 4 of slots) is held by RAK13001 in slot 1."
    assert error.where == "RAK5801 in slot 1"
    assert error.data == {"holder": "RAK13001 in slot 1"}
    assert "RAK13001 in slot 1" in error.hint


def test_what_is_soldered_on_is_not_to_be_released() -> None:
    reservations = Reservations()
    reservations.reserve(BoardPart("the on-board SHTC3"), [ADDRESS])
    with pytest.raises(InUseError) as caught:
        reservations.reserve(A, [ADDRESS])
    assert caught.value.message == "I2C address 0x04 is held by the on-board SHTC3."
    assert "straps" in caught.value.hint


def test_a_line_is_the_same_whatever_it_is_called() -> None:
    reservations = Reservations()
    reservations.reserve(A, [LINE])
    direct = Line(LineRef("slots", 4))
    assert reservations.holder(direct) == A
    (conflict,) = reservations.conflicts(B, [direct])
    assert str(conflict.wanted) == "Line 4 of the slots expander"


def test_a_port_is_its_device_and_named_as_configured() -> None:
    reservations = Reservations()
    reservations.reserve(A, [Port("/dev/ttyAMA0", "/dev/serial0")])
    (conflict,) = reservations.conflicts(B, [Port("/dev/ttyAMA0", "/dev/rs485")])
    assert str(conflict.wanted) == "Serial port /dev/rs485"
    assert reservations.conflicts(B, [ChipSelect("/dev/ttyAMA0")]) == []


def test_all_or_none() -> None:
    reservations = Reservations()
    reservations.reserve(A, [OTHER_LINE])
    with pytest.raises(InUseError):
        reservations.reserve(B, [LINE, OTHER_LINE])
    assert reservations.holder(LINE) is None
    assert reservations.holder(OTHER_LINE) == A


def test_again_is_allowed() -> None:
    reservations = Reservations()
    reservations.reserve(A, [LINE])
    reservations.reserve(B, [ADDRESS])
    reservations.reserve(A, [LINE])
    assert (reservations.holder(LINE), reservations.holder(ADDRESS)) == (A, B)


def test_giving_back() -> None:
    reservations = Reservations()
    reservations.reserve(A, [LINE, OTHER_LINE])
    reservations.reserve(B, [ADDRESS])
    reservations.give_back(B, [LINE])  # not theirs
    assert reservations.holder(LINE) == A
    reservations.give_back(A, [LINE, Line(LineRef("slots", 99))])
    assert (reservations.holder(LINE), reservations.holder(OTHER_LINE)) == (None, A)
    reservations.give_back(A)
    assert (reservations.holder(OTHER_LINE), reservations.holder(ADDRESS)) == (None, B)


def test_of_many_that_want_one_line_one_gets_it() -> None:
    reservations = Reservations()
    start = threading.Barrier(8)
    won: list[Place] = []

    def want(place: Place) -> None:
        start.wait()
        try:
            reservations.reserve(place, [OTHER_LINE, LINE])
        except InUseError:
            return
        won.append(place)

    places = [Place(f"M{number}", 1) for number in range(8)]
    threads = [threading.Thread(target=want, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert reservations.holder(LINE) == reservations.holder(OTHER_LINE) == won[0]
