"""Watching on behalf of subscriptions.

1. It runs on the worker's thread, between jobs; it decides when and what to report, not to whom.
   All that a watcher needs of the worker is to call the module (``ModuleCaller``).
2. A failure is reported once; then the pace slows down until the value is back. A look that yielded
   to something urgent is no failure: it is taken again.
3. Readings that are equal and due share one measurement, which begins after the last of them fell
   due. What a missed beat costs is counted (``rhythm``).
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.errors import BridgeError, CutShortError
from wisblock_bridge.runtime.jobs import Notification
from wisblock_bridge.runtime.rhythm import SAME_TIME_S, Rhythm
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import EventSource, Result
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.jobs import WorkerMessage
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.threads.timers import Timer, TimerQueue
    from wisblock_bridge.threads.wakeup import WakeupEvent

    Keep = Callable[[OperationDescription, tuple[object, ...], Result], None]

FIRST_BACK_OFF_S = 1.0
"""The first pause where only a descriptor wakes, and what it belongs to has failed."""

CUT_SHORT_S = 0.1
"""Until a look is taken again that yielded to a stop."""


class ModuleCaller(Protocol):
    """Calls the module and opens it first if need be, as ``ModuleLifecycle`` says."""

    def perform(self, operation: str, arguments: tuple[object, ...]) -> Result:
        """Call an operation."""
        ...

    def begin(self, event: str, arguments: tuple[object, ...]) -> EventSource:
        """Return a new source of an event."""
        ...

    def look(self, source: EventSource) -> Sequence[Result]:
        """Look once for an event."""
        ...


class Watcher(ABC):
    """Watches for one subscription.

    Args:
        subscription: Its number.
        interval_s: Seconds between two looks.
        of_state: What is reported first is the present state, and is marked as initial.

    Attributes:
        due: Clock reading at which to look, s; infinity when only a descriptor wakes.
    """

    def __init__(self, subscription: int, interval_s: float, *, of_state: bool) -> None:
        self.subscription = subscription
        self.due = math.inf
        self._rhythm = Rhythm(interval_s)
        self._backoff = Backoff(FIRST_BACK_OFF_S)
        self._failing = False
        self._initial = of_state

    def begin(self, now: float) -> int:
        """Note that a look begins, and return how many beats were missed before it.

        Args:
            now: Clock reading, s.
        """
        return self._rhythm.begin(now)

    def found(self, results: Sequence[Result], now: float) -> list[Notification]:
        """Return what there is to report after a look that worked.

        Args:
            results: What it found.
            now: Clock reading, s.
        """
        if self._failing:
            self._failing = False
            self._rhythm.restart()
            self._rhythm.begin(now)
        self.due = self._rhythm.next_due
        initial = self._initial
        self._initial = initial and not results
        return [Notification(self.subscription, each, None, initial) for each in results]

    def failed(self, error: BridgeError, now: float) -> list[Notification]:
        """Return what there is to report after a look that failed.

        Args:
            error: What happened.
            now: Clock reading, s.
        """
        if isinstance(error, CutShortError):
            self.due = now + CUT_SHORT_S
            return []
        notification = None if self._failing else self._begin_to_fail(error)
        self.due = now + max(self._first_pause_s(), self._backoff.next_s())
        return [] if notification is None else [notification]

    def interrupt(self, error: BridgeError) -> Notification | None:
        """Take note of a failure that was found elsewhere; the value is reported again later.

        Args:
            error: What happened.

        Returns:
            What to report; None when a failure has been reported already.
        """
        if self._failing:
            return None
        notification = self._begin_to_fail(error)
        self._backoff.next_s()  # the attempt that failed elsewhere counts
        return notification

    def _begin_to_fail(self, error: BridgeError) -> Notification:
        self._failing = True
        self._backoff = Backoff(self._first_pause_s())
        self._forget()
        return Notification(self.subscription, None, error)

    def _first_pause_s(self) -> float:
        interval_s = self._rhythm.interval_s
        return FIRST_BACK_OFF_S if math.isinf(interval_s) else interval_s

    @property
    def is_interrupted(self) -> bool:
        """Whether it has to look to report the value again."""
        return self._failing

    @property
    @abstractmethod
    def asked(self) -> tuple[OperationDescription, tuple[object, ...]]:
        """What it watches: the operation or the event, and its parameters in order."""

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when there is something to see."""
        return None

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Stop watching."""

    @abstractmethod
    def _forget(self) -> None:
        """Forget what was reported, so that the value is reported again once it is back."""


class PeriodicReading(Watcher):
    """A reading taken at an interval, reported when it changed by more than a deadband.

    Args:
        subscription: Its number.
        interval_s: Seconds between two readings.
        operation: The operation that reads.
        arguments: Its parameters, in order.
        deadband: Changes of the main number up to this are not reported, so 0 reports every
            change; None reports every reading.

    Attributes:
        operation: The operation that reads.
        arguments: Its parameters, in order.
    """

    def __init__(
        self,
        subscription: int,
        interval_s: float,
        operation: OperationDescription,
        arguments: tuple[object, ...],
        deadband: float | None,
    ) -> None:
        super().__init__(subscription, interval_s, of_state=True)
        self.operation = operation
        self.arguments = arguments
        self._deadband = deadband
        self._last: Result | None = None
        self._late = 0

    def begin(self, now: float) -> int:
        """Note that a reading begins, and return how many beats were missed before it."""
        missed = super().begin(now) if not self._failing else 0
        self._late += missed
        return missed

    def found(self, results: Sequence[Result], now: float) -> list[Notification]:
        """Return what there is to report of a reading."""
        kept = [each for each in results if self._is_news(each)]
        if kept:
            self._last = kept[-1]
        return self._with_late(super().found(kept, now))

    def failed(self, error: BridgeError, now: float) -> list[Notification]:
        """Return what there is to report of a reading that failed."""
        return self._with_late(super().failed(error, now))

    def _with_late(self, notifications: list[Notification]) -> list[Notification]:
        for each in notifications:
            each.late, self._late = self._late, 0
        return notifications

    @property
    def asked(self) -> tuple[OperationDescription, tuple[object, ...]]:
        """The operation and its parameters."""
        return self.operation, self.arguments

    def _forget(self) -> None:
        self._last = None

    def _is_news(self, readings: Result) -> bool:
        return self._deadband is None or self._last is None or self._moved(readings)

    def _moved(self, readings: Result) -> bool:
        """Compare with what was reported last: numbers by the deadband, the rest by equality."""
        assert self._last is not None  # noqa: S101
        assert self._deadband is not None  # noqa: S101
        if readings.quality != self._last.quality:
            return True
        main = self.operation.main
        names = (main,) if main else tuple(readings.values)
        for name in names:
            new, old = readings.values.get(name), self._last.values.get(name)
            if isinstance(new, float) and isinstance(old, float):
                if abs(new - old) > self._deadband:
                    return True
            elif new != old:
                return True
        return False


class EventWatch(Watcher):
    """An event that a module finds by looking.

    Args:
        subscription: Its number.
        event: The event.
        arguments: Its parameters, in order.
    """

    def __init__(
        self, subscription: int, event: OperationDescription, arguments: tuple[object, ...]
    ) -> None:
        super().__init__(subscription, 1.0, of_state=not event.occurrence)
        self._event = event
        self._arguments = arguments
        self._source: EventSource | None = None

    @property
    def asked(self) -> tuple[OperationDescription, tuple[object, ...]]:
        """The event and its parameters."""
        return self._event, self._arguments

    def look(self, caller: ModuleCaller, clock: Clock) -> list[Notification]:
        """Look once, and return what there is to report.

        Args:
            caller: Calls the module.
            clock: Time.
        """
        self.begin(clock.monotonic())
        try:
            if self._source is None:
                self._source = caller.begin(self._event.name, self._arguments)
                self._rhythm.change(self._source.interval_s)
                self._rhythm.begin(clock.monotonic())
            source = self._source
            results = caller.look(source)
        except BridgeError as error:
            return self.failed(error, clock.monotonic())
        if source.interval_s != self._rhythm.interval_s:
            self._rhythm.change(source.interval_s)
            self._rhythm.begin(clock.monotonic())
        for readings in results:
            self._event.precision.apply(readings.values)
        notifications = self.found(results, clock.monotonic())
        if source.look_at is not None:
            self.due = min(self.due, source.look_at)
        return notifications

    def _forget(self) -> None:
        self.close()

    @property
    def is_interrupted(self) -> bool:
        """Whether it has to look to report the value again."""
        return self._failing or self._source is None

    @property
    def looks_meanwhile(self) -> bool:
        """Whether it may look while an operation of the module is under way."""
        return self._source is not None and not self._failing and self._source.looks_meanwhile

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when there is something to see."""
        return self._source.descriptor if self._source is not None else None

    def close(self) -> None:
        """Stop watching."""
        if self._source is not None:
            source, self._source = self._source, None
            source.close()


