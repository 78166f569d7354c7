"""A wake-up event: any thread sets it, one thread waits for it.

1. It is not counted how often it was set: the thread looks for everything there is to do.
2. Setting it is a system call that releases the interpreter's lock, so the woken thread runs at
   once instead of waking only to wait for the lock.
3. The thread that waits can wait for other descriptors as well.
"""

from __future__ import annotations

import math
import os
import select


class WakeupEvent:
    """One wake-up event, made of an eventfd."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        self._others = 0

    def set(self) -> None:
        """Wake the thread that waits, or let its next wait end at once."""
        os.eventfd_write(self._descriptor, 1)

    def add(self, descriptor: int) -> None:
        """Let the waiting end when a descriptor becomes readable as well.

        Args:
            descriptor: Of an open file.
        """
        self._poll.register(descriptor, select.POLLIN)
        self._others += 1

    def remove(self, descriptor: int) -> None:
        """Wait for a descriptor no longer.

        Args:
            descriptor: One that was added.
        """
        self._poll.unregister(descriptor)
        self._others -= 1

    def wait(self, seconds: float | None = None) -> list[int]:
        """Wait until the event is set or another descriptor is readable.

        Args:
            seconds: How long at most; None: indefinitely.

        Returns:
            The other descriptors that are readable.
        """
        if seconds is None and not self._others:
            os.eventfd_read(self._descriptor)
            return []
        wait_ms = None if seconds is None else math.ceil(seconds * 1000.0)
        ready = [descriptor for descriptor, _ in self._poll.poll(wait_ms)]
        if self._descriptor in ready:
            ready.remove(self._descriptor)
            os.eventfd_read(self._descriptor)
        return ready

    def close(self) -> None:
        """Close the event; no thread may set it or wait for it any more."""
        os.close(self._descriptor)
