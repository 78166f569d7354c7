"""A watcher for what a module itself finds out, in the course of its own work.

1. The module reports, on the worker's thread; the watcher only wakes that thread for the reading.
2. A reader that is too late loses the oldest results, never the newest.
"""

from __future__ import annotations

import math
import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge.module_api import EventSource, Result

if TYPE_CHECKING:
    from collections.abc import Callable


MOST_PENDING = 64


class PushedEvents(EventSource):
    """A watcher that is fed by the module.

    Args:
        present: The present state, which is reported first.
        forget: Called with this watch when nobody looks out any more.
    """

    def __init__(self, present: Result, forget: Callable[[PushedEvents], None]) -> None:
        super().__init__(math.inf)
        self._pending = deque([present], maxlen=MOST_PENDING)
        self._forget: Callable[[PushedEvents], None] | None = forget
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    @property
    def descriptor(self) -> int | None:
        """Readable when there is something to tell; None after the end."""
        return self._wakeup if self._forget is not None else None

    def tell(self, readings: Result) -> None:
        """Note something.

        Args:
            readings: What there is to tell.
        """
        self._pending.append(readings)
        os.eventfd_write(self._wakeup, 1)

    def look(self) -> list[Result]:
        """Take what there is to tell.

        Returns:
            What was told since; at first the state at the beginning.
        """
        with suppress(BlockingIOError):
            os.eventfd_read(self._wakeup)
        pending = list(self._pending)
        self._pending.clear()
        return pending

    def close(self) -> None:
        """Stop watching."""
        if self._forget is not None:
            forget, self._forget = self._forget, None
            forget(self)
            os.close(self._wakeup)
