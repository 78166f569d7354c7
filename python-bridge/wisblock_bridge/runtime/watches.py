"""Watching on behalf of subscriptions.

1. It runs on the worker's thread, between jobs; it decides when and what to report, not to whom.
   All that a watcher needs of the worker is to call the module (``ModuleCaller``).
2. A failure is reported once; then the pace slows down until the value is back. A look that yielded
   to something urgent is no failure: it is taken again.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.errors import BridgeError, CutShortError
from wisblock_bridge.runtime.jobs import Notification
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import EventSource, Result
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.jobs import WorkerMessage
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.threads.timers import TimerQueue
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
    """

    def __init__(self, subscription: int, interval_s: float, *, of_state: bool) -> None:
        self.subscription = subscription
        self._interval_s = interval_s
        self._pause_s = interval_s
        self._backoff = Backoff(FIRST_BACK_OFF_S)
        self._due: float | None = None
        self._failing = False
        self._cut_short = False
        self._initial = of_state

    def look(self, caller: ModuleCaller) -> list[Notification]:
        """Look once, and return what there is to report.

        Args:
            caller: Calls the module.
        """
        try:
            found = self._find(caller)
        except CutShortError:
            self._cut_short = True
            return []
        except BridgeError as error:
            if not self._failing:
                self._backoff = Backoff(self._first_pause_s())
            self._pause_s = max(self._first_pause_s(), self._backoff.next_s())
            if self._failing:
                return []
            self._failing = True
            self._forget()
            return [Notification(self.subscription, None, error)]
        self._pause_s = self._interval_s
        self._failing = False
        initial = self._initial
        self._initial = initial and not found
        return [Notification(self.subscription, readings, None, initial) for readings in found]

    def interrupt(self, error: BridgeError) -> Notification | None:
        """Take note of a failure that was found elsewhere; the value is reported again later.

        Args:
            error: What happened.

        Returns:
            What to report; None when a failure has been reported already.
        """
        if self._failing:
            return None
        self._failing = True
        self._backoff = Backoff(self._first_pause_s())
        self._backoff.next_s()  # the attempt that failed elsewhere counts
        self._forget()
        return Notification(self.subscription, None, error)

    def _first_pause_s(self) -> float:
        return FIRST_BACK_OFF_S if math.isinf(self._interval_s) else self._interval_s

    @property
    def is_interrupted(self) -> bool:
        """Whether it has to look to report the value again."""
        return self._failing

    @property
    def is_woken_only(self) -> bool:
        """Whether only a descriptor makes it look, so that no timer of it is under way."""
        return math.isinf(self._pause_s)

    def next_look_s(self, now: float) -> float:
        """Return when to look again, without drift and without catching up.

        Args:
            now: Clock reading, s.

        Returns:
            Seconds from now; infinity when only a descriptor wakes.
        """
        if self._cut_short:
            self._cut_short = False
            return CUT_SHORT_S
        if math.isinf(self._pause_s):
            return math.inf
        if self._failing or self._due is None or now - self._due > self._pause_s:
            self._due = now
        self._due += self._pause_s
        return max(0.0, self._due - now)

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
    def _find(self, caller: ModuleCaller) -> Sequence[Result]:
        """Look, and return what is new."""

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
        self._operation = operation
        self._arguments = arguments
        self._deadband = deadband
        self._last: Result | None = None

    @property
    def asked(self) -> tuple[OperationDescription, tuple[object, ...]]:
        """The operation and its parameters."""
        return self._operation, self._arguments

    def _find(self, caller: ModuleCaller) -> Sequence[Result]:
        readings = caller.perform(self._operation.name, self._arguments)
        if self._deadband is not None and self._last is not None and not self._moved(readings):
            return ()
        self._last = readings
        return (readings,)

    def _forget(self) -> None:
        self._last = None

    def _moved(self, readings: Result) -> bool:
        """Compare with what was reported last: numbers by the deadband, the rest by equality."""
        assert self._last is not None  # noqa: S101
        assert self._deadband is not None  # noqa: S101
        if readings.quality != self._last.quality:
            return True
        main = self._operation.main
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

    def _find(self, caller: ModuleCaller) -> Sequence[Result]:
        if self._source is None:
            self._source = caller.begin(self._event.name, self._arguments)
            self._interval_s = self._pause_s = self._source.interval_s
        found = caller.look(self._source)
        self._interval_s = self._source.interval_s
        for readings in found:
            self._event.precision.apply(readings.values)
        return found

    def _forget(self) -> None:
        self.close()

    @property
    def is_interrupted(self) -> bool:
        """Whether it has to look to report the value again."""
        return self._failing or self._source is None

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
        keep: Keeps what was seen.
    """

    def __init__(
        self,
        caller: ModuleCaller,
        timer_queue: TimerQueue,
        wakeup: WakeupEvent,
        mailbox: Mailbox[WorkerMessage],
        clock: Clock,
        keep: Keep = lambda *_: None,
    ) -> None:
        self._keep = keep
        self._caller = caller
        self._timer_queue = timer_queue
        self._wakeup = wakeup
        self._mailbox = mailbox
        self._clock = clock
        self._by_number: dict[int, Watcher] = {}
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
        self._by_number[watcher.subscription] = watcher
        self._timer_queue.after(0.0, lambda: self._look(watcher))

    def stop(self, subscription: int) -> None:
        """Stop a watcher; one that has stopped already is left alone.

        Args:
            subscription: Its number.
        """
        watcher = self._by_number.pop(subscription, None)
        if watcher is not None:
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
                self._timer_queue.after(0.0, functools.partial(self._look_again, watcher))

    def _look_again(self, watcher: Watcher) -> None:
        if self._by_number.get(watcher.subscription) is not watcher:
            return
        if watcher.is_interrupted and watcher.is_woken_only:
            self._look(watcher)
        elif watcher.is_interrupted:
            self.look_now(watcher)

    def look_now(self, watcher: Watcher) -> None:
        """Look once, outside the rhythm, and wait from then on for the watcher's descriptor."""
        for notification in watcher.look(self._caller):
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

    def _look(self, watcher: Watcher) -> None:
        """Look because it is time, and say when it is time again."""
        if self._by_number.get(watcher.subscription) is not watcher:
            return
        self.look_now(watcher)
        pause_s = watcher.next_look_s(self._clock.monotonic())
        if not math.isinf(pause_s):
            self._timer_queue.after(pause_s, lambda: self._look(watcher))

    def _stop_listening(self, watcher: Watcher) -> None:
        for descriptor, watchers in tuple(self._by_descriptor.items()):
            if watcher in watchers:
                watchers.remove(watcher)
                if not watchers:
                    del self._by_descriptor[descriptor]
                    self._wakeup.remove(descriptor)
