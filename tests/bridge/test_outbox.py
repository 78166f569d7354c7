"""Slow clients: replies wait, events give way and are counted, nobody else notices."""

from __future__ import annotations

import gc
import time
from typing import Any

import msgpack
import pytest
from tests.fake_clock import FakeClock

from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.sessions import Session
from wisblock_bridge.server.outbox import (
    MAX_WAITING_EVENTS,
    MAX_WAITING_REPLY_BYTES,
    Outbox,
    Sent,
    Subscription,
    _WaitingEvent,
)
from wisblock_bridge.threads.timers import TimerQueue
from wisblock_bridge.wire import messages


class Post:
    """Where frames go: clients that are there, slow, or gone."""

    def __init__(self) -> None:
        self.full: set[bytes] = set()
        self.gone: set[bytes] = set()
        self.sent: list[tuple[bytes, Any]] = []
        self.given_up: list[bytes] = []
        self.clock = FakeClock()
        self.timer_queue = TimerQueue(self.clock)
        self.outbox = Outbox(self.transmit, self.given_up.append, self.timer_queue)

    def transmit(self, identity: bytes, frame: bytes) -> Sent:
        if identity in self.gone:
            return Sent.GONE
        if identity in self.full:
            return Sent.FULL
        self.sent.append((identity, msgpack.unpackb(frame)))
        return Sent.YES

    def taken_by(self, identity: bytes) -> list[Any]:
        return [message for who, message in self.sent if who == identity]


@pytest.fixture
def post() -> Post:
    return Post()


def subscribe(identity: bytes, number: int = 1) -> Subscription:
    session = Session(identity, "token", 5.0, 0.0)
    return Subscription(number, session, Place("RAK5801", 1), "read", lambda: None)


def tell(post: Post, subscription: Subscription, value: int) -> None:
    event = messages.Event(1, "read", subscription.number, 0, readings={"value": value})
    post.outbox.event(subscription, event)


def reply(number: int) -> bytes:
    return messages.encode_result(number, {})


def adds_up(messages: list[Any]) -> int:
    """Hold sequence and lost against each other, and return how many were lost."""
    sequence = 0
    for message in messages:
        assert message["sequence"] == sequence + 1 + message["lost"]
        sequence = message["sequence"]
    return sum(message["lost"] for message in messages)


def test_a_quick_client_gets_everything_at_once(post: Post) -> None:
    subscription = subscribe(b"a")
    for value in range(3):
        tell(post, subscription, value)
        post.outbox.reply(b"a", reply(value))
    assert not post.outbox.pending
    messages = post.taken_by(b"a")
    assert [message.get("id") for message in messages] == [None, 0, None, 1, None, 2]
    assert adds_up(messages[::2]) == 0


def test_a_slow_client_gets_replies_and_events_in_their_order(post: Post) -> None:
    subscription = subscribe(b"a")
    post.full.add(b"a")
    post.outbox.reply(b"a", reply(0))
    tell(post, subscription, 1)
    post.outbox.reply(b"a", reply(2))
    post.outbox.retry()
    assert not post.sent
    post.full.clear()
    post.outbox.reply(b"a", reply(3))  # does not overtake what waits
    assert not post.sent
    post.outbox.retry()
    assert not post.outbox.pending
    assert [message.get("id") for message in post.taken_by(b"a")] == [0, None, 2, 3]


def test_other_clients_do_not_notice(post: Post) -> None:
    post.full.add(b"slow")
    slow, quick = subscribe(b"slow"), subscribe(b"quick", 2)
    for value in range(1000):
        tell(post, slow, value)
        tell(post, quick, value)
        post.outbox.reply(b"quick", reply(value))
    assert len(post.taken_by(b"quick")) == 2000
    assert adds_up([each for each in post.taken_by(b"quick") if "event" in each]) == 0


def test_the_oldest_events_give_way_and_are_counted(post: Post) -> None:
    subscription = subscribe(b"a")
    tell(post, subscription, 0)
    post.full.add(b"a")
    for value in range(1, 201):
        tell(post, subscription, value)
    post.full.clear()
    post.outbox.retry()
    tell(post, subscription, 201)
    messages = post.taken_by(b"a")
    assert [each["readings"]["value"] for each in messages] == [
        0,
        *range(201 - MAX_WAITING_EVENTS, 202),
    ]
    assert adds_up(messages) == 200 - MAX_WAITING_EVENTS == post.outbox.events_lost
    assert messages[-1]["sequence"] == 202


def test_each_subscription_gives_way_for_itself(post: Post) -> None:
    often, seldom = subscribe(b"a", 1), subscribe(b"a", 2)
    post.full.add(b"a")
    tell(post, seldom, 0)
    for value in range(1000):
        tell(post, often, value)
    post.full.clear()
    post.outbox.retry()
    messages = post.taken_by(b"a")
    assert adds_up([each for each in messages if each["subscription"] == 2]) == 0
    assert len(messages) == 1 + MAX_WAITING_EVENTS


