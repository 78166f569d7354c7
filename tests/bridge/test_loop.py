"""The loop by itself: nobody who has much to say keeps it from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from wisblock_bridge.clock import SystemClock
from wisblock_bridge.runtime.sessions import Sessions
from wisblock_bridge.server.loop import MESSAGES_S, Server
from wisblock_bridge.threads.mailbox import Mailbox
from wisblock_bridge.threads.timers import TimerQueue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.server.dispatch import Dispatcher

ENOUGH = 1_000_000


class Workers:
    """A dispatcher before workers that say something new for everything that is taken."""

    def __init__(self, mailbox: Mailbox[Any]) -> None:
        self.taken: list[int] = []
        self._mailbox = mailbox

    def receive(self, message: int) -> None:
        self.taken.append(message)
        assert len(self.taken) < ENOUGH, "nobody else ever gets a turn"
        self._mailbox.put(message + 100)


@pytest.fixture
def mailbox() -> Mailbox[Any]:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox[Any]) -> Iterator[Server]:
    made = Server(mailbox, Sessions(), TimerQueue(SystemClock()))
    yield made
    made.close()


def test_workers_that_never_end_leave_the_clients_their_turn(
    server: Server, mailbox: Mailbox[Any]
) -> None:
    workers = Workers(mailbox)
    for number in range(100):
        mailbox.post(number)
    dispatcher = cast("Dispatcher", workers)
    turns = 5
    for _ in range(turns):
        before = len(workers.taken)
        server.receive_messages(dispatcher, MESSAGES_S)
        assert len(workers.taken) > before
        # What is left wakes the loop again.
        assert [key.fd for key, _ in _ready(server, mailbox)] == [mailbox.descriptor]
    assert workers.taken == list(range(len(workers.taken))), "in order, none is lost"


def _ready(server: Server, mailbox: Mailbox[Any]) -> list[Any]:
    selector = server._selector
    selector.register(mailbox.descriptor, 1)
    try:
        return selector.select(0.0)
    finally:
        selector.unregister(mailbox.descriptor)


def test_when_the_bridge_stops_everything_is_taken(server: Server, mailbox: Mailbox[Any]) -> None:
    class Slow:
        taken = 0

        def receive(self, _message: int) -> None:
            self.taken += 1

    for number in range(100_000):
        mailbox.put(number)
    slow = Slow()
    server.receive_messages(cast("Dispatcher", slow))
    assert slow.taken == 100_000
