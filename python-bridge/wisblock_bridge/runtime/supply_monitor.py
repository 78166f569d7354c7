"""Noticing that a chip lost its supply, without a request.

1. It runs on the worker's thread among the looks of subscriptions, so what is urgent comes first.
2. It looks only while an output is driven or a subscription runs, and only at modules that can
   show it; otherwise there is no timer and the thread sleeps.
3. A bus that fails at a check changes nothing: what is driven stays driven until the chip itself
   shows that it was reset.
4. A loss is reported once to every subscription, whether a check, a look or a request found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.errors import BridgeError, SupplyLostError
from wisblock_bridge.module_api import Module
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.runtime.watches import Watchers
    from wisblock_bridge.threads.timers import Timer, TimerQueue

CHECK_S = 1.0
"""From check to check."""

FAILING_CHECK_S = 2.0
"""From check to check while the bus fails, which can take its time for each of them. It is doubled
while requests or looks fail as well."""

FIRST_RETRY_S = 0.5
"""The first pause between attempts to open a module again."""


class Host(Protocol):
    """What a check needs of the worker."""

    was_open: bool
    """Whether the module was opened at least once."""

    @property
    def module(self) -> Module | None:
        """The module, once it was built."""
        ...

    @property
    def usable(self) -> bool:
        """Whether it was opened and has not failed since."""
        ...

    def opened(self) -> Module:
        """Return the module, opened again if need be.

        Raises:
            BridgeError: It could not be opened.
        """
        ...

    def failed(self, error: BridgeError) -> object:
        """Count and log a failure; a module that lost its supply is opened before its next use."""
        ...

    def noted(self, error: BridgeError) -> object:
        """Count and log a failure that does not change what the module drives."""
        ...

    def answers(self) -> None:
        """Note that the hardware answers as it should."""
        ...


class SupplyMonitor:
    """The supply of one module's chips.

    Args:
        host: The worker.
        watchers: The subscriptions.
        timer_queue: Later work on the thread, after what is urgent.
        outputs_safe: Called with the outputs that are in their safe state again without a
            request.
    """

    def __init__(
        self,
        host: Host,
        watchers: Watchers,
        timer_queue: TimerQueue,
        outputs_safe: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._host = host
        self._watchers = watchers
        self._timer_queue = timer_queue
        self._outputs_safe = outputs_safe
        self._driven: set[str] = set()
        self._timer: Timer | None = None
        self._failing = False
        """Whether the last check failed because of the bus."""
        self._backoff = Backoff(FAILING_CHECK_S)
        self._lost = False
        """A loss was found and the module is not open again yet."""

    # -- called by the worker ---------------------------------------------------------------------

    def arm(self) -> None:
        """Begin to check if there is something to check now."""
        if self._timer is None and self._is_needed():
            self._timer = self._timer_queue.after(CHECK_S, self._check)

    def drives(self, output: str) -> None:
        """Note that a request wrote an output, or may have.

        Args:
            output: Its name.
        """
        self._driven.add(output)
        self.arm()

    def is_safe(self, output: str) -> None:
        """Note that an output was brought to its safe state.

        Args:
            output: Its name.
        """
        self._driven.discard(output)

    def all_safe(self) -> None:
        """Note that everything was stopped because a request asked for it."""
        self._driven.clear()

    def opened_again(self, module: Module) -> None:
        """Note that the module was opened again, which makes outputs safe.

        Args:
            module: The module.
        """
        if self._lost or not module.keeps_outputs:
            self._lost = False
            self._forget_outputs()

    def lost(self, error: SupplyLostError) -> None:
        """Report a loss to every subscription, and open the module again at once.

        Args:
            error: What was found, its place filled in.
        """
        self._lost = True
        self._watchers.interrupt(error)
        self._set_timer(0.0, lambda: self._open_again(Backoff(FIRST_RETRY_S)))

    def restored(self, error: SupplyLostError) -> None:
        """Report a loss after which the module has set itself up again, outputs safe.

        Args:
            error: What was found, its place filled in.
        """
        self._forget_outputs()
        self._watchers.interrupt(error)
        self._watchers.look_again()

    def clear(self) -> None:
        """Check no more: the module is closed."""
        self._driven.clear()
        self._timer = None

    # -- the thread -------------------------------------------------------------------------------

    def _is_needed(self) -> bool:
        module = self._host.module
        if module is None or not self._host.was_open:
            return False
        if type(module).check_supply is Module.check_supply:
            return False
        return bool(self._driven) or len(self._watchers) > 0

    def _check(self) -> None:
        self._timer = None
        module = self._host.module
        if module is None or not self._is_needed():
            return
        pause_s = CHECK_S
        try:
            module.check_supply()
        except SupplyLostError as error:
            self._host.failed(error)
        except BridgeError as error:
            self._host.noted(error)
            if self._host.usable or not self._failing:
                self._backoff.reset()
            self._failing = True
            pause_s = self._backoff.next_s()
        else:
            # Otherwise that it works is for the request or the look to show that failed.
            if self._failing and self._host.usable:
                self._host.answers()
            self._failing = False
        finally:
            if self._timer is None:
                self._set_timer(pause_s, self._check)

    def _open_again(self, backoff: Backoff) -> None:
        """Open the module and check that its chips keep their settings this time."""
        self._timer = None
        try:
            self._host.opened().check_supply()
        except BridgeError as error:
            if isinstance(error, SupplyLostError):
                self._host.noted(error)
            else:
                self._host.failed(error)
            self._set_timer(backoff.next_s(), lambda: self._open_again(backoff))
            return
        self._host.answers()
        self._watchers.look_again()
        self.arm()

    def _set_timer(self, seconds: float, action: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timer_queue.after(seconds, action)

    def _forget_outputs(self) -> None:
        if self._driven:
            outputs = tuple(sorted(self._driven))
            self._driven.clear()
            self._outputs_safe(outputs)
