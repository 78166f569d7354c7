"""Leases: a client that has been silent for too long has ended its session.

1. One timer serves all of them: it is due when the first lease may run out. A request renews a
   lease without touching it; when it is due, it is set for the lease that ends next.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.runtime.sessions import Session, Sessions
    from wisblock_bridge.server.outbox import Outbox
    from wisblock_bridge.threads.timers import Timer, TimerQueue

log = logging.getLogger(__name__)


class Leases:
    """The leases of all sessions.

    Args:
        sessions: The clients.
        outbox: What waits for them.
        timer_queue: The poll loop's.
        end_session: Ends a session.
    """

    def __init__(
        self,
        sessions: Sessions,
        outbox: Outbox,
        timer_queue: TimerQueue,
        end_session: Callable[[Session], None],
    ) -> None:
        self._sessions = sessions
        self._outbox = outbox
        self._timer_queue = timer_queue
        self._end_session = end_session
        self._timer: Timer | None = None

    def begin(self, session: Session) -> None:
        """Take note of a lease that is new, or may end earlier than it did."""
        self._set_timer(session.ends_at)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            if self._timer.due <= due:
                return
            self._timer.cancel()
        self._timer = self._timer_queue.at(due, self._end_overdue)

    def _end_overdue(self) -> None:
        self._timer = None
        for session in self._sessions.overdue(self._timer_queue.clock.monotonic()):
            if session.outputs or session.subscriptions:
                name = f"client {session.name}" if session.name else "unnamed client"
                log.info("%s has disconnected", name)
            self._outbox.drop_unless_taken(session.identity)
            self._end_session(session)
        due = self._sessions.next_end()
        if due is not None:
            self._set_timer(due)