class Watchers:
    """The watchers that run on one worker's thread, and what wakes them.

    Args:
        caller: Calls the module.
        timer_queue: Later work on the thread.
        wakeup: What the thread waits at.
        mailbox: Where what is seen goes.
        clock: Time.
        measure: Carries out an operation for everybody who waits for it: those of ``due_for``, and
            requests.
        keep: Keeps what was seen.

    Attributes:
        late: Beats of periodic readings that were missed so far.
    """

    def __init__(
        self,
        caller: ModuleCaller,
        timer_queue: TimerQueue,
        wakeup: WakeupEvent,
        mailbox: Mailbox[WorkerMessage],
        clock: Clock,
        measure: Callable[[OperationDescription, tuple[object, ...]], None],
        keep: Keep = lambda *_: None,
    ) -> None:
        self.late = 0
        self._keep = keep
        self._caller = caller
        self._timer_queue = timer_queue
        self._wakeup = wakeup
        self._mailbox = mailbox
        self._clock = clock
        self._measure = measure
        self._by_number: dict[int, Watcher] = {}
        self._timers: dict[int, Timer] = {}
        self._by_descriptor: dict[int, list[Watcher]] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the subscriptions that are watched for."""
        return tuple(self._by_number)

    def at(self, descriptor: int) -> tuple[Watcher, ...]:
        """Return the watchers that wait for a descriptor."""
        return tuple(self._by_descriptor.get(descriptor, ()))

    def start(self, watcher: Watcher) -> None:
        """Begin to watch, in turn with the other watchers and with requests."""
        self.stop(watcher.subscription)  # of which there is one at a time
        self._by_number[watcher.subscription] = watcher
        self._look_soon(watcher)

    def stop(self, subscription: int) -> None:
        """Stop a watcher; one that has stopped already is left alone.

        Args:
            subscription: Its number.
        """
        watcher = self._by_number.pop(subscription, None)
        if watcher is not None:
            self._cancel(watcher)
            self._stop_listening(watcher)
            watcher.close()

    def interrupt(self, error: BridgeError) -> None:
        """Report a failure of the module to every subscription that has not had one already.

        Args:
            error: What happened.
        """
        for watcher in tuple(self._by_number.values()):
            self._stop_listening(watcher)
            notification = watcher.interrupt(error)
            if notification is not None:
                self._mailbox.post(notification)

    def look_again(self) -> None:
        """Look soon for those that reported a failure: the module works again."""
        for watcher in self._by_number.values():
            if watcher.is_interrupted:
                self._look_soon(watcher)

    def look_now(self, watcher: Watcher) -> None:
        """Look once, and wait from then on for what makes the watcher look again."""
        if self._by_number.get(watcher.subscription) is not watcher:
            return
        if isinstance(watcher, EventWatch):
            self._finish(watcher, watcher.look(self._caller, self._clock))
        elif isinstance(watcher, PeriodicReading):
            watcher.due = min(watcher.due, self._clock.monotonic())
            self._measure(watcher.operation, watcher.arguments)

    def look_meanwhile(self) -> None:
        """Look for the events that are due and need not wait for the operation under way."""
        now = self._clock.monotonic()
        for watcher in tuple(self._by_number.values()):
            if not (isinstance(watcher, EventWatch) and watcher.looks_meanwhile):
                continue
            # What a descriptor tells is taken without waiting, so nobody asks the descriptor.
            if watcher.due <= now + SAME_TIME_S or watcher.descriptor is not None:
                self.look_now(watcher)

    # -- readings that several share --------------------------------------------------------------

    def due_for(
        self, operation: OperationDescription, arguments: tuple[object, ...], now: float
    ) -> list[PeriodicReading]:
        """Return whose reading is due, of one operation with the same parameters.

        Args:
            operation: The operation.
            arguments: Its parameters, in order.
            now: Clock reading at which it begins, s.
        """
        waiting = [
            each
            for each in self._by_number.values()
            if isinstance(each, PeriodicReading)
            and each.due <= now + SAME_TIME_S
            and each.operation.name == operation.name
            and each.arguments == arguments
        ]
        for watcher in waiting:
            self.late += watcher.begin(now)
        return waiting

    def deliver(self, watchers: list[PeriodicReading], outcome: Result | BridgeError) -> None:
        """Give a reading, or why there is none, to those that ``due_for`` named.

        Args:
            watchers: Who waits for it; one that has stopped meanwhile is left alone.
            outcome: The reading, or the failure.
        """
        now = self._clock.monotonic()
        for watcher in watchers:
            if self._by_number.get(watcher.subscription) is not watcher:
                continue
            if isinstance(outcome, BridgeError):
                self._finish(watcher, watcher.failed(outcome, now))
            else:
                self._finish(watcher, watcher.found((outcome,), now))

    # -- when to look ----------------------------------------------------------------------------

    def _finish(self, watcher: Watcher, notifications: list[Notification]) -> None:
        for notification in notifications:
            if notification.readings is not None:
                self._keep(*watcher.asked, notification.readings)
            self._mailbox.post(notification)
        descriptor = watcher.descriptor
        if descriptor is None or watcher not in self._by_descriptor.get(descriptor, ()):
            self._stop_listening(watcher)
            if descriptor is not None:
                if descriptor not in self._by_descriptor:
                    self._by_descriptor[descriptor] = []
                    self._wakeup.add(descriptor)
                self._by_descriptor[descriptor].append(watcher)
        self._schedule(watcher)

    def _look_soon(self, watcher: Watcher) -> None:
        watcher.due = self._clock.monotonic()
        self._schedule(watcher)

    def _schedule(self, watcher: Watcher) -> None:
        self._cancel(watcher)
        if not math.isinf(watcher.due):
            self._timers[watcher.subscription] = self._timer_queue.at(
                watcher.due - SAME_TIME_S, functools.partial(self.look_now, watcher)
            )

    def _cancel(self, watcher: Watcher) -> None:
        timer = self._timers.pop(watcher.subscription, None)
        if timer is not None:
            timer.cancel()

    def _stop_listening(self, watcher: Watcher) -> None:
        for descriptor, watchers in tuple(self._by_descriptor.items()):
            if watcher in watchers:
                watchers.remove(watcher)
                if not watchers:
                    del self._by_descriptor[descriptor]
                    self._wakeup.remove(descriptor)