def test_replies_are_never_dropped_for_events(post: Post) -> None:
    subscription = subscribe(b"a")
    post.full.add(b"a")
    for number in range(3000):
        tell(post, subscription, number)
        post.outbox.reply(b"a", reply(number))
    post.full.clear()
    post.outbox.retry()
    ids = [each["id"] for each in post.taken_by(b"a") if "id" in each]
    assert ids == list(range(3000))


def test_a_client_that_takes_nothing_is_given_up(post: Post) -> None:
    post.full.add(b"a")
    subscription = subscribe(b"a")
    tell(post, subscription, 0)
    large = messages.encode_result(1, "x" * 100_000)
    sent = 0
    while not post.given_up:
        post.outbox.reply(b"a", large)
        sent += len(large)
        assert sent <= MAX_WAITING_REPLY_BYTES + len(large)
    assert sent > MAX_WAITING_REPLY_BYTES
    assert post.given_up == [b"a"]
    assert post.outbox.clients_given_up == 1
    assert post.outbox.unroutable == sent // len(large)
    assert subscription.lost == 1
    assert not post.outbox.pending


def test_a_connection_that_reports_room_while_it_is_written_to(post: Post) -> None:
    """What wakes the outbox may come out of its own attempt to send."""
    post.full |= {b"a", b"b"}
    for number in range(5):
        post.outbox.reply(b"a", reply(number))
        post.outbox.reply(b"b", reply(number))
    post.full.clear()
    inner = post.transmit

    def transmit(identity: bytes, frame: bytes) -> Sent:
        post.outbox.retry()
        return inner(identity, frame)

    post.outbox.transmit = transmit
    post.outbox.retry()
    for who in (b"a", b"b"):
        assert [each["id"] for each in post.taken_by(who)] == list(range(5))
    assert not post.outbox.pending
    assert post.outbox._reply_bytes == 0


def test_what_waits_for_all_together_is_bounded_and_the_largest_goes_first(post: Post) -> None:
    large = messages.encode_result(1, "x" * 1_000_000)
    whos = [f"client {number}".encode() for number in range(12)]
    post.full.update(whos)
    kept = 0
    while not post.given_up:
        for who in whos[:1] if not kept else whos:
            if not post.given_up:
                post.outbox.reply(who, large)
                kept += len(large)
        assert kept <= 33 * 1024 * 1024
    assert kept > 32 * 1024 * 1024
    assert post.given_up == [whos[0]], "one more than the others had"
    assert post.outbox._reply_bytes == sum(
        each.reply_bytes for each in post.outbox._outboxes.values()
    )
    post.full.clear()
    post.outbox.retry()
    assert post.outbox._reply_bytes == 0


def test_a_client_that_has_gone(post: Post) -> None:
    post.gone.add(b"a")
    subscription = subscribe(b"a")
    post.outbox.reply(b"a", reply(1))
    tell(post, subscription, 1)
    assert not post.outbox.pending
    assert post.outbox.unroutable == 1
    assert (subscription.lost, post.outbox.events_lost) == (1, 1)


def test_a_slow_client_that_goes(post: Post) -> None:
    post.full.add(b"a")
    subscription = subscribe(b"a")
    post.outbox.reply(b"a", reply(1))
    tell(post, subscription, 1)
    post.gone.add(b"a")
    post.outbox.retry()
    assert not post.outbox.pending
    assert (subscription.waiting, subscription.lost) == (0, 1)
    assert post.outbox.unroutable >= 1


def test_what_waits_can_be_forgotten(post: Post) -> None:
    post.full.add(b"a")
    subscription = subscribe(b"a")
    post.outbox.reply(b"a", reply(1))
    tell(post, subscription, 1)
    post.outbox.drop(b"a")
    post.outbox.drop(b"never seen")
    post.full.clear()
    post.outbox.retry()
    assert not post.sent
    assert (subscription.waiting, subscription.lost, post.outbox.unroutable) == (0, 1, 1)


def one_more(post: Post) -> None:
    """Let a slow client take one message, and no more."""
    transmit, rest = post.transmit, [True]
    post.outbox.transmit = lambda identity, frame: (
        transmit(identity, frame) if rest and rest.pop() else Sent.FULL
    )
    post.full.clear()
    post.outbox.retry()
    post.outbox.transmit = transmit
    post.full.add(b"a")


def test_a_client_that_still_reads_gets_its_replies_when_its_lease_has_run_out(post: Post) -> None:
    """It sent much at once, and says nothing while it reads the replies."""
    post.full.add(b"a")
    for number in range(3):
        post.outbox.reply(b"a", reply(number))
    one_more(post)
    post.outbox.drop_unless_taken(b"a")
    post.full.clear()
    post.outbox.retry()
    assert [each["id"] for each in post.taken_by(b"a")] == [0, 1, 2]
    assert post.outbox.unroutable == 0


