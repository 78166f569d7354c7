"""Handing frames to clients that may be slow: replies are kept, events yield, nobody else waits.

1. It knows frames and clients, not sockets: ``transmit`` tries once and says how it went.
2. The order of what a client gets is the order in which it arose.
3. Replies are never dropped while a client lives; a client that takes nothing at all is given up,
   and that is counted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from wisblock_bridge.threads.backoff import Backoff
from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session
    from wisblock_bridge.threads.timers import Timer, TimerQueue

MAX_WAITING_EVENTS = 64
"""Events of one subscription that wait for a slow client; the oldest go first."""

MAX_WAITING_REPLY_BYTES = 4 * 1024 * 1024
"""What replies may occupy for one client that does not read, after its socket's own buffers are
full.
"""

MAX_WAITING_BYTES = 32 * 1024 * 1024
"""What replies may occupy for all of them; the one for whom most is kept is given up first."""

AnyEvent = messages.Event | messages.Observed

RETRY_S, SOON_S = 0.02, 0.001
"""Until it is tried again: where nothing could be sent the last time, and where something could."""

FIRST_RETURN_S = 1.0
"""Until a subscription tries to get back a module that another client released."""


class Sent(Enum):
    """How an attempt to send went."""

    YES = auto()
    FULL = auto()
    GONE = auto()


_YES = Sent.YES  # looked up once: that of an enumeration's member takes time


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscription of one client.

    Attributes:
        number: Its number.
        session: Whose.
        place: The module; None where a client observes.
        event: Name of the event, or of the operation.
        sequence: Number of the last message delivered or dropped.
        lost: Messages dropped since the last one delivered.
        late: Beats missed that its client has not been told of yet.
        kept: Its messages that wait in the outbox, the oldest first.
        start: Begins to watch (again).
        description: Of the event or the operation; None where a client observes.
        arguments: The parameters, in order.
        backoff: Pauses between attempts to begin it again, when its module was closed.
    """

    number: int
    session: Session
    place: Place | None
    event: str
    start: Callable[[], None]
    description: OperationDescription | None = None
    arguments: tuple[object, ...] = ()
    sequence: int = 0
    lost: int = 0
    late: int = 0
    kept: deque[_WaitingEvent] = field(default_factory=deque)
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_RETURN_S))

    @property
    def waiting(self) -> int:
        """How many of its messages wait in the outbox."""
        return len(self.kept)


@dataclass(slots=True, eq=False)
class _WaitingEvent:
    """An event that waits; None in place of one that was dropped."""

    subscription: Subscription
    event: AnyEvent | None


@dataclass(slots=True, eq=False)
class _Outbox:
    items: deque[bytes | _WaitingEvent] = field(default_factory=deque)
    reply_bytes: int = 0
    dropped: int = 0
    """Items whose event was dropped: to look for its place among many replies would take long."""
    taken: bool = False
    """Whether the client has taken something out since that was last asked."""

    def drop_oldest(self, subscription: Subscription) -> None:
        """Drop the oldest event of a subscription; what is left of them does not pile up."""
        subscription.kept.popleft().event = None
        self.dropped += 1
        if self.dropped > MAX_WAITING_EVENTS and self.dropped * 2 > len(self.items):
            self.items = deque(
                item for item in self.items if isinstance(item, bytes) or item.event is not None
            )
            self.dropped = 0


