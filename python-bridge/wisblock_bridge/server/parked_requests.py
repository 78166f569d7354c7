"""Requests that wait until a module has given something back: its slot, or a single output.

1. It runs on the poll loop; what is waited for, the workers do.
2. A request that has waited too long, or whose client has disconnected, is not started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import BusyError, ClosingError, ExpiredError, InUseError
from wisblock_bridge.runtime.jobs import TOO_LATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.runtime.jobs import MadeSafe
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session
    from wisblock_bridge.runtime.slots import SlotClosingError
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.server.replies import Call, Replies

MAX_PARKED = 256
"""Requests that wait for one module or one output."""


class ParkedRequests:
    """All requests that wait.

    Args:
        clock: Time.
        replies: Answers requests.
        attempt: Tries a request again.
    """

    def __init__(self, clock: Clock, replies: Replies, attempt: Callable[[Call], object]) -> None:
        self._clock = clock
        self._replies = replies
        self._attempt = attempt
        self._calls: dict[tuple[Worker, str], list[Call]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._calls.values()))

    def add(self, call: Call, closing: SlotClosingError) -> None:
        """Keep a request until what it needs has been given back.

        Args:
            call: The request.
            closing: What it has to wait for.
        """
        parked = self._calls.setdefault((closing.worker, closing.output), [])
        if len(parked) >= MAX_PARKED:
            why = f"{closing.worker.place} is being closed and too many requests wait."
            self._replies.fail(call, BusyError(why))
        else:
            call.place = closing.wanted
            parked.append(call)

    def refuse(self, session: Session | None, place: Place) -> None:
        """Refuse what waits for a module, because it was released.

        Args:
            session: The client that released it; None when it was released by force.
            place: The module.
        """
        for parked in self._calls.values():
            for call in tuple(parked):
                mine = session is None or call.session.current is session
                if mine and call.place == place:
                    parked.remove(call)
                    why = f"{place} was released before this request was started."
                    self._replies.fail(call, ClosingError(why))

    def made_safe(self, message: MadeSafe) -> None:
        """Try again what waits for an output, or refuse it because it could not be made safe."""
        for call in self._calls.pop((message.worker, message.output), ()):
            if message.error is None:
                self._attempt_late(call)
                continue
            place = message.worker.place
            error = InUseError(
                f"{place} cannot give back {message.output}: {message.error.message}",
                hint="It is tried again until it works; ask again later.",
                data={"holder": str(place)},
            )
            self._replies.fail(call, error)

    def module_closed(self, worker: Worker) -> None:
        """Try again what waits for the end of a module."""
        for key in [each for each in self._calls if each[0] is worker]:
            for call in self._calls.pop(key):
                self._attempt_late(call)

    def _attempt_late(self, call: Call) -> None:
        call.session = call.session.current
        if self._clock.monotonic() > call.deadline:
            why = TOO_LATE
        elif not call.session.alive:
            why = "The session ended before the request was started."
        elif call.request.method == "subscribe" and call.session.identity != call.identity:
            why = "The connection that asked for these events is gone."
        else:
            self._attempt(call)
            return
        self._replies.fail(call, ExpiredError(why))
