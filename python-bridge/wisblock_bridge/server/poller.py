"""What the loop sleeps in: epoll, behind the interface of ``selectors``.

1. It differs from ``selectors.EpollSelector`` in what a turn costs: for each descriptor that is
   ready, one look into a map. With many clients the loop does that for each request.
"""

from __future__ import annotations

import math
import select
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import FileDescriptorLike

_EVENTS = (0, select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN | select.EPOLLOUT)
"""What epoll calls the events of ``selectors``: reading, writing, both."""


class Poller(selectors.BaseSelector):
    """Waits for descriptors."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: object = None
    ) -> selectors.SelectorKey:
        """Wait for a descriptor as well, as ``selectors`` says."""
        descriptor = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        self._epoll.register(descriptor, _EVENTS[events])
        key = selectors.SelectorKey(fileobj, descriptor, events, data)
        self._keys[descriptor] = key
        return key

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """Wait for a descriptor no longer; it has to be open still."""
        descriptor = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys.pop(descriptor)
        self._epoll.unregister(descriptor)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until a descriptor is ready, and return those that are.

        Args:
            timeout: How long at most, s, rounded up to milliseconds; None: indefinitely.

        Returns:
            Their keys, each with what epoll reports.
        """
        wait_s = -1.0 if timeout is None else math.ceil(timeout * 1e3) * 1e-3
        keys = self._keys
        return [(keys[descriptor], found) for descriptor, found in self._epoll.poll(wait_s)]

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        """Return what is waited for."""
        return {key.fileobj: key for key in self._keys.values()}

    def close(self) -> None:
        """Wait for nothing any more."""
        self._epoll.close()
        self._keys.clear()
