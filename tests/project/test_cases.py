"""``for_each`` tries every case of its table and reports all that fail."""

from __future__ import annotations

import inspect

import pytest
from tests.cases import for_each


def test_every_case_is_tried_and_all_failures_are_reported() -> None:
    tried: list[int] = []

    @for_each("value", [1, 2, pytest.param(3, id="three"), 4])
    def is_even(value: int) -> None:
        tried.append(value)
        assert value % 2 == 0

    with pytest.raises(ExceptionGroup, match="2 of 4 cases failed") as caught:
        is_even()
    assert tried == [1, 2, 3, 4]
    assert [error.__notes__ for error in caught.value.exceptions] == [["case: 1"], ["case: three"]]


def test_tables_can_be_combined() -> None:
    tried: list[tuple[str, int, int]] = []

    @for_each("letter", ["a", "b"])
    @for_each("low, high", [(1, 2), (3, 4)], ids=["small", "large"])
    def collect(letter: str, low: int, high: int) -> None:
        tried.append((letter, low, high))
        assert (letter, low) != ("b", 3)

    with pytest.raises(ExceptionGroup, match="1 of 2 cases failed") as caught:
        collect()
    assert tried == [("a", 1, 2), ("a", 3, 4), ("b", 1, 2), ("b", 3, 4)]
    (inner,) = caught.value.exceptions
    assert inner.__notes__ == ["case: 'b'"]
    assert isinstance(inner, ExceptionGroup)
    assert inner.exceptions[0].__notes__ == ["case: large"]


def test_a_failure_of_pytest_is_collected() -> None:
    @for_each("value", [1, 2])
    def fail(value: int) -> None:
        pytest.fail(f"not {value}")

    with pytest.raises(BaseExceptionGroup, match="2 of 2 cases failed"):
        fail()


def test_fixtures_stay_arguments_and_columns_do_not() -> None:
    @for_each("value", [1])
    def test(value: int, fixture: object) -> None:
        raise AssertionError(value, fixture)

    assert list(inspect.signature(test).parameters) == ["fixture"]


def test_an_empty_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="no cases for value"):
        for_each("value", [])
