"""What goes wrong, as the log has it: a module that fails once, a defect once with its traceback.

1. A place that fails is one line, and one line when it works again; what happens by turns is
   logged as that, once.
2. A defect has an id: the client gets the id, the log has the traceback under it.
3. Nothing here is asked while everything works.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from wisblock_bridge.environment.packages import missing
from wisblock_bridge.errors import BridgeError, BusError, DeviceError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock

STEADY_S = 60.0
"""A place that failed twice must work for this long before the log believes it."""

LOGGED_AGAIN_S = 3600.0
"""A defect that goes on is logged again after this long: logs are thrown away after a while."""

MOST_DEFECTS = 256

log = logging.getLogger(__name__)


class FaultLog:
    """The lines of one place: down once, up once.

    Args:
        place: "RAK5801 in slot 1".
        clock: Time.

    Attributes:
        down: The last line said that it fails; ask ``works`` only then.
    """

    def __init__(self, place: str, clock: Clock) -> None:
        self.down = False
        self._place = place
        self._clock = clock
        self._last_failure: float | None = None
        self._by_turns = False

    def failed(self, error: BridgeError) -> None:
        """Note a failure; the first one becomes a line.

        Args:
            error: What happened, its place filled in.
        """
        now = self._clock.monotonic()
        before, self._last_failure = self._last_failure, now
        if self.down:
            return
        self.down = True
        self._by_turns = before is not None and now - before < STEADY_S
        by_turns = f" (by turns: the next line comes when it has worked for {STEADY_S:.0f} s)"
        log.warning("%s%s", error, by_turns if self._by_turns else "")

    def works(self) -> None:
        """Note that it works; the first time after a failure becomes a line."""
        assert self._last_failure is not None  # noqa: S101  (it is down)
        if self._by_turns and self._clock.monotonic() - self._last_failure < STEADY_S:
            return
        self.down = False
        log.warning("%s works again", self._place)


class Defects:
    """The defects that the log has.

    Args:
        monotonic: Time, s.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[tuple[object, ...], tuple[str, float]] = {}

    def note(self, error: BaseException, place: str) -> str:
        """Write a defect down, unless it is in the log already.

        Args:
            error: What should not have happened.
            place: Where, for people.

        Returns:
            Its id, under which the log has the traceback.
        """
        now = self._monotonic()
        origin = (place, type(error), *_line_of(error))
        with self._lock:
            number, noted = self._known.get(origin, ("", 0.0))
            if number and now - noted < LOGGED_AGAIN_S:
                return number
            number = os.urandom(3).hex()
            self._known.pop(origin, None)
            self._known[origin] = (number, now)
            while len(self._known) > MOST_DEFECTS:
                del self._known[next(iter(self._known))]
        log.error("defect %s in %s", number, place, exc_info=error)
        return number


def _line_of(error: BaseException) -> tuple[str, int]:
    """Return which line of which file raised it."""
    found = ("", 0)
    trace = error.__traceback__
    while trace is not None:
        found = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return found


_of_this_process = Defects()
"""One for the process, as its log is one."""


def defect(error: BaseException, place: str, defects: Defects = _of_this_process) -> BridgeError:
    """Write a defect of the bridge into the log, and find the words for the client.

    Args:
        error: What should not have happened.
        place: Where, for people.
        defects: Those that the log has.

    Returns:
        The error to answer with; it names the entry in the log. A package that is missing is no
        defect: the error says which, and the log has no traceback of it.
    """
    absent = missing(error)
    if absent is not None:
        return absent.at(place)
    number = defects.note(error, place)
    return InternalError(
        f"The bridge has a defect ({type(error).__name__}). See the bridge's log for {number}.",
        hint="`wisblock-bridge report` puts it into a file; please send that with your report.",
        where=place,
        data={"id": number},
    )


def is_of_hardware(error: BridgeError) -> bool:
    """Return whether an error is a failure of the hardware, and not of a request."""
    return isinstance(error, BusError | DeviceError)