def test_a_client_that_reads_nothing_loses_them_then(post: Post) -> None:
    post.full.add(b"a")
    post.outbox.reply(b"a", reply(1))
    post.outbox.retry()
    post.outbox.drop_unless_taken(b"a")
    assert not post.outbox.pending
    assert post.outbox.unroutable == 1


def test_what_moves_is_tried_again_soon(post: Post) -> None:
    """ZeroMQ takes few messages at once, so waiting as long as for a stuck client would be slow."""
    post.full.add(b"a")
    for number in range(3):
        post.outbox.reply(b"a", reply(number))
    one_more(post)
    assert post.outbox.retry_s <= 0.002
    post.outbox.retry()
    assert post.outbox.retry_s >= 0.01


def test_what_waits_is_tried_again_without_being_asked(post: Post) -> None:
    post.full.add(b"a")
    post.outbox.reply(b"a", reply(1))
    for _ in range(3):
        post.clock.advance(0.02)
        for action in post.timer_queue.due():
            action()
        assert post.timer_queue.next_due == pytest.approx(post.clock.monotonic() + 0.02)
    post.full.clear()
    post.clock.advance(0.02)
    for action in post.timer_queue.due():
        action()
    assert [each["id"] for each in post.taken_by(b"a")] == [1]
    assert post.timer_queue.next_due is None, "nothing waits: the loop may sleep"


def test_events_of_a_client_with_many_replies_cost_no_more_than_others(post: Post) -> None:
    """Looking for the oldest event among all replies kept everybody waiting."""
    post.full.add(b"deaf")
    for _ in range(100_000):
        post.outbox.reply(b"deaf", b"\xc0" * 40)
    subscription = subscribe(b"deaf")
    for value in range(MAX_WAITING_EVENTS):
        tell(post, subscription, value)
    began = time.process_time()
    for value in range(3000):
        tell(post, subscription, value)
    assert time.process_time() - began < 1.0  # 3 ms each would be 9 s
    assert subscription.lost == 3000


def test_what_was_dropped_does_not_pile_up(post: Post) -> None:
    post.full.add(b"deaf")
    subscription = subscribe(b"deaf")
    gc.collect()
    before = sum(isinstance(each, _WaitingEvent) for each in gc.get_objects())
    for value in range(20 * MAX_WAITING_EVENTS):
        tell(post, subscription, value)
    after = sum(isinstance(each, _WaitingEvent) for each in gc.get_objects())
    assert after - before <= 4 * MAX_WAITING_EVENTS
    post.full.clear()
    post.outbox.retry()
    values = [message["readings"]["value"] for message in post.taken_by(b"deaf")]
    assert values == list(range(19 * MAX_WAITING_EVENTS, 20 * MAX_WAITING_EVENTS))
    assert (subscription.waiting, subscription.lost) == (0, 0)
    assert not post.outbox.pending


def test_events_and_replies_keep_their_order_where_events_were_dropped(post: Post) -> None:
    post.full.add(b"deaf")
    first, second = subscribe(b"deaf", 1), subscribe(b"deaf", 2)
    tell(post, second, -1)
    for value in range(MAX_WAITING_EVENTS + 2):
        tell(post, first, value)
        post.outbox.reply(b"deaf", msgpack.packb({"id": value}))
    post.full.clear()
    post.outbox.retry()
    taken = [
        message["id"] if "id" in message else (message["subscription"], message["readings"])
        for message in post.taken_by(b"deaf")
    ]
    expected: list[object] = [(2, {"value": -1}), 0, 1]
    for value in range(2, MAX_WAITING_EVENTS + 2):
        expected += [(1, {"value": value}), value]
    assert taken == expected


def test_an_event_that_cannot_be_sent_is_found_out_at_once_for_a_slow_client(post: Post) -> None:
    """It was when its turn came, in the middle of the loop."""
    post.full.add(b"slow")
    subscription = subscribe(b"slow")
    tell(post, subscription, 1)
    odd = messages.Event(1, "read", 1, 0, readings={"value": object()})
    with pytest.raises(TypeError):
        post.outbox.event(subscription, odd)
    tell(post, subscription, 3)
    post.full.clear()
    post.outbox.retry()
    assert [message["sequence"] for message in post.taken_by(b"slow")] == [1, 3]


def test_a_client_that_has_stopped_reading_is_forgotten_at_its_second_lease(post: Post) -> None:
    post.full.add(b"slow")
    post.outbox.reply(b"slow", msgpack.packb({"id": 1}))
    post.outbox.reply(b"slow", msgpack.packb({"id": 2}))
    post.full.clear()
    limit = post.outbox.transmit

    def only_one(identity: bytes, frame: bytes) -> Sent:
        sent = limit(identity, frame)
        post.full.add(identity)
        return sent

    post.outbox.transmit = only_one
    post.outbox.retry()
    post.outbox.drop_unless_taken(b"slow")
    assert post.outbox.pending, "it has just read"
    post.outbox.drop_unless_taken(b"slow")
    assert not post.outbox.pending
