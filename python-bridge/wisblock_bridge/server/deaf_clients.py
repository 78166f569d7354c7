"""The log's line about clients that do not read their replies, one for all of a moment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wisblock_bridge.server.log_limit import LogLimit

if TYPE_CHECKING:
    from wisblock_bridge.threads.timers import Timer, TimerQueue

log = logging.getLogger(__name__)

COLLECT_S = 1.0
MOST_NAMED = 32


class DeafClients:
    """Clients that were disconnected because they do not read.

    Args:
        timer_queue: The poll loop's.
    """

    def __init__(self, timer_queue: TimerQueue) -> None:
        self._timer_queue = timer_queue
        self._limit = LogLimit(timer_queue.clock)
        self._names: list[str] = []
        self._timer: Timer | None = None

    def note(self, name: str) -> None:
        """Take note of one; the line follows a moment later, with those who come until then.

        Args:
            name: What it calls itself, or where it is.
        """
        self._names.append(name)
        if self._timer is None:
            self._timer = self._timer_queue.after(COLLECT_S, self.write)

    def write(self) -> None:
        """Write the line, if there is anybody to name."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        names, self._names = self._names, []
        if not names or not self._limit.allows():
            return
        if len(names) == 1:
            log.warning("client %s does not read its replies and was disconnected", names[0])
            return
        more = len(names) - MOST_NAMED
        log.warning(
            "%d clients do not read their replies and were disconnected: %s%s",
            len(names), ", ".join(names[:MOST_NAMED]), f" and {more} more" if more > 0 else "",
        )  # fmt: skip
