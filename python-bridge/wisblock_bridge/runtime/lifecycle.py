"""The module of one worker: built and opened when it is needed, called, closed.

1. Everything here runs on the worker's thread.
2. After a failure of the bus the module is opened again before it is used; no caller notices.
3. Every failure passes through ``failed``, which gives it its place, counts it and logs it once.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wisblock_bridge.errors import (
    BridgeError,
    BusError,
    BusFault,
    InternalError,
    SupplyLostError,
)
from wisblock_bridge.runtime.fault_log import defect, is_of_hardware

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import EventSource, Module, Result
    from wisblock_bridge.runtime.fault_log import FaultLog
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.supply_monitor import SupplyMonitor

NOT_OURS = {BusFault.HELD, BusFault.MISSING, BusFault.PERMISSION, BusFault.UNSUPPORTED}
"""Failures that are none of the hardware's: the line or the address is not ours."""

log = logging.getLogger(__name__)


class Health:
    """How a module has worked; written by its thread, read by the poll loop.

    Attributes:
        last_error: Why it fails now; None while it works.
        last_good_ms: When it worked last, ms since 1970.
        operations: Calls that succeeded, of requests and of subscriptions.
        errors: Failures so far.
        latest_error: The last failure; kept when the module works again.
        latest_error_ms: When that was, ms since 1970.
    """

    def __init__(self) -> None:
        self.last_error: BridgeError | None = None
        self.last_good_ms: float | None = None
        self.operations = 0
        self.errors = 0
        self.latest_error: BridgeError | None = None
        self.latest_error_ms: float | None = None

    def count(self, error: BridgeError, now_ms: float) -> None:
        """Count a failure."""
        self.errors += 1
        self.last_error = self.latest_error = error
        self.latest_error_ms = now_ms


