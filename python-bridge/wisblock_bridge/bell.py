"""A bell: any thread rings it, one thread waits at it.

1. Rings are not counted: who wakes looks for everything there is to do.
2. Ringing is a system call that lets go of the interpreter's lock, so that the woken thread can run at once
   instead of waking only to wait for the lock.
"""

from __future__ import annotations

import math
import os
import select


class Bell:
    """One bell, made of an eventfd."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def ring(self) -> None:
        """Wake the thread that waits, or let its next wait end at once."""
        os.eventfd_write(self._descriptor, 1)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the bell rings.

        Args:
            seconds: How long at most; None for ever.
        """
        if seconds is not None and not self._poll.poll(math.ceil(seconds * 1000.0)):
            return
        os.eventfd_read(self._descriptor)

    def close(self) -> None:
        """Take the bell down; nobody may ring or wait any more."""
        os.close(self._descriptor)
