"""Outputs that are brought to their safe state, on the worker's thread, until it works.

1. An output is made safe for a claim only if no other claim has written it since; which claim wrote
   it last is known here alone.
2. It ends when it has worked, when a request writes the output, or when the module is closed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError
from wisblock_bridge.module_api.signatures import ALL_OUTPUTS
from wisblock_bridge.runtime.jobs import MadeSafe
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from wisblock_bridge.runtime.claims import Claim
    from wisblock_bridge.runtime.jobs import Job, MakeSafe, WorkerMessage
    from wisblock_bridge.runtime.lifecycle import ModuleLifecycle
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.threads.timers import Timer, TimerQueue

FIRST_RETRY_S = 0.5
"""The first pause between attempts to make an output safe while the hardware fails."""

log = logging.getLogger(__name__)


class SafeOutputs:
    """The outputs of one module.

    Args:
        worker: The module's.
        lifecycle: Opens the module.
        timer_queue: Later work on the thread, before everything else.
        mailbox: Where ``MadeSafe`` goes.
    """

    def __init__(
        self,
        worker: Worker,
        lifecycle: ModuleLifecycle,
        timer_queue: TimerQueue,
        mailbox: Mailbox[WorkerMessage],
    ) -> None:
        self._worker = worker
        self._lifecycle = lifecycle
        self._timer_queue = timer_queue
        self._mailbox = mailbox
        self.retries: dict[str, Timer] = {}
        """The next attempt for each output that could not be made safe."""
        self._not_at_rest: set[str] = set()
        """Outputs that were written and have not come to rest since."""
        self._writers: dict[str, Claim] = {}
        """Under which claim each output was written last."""

    def written(self, job: Job, claim: Claim | None, *, certain: bool) -> None:
        """Note that a job wrote an output, or may have; it need not be made safe any more."""
        if not job.output:
            return
        if claim is not None:
            self._writers[job.output] = claim
            self._not_at_rest.add(job.output)
        if certain:  # one that failed drives nothing, and may have been an off
            self._forget_retry(job.output)
        if certain and job.urgent and job.output == ALL_OUTPUTS:
            self._lifecycle.supply.all_safe()
        else:
            self._lifecycle.supply.drives(job.output)

    def report_rest(self) -> None:
        """Report which outputs have come to rest automatically."""
        if self._not_at_rest:
            self._lifecycle.guarded(self._report_rest)

    def _report_rest(self) -> None:
        module = self._lifecycle.module
        for output in tuple(self._not_at_rest):
            if module is not None and self._lifecycle.usable and module.rests(output):
                self._not_at_rest.discard(output)
                self._mailbox.post(MadeSafe(self._worker, output, automatic=True))

    def make_safe(self, request: MakeSafe) -> None:
        """Make an output safe, unless another claim has written it since."""
        output, claim = request.output, request.claim
        writer = self._writers.get(output)
        if claim is not None and writer is not None and writer.current is not claim.current:
            self._mailbox.post(MadeSafe(self._worker, output, overtaken=True))
        else:
            # Whoever asks again is told how it went, and nothing is left of the attempts before.
            again = self._forget_retry(output)
            self._attempt(output, Backoff(FIRST_RETRY_S), reports=True, again=again)

    def clear(self) -> None:
        """Forget everything: the module is closed, and with it its outputs are safe."""
        self.retries.clear()

    def _forget_retry(self, output: str) -> bool:
        """Forget the next attempt for an output; return whether there was one."""
        timer = self.retries.pop(output, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _attempt(
        self, output: str, backoff: Backoff, *, reports: bool = False, again: bool = True
    ) -> None:
        lifecycle, place = self._lifecycle, self._worker.place
        try:
            lifecycle.opened().make_safe(output)
        except BridgeError as error:
            lifecycle.failed(error)
            if reports:
                self._mailbox.post(MadeSafe(self._worker, output, error))
            if not again:
                log.warning(
                    "%s: %s cannot be made safe (%s) and is tried again until it is",
                    place, output, error.code,
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001
            found = lifecycle.defect(error)
            if reports:
                self._mailbox.post(MadeSafe(self._worker, output, found))
        else:
            self._mailbox.post(MadeSafe(self._worker, output))
            lifecycle.supply.is_safe(output)
            self.retries.pop(output, None)
            if again:
                log.info("%s: %s is safe now", place, output)
            lifecycle.log_recovery()
            return
        self.retries[output] = self._timer_queue.after(
            backoff.next_s(), lambda: self._attempt(output, backoff)
        )
