"""The changes of one emulated wire, as a kernel would report them.

1. A change is noted when it happens, on the thread that made it; it is read by another one.
2. The queue is as short as a kernel's: what does not fit is counted, not kept.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge.buses.gpio import Edge

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.wires import Wire
    from wisblock_bridge.clock import Clock

QUEUE_LENGTH = 16
"""Events that Linux keeps for one line (GPIO_V2: sixteen for each line requested)."""


class EmulatedEdges:
    """An edge source on a wire.

    Args:
        wire: The wire.
        clock: Time.
        debounce_s: A change that comes sooner than this after the last one is not reported.
    """

    def __init__(self, wire: Wire, clock: Clock, debounce_s: float = 0.0) -> None:
        self._wire = wire
        self._clock = clock
        self._debounce_s = debounce_s
        self._lock = threading.Lock()
        self._queue: deque[Edge] = deque()
        self._missed = 0
        self._quiet_until = clock.monotonic()
        self._level = wire.level()
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stop = wire.listen(self._changed)
        self._open = self._detecting = True

    @property
    def descriptor(self) -> int:
        """Readable when there are changes to be read."""
        return self._descriptor

    def read(self) -> list[Edge]:
        """Take the changes so far."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)
        with self._lock:
            found = list(self._queue)
            self._queue.clear()
        return found

    def detect_no_more(self) -> None:
        """Report nothing from now on: the line was configured again, without its edges."""
        if self._detecting:
            self._detecting = False
            self._stop()

    def close(self) -> None:
        """Listen no longer."""
        self.detect_no_more()
        if self._open:
            self._open = False
            os.close(self._descriptor)

    def _changed(self, level: int) -> None:
        with self._lock:
            now = self._clock.monotonic()
            if level == self._level or now < self._quiet_until:
                return
            self._level = level
            self._quiet_until = now + self._debounce_s
            if len(self._queue) >= QUEUE_LENGTH:
                self._missed += 1
                return
            self._queue.append(Edge(level, self._clock.timestamp_ms(), self._missed))
            self._missed = 0
            os.eventfd_write(self._descriptor, 1)
