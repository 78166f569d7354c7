"""The way from worker threads to the poll loop: nothing is lost, nobody waits in vain."""

from __future__ import annotations

import select
import threading
from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.threads.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mailbox() -> Iterator[Mailbox[int]]:
    made: Mailbox[int] = Mailbox()
    yield made
    made.close()


def readable(mailbox: Mailbox[int]) -> bool:
    return bool(select.select([mailbox.descriptor], [], [], 0)[0])


def test_order_and_signal(mailbox: Mailbox[int]) -> None:
    assert not readable(mailbox)
    mailbox.post(1)
    mailbox.post(2)
    assert readable(mailbox)
    items = mailbox.take()
    assert [items.popleft(), items.popleft()] == [1, 2]
    assert not readable(mailbox)
    mailbox.post(3)
    assert readable(mailbox)
    assert mailbox.take().popleft() == 3


def test_an_item_that_was_left_does_not_silence_the_next(mailbox: Mailbox[int]) -> None:
    mailbox.post(1)
    mailbox.take()
    mailbox.post(2)
    assert readable(mailbox)
    assert list(mailbox.take()) == [1, 2]


def test_waking_without_an_item(mailbox: Mailbox[int]) -> None:
    mailbox.wake()
    assert readable(mailbox)
    assert not mailbox.take()
    assert not readable(mailbox)


def test_taking_without_a_signal(mailbox: Mailbox[int]) -> None:
    assert not mailbox.take()


def test_many_writers_and_a_reader_that_sleeps(mailbox: Mailbox[int]) -> None:
    writers, each = 8, 2000

    def write(number: int) -> None:
        for item in range(each):
            mailbox.post(number * each + item)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    taken: list[int] = []
    while len(taken) < writers * each:
        ready, _, _ = select.select([mailbox.descriptor], [], [], 60)
        assert ready, "items are waiting and nobody was told"
        items = mailbox.take()
        while items:
            taken.append(items.popleft())
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(writers * each))
    for number in range(writers):
        mine = [item for item in taken if item // each == number]
        assert mine == sorted(mine)


def test_posting_after_the_end_is_harmless() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.close()
    mailbox.post(1)
    mailbox.wake()
