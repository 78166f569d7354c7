"""Who subscribed to what, and what becomes of it.

1. It runs on the poll loop; the watching is done by the workers (``watches``).
2. A subscription outlives its module: when that was closed by force, it sleeps until its client
   asks for the module again, so that it does not take the slot from the client that wanted it.
3. Events are numbered by ``Outbox``; what cannot be encoded is reported as a defect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from wisblock_bridge.errors import BadParamsError, BridgeError, BusyError
from wisblock_bridge.runtime.fault_log import defect
from wisblock_bridge.runtime.slots import SlotClosingError
from wisblock_bridge.runtime.watches import EventWatch, PeriodicReading
from wisblock_bridge.server.access import admit, role_for
from wisblock_bridge.server.outbox import Subscription
from wisblock_bridge.wire import messages
from wisblock_bridge.wire.limits import (
    MAX_INTERVAL_MS,
    MAX_OBSERVERS,
    MAX_OBSERVERS_OF_CLIENT,
    MAX_SUBSCRIPTIONS,
    MIN_INTERVAL_MS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.jobs import Notification
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session, Sessions
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.runtime.watches import Watcher
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.server.observers import Observers
    from wisblock_bridge.server.outbox import Outbox
    from wisblock_bridge.server.parameters import Checker
    from wisblock_bridge.server.status import Counters
    from wisblock_bridge.threads.timers import TimerQueue
    from wisblock_bridge.wire.methods import Kind, ObserveParams, SubscribeParams


class Subscriptions:
    """All subscriptions of all clients.

    Args:
        slot_manager: The slots.
        sessions: The clients.
        outbox: The way out.
        timer_queue: The poll loop's.
        counters: What is counted for the status.
        worker_of: Returns the worker of a module.
        checker_of: Returns what checks the parameters of a module's operation, or of its event.
        observers: Clients that are told what others are told.
    """

    def __init__(
        self,
        slot_manager: SlotManager,
        sessions: Sessions,
        outbox: Outbox,
        timer_queue: TimerQueue,
        counters: Counters,
        worker_of: Callable[[Place], Worker],
        checker_of: Callable[[str, Kind, str], Checker],
        observers: Observers,
    ) -> None:
        self._slot_manager = slot_manager
        self._sessions = sessions
        self._outbox = outbox
        self._timer_queue = timer_queue
        self._counters = counters
        self._worker_of = worker_of
        self._checker_of = checker_of
        self._observers = observers
        self._by_number: dict[int, Subscription] = {}
        self._last = 0
        self._asleep: set[int] = set()

    # -- what clients ask -------------------------------------------------------------------------

    def add(self, session: Session, params: SubscribeParams, node: str = "") -> Subscription:
        """Take a subscription that is not watched for yet.

        Args:
            session: Who subscribes.
            params: What.
            node: What asks inside the client.

        Returns:
            The subscription, to be begun when the client knows its number.

        Raises:
            BridgeError: It cannot be subscribed to, or there are too many.
            SlotClosingError: The slot is being emptied just now.
        """
        _check_number(session)
        if (params.event is None) == (params.operation is None):
            raise BadParamsError(
                "Either event or operation is wanted, and not both.", data={"param": "event"}
            )
        name = params.event or params.operation or ""
        kind: Kind = "operation" if params.event is None else "event"
        checker = self._checker_of(params.module, kind, name)
        admit(session.peer, role_for(checker.description), f"{params.module} {name}")
        arguments = msgspec.structs.astuple(checker.check(params.params))
        _check_rhythm(checker.description, params)
        place = self._slot_manager.place(params.module, params.slot)
        self._worker_of(place)
        self._last += 1
        number = self._last

        def watcher() -> Watcher:
            if params.every_ms is None:
                return EventWatch(number, checker.description, arguments)
            every_s = params.every_ms / 1000.0
            return PeriodicReading(number, every_s, checker.description, arguments, params.deadband)

        def start() -> None:
            worker = self._worker_of(place)
            claim = self._sessions.claim(subscription.session, place)
            if node and claim.note(node):
                self._observers.holder_changed(place)
            worker.watch(watcher())

        subscription = Subscription(
            number, session, place, name, start, checker.description, arguments
        )
        self._by_number[number] = subscription
        session.subscriptions.add(number)
        return subscription

    def observe(self, session: Session, params: ObserveParams) -> Subscription:
        """Take a client that observes; it is told nothing yet.

        Args:
            session: Who.
            params: What.

        Returns:
            The subscription, to be begun when the client knows its number.

        Raises:
            BridgeError: There is no such module or slot, or there are too many observers.
        """
        _check_number(session)
        observing = sum(self._by_number[each].place is None for each in session.subscriptions)
        if observing >= MAX_OBSERVERS_OF_CLIENT:
            raise BusyError(f"This client observes {MAX_OBSERVERS_OF_CLIENT} times already.")
        if len(self._observers) >= MAX_OBSERVERS:
            raise BusyError(
                f"{MAX_OBSERVERS} observers are there already.",
                hint="Let one client observe for several purposes.",
            )
        for module in params.modules or ():
            self._slot_manager.module_class(module)
        slots = (*self._slot_manager.hardware.board.slots, "board")
        for slot in params.slots or ():
            if slot not in slots:
                raise BadParamsError(
                    f"There is no slot {slot!r:.60}.",
                    data={"param": "slots", "allowed": list(slots)},
                )
        self._last += 1
        subscription = Subscription(
            self._last,
            session,
            None,
            "observed",
            lambda: self._observers.begin(subscription, params.modules, params.slots),
        )
        self._by_number[self._last] = subscription
        session.subscriptions.add(self._last)
        return subscription

    def session_of(self, number: int) -> Session | None:
        """Return whose subscription it is.

        Args:
            number: Of the subscription.

        Returns:
            Its session; None when the subscription has ended.
        """
        subscription = self._by_number.get(number)
        return subscription.session if subscription is not None else None

    def begin(self, subscription: Subscription) -> None:
        """Begin to watch, unless the client was disconnected while it was sent the number.

        Args:
            subscription: What ``add`` gave.
        """
        if subscription.number in self._by_number:
            subscription.start()

    def unsubscribe(self, session: Session, number: int) -> None:
        """End a subscription because its client says so.

        Args:
            session: The client.
            number: Which.

        Raises:
            BadParamsError: It is not this client's.
        """
        subscription = self._by_number.get(number)
        if subscription is None or subscription.session is not session:
            raise BadParamsError(
                f"This client has no subscription {number}.", data={"param": "subscription"}
            )
        self._end(subscription)

    def end_all(self, session: Session) -> None:
        """End all subscriptions of a client.

        Args:
            session: The client.
        """
        for number in tuple(session.subscriptions):
            self._end(self._by_number[number])

    def end_of(self, session: Session, place: Place) -> None:
        """End a client's subscriptions to one module.

        Args:
            session: The client.
            place: The module.
        """
        for number in tuple(session.subscriptions):
            subscription = self._by_number[number]
            if subscription.place == place:
                self._end(subscription)

    def sleep(self, place: Place) -> None:
        """Let the subscriptions to a module sleep, because it is closed by force.

        Args:
            place: The module.
        """
        for subscription in self._by_number.values():
            if subscription.place == place:
                self._asleep.add(subscription.number)

    def wake(self, session: Session, place: Place) -> None:
        """Begin again what slept, because its client uses the module again.

        Args:
            session: The client.
            place: The module.
        """
        for number in tuple(self._asleep & session.subscriptions):
            subscription = self._by_number[number]
            if subscription.place == place:
                self._asleep.discard(number)
                self._start(subscription)

    def hand_over(self, session: Session, former: Session) -> None:
        """Give what a client subscribed to on its new connection to its former session.

        What that one had subscribed to on the lost connection ends.

        Args:
            session: The session of the new connection.
            former: The session that it goes on with.
        """
        self.end_all(former)
        for number in session.subscriptions:
            former.subscriptions.add(number)
            self._by_number[number].session = former

    def _end(self, subscription: Subscription) -> None:
        self._by_number.pop(subscription.number, None)
        self._asleep.discard(subscription.number)
        subscription.session.subscriptions.discard(subscription.number)
        if subscription.place is None:
            self._observers.end(subscription.number)
            return
        worker = self._slot_manager.find(subscription.place)
        if worker is not None and not worker.closing:
            worker.unwatch(subscription.number)

    # -- messages of workers ----------------------------------------------------------------------

    def receive(self, notification: Notification) -> None:
        """Send a client what a watcher found."""
        subscription = self._by_number.get(notification.subscription)
        if subscription is None:
            return
        self._counters.late += notification.late
        subscription.late += notification.late
        try:
            self._send(subscription, notification)
        except Exception as error:  # noqa: BLE001  (one module's odd value must not end the bridge)
            subscription.lost += 1  # its sequence number is used up
            where = "the bridge" if subscription.place is None else subscription.place.module
            notification.error = defect(error, f"an event of {where}")
            self._send(subscription, notification)
        self._observe(subscription, notification)

    def _observe(self, subscription: Subscription, notification: Notification) -> None:
        """Let those who observe know what this client was told."""
        place, description = subscription.place, subscription.description
        if place is None or description is None:
            return
        if notification.readings is not None and notification.error is None:
            self._observers.reported(
                place, description, subscription.arguments, notification.readings
            )
        elif notification.error is not None:
            self._observers.failed(place, description, subscription.arguments, notification.error)

    def _send(self, subscription: Subscription, notification: Notification) -> None:
        self._counters.events += 1
        message = messages.Event(messages.VERSION, subscription.event, subscription.number, 0)
        if notification.error is not None:
            message.event = "error"
            message.error = messages.fault(notification.error)
            self._counters.count_error(notification.error)
        else:
            readings = notification.readings
            assert readings is not None  # noqa: S101
            message.readings = readings.values
            message.timestamp = readings.timestamp_ms
            message.quality = readings.quality.value
            message.note = readings.note
            message.emulated = self._slot_manager.hardware.emulated
            message.initial = notification.initial
        self._outbox.event(subscription, message)

    # -- when a module was released ---------------------------------------------------------------

    def module_closed(self, worker: Worker) -> None:
        """Ask a module back for those who are subscribed to it, unless it was closed by force.

        Args:
            worker: The module's, which has ended.
        """
        for subscription in tuple(self._by_number.values()):
            if subscription.place == worker.place:
                self._put_off(subscription)

    def _return(self, number: int) -> None:
        """Try to get back the module of a subscription that has not ended meanwhile."""
        subscription = self._by_number.get(number)
        if subscription is not None and number not in self._asleep:
            self._start(subscription)

    def _start(self, subscription: Subscription) -> None:
        """Begin to watch again, now or later."""
        try:
            subscription.start()
        except (BridgeError, SlotClosingError):
            self._put_off(subscription)
        else:
            subscription.backoff.reset()

    def _put_off(self, subscription: Subscription) -> None:
        number = subscription.number
        if number not in self._asleep:
            self._timer_queue.after(subscription.backoff.next_s(), lambda: self._return(number))


def _check_number(session: Session) -> None:
    if len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
        raise BusyError(f"{MAX_SUBSCRIPTIONS} subscriptions of this client run already.")


def _check_rhythm(description: OperationDescription, params: SubscribeParams) -> None:
    if params.event is not None:
        if params.every_ms is not None or params.deadband is not None:
            raise BadParamsError(
                "every_ms and deadband belong to the subscription of an operation.",
                data={"param": "every_ms" if params.every_ms is not None else "deadband"},
            )
        return
    if not description.reads_only:
        raise BadParamsError(
            f"{description.name} acts, so it cannot be subscribed to.",
            data={"param": "operation"},
        )
    if params.every_ms is None:
        raise BadParamsError(
            f"every_ms is missing; allowed: a whole number {MIN_INTERVAL_MS}..."
            f"{MAX_INTERVAL_MS} ms.",
            data={"param": "every_ms"},
        )
