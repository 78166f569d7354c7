"""Pauses between attempts grow to a limit and begin again after a success."""

from __future__ import annotations

from wisblock_bridge.threads.backoff import LONGEST_S, Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.next_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_reset_begins_again() -> None:
    backoff = Backoff(1.0)
    assert [backoff.next_s() for _ in range(6)][-1] == LONGEST_S
    backoff.reset()
    assert [backoff.next_s(), backoff.next_s()] == [1.0, 2.0]


def test_a_first_pause_beyond_the_longest_is_kept() -> None:
    backoff = Backoff(60.0, 10.0)
    assert [backoff.next_s(), backoff.next_s()] == [60.0, 60.0]
