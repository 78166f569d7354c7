"""Timers of a module that come at their time, also while it carries out something long.

1. The worker's own timers wait for the end of an operation, and a count may take 20 s: a relay must
   not stay on for so long because its pulse was to end meanwhile.
2. Who takes long asks for what is due; at all other times the worker does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import TimerHandle, Timers


class PunctualTimers:
    """The timers of one module.

    Args:
        timers: Of the worker.
        clock: Time.
    """

    def __init__(self, timers: Timers, clock: Clock) -> None:
        self._timers = timers
        self._clock = clock
        self._waiting: list[PunctualTimer] = []

    def after(self, seconds: float, action: Callable[[], None]) -> PunctualTimer:
        """Do something later, as ``Timers.after`` says."""
        timer = PunctualTimer(self._waiting, self._clock.monotonic() + seconds, action)
        timer.inner = self._timers.after(seconds, timer.fire)
        return timer

    def run_due(self) -> None:
        """Do what is due, in its order.

        Raises:
            BridgeError: Something failed; everything else that was due is done all the same.
        """
        now = self._clock.monotonic()
        failures: list[BridgeError] = []
        for timer in sorted(self._waiting, key=lambda each: each.due):
            if timer.due <= now and timer in self._waiting:  # the one before may have ended it
                try:
                    timer.fire()
                except BridgeError as error:
                    failures.append(error)
        if failures:
            raise failures[0]


class PunctualTimer:
    """Something that is done later.

    Args:
        waiting: All that wait.
        due: Clock reading at which it is due, s.
        action: What is done.
    """

    inner: TimerHandle

    def __init__(
        self, waiting: list[PunctualTimer], due: float, action: Callable[[], None]
    ) -> None:
        self.due = due
        self._action = action
        self._waiting = waiting
        waiting.append(self)

    def cancel(self) -> None:
        """Do it not; canceling twice is allowed."""
        self.inner.cancel()
        if self in self._waiting:
            self._waiting.remove(self)

    def fire(self) -> None:
        """Do it now, and not once more."""
        self.cancel()
        self._action()
