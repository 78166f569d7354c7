"""One thread per open module: it alone calls the module, one thing after another.

1. The poll loop hands over jobs and takes back messages; neither ever waits for the other.
2. A job that is too late, or whose client has disconnected, is never started.
3. A stop or an off comes before what is queued. A long measurement under way yields to it, and to
   the closing of its module.
4. It decides the order. What waits is kept by ``JobQueue``, the module by ``ModuleLifecycle``,
   retries of safe states by ``SafeOutputs``.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

from wisblock_bridge.errors import (
    BridgeError,
    ClosingError,
    CutShortError,
    ErrorCode,
    ExpiredError,
    RequestError,
)
from wisblock_bridge.module_api import Module
from wisblock_bridge.runtime.job_queue import JobQueue
from wisblock_bridge.runtime.jobs import (
    TOO_LATE,
    Job,
    JobResult,
    MakeSafe,
    Notification,
    OutputsSafe,
    WorkerClosed,
)
from wisblock_bridge.runtime.last_values import LastValues
from wisblock_bridge.runtime.lifecycle import ModuleLifecycle
from wisblock_bridge.runtime.safe_outputs import SafeOutputs
from wisblock_bridge.runtime.supply_monitor import SupplyMonitor
from wisblock_bridge.runtime.watches import Watchers
from wisblock_bridge.threads.timers import TimerQueue
from wisblock_bridge.threads.wakeup import WakeupEvent
from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import Module, Result
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.claims import Claim
    from wisblock_bridge.runtime.fault_log import FaultLog
    from wisblock_bridge.runtime.jobs import WorkerMessage
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.watches import PeriodicReading, Watcher
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.threads.timers import Timer

BEHIND_S = 0.002
"""Until it is asked again whether the poll loop has caught up with what workers have seen."""

TURNS = 64
"""Jobs and looks before the thread listens to its descriptors again."""


class Worker:
    """The thread of one module in one slot.

    Args:
        place: The module and its slot.
        build: Makes the module with its needs met; called on the worker's thread.
        mailbox: Where results go.
        clock: Time.
        fault_log: The log lines of this place; they outlive the module.
        emulated: Whether the hardware is emulated.
        on_closed: Called on the worker's thread once the module was closed and is safe.
        observing: Not empty while somebody observes, so that results are to be handed over.

    Attributes:
        health: How the module has worked.
        lifecycle: Whether it is open; its methods are for the worker's thread only.
        closing: Whether it is to be closed.
        reason: Why, for the clients that use it: "was released by …".
        unanswered: Jobs taken whose result the poll loop has not seen yet; the poll loop counts.
        driving: Those of them that drive an output; kept by the poll loop as well.
        values: The last value of each reading; written by the worker's thread.
    """

    def __init__(
        self,
        place: Place,
        build: Callable[[Worker], Module],
        mailbox: Mailbox[WorkerMessage],
        clock: Clock,
        fault_log: FaultLog,
        *,
        emulated: bool,
        on_closed: Callable[[], None] = lambda: None,
        observing: Collection[int] = (),
    ) -> None:
        self.place = place
        self._observing = observing
        self.closing = False
        self.reason = ""
        self.unanswered = 0
        self.driving: set[Job] = set()
        self.values = LastValues(clock)
        self._mailbox = mailbox
        self._clock = clock
        self._emulated = emulated
        self._on_closed = on_closed
        self._wakeup = WakeupEvent()
        self._queue = JobQueue(place, self._refuse)
        self._timer_queue = TimerQueue(clock)
        self._looks = TimerQueue(clock)
        """Apart from the module's own timers, which end pulses and come before everything."""
        self.lifecycle = ModuleLifecycle(
            place,
            lambda: build(self),
            clock,
            fault_log,
            is_closing=lambda: self.closing,
            check_cancelled=self._check_cancelled,
        )
        self.health = self.lifecycle.health
        self._watchers = Watchers(
            self.lifecycle,
            self._looks,
            self._wakeup,
            mailbox,
            clock,
            self._measure,
            self.values.keep_seen,
        )
        self.lifecycle.supply = self._supply = SupplyMonitor(
            self.lifecycle,
            self._watchers,
            self._looks,
            lambda outputs: mailbox.post(OutputsSafe(self, outputs)),
        )
        self._outputs = SafeOutputs(self, self.lifecycle, self._timer_queue, mailbox)
        self._thread = threading.Thread(target=self._run, name=str(place), daemon=True)
        self._thread.start()

    # -- called by the poll loop ------------------------------------------------------------------

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._queue)

    @property
    def watched(self) -> int:
        """How many subscriptions run."""
        return len(self._watchers)

    @property
    def late(self) -> int:
        """How many beats of subscriptions to readings were missed."""
        return self._watchers.late

    def submit(self, job: Job, *, urgent: bool) -> None:
        """Queue a job, as ``JobQueue.submit`` says; the thread looks at it after ``wake``."""
        self._queue.submit(job, urgent=urgent)
        self.unanswered += 1
        if job.output:
            self.driving.add(job)

    def refuse_jobs(self, claim: Claim, outputs: Collection[str] | None = None) -> set[Job]:
        """Refuse what waits under a claim, as ``JobQueue.refuse_jobs`` says."""
        return self._queue.refuse_jobs(claim, outputs)

    def refuse_left(self, identity: bytes) -> None:
        """Refuse what waits of a client that has left, as ``JobQueue.refuse_left`` says."""
        if self.unanswered:
            self._queue.refuse_left(identity)

    def wake(self) -> None:
        """Let the thread look at what was submitted."""
        self._wakeup.set()

    def watch(self, watcher: Watcher) -> None:
        """Begin to watch for a subscription."""
        self._call(lambda: self._start_watching(watcher))

    def unwatch(self, subscription: int) -> None:
        """Stop watching for a subscription, by its number."""
        self._call(lambda: self._watchers.stop(subscription))

    def make_safe(self, output: str, claim: Claim | None = None) -> None:
        """Bring an output to its safe state before anything else that is queued.

        It is tried until it works, until a request drives the output, or until the module is
        closed. ``MadeSafe`` is posted after the first attempt, and once it has worked.

        Args:
            output: Its name.
            claim: Under which it was driven: it is left alone when it was written under another
                one since. None: whichever claim it was written under.
        """
        self._queue.urgent.append(MakeSafe(output, claim))
        self._wakeup.set()

    def prepare(self) -> None:
        """Open the module now, so that its outputs are safe; a failure is logged."""
        self._call(lambda: self.lifecycle.guarded(self.lifecycle.opened))

    def open_and_close(self, *, quiet: bool) -> None:
        """Open the module and close it again, which makes safe what it was left driving.

        Args:
            quiet: A failure has been reported already.
        """
        self.lifecycle.quiet = quiet
        self._call(self.lifecycle.open_to_make_safe)
        self.close()

    def close(self, reason: str = "was closed") -> None:
        """Close the module and end the thread; ``WorkerClosed`` is posted when that is done.

        Args:
            reason: Why, for the clients that use it: "was released by …".
        """
        if not self.closing:
            self.reason = reason
            self.closing = True
            self._call(self._close)

    def dispose(self) -> None:
        """Give back what is left after ``WorkerClosed`` was posted."""
        self._wakeup.close()

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread, and return whether it has ended.

        Args:
            seconds: How long at most.
        """
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # -- called by the module, on the worker's thread ---------------------------------------------

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something later on this thread, as ``Timers.after`` says."""
        return self._timer_queue.after(seconds, action)

    # -- the thread -------------------------------------------------------------------------------

    def _call(self, action: Callable[[], None]) -> None:
        self._queue.urgent.append(action)
        self._wakeup.set()

    def _run(self) -> None:
        lifecycle = self.lifecycle
        busy = False
        while not (self.closing and lifecycle.module is None and not self._queue.urgent):
            self._mailbox.announce()
            ready = self._wakeup.wait(0.0 if busy else self._idle_s())
            if ready and self._mailbox.is_behind:
                self._wakeup.pause(BEHIND_S)  # the kernel counts what it cannot keep meanwhile
            elif ready:
                self._look_at(ready)
            busy = self._work()
        self._queue.refuse_all(self.reason)
        self._mailbox.post(WorkerClosed(self))

    def _look_at(self, descriptors: list[int]) -> None:
        """Look for those who wait for what is readable."""
        watchers = self._watchers
        for descriptor in descriptors:
            # All of them: the first one that reads a line keeps a copy for the others.
            for watcher in watchers.at(descriptor):
                self.lifecycle.guarded(functools.partial(watchers.look_now, watcher))

    def _idle_s(self) -> float | None:
        """Return how long there is nothing to do; None without any timer."""
        due = self._timer_queue.next_due
        next_look = self._looks.next_due
        if next_look is not None and self._mailbox.is_behind:
            next_look = max(next_look, self._clock.monotonic() + BEHIND_S)
        if due is None or (next_look is not None and next_look < due):
            due = next_look
        return None if due is None else max(0.0, due - self._clock.monotonic())

    def _work(self) -> bool:
        """Do what is due and what is queued.

        Timers come first, then what is urgent; looks and jobs take turns, so that neither
        subscriptions nor requests can keep the others waiting.

        Returns:
            Whether something may be left: what listens to descriptors has its turn in between.
        """
        urgent, jobs = self._queue.urgent, self._queue.jobs
        for _ in range(TURNS):
            if self._timer_queue.timers:
                self._mailbox.announce()
                self._run_timers()
            if urgent:
                self._mailbox.announce()
                self._do_urgent(urgent.popleft())
                continue
            look = self._next_look()
            if look is not None:
                self._mailbox.announce()
                self.lifecycle.guarded(look)
                if urgent:
                    continue
            if jobs and not self.closing:
                try:
                    job = jobs.popleft()
                except IndexError:
                    continue  # an urgent job has just overtaken the last one
                self._mailbox.announce()  # of the one before: this one may take long
                self._carry_out(job)
            elif look is None:
                return False
        return True

    def _next_look(self) -> Callable[[], None] | None:
        """Return a look that is due; none while the poll loop has much to pass on.

        What it cannot pass on would pile up; beats that are missed are counted.
        """
        if not self._looks.timers or self._mailbox.is_behind:
            return None
        return next(self._looks.due(), None)

    def _run_timers(self) -> None:
        for action in self._timer_queue.due():
            self.lifecycle.guarded(action)
        self._outputs.report_rest()

    def _do_urgent(self, item: Job | MakeSafe | Callable[[], None]) -> None:
        if isinstance(item, Job):
            self._carry_out(item)
        elif isinstance(item, MakeSafe):
            self._outputs.make_safe(item)
        else:
            self.lifecycle.guarded(item)

    def _carry_out(self, job: Job) -> None:
        if job.operation.reads_only:
            self._measure(job.operation, job.arguments, job)
            return
        if not self._may_start(job, self._clock.monotonic()):
            return
        claim = None if job.claim is None else job.claim.current
        try:
            readings = self.lifecycle.perform(job.operation.name, job.arguments)
        except BridgeError as error:
            if not isinstance(error, RequestError):
                self._outputs.written(job, claim, certain=False)
            self._fail(job, error, started=True)
            return
        self._outputs.written(job, claim, certain=True)
        self._answer([job], readings)
        self._outputs.report_rest()

    def _measure(
        self, operation: OperationDescription, arguments: tuple[object, ...], *asked: Job
    ) -> None:
        """Carry out an operation that only reads, for all who wait for the same reading.

        It begins after the last of them came: nobody is given a value from before the question.
        """
        waiting = [*asked, *self._queue.take_equal(operation, arguments)]
        now = self._clock.monotonic()
        jobs = [job for job in waiting if self._may_start(job, now)]
        watchers: list[PeriodicReading] = []
        if self.watched:
            watchers = self._watchers.due_for(operation, arguments, now)
        if not jobs and not watchers:
            return
        outcome: Result | BridgeError
        try:
            outcome = self.lifecycle.perform(operation.name, arguments)
        except BridgeError as error:
            outcome = error
            for job in jobs:
                self._fail(job, error, started=True)
        else:
            self._answer(jobs, outcome)
        if watchers:
            self._watchers.deliver(watchers, outcome)
        self._outputs.report_rest()

    def _may_start(self, job: Job, now: float) -> bool:
        """Return whether a job may be started; one that may not is answered."""
        if now > job.deadline:
            self._refuse(job, ExpiredError(TOO_LATE))
        elif not job.session.current.alive:
            self._refuse(job, ExpiredError("The session ended before the request was started."))
        elif not job.is_claimed:
            self._refuse(job, self._queue.released())
        else:
            return True
        return False

    def _answer(self, jobs: list[Job], readings: Result) -> None:
        """Answer jobs that asked for the same; the result is encoded once for all of them."""
        if not jobs:
            return
        try:
            result = messages.encode_part(messages.outcome(readings, emulated=self._emulated))
            operation, arguments = jobs[0].operation, jobs[0].arguments
            self.values.keep(operation, arguments, readings, len(bytes(result)))
        except Exception as error:  # noqa: BLE001  (whatever a module has put there)
            found = self.lifecycle.defect(error)
            for job in jobs:
                self._fail(job, found, started=True)
            return
        shown = readings if self._observing else None
        for job in jobs:
            frame = messages.encode_result(job.request_id, result)
            self._mailbox.put(JobResult(job, frame, self, started=True, readings=shown))

    def _refuse(self, job: Job, error: BridgeError) -> None:
        """Answer a job that is not started; also called by the poll loop."""
        self._fail(job, error.at(str(self.place)), started=False)

    def _fail(self, job: Job, error: BridgeError, *, started: bool) -> None:
        frame = messages.encode_error(job.request_id, error)
        self._mailbox.post(JobResult(job, frame, self, started=started, error=error))

    def _start_watching(self, watcher: Watcher) -> None:
        self._watchers.start(watcher)
        self._supply.arm()

    def _check_cancelled(self) -> None:
        if self.closing:
            raise CutShortError(
                ErrorCode.CLOSING, f"{self.place} {self.reason} before this was finished."
            )
        if self._queue.is_overtaking():
            raise CutShortError(
                ErrorCode.EXPIRED, "A stop or an off overtook this request; it was cut short."
            )
        if self.watched:
            self._watchers.look_meanwhile()

    def _close(self) -> None:
        for subscription in self._watchers.numbers():
            # Guarded: whatever is wrong with a watcher, the module's outputs must become safe.
            self.lifecycle.guarded(functools.partial(self._watchers.stop, subscription))
            error = ClosingError(f"{self.place} {self.reason}.", where=str(self.place))
            self._mailbox.post(Notification(subscription, None, error))
        self._timer_queue.clear()
        self._looks.clear()
        self._outputs.clear()
        self._supply.clear()
        if self.lifecycle.close():
            self._on_closed()
