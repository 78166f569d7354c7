"""One ledger of lines and addresses: all or none, and every refusal names both sides."""

from __future__ import annotations

import threading

import pytest

from wisblock_bridge.errors import InUseError
from wisblock_bridge.runtime.reservations import Reservations

LINE = (("line", 4), "IO4 (line 4)")
OTHER_LINE = (("line", 5), "IO5 (line 5)")
ADDRESS = (("address", 4), "I2C address 0x04")


def test_a_refusal_names_both_sides() -> None:
    ledger = Reservations()
    ledger.reserve("RAK13001 in slot 1", [LINE])
    with pytest.raises(InUseError) as caught:
        ledger.reserve("RAK5801 in slot 1", [LINE])
    error = caught.value
    assert error.code == "in_use"
    assert error.message == "IO4 (line 4) is held by RAK13001 in slot 1."
    assert error.where == "RAK5801 in slot 1"
    assert error.data == {"holder": "RAK13001 in slot 1"}
    assert "RAK13001 in slot 1" in error.hint


def test_all_or_none() -> None:
    ledger = Reservations()
    ledger.reserve("a", [OTHER_LINE])
    with pytest.raises(InUseError):
        ledger.reserve("b", [LINE, OTHER_LINE])
    assert ledger.holder(LINE[0]) is None
    assert ledger.holder(OTHER_LINE[0]) == "a"


def test_kinds_are_apart_and_again_is_allowed() -> None:
    ledger = Reservations()
    ledger.reserve("a", [LINE])
    ledger.reserve("b", [ADDRESS])
    ledger.reserve("a", [LINE])
    assert (ledger.holder(LINE[0]), ledger.holder(ADDRESS[0])) == ("a", "b")


def test_giving_back() -> None:
    ledger = Reservations()
    ledger.reserve("a", [LINE, OTHER_LINE])
    ledger.reserve("b", [ADDRESS])
    ledger.give_back("b", [LINE[0]])  # not theirs
    assert ledger.holder(LINE[0]) == "a"
    ledger.give_back("a", [LINE[0], ("line", 99)])
    assert (ledger.holder(LINE[0]), ledger.holder(OTHER_LINE[0])) == (None, "a")
    ledger.give_back("a")
    assert (ledger.holder(OTHER_LINE[0]), ledger.holder(ADDRESS[0])) == (None, "b")


def test_of_many_that_want_one_line_one_gets_it() -> None:
    ledger = Reservations()
    start = threading.Barrier(8)
    won: list[str] = []

    def want(name: str) -> None:
        start.wait()
        try:
            ledger.reserve(name, [OTHER_LINE, LINE])
        except InUseError:
            return
        won.append(name)

    threads = [threading.Thread(target=want, args=(f"{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert ledger.holder(LINE[0]) == ledger.holder(OTHER_LINE[0]) == won[0]
