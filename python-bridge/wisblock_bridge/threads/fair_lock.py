"""A lock for what several threads use in turn: the thread that has waited longest gets it next.

1. An ordinary lock makes no promise about who comes next: a thread that takes it again and again
   can keep another one out for seconds.
2. It knows nothing of what it protects: a bus for a transaction, a shared chip for a sequence.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class FairLock:
    """A lock, used with ``with``; it cannot be taken twice by one thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def contended(self) -> bool:
        """Whether somebody waits for it: who has it for long should then let go for a moment."""
        return bool(self._waiting)

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()  # until the thread that has the lock hands it over

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
