"""The way from worker threads to the poll loop.

1. Posting never blocks and never fails.
2. The poll loop sleeps on ``descriptor``; many messages before it wakes cost one write.
3. A thread that has something to do before it sleeps puts its message in first and announces it
   last: a reader that wakes earlier would only wait for the interpreter's lock.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

MANY = 512
"""Items that wait: what can as well be done later is not begun before the reader has caught up."""

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A queue with any number of writers and one reader that waits on a file descriptor."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._signalled = False

    @property
    def is_behind(self) -> bool:
        """Whether more waits than the reader takes in a moment."""
        return len(self._items) >= MANY

    def post(self, item: T) -> None:
        """Put a message in, from any thread."""
        self._items.append(item)
        self.announce()

    def put(self, item: T) -> None:
        """Put a message in for which the reader is woken at the next ``announce``, or earlier."""
        self._items.append(item)

    def announce(self) -> None:
        """Wake the reader if there is anything that it was not woken for."""
        if self._items and not self._signalled:
            self._signalled = True
            with suppress(OSError):  # the reader has closed: nobody waits any more
                os.eventfd_write(self.descriptor, 1)

    def wake(self) -> None:
        """Wake the reader without a message; allowed in a signal handler."""
        with suppress(OSError):
            os.eventfd_write(self.descriptor, 1)

    def take(self) -> deque[T]:
        """Return the queue, to be emptied with ``popleft``; called by the reader when it woke."""
        with suppress(BlockingIOError):
            os.eventfd_read(self.descriptor)
        # Cleared before the queue is emptied: a message from now on signals again, one from before
        # is in the queue.
        self._signalled = False
        return self._items

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)
