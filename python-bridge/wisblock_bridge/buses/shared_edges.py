"""One line's changes for several readers: the kernel tells them once.

1. The first reader takes what the kernel has and leaves a copy for the others.
2. The descriptor is readable until each of them has taken its own: a count that reads a line to
   its end must not keep the last change from an event of the same line.
3. The source is opened with the first reader and closed with the last one.
4. Used on one worker thread only.
"""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import Edge, EdgeSource


class SharedEdges:
    """The readers of one line."""

    def __init__(self) -> None:
        self._source: EdgeSource | None = None
        self._readers: list[EdgeReader] = []
        self._either: select.epoll | None = None
        """Readable when the source is, or when a copy waits."""
        self._copies = -1
        """An eventfd: set while a copy waits."""
        self._copies_wait = False
        self._unread = 0
        """How many readers have something waiting."""
        self._resources = ExitStack()

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
        if self._source is None or self._either is None:
            self._open(begin)
        else:
            self._fetch()  # what was before is not for the new one
            self._mark()
        assert self._either is not None  # noqa: S101  (it was opened)
        reader = EdgeReader(self, self._either.fileno())
        self._readers.append(reader)
        return reader

    def _open(self, begin: Callable[[], EdgeSource]) -> None:
        with ExitStack() as stack:
            source = begin()
            stack.callback(source.close)
            either = stack.enter_context(select.epoll())
            self._copies = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            stack.callback(os.close, self._copies)
            either.register(source.descriptor, select.EPOLLIN)
            either.register(self._copies, select.EPOLLIN)
            self._source, self._either = source, either
            self._resources = stack.pop_all()
        self._copies_wait, self._unread = False, 0

    def take(self, reader: EdgeReader) -> list[Edge]:
        """Take what there is for one reader, and keep copies for the others.

        Args:
            reader: Who asks.

        Raises:
            BusError: The controller is gone.
        """
        self._fetch()
        return self._emptied(reader)

    def _fetch(self) -> None:
        """Take what the source has, for every reader."""
        assert self._source is not None  # noqa: S101  (a reader is there, so the source is)
        for edge in self._source.read():
            for each in self._readers:
                if not each.waiting:
                    self._unread += 1
                each.waiting.append(edge)

    def leave(self, reader: EdgeReader) -> None:
        """Take a reader away.

        Args:
            reader: Which.
        """
        if reader in self._readers:
            self._emptied(reader)
            self._readers.remove(reader)
            if not self._readers:
                self._source = self._either = None
                self._resources.close()

    def _emptied(self, reader: EdgeReader) -> list[Edge]:
        found = list(reader.waiting)
        if found:
            reader.waiting.clear()
            self._unread -= 1
        self._mark()
        return found

    def _mark(self) -> None:
        """Make the descriptor say whether copies wait."""
        if (self._unread > 0) != self._copies_wait:
            self._copies_wait = not self._copies_wait
            if self._copies_wait:
                os.eventfd_write(self._copies, 1)
            else:
                os.eventfd_read(self._copies)


class EdgeReader:
    """One reader of a shared source; it is an ``EdgeSource`` itself.

    Args:
        shared: The readers it belongs to.
        descriptor: Readable when there are changes for any of them.
    """

    def __init__(self, shared: SharedEdges, descriptor: int) -> None:
        self.waiting: deque[Edge] = deque()
        self._shared = shared
        self._descriptor = descriptor

    @property
    def descriptor(self) -> int:
        """Readable when there are changes to be read; the same for all readers."""
        return self._descriptor

    def read(self) -> list[Edge]:
        """Take the changes so far, as ``EdgeSource.read`` says."""
        return self._shared.take(self)

    def close(self) -> None:
        """Listen no longer."""
        self._shared.leave(self)
