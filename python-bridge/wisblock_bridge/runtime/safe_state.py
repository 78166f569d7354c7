"""Modules whose outputs could not be made safe when they were closed: tried again until they are.

1. It knows when and which; opening and closing is the worker's business.
2. It never takes a slot: a client that opens the module meanwhile has made it safe, and where
   another module answers, this one has been pulled out.
3. It ends: what does not answer for a minute is left to the next start of the bridge.
4. It is called from the poll loop only.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError
from wisblock_bridge.runtime.safe_outputs import FIRST_RETRY_S
from wisblock_bridge.runtime.slots import SlotClosingError
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.threads.timers import Timer, TimerQueue

GIVE_UP_S = 60.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _PendingSafeState:
    timer: Timer
    give_up_at: float
    backoff: Backoff


class PendingSafeStates:
    """What still has to be made safe, though nobody uses it any more.

    Args:
        slot_manager: The slots.
        timer_queue: The poll loop's.
    """

    def __init__(self, slot_manager: SlotManager, timer_queue: TimerQueue) -> None:
        self._slot_manager = slot_manager
        self._timer_queue = timer_queue
        self._pending: dict[Place, _PendingSafeState] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, place: Place) -> None:
        """Note a module that may still drive something."""
        if place in self._pending:
            return
        log.error(
            "%s could not be made safe when it was closed: it may still drive its outputs; this is "
            "tried again for %.0f s and when the bridge is started",
            place, GIVE_UP_S,
        )  # fmt: skip
        backoff = Backoff(FIRST_RETRY_S)
        give_up_at = self._timer_queue.clock.monotonic() + GIVE_UP_S
        timer = self._later(place, backoff)
        self._pending[place] = _PendingSafeState(timer, give_up_at, backoff)

    def closed(self, worker: Worker) -> None:
        """Take note of how a module was closed.

        Args:
            worker: Its worker, which has ended.
        """
        if worker.lifecycle.was_open:
            for place in tuple(self._pending):
                if place.slot == worker.place.slot != "board" and place != worker.place:
                    self._forget(place)
                    self._slot_manager.no_longer_there(place)
        if worker.lifecycle.left_unsafe:
            self.add(worker.place)
        elif worker.place in self._pending:
            self._forget(worker.place)
            log.info("%s is safe now", worker.place)

    def _later(self, place: Place, backoff: Backoff) -> Timer:
        return self._timer_queue.after(backoff.next_s(), lambda: self._attempt(place))

    def _forget(self, place: Place) -> None:
        self._pending.pop(place).timer.cancel()

    def _attempt(self, place: Place) -> None:
        """Open and close a module again, unless another one has the slot."""
        pending = self._pending[place]
        if self._timer_queue.clock.monotonic() >= pending.give_up_at:
            self._forget(place)
            log.error("%s: giving up until the next start", place)
            return
        pending.timer = self._later(place, pending.backoff)
        if self._slot_manager.find(place) is not None:
            return  # it is in use: how that one is closed decides
        try:
            worker = self._slot_manager.worker(place, displace=False)
        except (BridgeError, SlotClosingError):
            return  # another module has the slot
        worker.open_and_close(quiet=True)
