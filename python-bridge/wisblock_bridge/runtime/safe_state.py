"""Modules whose outputs could not be made safe when they were closed: tried again until they are.

1. It knows when and which; opening and closing is the worker's business, as ever.
2. It never takes a slot from anybody: whoever opens the module meanwhile has made it safe, and
   where another module answers, this one has been pulled out.
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
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.runtime.worker import Worker

GIVE_UP_S = 60.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _PendingSafeState:
    due: float
    until: float
    backoff: Backoff


class PendingSafeStates:
    """What still has to be made safe, though nobody uses it any more.

    Args:
        slot_manager: The slots.
        clock: Time.
    """

    def __init__(self, slot_manager: SlotManager, clock: Clock) -> None:
        self._slot_manager = slot_manager
        self._clock = clock
        self._owed: dict[Place, _PendingSafeState] = {}

    def add(self, place: Place) -> None:
        """Note a module that may still drive something."""
        if place in self._owed:
            return
        now = self._clock.monotonic()
        log.error(
            "%s could not be made safe when it was closed: it may still drive its outputs; this is "
            "tried again for %.0f s and when the bridge is started",
            place, GIVE_UP_S,
        )  # fmt: skip
        backoff = Backoff(FIRST_RETRY_S)
        self._owed[place] = _PendingSafeState(now + backoff.next_s(), now + GIVE_UP_S, backoff)

    def closed(self, worker: Worker) -> bool:
        """Take notice of how a module was closed.

        Args:
            worker: Its worker, which has ended.

        Returns:
            Whether it has to be tried again.
        """
        if worker.lifecycle.was_open:
            for place in tuple(self._owed):
                if place.slot == worker.place.slot != "board" and place != worker.place:
                    del self._owed[place]
                    self._slot_manager.no_longer_there(place)
        if worker.lifecycle.left_unsafe:
            self.add(worker.place)
            return True
        if self._owed.pop(worker.place, None) is not None:
            log.info("%s is safe now", worker.place)
        return False

    def next(self) -> float | None:
        """Tell when it is time to try again.

        Returns:
            Clock reading, s; None when everything is safe.
        """
        return min((owed.due for owed in self._owed.values()), default=None)

    def attempt(self, now: float) -> None:
        """Try again what is due.

        Args:
            now: Clock reading, s.
        """
        for place, owed in tuple(self._owed.items()):
            if owed.due > now:
                continue
            if now >= owed.until:
                del self._owed[place]
                log.error("%s: giving up until the next start", place)
                continue
            owed.due = now + owed.backoff.next_s()
            if self._slot_manager.find(place) is not None:
                continue  # somebody uses it: how that one is closed decides
            try:
                self._slot_manager.worker(place, displace=False).open_and_close(quiet=True)
            except (BridgeError, SlotClosingError):
                continue  # another module has the slot
