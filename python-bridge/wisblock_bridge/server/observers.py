"""Clients that observe: told what others are told, without touching anything.

1. It runs on the poll loop. While nobody observes it costs one comparison for each result, and no
   timer.
2. Of each reading, and of each state, an observer gets the first at once and then the latest of
   each ``PAUSE_S``. What was replaced is counted as lost.
3. One timer serves all observers; there is none while nothing waits.
4. What waits for an observer waits here, so that it is replaced by what is newer; ``Outbox`` gets
   one message at a time of an observer that is slow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wisblock_bridge.runtime.claims import holders
from wisblock_bridge.runtime.fault_log import defect
from wisblock_bridge.wire import messages
from wisblock_bridge.wire.limits import MAX_OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wisblock_bridge.errors import BridgeError
    from wisblock_bridge.module_api import Result
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session, Sessions
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.server.outbox import Outbox, Subscription
    from wisblock_bridge.threads.timers import Timer, TimerQueue

PAUSE_S = 0.2
"""Between two messages about the same: at most 5 a second."""

TURN_S = 0.04
"""Between two turns at what waits, so that twenty readings do not wake the loop for each of
them."""

HEALTH_S = 1.0
"""How often a module that fails is looked at while somebody observes: that it works again may be
found without any client asking."""

_Key = tuple[object, ...]


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
    key: _Key
    fields: dict[str, Any]


@dataclass(slots=True, eq=False)
class _Observer:
    subscription: Subscription
    modules: frozenset[str] | None
    slots: frozenset[int | str] | None
    paused: dict[_Key, float] = field(default_factory=dict)
    """Until when nothing more is told about something; in that order."""
    waiting: dict[_Key, Observation] = field(default_factory=dict)
    lost: int = 0

    def wants(self, each: Observation) -> bool:
        if self.slots is not None and each.slot not in self.slots:
            return False
        return self.modules is None or each.kind == "plugged" or each.module in self.modules


class Observers:
    """All clients that observe.

    Args:
        slot_manager: The modules in use.
        sessions: The clients.
        outbox: The way out.
        timer_queue: The poll loop's.
        may_hear: Returns whether a client may still be told anything, and ends its session if not.

    Attributes:
        by_number: Those who observe, by the numbers of their subscriptions; empty for nobody.
        plugged: Returns what is in each slot; only an emulated board knows.
    """

    def __init__(
        self,
        slot_manager: SlotManager,
        sessions: Sessions,
        outbox: Outbox,
        timer_queue: TimerQueue,
        may_hear: Callable[[Session], bool],
    ) -> None:
        self._slot_manager = slot_manager
        self._sessions = sessions
        self._outbox = outbox
        self._timer_queue = timer_queue
        self._clock = timer_queue.clock
        self._may_hear = may_hear
        self._emulated = slot_manager.hardware.emulated
        self.by_number: dict[int, _Observer] = {}
        self._healths: dict[Place, object] = {}
        """What was told last, to notice a change."""
        self._changed: dict[Place, None] = {}
        """Whose holders have changed in this turn of the loop."""
        self._timer: Timer | None = None
        self._turned_at = self._clock.monotonic()
        self._health_timer: Timer | None = None
        self.plugged: Callable[[], dict[int, str | None]] = dict
        sessions.changed = self.holder_changed

    def __len__(self) -> int:
        return len(self.by_number)

    # -- observers --------------------------------------------------------------------------------

    def begin(
        self,
        subscription: Subscription,
        modules: Iterable[str] | None,
        slots: Iterable[int | str] | None,
    ) -> None:
        """Begin to tell a client, with what is known.

        Args:
            subscription: Of the client, which knows its number.
            modules: Only these; None for all.
            slots: Only there; None for everywhere.
        """
        if not self.by_number:
            self._healths = {each.place: _health_of(each) for each in self._slot_manager}
        self._slot_manager.observing.add(subscription.number)
        observer = self.by_number[subscription.number] = _Observer(
            subscription,
            None if modules is None else frozenset(modules),
            None if slots is None else frozenset(slots),
        )
        now = self._clock.monotonic()
        for each in self._known():
            if observer.wants(each):
                each.fields["initial"] = True
                self._offer(observer, each, now)
        self._look_after_failing()

    def end(self, number: int) -> None:
        """Stop telling a client.

        Args:
            number: Of the subscription.
        """
        self.by_number.pop(number, None)
        self._slot_manager.observing.discard(number)
        if not self.by_number:
            self._changed.clear()
            self._healths.clear()
            for timer in (self._timer, self._health_timer):
                if timer is not None:
                    timer.cancel()
            self._timer = self._health_timer = None

    def _known(self) -> list[Observation]:
        found = [_plugged(slot, module) for slot, module in self.plugged().items()]
        for worker in self._slot_manager:
            place = worker.place
            found.append(_health(worker))
            found.append(self._holder(place))
            found += [
                self._value(place, description, about, readings)
                for description, about, readings in worker.values.known()
            ]
        return found

    # -- what happens -----------------------------------------------------------------------------

    def result(
        self,
        worker: Worker,
        description: OperationDescription,
        arguments: tuple[object, ...],
        readings: Result,
    ) -> None:
        """Tell the result of a request.

        Args:
            worker: Whose module it is.
            description: Of the operation.
            arguments: Its parameters, in order.
            readings: The result.
        """
        if self.by_number:
            about = description.select(arguments)
            self._tell(self._value(worker.place, description, about, readings))
            self.check_health(worker)

    def reported(
        self,
        place: Place,
        description: OperationDescription,
        arguments: tuple[object, ...],
        readings: Result,
    ) -> None:
        """Tell what a client was told by a subscription.

        Args:
            place: The module.
            description: Of the operation or the event.
            arguments: Its parameters, in order.
            readings: The reading, or what happened.
        """
        if self.by_number:
            about = description.about(arguments, readings.values)
            self._tell(self._value(place, description, about, readings))
            self._check_health_at(place)

    def failed(
        self,
        place: Place,
        description: OperationDescription,
        arguments: tuple[object, ...],
        error: BridgeError,
    ) -> None:
        """Tell that an operation or a subscription failed.

        Args:
            place: The module.
            description: Of the operation or the event.
            arguments: Its parameters, in order.
            error: Why.
        """
        if not self.by_number:
            return
        about = description.about(arguments, {})
        if description.selecting_readings:
            self._drop_waiting(place, description.name)
        told = Observation(
            "error",
            place.module,
            place.slot,
            (place, description.name, about),
            {
                "name": description.name,
                "params": description.selected(about),
                "error": messages.fault(error),
                "timestamp": self._clock.timestamp_ms(),
            },
        )
        self._tell(told)
        self._check_health_at(place)

    def check_health(self, worker: Worker) -> None:
        """Tell that a module was opened, has begun to fail, or works again.

        Args:
            worker: Its worker.
        """
        if not self.by_number:
            return
        state = _health_of(worker)
        if self._healths.get(worker.place) != state:
            self._healths[worker.place] = state
            self._tell(_health(worker))
            self._look_after_failing()

    def module_closed(self, worker: Worker) -> None:
        """Tell that a module was closed.

        Args:
            worker: Its worker, which has ended.
        """
        if self.by_number:
            self._drop_waiting(worker.place, None)
            self._healths.pop(worker.place, None)
            self._tell(_health(worker))

    def holder_changed(self, place: Place) -> None:
        """Take note that a claim or a held output began or ended; it is told after this turn.

        Args:
            place: The module.
        """
        if self.by_number:
            if not self._changed:
                self._timer_queue.after(0.0, self._tell_holders)
            self._changed[place] = None

    def plugged_changed(self, slot: int, module: str | None) -> None:
        """Tell that something else is in an emulated slot."""
        if self.by_number:
            self._tell(_plugged(slot, module))

    def _tell_holders(self) -> None:
        changed, self._changed = self._changed, {}
        for place in changed:
            self._tell(self._holder(place))

    def _check_health_at(self, place: Place) -> None:
        worker = self._slot_manager.find(place)
        if worker is not None:
            self.check_health(worker)

    def _look_after_failing(self) -> None:
        """Look again later while a module fails; nobody says so when it works again unasked."""
        if self._health_timer is None and any(
            worker.health.last_error is not None for worker in self._slot_manager
        ):
            self._health_timer = self._timer_queue.after(HEALTH_S, self._check_all)

    def _check_all(self) -> None:
        self._health_timer = None
        for worker in self._slot_manager:
            self.check_health(worker)
        self._look_after_failing()

    # -- what is told -----------------------------------------------------------------------------

    def _value(
        self,
        place: Place,
        description: OperationDescription,
        about: tuple[object, ...],
        readings: Result,
    ) -> Observation:
        fields: dict[str, Any] = {
            "name": description.name,
            "params": description.selected(about),
            "readings": readings.values,
            "timestamp": readings.timestamp_ms,
            "quality": readings.quality.value,
            "emulated": self._emulated,
            "note": readings.note,
        }
        key = (place, description.name, about)
        return Observation(description.outcome, place.module, place.slot, key, fields)

    def _holder(self, place: Place) -> Observation:
        fields = holders(self._sessions.users(place))
        return Observation("holder", place.module, place.slot, ("holder", place), fields)

    # -- to whom and when -------------------------------------------------------------------------

    def _tell(self, observation: Observation) -> None:
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
    def _may_send(observer: _Observer, key: _Key) -> bool:
        return (
            key not in observer.paused
            and len(observer.paused) < MAX_OBSERVED
            and not observer.subscription.waiting
        )

    def _send(self, observer: _Observer, observation: Observation, now: float) -> None:
        subscription = observer.subscription
        if not self._may_hear(subscription.session):
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

    def _drop_waiting(self, place: Place, name: str | None) -> None:
        """Drop values that an error, or the end of their module, has made old."""
        for observer in self.by_number.values():
            for key in tuple(observer.waiting):
                if key[0] == place and (name is None or key[1] == name):
                    del observer.waiting[key]
                    observer.lost += 1

    def _next_turn(self, observer: _Observer, key: _Key, now: float) -> float:
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


def _health_of(worker: Worker) -> tuple[bool, str]:
    error = worker.health.last_error
    return (worker.lifecycle.is_open, "" if error is None else str(error.code))


def _health(worker: Worker) -> Observation:
    health = worker.health
    fields: dict[str, Any] = {
        "open": worker.lifecycle.is_open,
        "failing": health.last_error is not None,
        "last_good": health.last_good_ms,
        "last_error": messages.fault(health.latest_error) if health.latest_error else None,
        "last_error_at": health.latest_error_ms,
    }
    place = worker.place
    return Observation("health", place.module, place.slot, ("health", place), fields)


def _plugged(slot: int, module: str | None) -> Observation:
    return Observation("plugged", module, slot, ("plugged", slot), {})