class Outbox:
    """All outgoing traffic.

    Args:
        transmit: Tries to send a frame on a connection, without waiting.
        give_up: Called with the identity of a client that takes nothing; its session is to be
            ended.
        timer_queue: The poll loop's.

    Attributes:
        transmit: As above; another one may take its place before anything is sent.
    """

    def __init__(
        self,
        transmit: Callable[[bytes, bytes], Sent],
        give_up: Callable[[bytes], None],
        timer_queue: TimerQueue,
    ) -> None:
        self.transmit = transmit
        self._give_up = give_up
        self._timer_queue = timer_queue
        self._timer: Timer | None = None
        self._outboxes: dict[bytes, _Outbox] = {}
        self._retries = False
        self._reply_bytes = 0
        """Of all of them."""
        self.unroutable = 0
        self.events_lost = 0
        self.clients_given_up = 0
        self.retry_s = SOON_S
        """How long after a ``retry`` the next one follows."""

    @property
    def pending(self) -> bool:
        """Whether something waits for a slow client."""
        return bool(self._outboxes)

    def reply(self, identity: bytes, frame: bytes) -> None:
        """Send a reply, now or as soon as the client takes it.

        Args:
            identity: The connection.
            frame: The reply.
        """
        if identity not in self._outboxes:
            sent = self.transmit(identity, frame)
            if sent is _YES:
                return
            if sent is Sent.GONE:
                self.unroutable += 1
                return
            self._begin(identity)
        outbox = self._outboxes[identity]
        outbox.items.append(frame)
        outbox.reply_bytes += len(frame)
        self._reply_bytes += len(frame)
        if outbox.reply_bytes <= MAX_WAITING_REPLY_BYTES:
            if self._reply_bytes <= MAX_WAITING_BYTES:
                return
            identity = max(self._outboxes, key=lambda each: self._outboxes[each].reply_bytes)
        self.clients_given_up += 1
        self.drop(identity)
        self._give_up(identity)

    def event(self, subscription: Subscription, event: AnyEvent) -> None:
        """Send an event, or let it wait, or drop the oldest of its subscription.

        Args:
            subscription: Whose event it is.
            event: The event; its sequence is given here.
        """
        subscription.sequence += 1
        event.sequence = subscription.sequence
        identity = subscription.session.identity
        if identity not in self._outboxes:
            sent = self._send_event(identity, subscription, event)
            if sent is Sent.YES:
                return
            if sent is Sent.GONE:
                self._lose(subscription)
                return
            self._begin(identity)
        else:
            messages.encode_event(event)  # what cannot be is found out now, not when it is its turn
        outbox = self._outboxes[identity]
        if len(subscription.kept) >= MAX_WAITING_EVENTS:
            outbox.drop_oldest(subscription)
            self._lose(subscription)
        waiting = _WaitingEvent(subscription, event)
        outbox.items.append(waiting)
        subscription.kept.append(waiting)

    def _begin(self, identity: bytes) -> None:
        self._outboxes[identity] = _Outbox()
        if self._timer is None:
            self._timer = self._timer_queue.after(SOON_S, self.retry)

    def retry(self) -> None:
        """Try again for all slow clients, and once more later if something still waits."""
        if self._retries:
            return  # a connection found room while it was written to: its turn comes
        self._retries = True
        try:
            self._retry_all()
        finally:
            self._retries = False

    def _retry_all(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.retry_s = RETRY_S
        for identity, outbox in tuple(self._outboxes.items()):
            self._retry_one(identity, outbox)
            if not outbox.items:
                self._outboxes.pop(identity, None)
        if self._outboxes:
            self._timer = self._timer_queue.after(self.retry_s, self.retry)

    def _retry_one(self, identity: bytes, outbox: _Outbox) -> None:
        """Send what waits for a client until it takes no more."""
        while outbox.items:
            item = outbox.items[0]
            if isinstance(item, bytes):
                sent = self.transmit(identity, item)
            elif item.event is None:
                outbox.items.popleft()
                outbox.dropped -= 1
                continue
            else:
                sent = self._send_event(identity, item.subscription, item.event)
            if sent is Sent.FULL:
                return
            if sent is Sent.GONE:
                self.drop(identity)
                return
            if not outbox.items:
                return  # the attempt has found that it has left, and all was dropped
            outbox.items.popleft()
            outbox.taken = True
            self.retry_s = SOON_S
            if isinstance(item, bytes):
                outbox.reply_bytes -= len(item)
                self._reply_bytes -= len(item)
            else:
                item.subscription.kept.popleft()

    def drop_unless_taken(self, identity: bytes) -> None:
        """Forget what waits for a client whose lease has run out, unless it is still reading.

        A client that sends many requests at once and then reads their replies says nothing
        meanwhile; what it asked for before its lease ran out is answered all the same.

        Args:
            identity: The connection.
        """
        outbox = self._outboxes.get(identity)
        if outbox is not None and outbox.taken:
            outbox.taken = False
        else:
            self.drop(identity)

    def drop(self, identity: bytes) -> None:
        """Forget what waits for a connection that has ended.

        Args:
            identity: The connection.
        """
        outbox = self._outboxes.pop(identity, None)
        if outbox is None:
            return
        self._reply_bytes -= outbox.reply_bytes
        for item in outbox.items:
            if isinstance(item, bytes):
                self.unroutable += 1
            elif item.event is not None:
                item.subscription.kept.popleft()
                self._lose(item.subscription)
        outbox.items.clear()

    def _send_event(self, identity: bytes, subscription: Subscription, event: AnyEvent) -> Sent:
        event.lost = subscription.lost
        if isinstance(event, messages.Event):
            event.late = subscription.late
        sent = self.transmit(identity, messages.encode_event(event))
        if sent is Sent.YES:
            subscription.lost = subscription.late = 0
        return sent

    def _lose(self, subscription: Subscription) -> None:
        subscription.lost += 1
        self.events_lost += 1
