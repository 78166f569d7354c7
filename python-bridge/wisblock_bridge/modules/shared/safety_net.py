"""Bringing outputs to their safe state, and not giving up when the hardware does not answer.

1. What is safe is the module's business: it hands over the action.
2. It runs on the worker's thread, by the module's own timers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError, BusError, BusFault
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api import TimerHandle, Timers

FIRST_RETRY_S = 0.1

_IN_VAIN = {BusFault.HELD, BusFault.MISSING, BusFault.PERMISSION, BusFault.UNSUPPORTED}
"""Trying again does not help: the line is not ours."""


class SafetyNet:
    """Carries out an action that makes outputs safe, again and again until it works.

    Args:
        timers: Of the module.
        make_safe: The action; it raises ``BridgeError`` when the hardware does not answer.
    """

    def __init__(self, timers: Timers, make_safe: Callable[[], None]) -> None:
        self._timers = timers
        self._make_safe = make_safe
        self._timer: TimerHandle | None = None

    def make_safe(self) -> None:
        """Make the outputs safe now; what fails is tried again later without being reported.

        Raises:
            BridgeError: It did not work at once.
        """
        self.cancel()
        try:
            self._make_safe()
        except BridgeError as error:
            self._try_later(error, Backoff(FIRST_RETRY_S))
            raise

    def make_safe_after_error(self) -> None:
        """Make the outputs safe because of another error, which is the one to report."""
        try:
            self.make_safe()
        except BridgeError:
            return  # it is tried again

    def cancel(self) -> None:
        """Stop trying: the outputs are driven again, or they are safe."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _try_later(self, error: BridgeError, backoff: Backoff) -> None:
        if isinstance(error, BusError) and error.fault in _IN_VAIN:
            return
        self._timer = self._timers.after(backoff.next_s(), lambda: self._try_again(backoff))

    def _try_again(self, backoff: Backoff) -> None:
        self._timer = None
        try:
            self._make_safe()
        except BridgeError as error:
            self._try_later(error, backoff)
