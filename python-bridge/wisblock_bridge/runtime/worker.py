"""One thread per open module: it alone calls the module, one thing after another.

1. The poll loop hands over jobs and takes back posts; neither ever waits for the other.
2. A job that is too late, or whose client is gone, is never started.
3. A stop or an off overtakes what is queued for its output, and what it overtakes is not carried
   out. A long measurement under way gives way to it, and to the closing of its module.
4. A module that fails is opened anew before its next job; nothing else notices.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.errors import (
    BridgeError,
    BusError,
    BusFault,
    BusyError,
    ClosingError,
    CutShortError,
    ErrorCode,
    ExpiredError,
    InternalError,
    RequestError,
    SupplyLostError,
)
from wisblock_bridge.module_api import ALL_OUTPUTS, EventSource, Module, Result
from wisblock_bridge.runtime.fault_log import defect, is_of_hardware
from wisblock_bridge.runtime.jobs import (
    Job,
    JobResult,
    MadeSafe,
    Notification,
    OutputsSafe,
    WorkerClosed,
)
from wisblock_bridge.runtime.supply_monitor import SupplyWatch
from wisblock_bridge.runtime.watches import Watchers
from wisblock_bridge.threads.backoff import Backoff
from wisblock_bridge.threads.timers import TimerQueue
from wisblock_bridge.threads.wakeup import WakeupEvent
from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import EventSource, Module, Result
    from wisblock_bridge.runtime.claims import Claim
    from wisblock_bridge.runtime.fault_log import FaultLog
    from wisblock_bridge.runtime.jobs import Post
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session
    from wisblock_bridge.runtime.watches import Watching
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.threads.timers import Timer

MAX_QUEUED = 256

TURNS = 64
"""Of jobs and looks, before the thread listens to its descriptors again."""

FIRST_RETRY_S = 0.5
"""The first pause between attempts to make an output safe while the hardware fails."""

IN_VAIN = {BusFault.HELD, BusFault.MISSING, BusFault.PERMISSION, BusFault.UNSUPPORTED}
"""Failures that are none of the hardware's: the line or the address is not ours."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Rescue:
    """An output to be brought to its safe state, unless another claim has written it since."""

    output: str
    claim: Claim | None = None