class ModuleLifecycle:
    """Opens, calls and closes one module.

    Args:
        place: The module and its slot.
        build: Makes the module with its needs met.
        clock: Time.
        fault_log: The log lines of this place.
        is_closing: Returns whether the module is to be closed.
        check_cancelled: Raises when what the module is doing has to be cut short.

    Attributes:
        health: How it has worked.
        is_open: Whether the module is open, as far as clients are concerned.
        was_open: Whether the module was opened at least once.
        left_unsafe: The module was closed and may still drive its outputs: the hardware did not
            answer.
        supply: What is notified of openings and of losses of supply; set before the first call.
        quiet: Failures have been reported already and are not logged.
    """

    supply: SupplyMonitor

    def __init__(
        self,
        place: Place,
        build: Callable[[], Module],
        clock: Clock,
        fault_log: FaultLog,
        *,
        is_closing: Callable[[], bool],
        check_cancelled: Callable[[], None],
    ) -> None:
        self.health = Health()
        self.is_open = False
        self.was_open = False
        self.left_unsafe = False
        self.quiet = False
        self._place = str(place)
        self._build = build
        self._clock = clock
        self._fault_log = fault_log
        self._is_closing = is_closing
        self._check_cancelled = check_cancelled
        self._module: Module | None = None
        self._usable = False
        self._can_be_cut_short = False

    @property
    def module(self) -> Module | None:
        """The module, once it was built."""
        return self._module

    @property
    def usable(self) -> bool:
        """Whether the module was opened and has not failed since."""
        return self._usable

    # -- calling ----------------------------------------------------------------------------------

    def opened(self) -> Module:
        """Return the module, opened if need be, as ``supply_monitor.Host`` says."""
        if self._module is None:
            self._module = self._build()
            self._module.check_cancelled = self._yield_if_cancelled
            self._module.supply_lost = self._restored
        if not self._usable:
            self._module.open()
            if self.was_open:
                self.supply.opened_again(self._module)
            self._usable = self.is_open = self.was_open = True
            self.supply.arm()
        return self._module

    def perform(self, operation: str, arguments: tuple[object, ...]) -> Result:
        """Call an operation, opening the module first if need be.

        Args:
            operation: Its name.
            arguments: Its parameters, in order.

        Raises:
            BridgeError: It failed; the place is filled in.
        """
        try:
            module = self.opened()
            self._can_be_cut_short = True
            readings: Result = getattr(module, operation)(*arguments)
            module.description.operations[operation].precision.apply(readings.values)
        except BridgeError as error:
            raise self.failed(error) from error.__cause__
        except Exception as error:
            raise self.defect(error) from error
        finally:
            self._can_be_cut_short = False
        self.health.operations += 1
        self._succeeded(readings.timestamp_ms)
        return readings

    def begin(self, event: str, arguments: tuple[object, ...]) -> EventSource:
        """Return a new source of an event, opening the module first if need be.

        Args:
            event: Its name.
            arguments: Its parameters, in order.

        Raises:
            BridgeError: It failed; the place is filled in.
        """
        try:
            source: EventSource = getattr(self.opened(), event)(*arguments)
        except BridgeError as error:
            raise self.failed(error) from error.__cause__
        except Exception as error:
            raise self.defect(error) from error
        return source

    def look(self, source: EventSource) -> Sequence[Result]:
        """Look once for an event, and return what is new.

        Raises:
            BridgeError: It failed; the place is filled in.
        """
        before = self._can_be_cut_short  # an operation may be under way: ``looks_meanwhile``
        try:
            self._can_be_cut_short = True
            found = source.look()
        except BridgeError as error:
            raise self.failed(error) from error.__cause__
        except Exception as error:
            raise self.defect(error) from error
        finally:
            self._can_be_cut_short = before
        self._succeeded(found[-1].timestamp_ms if found else self._clock.timestamp_ms())
        return found

    def guarded(self, action: Callable[[], object]) -> None:
        """Call something that belongs to no request, and log its failure."""
        try:
            action()
        except BridgeError as error:
            if not is_of_hardware(self.failed(error)):
                log.warning("%s", error)
        except Exception as error:  # noqa: BLE001
            self.defect(error)

    def _yield_if_cancelled(self) -> None:
        """Cut the module short, as ``Module.check_cancelled`` says.

        Opening, closing and making safe are never cut short.
        """
        if self._can_be_cut_short:
            self._check_cancelled()

    # -- how it went ------------------------------------------------------------------------------

    def _succeeded(self, timestamp_ms: float) -> None:
        health = self.health
        health.last_good_ms = timestamp_ms
        if health.last_error is not None:
            health.last_error = None
        self.log_recovery()

    def log_recovery(self) -> None:
        """Log that the module works again, if the log says that it fails."""
        if self._fault_log.down:
            self._fault_log.works()

    def answers(self) -> None:
        """Note that the hardware answers, as ``supply_monitor.Host`` says."""
        if self.health.last_error is not None and is_of_hardware(self.health.last_error):
            self.health.last_error = None
        self.log_recovery()

    def noted(self, error: BridgeError) -> BridgeError:
        """Count and log a failure, as ``supply_monitor.Host`` says."""
        error.at(self._place)
        if is_of_hardware(error):
            self.health.count(error, self._clock.timestamp_ms())
            if not self.quiet:
                self._fault_log.failed(error)
        return error

    def failed(self, error: BridgeError) -> BridgeError:
        """Take note of a failure, as ``supply_monitor.Host`` says."""
        self.noted(error)
        if isinstance(error, BusError | SupplyLostError):
            self._usable = False
        if isinstance(error, SupplyLostError) and not self._is_closing():
            self.supply.lost(error)
        return error

    def defect(self, error: Exception) -> BridgeError:
        """Take note of an exception that should not have happened, and return its error."""
        self._usable = False
        found = defect(error, self._place)
        if not isinstance(found, InternalError):
            return self.failed(found)
        self.health.count(found, self._clock.timestamp_ms())
        return found

    def _restored(self, error: SupplyLostError) -> None:
        """Report a loss of supply after which the module has set itself up again."""
        self.noted(error)
        self.supply.restored(error)

    # -- closing ----------------------------------------------------------------------------------

    def open_to_make_safe(self) -> None:
        """Open the module, because that makes its outputs safe; a failure is noted."""
        try:
            self.opened()
        except BridgeError as error:
            self.left_unsafe = _is_worth_a_retry(self.failed(error))
        except Exception as error:  # noqa: BLE001
            self.defect(error)

    def close(self) -> bool:
        """Close the module if there is one.

        Returns:
            Whether one was closed and left its outputs safe.
        """
        module, closed = self._module, False
        if module is not None:
            self._close(module)
            self._module = None
            closed = not self.left_unsafe
        self._usable = self.is_open = False
        return closed

    def _close(self, module: Module) -> None:
        try:
            module.close()
        except BridgeError as error:
            if not is_of_hardware(self.failed(error)):
                log.warning("%s", error)
            # A module that never was open drives nothing: what was asked for may not be there.
            self.left_unsafe |= self.was_open and _is_worth_a_retry(error)
        except Exception as error:  # noqa: BLE001
            self.defect(error)


def _is_worth_a_retry(error: BridgeError) -> bool:
    """Return whether another attempt can help: not where a line or an address is another's."""
    return is_of_hardware(error) and not (isinstance(error, BusError) and error.fault in NOT_OURS)
