"""A wake-up event: any thread sets it, one thread waits for it.

1. It is not counted how often it was set: the thread looks for everything there is to do.
2. Setting it is a system call that releases the interpreter's lock, so the woken thread runs at
   once instead of waking only to wait for the lock.
3. The thread that waits can wait for other descriptors as well.
4. A wait ends when its time is over, not up to a millisecond later as with ``poll``: a look that is
   late makes an edge late, and so does a timer the end of a pulse.
"""

from __future__ import annotations

import math
import os
import select

SELECT_LIMIT = 1024
"""``select`` knows no descriptor from here on (select(2), FD_SETSIZE)."""


class WakeupEvent:
    """One wake-up event, made of an eventfd."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC)
        self._waited_for = [self._descriptor]

    def set(self) -> None:
        """Wake the thread that waits, or let its next wait end at once."""
        os.eventfd_write(self._descriptor, 1)

    def add(self, descriptor: int) -> None:
        """Let the waiting end when a descriptor becomes readable as well.

        Args:
            descriptor: Of an open file.
        """
        self._waited_for.append(descriptor)

    def remove(self, descriptor: int) -> None:
        """Wait for a descriptor no longer.

        Args:
            descriptor: One that was added.
        """
        self._waited_for.remove(descriptor)

    def wait(self, seconds: float | None = None) -> list[int]:
        """Wait until the event is set or another descriptor is readable.

        Args:
            seconds: How long at most; None: indefinitely.

        Returns:
            The other descriptors that are readable.
        """
        if seconds is None and len(self._waited_for) == 1:
            os.eventfd_read(self._descriptor)
            return []
        ready = self._select(seconds)
        if ready is None:
            ready = self._poll(seconds)
        if self._descriptor in ready:
            ready.remove(self._descriptor)
            os.eventfd_read(self._descriptor)
        return ready

    def pause(self, seconds: float) -> None:
        """Wait until the event is set, whatever else is readable.

        Args:
            seconds: How long at most, rounded up to milliseconds.
        """
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if poll.poll(math.ceil(seconds * 1000.0)):
            os.eventfd_read(self._descriptor)

    def _select(self, seconds: float | None) -> list[int] | None:
        """Wait as ``wait`` says; None where ``select`` cannot."""
        if max(self._waited_for) >= SELECT_LIMIT:
            return None
        try:
            return select.select(self._waited_for, (), (), seconds)[0]
        except OSError:  # one was closed; ``poll`` says which, so that its owner notices
            return None

    def _poll(self, seconds: float | None) -> list[int]:
        """Wait for descriptors of any number, to the next whole millisecond."""
        poll = select.poll()
        for descriptor in self._waited_for:
            poll.register(descriptor, select.POLLIN)
        wait_ms = None if seconds is None else math.ceil(seconds * 1000.0)
        return [descriptor for descriptor, _ in poll.poll(wait_ms)]

    def close(self) -> None:
        """Close the event; no thread may set it or wait for it any more."""
        os.close(self._descriptor)