class Worker:
    """The thread of one module in one slot.

    Args:
        place: The module and its slot.
        build: Makes the module with its needs met; called on the worker's thread.
        mailbox: Where answers go.
        clock: Time.
        fault_log: The lines of this place; they outlive the module, which is opened and closed.
        emulated: Whether the hardware is emulated.
        leave: Called on the worker's thread once the module has been closed.
    """

    def __init__(
        self,
        place: Place,
        build: Callable[[Worker], Module],
        mailbox: Mailbox[Post],
        clock: Clock,
        fault_log: FaultLog,
        *,
        emulated: bool,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.place = place
        self.is_open = False
        self.closing = False
        self.last_error: BridgeError | None = None
        self.last_good_ms: float | None = None
        self.operations = 0
        """Carried out well, asked for once or again and again."""
        self.errors = 0
        self.latest_error: BridgeError | None = None
        self.latest_error_ms: float | None = None
        """Kept when it works again, for whoever looks for what has happened."""
        self.was_open = False
        self.left_unsafe = False
        """The module was closed and may still drive its outputs: the hardware did not answer."""
        self.unanswered = 0
        """Jobs taken whose answer the poll loop has not seen yet; the poll loop counts."""
        self.driving: set[Job] = set()
        """Those of them that drive an output; kept by the poll loop, too."""
        self.reason = ""
        """Why it is being closed, for those who are told: "was released by …"."""
        self._build = build
        self._mailbox = mailbox
        self._clock = clock
        self._emulated = emulated
        self._leave = leave
        self._module: Module | None = None
        self._usable = False
        self._quiet = False
        self._may_be_cut_short = False
        self._wakeup = WakeupEvent()
        self._jobs: deque[Job] = deque()
        self._urgent: deque[Job | _Rescue | Callable[[], None]] = deque()
        self._timer_queue = TimerQueue(clock)
        self._looks = TimerQueue(clock)
        """Apart from the module's own timers, which end pulses and come before everything."""
        self._watchers = Watchers(self, self._looks, self._wakeup, mailbox, clock)
        self._supply = SupplyWatch(self, self._watchers, self._looks, self._outputs_are_safe)
        self._retries: dict[str, Timer] = {}
        self._restless: set[str] = set()
        """Outputs that were written and have not come to rest since."""
        self._writers: dict[str, Claim] = {}
        """Under which claim each output was written last."""
        self._fault_log = fault_log
        self._thread = threading.Thread(target=self._run, name=str(place), daemon=True)
        self._thread.start()

    # -- called by the poll loop ------------------------------------------------------------------

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._jobs) + len(self._urgent)

    @property
    def watched(self) -> int:
        """How many subscriptions run."""
        return len(self._watchers)

    def submit(self, job: Job, *, urgent: bool) -> None:
        """Queue a job; the thread looks at it after ``wake``.

        Args:
            job: What to do.
            urgent: It overtakes what is queued for its output.

        Raises:
            BusyError: Too much is queued already.
        """
        if urgent:
            everything = job.output == ALL_OUTPUTS
            waiting = [each for each in tuple(self._jobs) if each.output]
            for overtaken in [each for each in waiting if everything or each.output == job.output]:
                self._take_back(
                    overtaken,
                    ExpiredError("A stop or an off overtook this request; it was not started."),
                )
            self._urgent.append(job)
        elif len(self._jobs) >= MAX_QUEUED and self._has_waiting(job.session):
            raise BusyError(
                f"{MAX_QUEUED} requests wait for {self.place} already.",
                hint="Ask less often, or subscribe instead of asking.",
                where=str(self.place),
            )
        else:
            self._jobs.append(job)
        self.unanswered += 1
        if job.output:
            self.driving.add(job)

    def refuse_jobs(self, claim: Claim, outputs: Collection[str] | None = None) -> set[Job]:
        """Refuse what waits under a claim, because its client released the module or an output.

        Args:
            claim: Whose.
            outputs: Only what drives one of these; None for everything.

        Returns:
            What was refused; what has been started is not among it.
        """
        refused = set()
        for job in (
            *tuple(self._jobs),
            *(each for each in tuple(self._urgent) if isinstance(each, Job)),
        ):
            wanted = outputs is None or job.output in outputs
            if wanted and job.is_under(claim) and self._take_back(job, self._released()):
                refused.add(job)
        return refused

    def _take_back(self, job: Job, error: BridgeError) -> bool:
        """Refuse a job that waits, unless the thread has just taken it."""
        try:
            (self._urgent if job.urgent else self._jobs).remove(job)
        except ValueError:
            return False
        self._refuse(job, error)
        return True

    def _released(self) -> ClosingError:
        return ClosingError(f"This client released {self.place} before this request was started.")

    def _has_waiting(self, session: Session) -> bool:
        """Tell whether a client waits here already: whoever does not gets in behind a flood."""
        return any(each.session is session for each in tuple(self._jobs))

    def wake(self) -> None:
        """Let the thread look at what was submitted."""
        self._wakeup.log_buffer()

    def watch(self, watching: Watching) -> None:
        """Begin to look out for a subscription.

        Args:
            watching: What to look at and how often.
        """
        self._call(lambda: self._start_watching(watching))

    def unwatch(self, subscription: int) -> None:
        """End the look-out of a subscription.

        Args:
            subscription: Its number.
        """
        self._call(lambda: self._watchers.stop(subscription))

    def make_safe(self, output: str, claim: Claim | None = None) -> None:
        """Bring an output to its safe state before anything else that is queued.

        It is tried until it works, until somebody else drives the output, or until the module is
        closed. ``MadeSafe`` is posted after the first attempt, and once it has worked.

        Args:
            output: Its name.
            claim: Under which it was driven: it is left alone when it was written under another
                one since. None: whoever wrote it.
        """
        self._urgent.append(_Rescue(output, claim))
        self._wakeup.log_buffer()

    def prepare(self) -> None:
        """Open the module now, so that its outputs are safe; a failure is logged."""
        self._call(lambda: self._guarded(self.opened))

    def rescue(self, *, quiet: bool) -> None:
        """Open the module and close it again, which brings to safety what it was left driving.

        Args:
            quiet: A failure has been told already.
        """
        self._quiet = quiet
        self._call(self._open_to_rescue)
        self.close()

    def close(self, reason: str = "was closed") -> None:
        """Close the module and end the thread; ``WorkerClosed`` is posted when that is done.

        Args:
            reason: What those are told who use it: "was released by …".
        """
        if not self.closing:
            self.reason = reason
            self.closing = True
            self._call(self._shut)

    def dispose(self) -> None:
        """Give back what is left after ``WorkerClosed`` was posted."""
        self._wakeup.close()

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread.

        Args:
            seconds: How long at most.

        Returns:
            Whether it has ended.
        """
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # -- called by the module, on the worker's thread ---------------------------------------------

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something later on this thread, as ``Timers.after`` says."""
        return self._timer_queue.after(seconds, action)

    # -- the thread -------------------------------------------------------------------------------

    def _call(self, action: Callable[[], None]) -> None:
        self._urgent.append(action)
        self._wakeup.log_buffer()

    def _run(self) -> None:
        busy = False
        while not (self.closing and self._module is None and not self._urgent):
            for descriptor in self._wakeup.wait(0.0 if busy else self._idle_s()):
                # All of them: whoever reads a line first keeps a copy for the others.
                for watching in self._watchers.at(descriptor):
                    self._guarded(functools.partial(self._watchers.look_now, watching))
            busy = self._work()
        for job in (*self._jobs, *(each for each in self._urgent if isinstance(each, Job))):
            self._refuse(
                job, ClosingError(f"{self.place} {self.reason} before this request was started.")
            )
        self._mailbox.post(WorkerClosed(self))

    def _idle_s(self) -> float | None:
        """Tell how long there is nothing to do."""
        timers, looks = self._timer_queue.timers, self._looks.timers
        if not timers and not looks:
            return None
        due = min(each[0].due for each in (timers, looks) if each)
        return max(0.0, due - self._clock.monotonic())

    def _work(self) -> bool:
        """Do what is due and what is queued.

        Timers come first, then what is urgent; looks and jobs take turns, so that neither
        subscriptions nor requests can keep the others waiting.

        Returns:
            Whether something may be left: what listens to descriptors has its turn in between.
        """
        for _ in range(TURNS):
            if self._timer_queue.timers:
                self._do_what_is_due()
            if self._urgent:
                self._hurry(self._urgent.popleft())
                continue
            look = next(self._looks.due(), None) if self._looks.timers else None
            if look is not None:
                self._guarded(look)
                if self._urgent:
                    continue
            if self._jobs and not self.closing:
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    continue  # an urgent job has just overtaken the last one
                self._carry_out(job)
            elif look is None:
                return False
        return True

    def _do_what_is_due(self) -> None:
        for action in self._timer_queue.due():
            self._guarded(action)
        if self._restless:
            self._tell_rest()

    def _hurry(self, first: Job | _Rescue | Callable[[], None]) -> None:
        """Do what is urgent."""
        if isinstance(first, Job):
            self._carry_out(first)
        elif isinstance(first, _Rescue):
            self._rescue(first)
        else:
            self._guarded(first)

    def _carry_out(self, job: Job) -> None:
        if self._clock.monotonic() > job.deadline:
            self._refuse(
                job,
                ExpiredError("The request waited longer than its timeout_ms and was not started."),
            )
            return
        if not job.session.present.alive:
            self._refuse(job, ExpiredError("The session ended before the request was started."))
            return
        claim = None if job.claim is None else job.claim.present
        if claim is not None and not claim.alive:
            self._refuse(job, self._released())
            return
        try:
            readings = self.perform(job.operation.name, job.arguments)
        except BridgeError as error:
            if not isinstance(error, RequestError):
                self._wrote(job, claim, certain=False)
            frame = messages.encode_error(job.request_id, error)
            self._mailbox.post(JobResult(job, frame, self, started=True, error=error))
            return
        self._wrote(job, claim, certain=True)
        try:
            frame = messages.encode_result(
                job.request_id, messages.outcome(readings, emulated=self._emulated)
            )
        except Exception as error:  # noqa: BLE001  (whatever a module put into its readings)
            found = self._defect(error)
            frame = messages.encode_error(job.request_id, found)
            self._mailbox.post(JobResult(job, frame, self, started=True, error=found))
            return
        self._mailbox.post(JobResult(job, frame, self, started=True))
        if self._restless:
            self._tell_rest()

    def _wrote(self, job: Job, claim: Claim | None, *, certain: bool) -> None:
        """Note who wrote an output, or may have; nobody has to make it safe any more."""
        if not job.output:
            return
        if claim is not None:
            self._writers[job.output] = claim
            self._restless.add(job.output)
        if self._retries:
            self._give_over(job.output)
        if certain and job.urgent and job.output == ALL_OUTPUTS:
            self._supply.all_safe()
        else:
            self._supply.drives(job.output)

    def perform(self, operation: str, arguments: tuple[object, ...]) -> Result:
        """Call an operation, opening the module first if need be; worker's thread only.

        Args:
            operation: Its name.
            arguments: Its parameters, in order.

        Returns:
            What it gives.

        Raises:
            BridgeError: It failed; the place is filled in.
        """
        try:
            module = self.opened()
            self._may_be_cut_short = True
            readings: Result = getattr(module, operation)(*arguments)
            module.description.operations[operation].precision.apply(readings.values)
        except BridgeError as error:
            raise self.failed(error) from error.__cause__
        except Exception as error:
            raise self._defect(error) from error
        finally:
            self._may_be_cut_short = False
        self.operations += 1
        self._succeeded(readings.timestamp_ms)
        return readings

    def begin(self, event: str, arguments: tuple[object, ...]) -> EventSource:
        """Begin to look out for an event, opening the module first; worker's thread only.

        Args:
            event: Its name.
            arguments: Its parameters, in order.

        Returns:
            The look-out.

        Raises:
            BridgeError: It failed; the place is filled in.
        """
        try:
            watch: EventSource = getattr(self.opened(), event)(*arguments)
        except BridgeError as error:
            raise self.failed(error) from error.__cause__
        except Exception as error:
            raise self._defect(error) from error
        return watch

    def look(self, watch: EventSource) -> Sequence[Result]:
        """Look once for an event; on the worker's thread only.

        Args:
            watch: The look-out.

        Returns:
            What there is to tell.

        Raises:
            BridgeError: It failed; the place is filled in.
        """
        try:
            self._may_be_cut_short = True
            found = watch.look()
        except BridgeError as error:
            raise self.failed(error) from error.__cause__
        except Exception as error:
            raise self._defect(error) from error
        finally:
            self._may_be_cut_short = False
        self._succeeded(found[-1].timestamp_ms if found else self._clock.timestamp_ms())
        return found

    def _succeeded(self, timestamp_ms: float) -> None:
        self.last_good_ms = timestamp_ms
        if self.last_error is not None:
            self.last_error = None
        if self._fault_log.down:
            self._fault_log.works()

    @property
    def module(self) -> Module | None:
        """The module, once it was built; on the worker's thread only."""
        return self._module

    @property
    def usable(self) -> bool:
        """Whether the module was opened and has not failed since."""
        return self._usable

    def opened(self) -> Module:
        """Give the module, opened if need be, as ``supply_watch.Host`` says."""
        if self._module is None:
            self._module = self._build(self)
            self._module.check_cancelled = self._give_way
            self._module.supply_lost = self._healed
        if not self._usable:
            self._module.open()
            if self.was_open:
                self._supply.opened_again(self._module)
            self._usable = self.is_open = self.was_open = True
            self._supply.arm()
        return self._module

    def answers(self) -> None:
        """Note that the hardware answers, as ``supply_watch.Host`` says."""
        if self.last_error is not None and is_of_hardware(self.last_error):
            self.last_error = None
        if self._fault_log.down:
            self._fault_log.works()

    def _healed(self, error: SupplyLostError) -> None:
        """Report a loss of supply that the module has mended by itself."""
        self.noted(error)
        self._supply.healed(error)

    def _outputs_are_safe(self, outputs: tuple[str, ...]) -> None:
        self._mailbox.post(OutputsSafe(self, outputs))

    def _start_watching(self, watching: Watching) -> None:
        self._watchers.start(watching)
        self._supply.arm()

    def _give_way(self) -> None:
        """Cut short what the module is at, as ``Module.check_cancelled`` says.

        Opening, closing and making safe are never cut short.
        """
        if not self._may_be_cut_short:
            return
        if self.closing:
            raise CutShortError(
                ErrorCode.CLOSING, f"{self.place} {self.reason} before this was finished."
            )
        urgent = self._urgent
        if urgent and any(isinstance(each, Job | _Rescue) for each in tuple(urgent)):
            raise CutShortError(
                ErrorCode.EXPIRED, "A stop or an off overtook this request; it was cut short."
            )

    def noted(self, error: BridgeError) -> BridgeError:
        """Count and log a failure, as ``supply_watch.Host`` says."""
        error.at(str(self.place))
        if is_of_hardware(error):
            self._count(error)
            if not self._quiet:
                self._fault_log.failed(error)
        return error

    def failed(self, error: BridgeError) -> BridgeError:
        """Take a failure in, as ``supply_watch.Host`` says."""
        self.noted(error)
        if isinstance(error, BusError | SupplyLostError):
            self._usable = False
        if isinstance(error, SupplyLostError) and not self.closing:
            self._supply.lost(error)
        return error

    def _defect(self, error: Exception) -> BridgeError:
        self._usable = False
        found = defect(error, str(self.place))
        if not isinstance(found, InternalError):
            return self.failed(found)
        self._count(found)
        return found

    def _count(self, error: BridgeError) -> None:
        self.errors += 1
        self.last_error = self.latest_error = error
        self.latest_error_ms = self._clock.timestamp_ms()

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BridgeError as error:
            if not is_of_hardware(self.failed(error)):
                log.warning("%s", error)
        except Exception as error:  # noqa: BLE001
            self._defect(error)

    def _tell_rest(self) -> None:
        """Tell which outputs have come to rest by themselves."""
        module = self._module
        for output in tuple(self._restless):
            if module is not None and self._usable and module.rests(output):
                self._restless.discard(output)
                self._mailbox.post(MadeSafe(self, output, by_itself=True))

    def _rescue(self, rescue: _Rescue) -> None:
        """Make an output safe, unless somebody else has written it since."""
        output, claim = rescue.output, rescue.claim
        writer = self._writers.get(output)
        if claim is not None and writer is not None and writer.present is not claim.present:
            self._mailbox.post(MadeSafe(self, output, overtaken=True))
        else:
            self._bring_to_safety(output, Backoff(FIRST_RETRY_S))

    def _bring_to_safety(self, output: str, backoff: Backoff) -> None:
        try:
            self.opened().make_safe(output)
        except BridgeError as error:
            self.failed(error)
            if output not in self._retries:
                self._mailbox.post(MadeSafe(self, output, error))
                log.warning(
                    "%s: %s cannot be made safe (%s) and is tried again until it is",
                    self.place, output, error.code,
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001
            found = self._defect(error)
            if output not in self._retries:
                self._mailbox.post(MadeSafe(self, output, found))
        else:
            self._mailbox.post(MadeSafe(self, output))
            self._supply.is_safe(output)
            if self._retries.pop(output, None) is not None:
                log.info("%s: %s is safe now", self.place, output)
            if self._fault_log.down:
                self._fault_log.works()
            return
        self._retries[output] = self._timer_queue.after(
            backoff.next_s(), lambda: self._bring_to_safety(output, backoff)
        )

    def _give_over(self, output: str) -> None:
        """Leave an output alone that was to be made safe: somebody else drives it now."""
        timer = self._retries.pop(output, None)
        if timer is not None:
            timer.cancel()

    def _refuse(self, job: Job, error: BridgeError) -> None:
        error.at(str(self.place))
        frame = messages.encode_error(job.request_id, error)
        self._mailbox.post(JobResult(job, frame, self, started=False, error=error))

    def _open_to_rescue(self) -> None:
        try:
            self.opened()
        except BridgeError as error:
            self.left_unsafe = _worth_trying_again(self.failed(error))
        except Exception as error:  # noqa: BLE001
            self._defect(error)

    def _close_module(self, module: Module) -> None:
        try:
            module.close()
        except BridgeError as error:
            if not is_of_hardware(self.failed(error)):
                log.warning("%s", error)
            # A module that never was open drives nothing: what was asked for may not be there.
            self.left_unsafe |= self.was_open and _worth_trying_again(error)
        except Exception as error:  # noqa: BLE001
            self._defect(error)

    def _shut(self) -> None:
        for subscription in self._watchers.numbers():
            # Guarded: whatever is wrong with a look-out, the module's outputs must become safe.
            self._guarded(functools.partial(self._watchers.stop, subscription))
            error = ClosingError(f"{self.place} {self.reason}.", where=str(self.place))
            self._mailbox.post(Notification(subscription, None, error))
        self._timer_queue.clear()
        self._looks.clear()
        self._retries.clear()
        self._supply.clear()
        if self._module is not None:
            self._close_module(self._module)
            self._module = None
            if not self.left_unsafe:
                self._leave()
        self._usable = self.is_open = False


def _worth_trying_again(error: BridgeError) -> bool:
    """Tell whether another attempt can help: not where a line or an address is somebody else's."""
    return is_of_hardware(error) and not (isinstance(error, BusError) and error.fault in IN_VAIN)
