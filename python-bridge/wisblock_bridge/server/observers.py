"""Clients that observe: told what others are told, without touching anything.

1. It runs on the poll loop. While nobody observes it does nothing, and has no timer.
2. It makes messages of what happens; to whom they go, and when, is up to ``Delivery``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wisblock_bridge.runtime.claims import holders
from wisblock_bridge.server.observer_delivery import Delivery, Observation
from wisblock_bridge.wire import messages

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

HEALTH_S = 1.0
"""How often a module that fails is looked at while somebody observes: that it works again may be
found without any client asking."""


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
        self._timer_queue = timer_queue
        self._clock = timer_queue.clock
        self._delivery = Delivery(outbox, timer_queue, may_hear)
        self._emulated = slot_manager.hardware.emulated
        self.by_number = self._delivery.by_number
        self._healths: dict[Place, object] = {}
        """What was told last, to notice a change."""
        self._changed: dict[Place, None] = {}
        """Whose holders have changed in this turn of the loop."""
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
        self._delivery.begin(subscription, modules, slots, self._known())
        self._look_after_failing()

    def end(self, number: int) -> None:
        """Stop telling a client.

        Args:
            number: Of the subscription.
        """
        self._delivery.end(number)
        self._slot_manager.observing.discard(number)
        if not self.by_number:
            self._changed.clear()
            self._healths.clear()
            if self._health_timer is not None:
                self._health_timer.cancel()
                self._health_timer = None

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
            self._delivery.tell(self._value(worker.place, description, about, readings))
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
            self._delivery.tell(self._value(place, description, about, readings))
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
            self._delivery.drop_waiting((place, description.name))
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
        self._delivery.tell(told)
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
            self._delivery.tell(_health(worker))
            self._look_after_failing()

    def module_closed(self, worker: Worker) -> None:
        """Tell that a module was closed.

        Args:
            worker: Its worker, which has ended.
        """
        if self.by_number:
            self._delivery.drop_waiting((worker.place,))
            self._healths.pop(worker.place, None)
            self._delivery.tell(_health(worker))

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
            self._delivery.tell(_plugged(slot, module))

    def _tell_holders(self) -> None:
        changed, self._changed = self._changed, {}
        for place in changed:
            self._delivery.tell(self._holder(place))

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
