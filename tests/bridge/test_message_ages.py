"""How old a message of a remote client may be."""

from __future__ import annotations

from wisblock_bridge.server.message_ages import MessageAges


def test_without_a_gap_a_message_has_just_come() -> None:
    ages = MessageAges()
    assert ages.since(b"a", 10, 100.0) == 100.0


def test_what_comes_right_after_a_gap_is_as_old() -> None:
    ages = MessageAges()
    ages.note_gap(100.0, 108.0)
    assert ages.since(b"a", 10, 108.0) == 100.0
    assert ages.since(b"b", 10, 109.9) == 100.0, "the library may be slow to read"
    assert ages.since(b"a", 10, 110.1) == 110.1
    assert ages.since(b"c", 10, 110.1) == 110.1


def test_a_client_whose_queue_was_full_is_believed_once_it_has_paused() -> None:
    for full in ((64, 10), (2, 8192)):
        ages = MessageAges()
        ages.note_gap(100.0, 130.0)
        messages, length = full
        for _ in range(messages):
            assert ages.since(b"a", length, 130.5) == 100.0
        assert ages.since(b"b", 10, 130.5) == 100.0
        assert ages.since(b"a", 10, 132.4) == 100.0, "it goes on"
        assert ages.since(b"b", 10, 132.4) == 132.4, "it had little to say"
        assert ages.since(b"a", 10, 134.3) == 100.0
        assert ages.since(b"a", 10, 136.4) == 136.4, "it has paused"
        assert ages.since(b"a", 10, 136.5) == 136.5


def test_a_client_that_never_pauses_is_believed_again() -> None:
    ages = MessageAges()
    ages.note_gap(100.0, 108.0)
    found = [ages.since(b"a", 10_000, 108.0 + step * 0.5) for step in range(20)]
    assert found == [100.0] * 16 + [116.0, 116.5, 117.0, 117.5]


def test_gaps_that_follow_each_other() -> None:
    ages = MessageAges()
    ages.note_gap(100.0, 101.0)
    ages.note_gap(101.5, 102.5)
    assert ages.since(b"a", 10, 102.5) == 100.0, "it may be of the time before either"
    assert ages.since(b"a", 10, 104.4) == 100.0
    assert ages.since(b"a", 10, 104.6) == 104.6
    ages.note_gap(200.0, 201.0)
    assert ages.since(b"a", 10, 201.0) == 200.0
