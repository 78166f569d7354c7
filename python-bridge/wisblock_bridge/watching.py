"""Looking out on behalf of subscriptions.

1. It runs on the worker's thread, between jobs; it decides when and what to tell, never to whom.
2. A failure is told once; then the pace slows down until the value is back.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError
from wisblock_bridge.worker import Happening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.describe import OperationDescription, Readings, Watch
    from wisblock_bridge.worker import Worker

FIRST_BACK_OFF_S = 1.0
"""Where only a descriptor tells, and what it belongs to has failed."""

LONGEST_BACK_OFF_S = 10.0


class Watching(ABC):
    """The look-out of one subscription.

    Args:
        subscription: Its number.
        interval_s: Seconds between two looks.
    """

    def __init__(self, subscription: int, interval_s: float) -> None:
        self.subscription = subscription
        self._interval_s = interval_s
        self._pause_s = interval_s
        self._due: float | None = None
        self._failing = False
        self._told = False

    def look(self, worker: Worker) -> list[Happening]:
        """Look once.

        Args:
            worker: The module's worker.

        Returns:
            What there is to tell the client.
        """
        try:
            found = self._find(worker)
        except BridgeError as error:
            paced_s = FIRST_BACK_OFF_S if math.isinf(self._interval_s) else self._interval_s
            doubled_s = self._pause_s * 2 if self._failing else paced_s
            self._pause_s = max(paced_s, min(doubled_s, LONGEST_BACK_OFF_S))
            if self._failing:
                return []
            self._failing = True
            self._forget()
            return [Happening(self.subscription, None, error)]
        self._pause_s = self._interval_s
        self._failing = False
        initial = not self._told
        self._told = self._told or bool(found)
        return [Happening(self.subscription, readings, None, initial) for readings in found]

    def next_look_s(self, now: float) -> float:
        """Tell when to look again, without drift and without catching up.

        Args:
            now: Clock reading, s.

        Returns:
            Seconds from now; infinity when only a descriptor tells.
        """
        if math.isinf(self._pause_s):
            return math.inf
        if self._failing or self._due is None or now - self._due > self._pause_s:
            self._due = now
        self._due += self._pause_s
        return max(0.0, self._due - now)

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when there is something to see."""
        return None

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Look out no longer."""

    @abstractmethod
    def _find(self, worker: Worker) -> Sequence[Readings]:
        """Look, and return what is new."""

    @abstractmethod
    def _forget(self) -> None:
        """Forget what was told, so that the value is told again once it is back."""


class PeriodicReading(Watching):
    """A reading taken every so often, told when it changed by more than a dead band.

    Args:
        subscription: Its number.
        interval_s: Seconds between two readings.
        operation: The operation that reads.
        arguments: Its parameters, in order.
        deadband: Changes of the main number up to this are not told, so 0 tells every change;
            None to tell every reading.
    """

    def __init__(
        self,
        subscription: int,
        interval_s: float,
        operation: OperationDescription,
        arguments: tuple[object, ...],
        deadband: float | None,
    ) -> None:
        super().__init__(subscription, interval_s)
        self._operation = operation
        self._arguments = arguments
        self._deadband = deadband
        self._last: Readings | None = None

    def _find(self, worker: Worker) -> Sequence[Readings]:
        readings = worker.perform(self._operation.name, self._arguments)
        if self._deadband is not None and self._last is not None and not self._moved(readings):
            return ()
        self._last = readings
        return (readings,)

    def _forget(self) -> None:
        self._last = None

    def _moved(self, readings: Readings) -> bool:
        """Compare with what was told last: numbers by the dead band, the rest by equality."""
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


class EventWatch(Watching):
    """An event that a module finds by looking.

    Args:
        subscription: Its number.
        event: The event's name.
        arguments: Its parameters, in order.
    """

    def __init__(self, subscription: int, event: str, arguments: tuple[object, ...]) -> None:
        super().__init__(subscription, 1.0)
        self._event = event
        self._arguments = arguments
        self._watch: Watch | None = None

    def _find(self, worker: Worker) -> Sequence[Readings]:
        if self._watch is None:
            self._watch = worker.begin(self._event, self._arguments)
            self._interval_s = self._pause_s = self._watch.interval_s
        return worker.look(self._watch)

    def _forget(self) -> None:
        self.close()

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when there is something to see."""
        return self._watch.descriptor if self._watch is not None else None

    def close(self) -> None:
        """Look out no longer."""
        if self._watch is not None:
            watch, self._watch = self._watch, None
            watch.close()
