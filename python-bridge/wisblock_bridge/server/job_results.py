"""What came of jobs: the reply goes out, and the sessions note who drives which output.

1. It runs on the poll loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import RequestError
from wisblock_bridge.module_api.signatures import ALL_OUTPUTS
from wisblock_bridge.runtime.reservations import HeldError
from wisblock_bridge.runtime.sessions import Output
from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from wisblock_bridge.runtime.jobs import Job, JobResult
    from wisblock_bridge.runtime.sessions import Sessions
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.server.observers import Observers
    from wisblock_bridge.server.replies import Replies
    from wisblock_bridge.server.status import Counters


class JobResults:
    """Takes the results of jobs.

    Args:
        slot_manager: The slots.
        sessions: The clients, and what they drive.
        replies: Answers requests.
        counters: What is counted for the status.
        observers: Clients that are told what others are told.
    """

    def __init__(
        self,
        slot_manager: SlotManager,
        sessions: Sessions,
        replies: Replies,
        counters: Counters,
        observers: Observers,
    ) -> None:
        self._slot_manager = slot_manager
        self._sessions = sessions
        self._replies = replies
        self._counters = counters
        self._observers = observers

    def receive(self, result: JobResult) -> None:
        """Note what a job did, and send its reply."""
        job, worker, error = result.job, result.worker, result.error
        worker.unanswered -= 1
        if job.output:
            worker.driving.discard(job)
            if result.started and not isinstance(error, RequestError):
                self._note_output(job, worker, failed=error is not None)
        latency = self._counters.latency
        if latency is not None:
            code = "ok" if error is None else str(error.code)
            latency.observe("invoke", code, job.begun_at)
        frame = result.frame
        if error is not None:
            self._counters.count_error(error)
            if isinstance(error, HeldError):
                self._slot_manager.conflicts.name_users(error)
                frame = messages.encode_error(job.request_id, error)
        else:
            self._counters.operations += 1
        self._replies.send(job.session, job.identity, frame)
        # Last: nobody waits for those who only observe.
        if result.readings is not None:
            self._observers.result(worker, job.operation, job.arguments, result.readings)
        elif result.started and error is not None:
            self._observers.failed(worker.place, job.operation, job.arguments, error)

    def _note_output(self, job: Job, worker: Worker, *, failed: bool) -> None:
        """Note what became of an output; nobody drives it for a client that has disconnected."""
        session, sessions = job.session.current, self._sessions
        module = worker.place.module
        output = Output(worker.place, job.output)
        turned_off = job.urgent and not failed
        if turned_off and job.output == ALL_OUTPUTS:
            # Everything was stopped: nothing is driven any more, whichever session had driven it.
            sessions.forget_outputs(worker.place)
        elif session.alive and job.is_claimed:
            parts = self._slot_manager.parts_of(module, job.output)
            sessions.drive(session, output, job.on_loss, parts)
            if turned_off and not self._slot_manager.is_brake(module, job):
                sessions.rest(output)  # it is off, which is its safe state
        elif turned_off and not self._slot_manager.is_brake(module, job):
            sessions.forget_output(output)
        elif job.on_loss == "hold":
            sessions.hold(session, output)
        elif not worker.closing:
            worker.make_safe(job.output, job.claim)
