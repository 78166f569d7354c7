"""To whom of those who observe something is told, and when.

1. It runs on the poll loop, and knows messages, not what they are about.
2. An observer gets the first message about something at once, and then the latest of each
   ``PAUSE_S``. What was replaced is counted as lost.
3. One timer serves all observers; there is none while nothing waits.
4. What waits for an observer waits here, so that it is replaced by what is newer; ``Outbox`` gets
   one message at a time of an observer that is slow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wisblock_bridge.runtime.fault_log import defect
from wisblock_bridge.wire import messages
from wisblock_bridge.wire.limits import MAX_OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wisblock_bridge.runtime.sessions import Session
    from wisblock_bridge.server.outbox import Outbox, Subscription
    from wisblock_bridge.threads.timers import Timer, TimerQueue

PAUSE_S = 0.2
"""Between two messages about the same: at most 5 a second."""

TURN_S = 0.04
"""Between two turns at what waits, so that twenty readings do not wake the loop for each of
them."""

Key = tuple[object, ...]


@dataclass(slots=True, eq=False)
class Observation:
    """What observers are told, the same for all of them.

    Attributes:
        kind: "result", "event", "error", "holder", "health" or "plugged".
        module: Name of the module; None for an empty slot.
        slot: Where.
        key: What it is about: a later one about the same takes its place.
        fields: The other keys of the message.
    """

    kind: str
    module: str | None
    slot: int | str
    key: Key
    fields: dict[str, Any]


@dataclass(slots=True, eq=False)
class _Observer:
    subscription: Subscription
    modules: frozenset[str] | None
    slots: frozenset[int | str] | None
    paused: dict[Key, float] = field(default_factory=dict)
    """Until when nothing more is told about something; in that order."""
    waiting: dict[Key, Observation] = field(default_factory=dict)
    lost: int = 0

    def wants(self, each: Observation) -> bool:
        if self.slots is not None and each.slot not in self.slots:
            return False
        return self.modules is None or each.kind == "plugged" or each.module in self.modules


class Delivery:
    """Everybody who observes, and what waits for them.

    Args:
        outbox: The way out.
        timer_queue: The poll loop's.
        may_hear: Returns whether a client may still be told anything, and ends its session if not.

    Attributes:
        by_number: Those who observe, by the numbers of their subscriptions; empty for nobody.
    """

    def __init__(
        self, outbox: Outbox, timer_queue: TimerQueue, may_hear: Callable[[Session], bool]
    ) -> None:
        self._outbox = outbox
        self._timer_queue = timer_queue
        self._clock = timer_queue.clock
        self._may_hear = may_hear
        self.by_number: dict[int, _Observer] = {}
        self._timer: Timer | None = None
        self._turned_at = self._clock.monotonic()

    def begin(
        self,
        subscription: Subscription,
        modules: Iterable[str] | None,
        slots: Iterable[int | str] | None,
        known: Iterable[Observation],
    ) -> None:
        """Begin to tell a client, with what is known.

        Args:
            subscription: Of the client, which knows its number.
            modules: Only these; None for all.
            slots: Only there; None for everywhere.
            known: What it is told first.
        """
        observer = self.by_number[subscription.number] = _Observer(
            subscription,
            None if modules is None else frozenset(modules),
            None if slots is None else frozenset(slots),
        )
        now = self._clock.monotonic()
        for each in known:
            if observer.wants(each):
                each.fields["initial"] = True
                self._offer(observer, each, now)

    def end(self, number: int) -> None:
        """Stop telling a client.

        Args:
            number: Of the subscription.
        """
        self.by_number.pop(number, None)
        if not self.by_number and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def tell(self, observation: Observation) -> None:
        """Tell all who want to know."""
        now = self._clock.monotonic()
        for observer in tuple(self.by_number.values()):
            if observer.wants(observation):
                self._offer(observer, observation, now)

    def _offer(self, observer: _Observer, observation: Observation, now: float) -> None:
        """Tell one observer, now or later."""
        key, waiting = observation.key, observer.waiting
        if key in waiting:
            waiting[key] = observation
            observer.lost += 1
            return
        _forget_pauses(observer, now)
        if self._may_send(observer, key):
            self._send(observer, observation, now)
            return
        if len(waiting) >= MAX_OBSERVED:
            del waiting[next(iter(waiting))]
            observer.lost += 1
            self._outbox.events_lost += 1
        waiting[key] = observation
        self._set_timer(self._next_turn(observer, key, now))

    @staticmethod
    def _may_send(observer: _Observer, key: Key) -> bool:
        return (
            key not in observer.paused
            and len(observer.paused) < MAX_OBSERVED
            and not observer.subscription.waiting
        )

    def _send(self, observer: _Observer, observation: Observation, now: float) -> None:
        subscription = observer.subscription
        if subscription.number not in self.by_number or not self._may_hear(subscription.session):
            return
        observer.paused[observation.key] = now + PAUSE_S
        subscription.sequence += observer.lost
        subscription.lost += observer.lost
        observer.lost = 0
        try:
            self._outbox.event(
                subscription,
                messages.Observed(
                    v=messages.VERSION,
                    event="observed",
                    subscription=subscription.number,
                    sequence=0,
                    kind=observation.kind,
                    module=observation.module,
                    slot=observation.slot,
                    **observation.fields,
                ),
            )
        except Exception as error:  # noqa: BLE001  (one module's odd value must not end the bridge)
            subscription.lost += 1  # its sequence number is used up
            defect(error, f"what observers are told of {observation.module}")

    def drop_waiting(self, start: Key) -> None:
        """Drop what waits and has become old.

        Args:
            start: With what the keys of it begin.
        """
        for observer in self.by_number.values():
            for key in tuple(observer.waiting):
                if key[: len(start)] == start:
                    del observer.waiting[key]
                    observer.lost += 1

    def _next_turn(self, observer: _Observer, key: Key, now: float) -> float:
        due = now + TURN_S if observer.subscription.waiting else observer.paused.get(key, now)
        return max(due, self._turned_at + TURN_S)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            if self._timer.due <= due:
                return
            self._timer.cancel()
        self._timer = self._timer_queue.at(due, self._turn)

    def _turn(self) -> None:
        """Send what has waited long enough."""
        self._timer = None
        now = self._turned_at = self._clock.monotonic()
        for observer in tuple(self.by_number.values()):
            _forget_pauses(observer, now)
            for key, observation in tuple(observer.waiting.items()):
                if self._may_send(observer, key):
                    del observer.waiting[key]
                    self._send(observer, observation, now)
        dues = [
            self._next_turn(observer, key, now)
            for observer in self.by_number.values()
            for key in observer.waiting
        ]
        if dues:
            self._set_timer(min(dues))


def _forget_pauses(observer: _Observer, now: float) -> None:
    paused = observer.paused
    while paused:
        key = next(iter(paused))
        if paused[key] > now:
            break
        del paused[key]
