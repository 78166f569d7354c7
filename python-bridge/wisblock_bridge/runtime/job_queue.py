"""What waits for a worker: jobs in their order, and before them what is urgent.

1. The poll loop puts in and takes back; the worker's thread takes out. Neither waits for the other:
   a deque's single steps are safe between threads, and what one side finds gone the other has.
2. A stop or an off overtakes what is queued for its output, and what it overtakes is refused.
3. Clients take turns: one that asks for much at once does not make the others wait for all of it.
4. It knows no thread: who puts something in wakes the worker.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError, BusyError, ClosingError, ExpiredError
from wisblock_bridge.module_api.signatures import ALL_OUTPUTS
from wisblock_bridge.runtime.jobs import Job, MakeSafe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.claims import Claim
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session

MAX_QUEUED = 256


class JobQueue:
    """The queue of one worker.

    Args:
        place: The worker's module.
        refuse: Answers a job that is not started.

    Attributes:
        jobs: What waits its turn; the worker takes out on the left.
        urgent: What comes before all of them.
    """

    def __init__(self, place: Place, refuse: Callable[[Job, BridgeError], None]) -> None:
        self.jobs: deque[Job] = deque()
        self.urgent: deque[Job | MakeSafe | Callable[[], None]] = deque()
        self._place = place
        self._refuse = refuse

    def __len__(self) -> int:
        return len(self.jobs) + len(self.urgent)

    def submit(self, job: Job, *, urgent: bool) -> None:
        """Queue a job.

        Args:
            job: What to do.
            urgent: It overtakes what is queued for its output.

        Raises:
            BusyError: Too much is queued already.
        """
        if urgent:
            self._overtake(job.output)
            self.urgent.append(job)
        elif len(self.jobs) >= MAX_QUEUED and self._has_waiting(job.session):
            raise BusyError(
                f"{MAX_QUEUED} requests wait for {self._place} already.",
                hint="Ask less often, or subscribe instead of asking.",
                where=str(self._place),
            )
        else:
            self._put(job)

    def _put(self, job: Job) -> None:
        """Queue a job where its client's next turn is: each client has one job in each of them.

        It never comes before one that may change something: what came after that must see it.
        The thread may take jobs out meanwhile: then it stands later, but never before another one
        of its client.
        """
        waiting = tuple(self.jobs)
        if waiting:
            job.turn = waiting[0].turn
            if job.session.in_flight > 1:
                own = (each.turn for each in reversed(waiting) if each.session is job.session)
                job.turn = max(job.turn, next(own, -1) + 1)
            place = len(waiting)
            while waiting[place - 1].turn > job.turn and waiting[place - 1].operation.reads_only:
                place -= 1
            job.turn = max(job.turn, waiting[place - 1].turn)
            if place < len(waiting):
                self.jobs.insert(place, job)
                return
        self.jobs.append(job)

    def take_equal(
        self, operation: OperationDescription, arguments: tuple[object, ...]
    ) -> list[Job]:
        """Take out the readings that wait and are the same, so that one measurement serves them.

        Only those before the first job that may change something: what was asked after a change
        must see it. Whoever starts the measurement afterwards starts it after all of them came.

        Args:
            operation: An operation that only reads.
            arguments: Its parameters, in order.
        """
        found = []
        for job in tuple(self.jobs):
            if not job.operation.reads_only:
                break
            if job.operation.name == operation.name and job.arguments == arguments:
                try:
                    self.jobs.remove(job)
                except ValueError:
                    continue  # the poll loop has just taken it back
                found.append(job)
        return found

    def refuse_jobs(self, claim: Claim, outputs: Collection[str] | None = None) -> set[Job]:
        """Refuse what waits under a claim, because its client released the module or an output.

        Args:
            claim: Whose.
            outputs: Only what drives one of these; None for everything.

        Returns:
            What was refused; what has been started is not among it.
        """
        refused = set()
        for job in (*tuple(self.jobs), *self._urgent_jobs()):
            wanted = outputs is None or job.output in outputs
            if wanted and job.is_under(claim) and self._take_back(job, self.released()):
                refused.add(job)
        return refused

    def refuse_left(self, identity: bytes) -> None:
        """Refuse what waits of a client that has left: nothing is done for it any more.

        Args:
            identity: Its connection.
        """
        for job in (*tuple(self.jobs), *self._urgent_jobs()):
            if job.identity == identity:
                self._take_back(job, ClosingError("The client has left: nothing is done for it."))

    def refuse_all(self, reason: str) -> None:
        """Refuse everything that waits, because the module was closed.

        Args:
            reason: What happened to the module: "was closed".
        """
        for job in (*tuple(self.jobs), *self._urgent_jobs()):
            why = f"{self._place} {reason} before this request was started."
            self._refuse(job, ClosingError(why))

    def released(self) -> ClosingError:
        """Return the refusal of a job whose claim has ended."""
        return ClosingError(f"This client released {self._place} before this request was started.")

    def is_overtaking(self) -> bool:
        """Return whether a stop, an off or a safe state waits, so that what runs must yield."""
        return bool(self.urgent) and any(
            isinstance(each, Job | MakeSafe) for each in tuple(self.urgent)
        )

    def _overtake(self, output: str) -> None:
        everything = output == ALL_OUTPUTS
        waiting = [each for each in tuple(self.jobs) if each.output]
        for overtaken in [each for each in waiting if everything or each.output == output]:
            self._take_back(
                overtaken,
                ExpiredError("A stop or an off overtook this request; it was not started."),
            )

    def _take_back(self, job: Job, error: BridgeError) -> bool:
        """Refuse a job that waits, unless the thread has just taken it."""
        try:
            (self.urgent if job.urgent else self.jobs).remove(job)
        except ValueError:
            return False
        self._refuse(job, error)
        return True

    def _urgent_jobs(self) -> list[Job]:
        return [each for each in tuple(self.urgent) if isinstance(each, Job)]

    def _has_waiting(self, session: Session) -> bool:
        """Return whether a client waits already: one that does not gets in behind a flood."""
        return any(each.session is session for each in tuple(self.jobs))
