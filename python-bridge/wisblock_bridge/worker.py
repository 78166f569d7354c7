"""One thread per open module: it alone calls the module, one thing after another.

1. The poll loop hands over jobs and takes back posts; neither ever waits for the other.
2. A job that is too late, or whose client is gone, is never started.
3. A stop or an off overtakes what is queued for its output, and what it overtakes is not carried
   out.
4. A module that fails is opened anew before its next job; nothing else notices.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import logging
import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wisblock_bridge import protocol
from wisblock_bridge.bell import Bell
from wisblock_bridge.describe import ALL_OUTPUTS
from wisblock_bridge.errors import (
    BridgeError,
    BusError,
    BusyError,
    ClosingError,
    DeviceError,
    ExpiredError,
    InternalError,
    RequestError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.describe import Module, OperationDescription, Readings, Slot, Watch
    from wisblock_bridge.mailbox import Mailbox
    from wisblock_bridge.protocol import RequestId
    from wisblock_bridge.sessions import OnLoss, Session
    from wisblock_bridge.watching import Watching

MAX_QUEUED = 256

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 10.0
"""Pauses between attempts to bring an output to its safe state while the hardware fails."""

log = logging.getLogger(__name__)
_defect_numbers = itertools.count(1)


@dataclass(slots=True, eq=False)
class Job:
    """One call of one operation.

    Attributes:
        session: Who asked.
        identity: The connection to answer on.
        request_id: The id to answer with.
        deadline: Clock reading after which it is not started, s.
        operation: What is asked.
        arguments: The checked parameters, in order.
        output: The output it drives, or "".
        on_loss: What is to happen to that output when the session is lost.
        urgent: It is a stop or an off.
    """

    session: Session
    identity: bytes
    request_id: RequestId
    deadline: float
    operation: OperationDescription
    arguments: tuple[object, ...]
    output: str = ""
    on_loss: OnLoss = "safe"
    urgent: bool = False


@dataclass(slots=True, eq=False)
class Answer:
    """A finished job, its reply ready to be sent."""

    job: Job
    frame: bytes
    worker: Worker
    started: bool
    error: BridgeError | None = None


@dataclass(slots=True, eq=False)
class Happening:
    """Something to tell the client of a subscription."""

    subscription: int
    readings: Readings | None
    error: BridgeError | None = None
    initial: bool = False


@dataclass(slots=True, eq=False)
class Closed:
    """A worker has closed its module and ended."""

    worker: Worker


Post = Answer | Happening | Closed


@dataclass(slots=True, order=True)
class _Timer:
    due: float
    number: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """Call it off."""
        self.action = None


class Worker:
    """The thread of one module in one slot.

    Args:
        name: Name of the module.
        slot: Where it is.
        build: Makes the module with its needs met; called on the worker's thread.
        mailbox: Where answers go.
        clock: Time.
        emulated: Whether the hardware is emulated.
        leave: Called on the worker's thread once the module has been closed.
    """

    def __init__(
        self,
        name: str,
        slot: Slot,
        build: Callable[[Worker], Module],
        mailbox: Mailbox[Post],
        clock: Clock,
        *,
        emulated: bool,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.slot: Slot = slot
        self.place = place_of(name, slot)
        self.is_open = False
        self.closing = False
        self.last_error: BridgeError | None = None
        self.last_good_ms: float | None = None
        self.errors = 0
        self.unanswered = 0
        """Jobs taken whose answer the poll loop has not seen yet; the poll loop counts."""
        self._build = build
        self._mailbox = mailbox
        self._clock = clock
        self._emulated = emulated
        self._leave = leave
        self._module: Module | None = None
        self._usable = False
        self._bell = Bell()
        self._jobs: deque[Job] = deque()
        self._urgent: deque[Job | Callable[[], None]] = deque()
        self._timers: list[_Timer] = []
        self._timer_numbers = itertools.count()
        self._watchings: dict[int, Watching] = {}
        self._descriptors: dict[int, list[Watching]] = {}
        self._retries: dict[str, _Timer] = {}
        self._thread = threading.Thread(target=self._run, name=self.place, daemon=True)
        self._thread.start()

    # -- called by the poll loop ------------------------------------------------------------------

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._jobs) + len(self._urgent)

    @property
    def watched(self) -> int:
        """How many subscriptions run."""
        return len(self._watchings)

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
                try:
                    self._jobs.remove(overtaken)
                except ValueError:
                    continue  # the thread has just taken it
                self._refuse(
                    overtaken,
                    ExpiredError("A stop or an off overtook this request; it was not started."),
                )
            self._urgent.append(job)
        elif len(self._jobs) >= MAX_QUEUED:
            raise BusyError(
                f"{MAX_QUEUED} requests wait for {self.place} already.",
                hint="Ask less often, or subscribe instead of asking.",
                where=self.place,
            )
        else:
            self._jobs.append(job)
        self.unanswered += 1

    def wake(self) -> None:
        """Let the thread look at what was submitted."""
        self._bell.ring()

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
        self._call(lambda: self._stop_watching(subscription))

    def make_safe(self, output: str) -> None:
        """Bring an output to its safe state before anything else that is queued.

        It is tried until it works, until somebody else drives the output, or until the module is
        closed.

        Args:
            output: Its name.
        """
        self._call(lambda: self._bring_to_safety(output, FIRST_RETRY_S))

    def prepare(self) -> None:
        """Open the module now, so that its outputs are safe; a failure is logged."""
        self._call(lambda: self._guarded(self._opened))

    def close(self) -> None:
        """Close the module and end the thread; ``Closed`` is posted when that is done."""
        if not self.closing:
            self.closing = True
            self._call(self._shut)

    def dispose(self) -> None:
        """Give back what is left after ``Closed`` was posted."""
        self._bell.close()

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

    def after(self, seconds: float, action: Callable[[], None]) -> _Timer:
        """Do something later on this thread, as ``Timers.after`` says."""
        timer = _Timer(self._clock.monotonic() + seconds, next(self._timer_numbers), action)
        heapq.heappush(self._timers, timer)
        return timer

    # -- the thread -------------------------------------------------------------------------------

    def _call(self, action: Callable[[], None]) -> None:
        self._urgent.append(action)
        self._bell.ring()

    def _run(self) -> None:
        while not (self.closing and self._module is None and not self._urgent):
            if self._timers:
                ready = self._bell.wait(max(0.0, self._timers[0].due - self._clock.monotonic()))
            else:
                ready = self._bell.wait()
            for descriptor in ready:
                # All of them: whoever reads a line first keeps a copy for the others.
                for watching in tuple(self._descriptors.get(descriptor, ())):
                    self._guarded(functools.partial(self._look_now, watching))
            self._work()
        for job in (*self._jobs, *(each for each in self._urgent if isinstance(each, Job))):
            self._refuse(
                job, ClosingError(f"{self.place} was closed before this request was started.")
            )
        self._mailbox.post(Closed(self))

    def _work(self) -> None:
        """Do what is due and what is queued, until nothing is left."""
        while True:
            if self._timers:
                self._run_timers()
            if self._urgent:
                first = self._urgent.popleft()
                if isinstance(first, Job):
                    self._carry_out(first)
                else:
                    self._guarded(first)
            elif self._jobs and not self.closing:
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    continue  # an urgent job has just overtaken the last one
                self._carry_out(job)
            else:
                return

    def _run_timers(self) -> None:
        now = self._clock.monotonic()
        while self._timers and self._timers[0].due <= now:
            action = heapq.heappop(self._timers).action
            if action is not None:
                self._guarded(action)

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
        try:
            readings = self.perform(job.operation.name, job.arguments)
        except BridgeError as error:
            if self._retries and not isinstance(error, RequestError):
                self._give_over(job.output)
            frame = protocol.encode_error(job.request_id, error)
            self._mailbox.post(Answer(job, frame, self, started=True, error=error))
            return
        if self._retries:
            self._give_over(job.output)
        try:
            frame = protocol.encode_result(
                job.request_id, protocol.outcome(readings, emulated=self._emulated)
            )
        except Exception as error:  # noqa: BLE001  (whatever a module put into its readings)
            found = self._defect(error)
            frame = protocol.encode_error(job.request_id, found)
            self._mailbox.post(Answer(job, frame, self, started=True, error=found))
            return
        self._mailbox.post(Answer(job, frame, self, started=True))

    def perform(self, operation: str, arguments: tuple[object, ...]) -> Readings:
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
            readings: Readings = getattr(self._opened(), operation)(*arguments)
        except BridgeError as error:
            raise self._failed(error) from error.__cause__
        except Exception as error:
            raise self._defect(error) from error
        self._succeeded(readings.timestamp_ms)
        return readings

    def begin(self, event: str, arguments: tuple[object, ...]) -> Watch:
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
            watch: Watch = getattr(self._opened(), event)(*arguments)
        except BridgeError as error:
            raise self._failed(error) from error.__cause__
        except Exception as error:
            raise self._defect(error) from error
        return watch

    def look(self, watch: Watch) -> Sequence[Readings]:
        """Look once for an event; on the worker's thread only.

        Args:
            watch: The look-out.

        Returns:
            What there is to tell.

        Raises:
            BridgeError: It failed; the place is filled in.
        """
        try:
            found = watch.look()
        except BridgeError as error:
            raise self._failed(error) from error.__cause__
        except Exception as error:
            raise self._defect(error) from error
        self._succeeded(found[-1].timestamp_ms if found else self._clock.timestamp_ms())
        return found

    def _succeeded(self, timestamp_ms: float) -> None:
        self.last_good_ms = timestamp_ms
        if self.last_error is not None:
            log.warning("%s works again", self.place)
            self.last_error = None

    def _opened(self) -> Module:
        if self._module is None:
            self._module = self._build(self)
        if not self._usable:
            self._module.open()
            self._usable = self.is_open = True
        return self._module

    def _failed(self, error: BridgeError) -> BridgeError:
        error.at(self.place)
        if isinstance(error, BusError | DeviceError):
            self.errors += 1
            if self.last_error is None:
                log.warning("%s", error)
            self.last_error = error
        if isinstance(error, BusError):
            self._usable = False
        return error

    def _defect(self, error: Exception) -> InternalError:
        self.errors += 1
        self._usable = False
        return defect(error, self.place)

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BridgeError as error:
            log.warning("%s", self._failed(error))
        except Exception as error:  # noqa: BLE001
            self._defect(error)

    def _bring_to_safety(self, output: str, pause_s: float) -> None:
        try:
            self._opened().make_safe(output)
        except BridgeError as error:
            log.warning("%s (trying again to make %s safe)", self._failed(error), output)
        except Exception as error:  # noqa: BLE001
            self._defect(error)
        else:
            self._retries.pop(output, None)
            return
        longer_s = min(2 * pause_s, LONGEST_RETRY_S)
        self._retries[output] = self.after(pause_s, lambda: self._bring_to_safety(output, longer_s))

    def _give_over(self, output: str) -> None:
        """Leave an output alone that was to be made safe: somebody else drives it now."""
        timer = self._retries.pop(output, None)
        if timer is not None:
            timer.cancel()

    def _refuse(self, job: Job, error: BridgeError) -> None:
        error.at(self.place)
        frame = protocol.encode_error(job.request_id, error)
        self._mailbox.post(Answer(job, frame, self, started=False, error=error))

    def _start_watching(self, watching: Watching) -> None:
        self._watchings[watching.subscription] = watching
        self._look(watching)

    def _stop_watching(self, subscription: int) -> None:
        watching = self._watchings.pop(subscription, None)
        if watching is not None:
            self._listen_no_longer(watching)
            watching.close()

    def _look(self, watching: Watching) -> None:
        """Look because it is time, and say when it is time again."""
        if self._watchings.get(watching.subscription) is not watching:
            return
        self._look_now(watching)
        pause_s = watching.next_look_s(self._clock.monotonic())
        if not math.isinf(pause_s):
            self.after(pause_s, lambda: self._look(watching))

    def _look_now(self, watching: Watching) -> None:
        for happening in watching.look(self):
            self._mailbox.post(happening)
        descriptor = watching.descriptor
        if descriptor is None or watching not in self._descriptors.get(descriptor, ()):
            self._listen_no_longer(watching)
            if descriptor is not None:
                if descriptor not in self._descriptors:
                    self._descriptors[descriptor] = []
                    self._bell.add(descriptor)
                self._descriptors[descriptor].append(watching)

    def _listen_no_longer(self, watching: Watching) -> None:
        for descriptor, watchings in tuple(self._descriptors.items()):
            if watching in watchings:
                watchings.remove(watching)
                if not watchings:
                    del self._descriptors[descriptor]
                    self._bell.remove(descriptor)

    def _shut(self) -> None:
        for watching in tuple(self._watchings.values()):
            # Guarded: whatever is wrong with a look-out, the module's outputs must become safe.
            self._guarded(functools.partial(self._stop_watching, watching.subscription))
            error = ClosingError(f"{self.place} was closed.", where=self.place)
            self._mailbox.post(Happening(watching.subscription, None, error))
        self._timers.clear()
        self._retries.clear()
        if self._module is not None:
            self._guarded(self._module.close)
            self._module = None
            self._leave()
        self._usable = self.is_open = False


def defect(error: Exception, place: str) -> InternalError:
    """Write a defect of the bridge into the log, and find the words for the client.

    Args:
        error: What should not have happened.
        place: Where, for people.

    Returns:
        The error to answer with; it names the entry in the log.
    """
    number = next(_defect_numbers)
    log.error("defect %d in %s", number, place, exc_info=error)
    return InternalError(
        f"The bridge has a defect (number {number}): {type(error).__name__}.",
        hint="The bridge's log has the details under this number; please report it.",
        where=place,
    )


def place_of(module: str, slot: Slot) -> str:
    """Name a module's place for people.

    Args:
        module: Its name.
        slot: Where it is.

    Returns:
        "RAK5801 in slot 1", or "TPT29555 on the board".
    """
    return f"{module} on the board" if slot == "board" else f"{module} in slot {slot}"
