"""One line's changes for several readers: the kernel tells them once.

1. The first reader takes what the kernel has and leaves a copy for the others, whose descriptors
   say so: nobody waits for the next change to hear of this one.
2. The source is opened with the first reader and closed with the last one.
3. Used on one worker thread only.
"""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import Edge, EdgeSource


class SharedEdges:
    """The readers of one line."""

    def __init__(self) -> None:
        self._source: EdgeSource | None = None
        self._readers: list[EdgeReader] = []

    @property
    def in_use(self) -> bool:
        """Whether somebody reads."""
        return bool(self._readers)

    def join(self, begin: Callable[[], EdgeSource]) -> EdgeReader:
        """Add a reader.

        Args:
            begin: Opens the source; only called for the first reader, whose settings hold for all.

        Returns:
            An ``EdgeSource`` of its own.

        Raises:
            BusError: The source cannot be opened.
        """
        if self._source is None:
            self._source = begin()
        else:
            self.fetch()  # what was before is not for the new one
        reader = EdgeReader(self, self._source)
        self._readers.append(reader)
        return reader

    def fetch(self) -> None:
        """Take what the source has, for every reader.

        Raises:
            BusError: The controller is gone.
        """
        assert self._source is not None  # noqa: S101  (a reader is there, so the source is)
        found = self._source.read()
        if found:
            for reader in self._readers:
                reader.put(found)

    def leave(self, reader: EdgeReader) -> None:
        """Take a reader away.

        Args:
            reader: Which.
        """
        if reader in self._readers:
            self._readers.remove(reader)
            if not self._readers and self._source is not None:
                source, self._source = self._source, None
                source.close()


class EdgeReader:
    """One reader of a shared source; it is an ``EdgeSource`` itself.

    Args:
        shared: The readers it belongs to.
        source: What all of them read.
    """

    def __init__(self, shared: SharedEdges, source: EdgeSource) -> None:
        self._waiting: deque[Edge] = deque()
        self._shared = shared
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._either = select.epoll()
        self._either.register(self._wakeup, select.EPOLLIN)
        self._either.register(source.descriptor, select.EPOLLIN)
        self._descriptor = self._either.fileno()

    @property
    def descriptor(self) -> int:
        """Readable when the source or another reader has changes for this one."""
        return self._descriptor

    def put(self, found: list[Edge]) -> None:
        """Keep changes until they are read.

        Args:
            found: In the order in which they happened.
        """
        self._waiting.extend(found)
        os.eventfd_write(self._wakeup, 1)

    def read(self) -> list[Edge]:
        """Take the changes so far, as ``EdgeSource.read`` says."""
        self._shared.fetch()
        with suppress(BlockingIOError):
            os.eventfd_read(self._wakeup)
        found = list(self._waiting)
        self._waiting.clear()
        return found

    def close(self) -> None:
        """Listen no longer."""
        if not self._either.closed:
            self._either.close()
            os.close(self._wakeup)
        self._shared.leave(self)
