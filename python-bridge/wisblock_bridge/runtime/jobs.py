"""What the poll loop and the workers hand each other.

1. Plain records: nothing here does anything.
2. A job goes to a worker, a message comes back; its sender does not touch it any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from wisblock_bridge.errors import BridgeError
    from wisblock_bridge.module_api import Result
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.claims import Claim
    from wisblock_bridge.runtime.sessions import OnLoss, Session
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.wire.messages import RequestId

TOO_LATE = "The request waited longer than its timeout_ms and was not started."


class Job(msgspec.Struct, eq=False, gc=False):
    """One call of one operation; a struct, because one is made for each request.

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
        claim: Under which it was asked; None for what needs none.
        begun_at: Clock reading at which it was asked, s.
        turn: In which round of all clients it stands; kept by its queue.
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
    claim: Claim | None = None
    begun_at: float = 0.0
    turn: int = 0

    @property
    def is_claimed(self) -> bool:
        """Whether the claim under which it was asked still counts."""
        return self.claim is None or self.claim.current.alive

    def is_under(self, claim: Claim) -> bool:
        """Return whether it was asked under a claim, which is the current one of its session."""
        return self.claim is not None and self.claim.current is claim


@dataclass(slots=True, eq=False)
class MakeSafe:
    """A request to bring an output to its safe state.

    Attributes:
        output: Its name.
        claim: It is left alone when another claim has written it since; None: in any case.
    """

    output: str
    claim: Claim | None = None


class JobResult(msgspec.Struct, eq=False, gc=False):
    """A finished job, its reply ready to be sent."""

    job: Job
    frame: bytes
    worker: Worker
    started: bool
    error: BridgeError | None = None
    readings: Result | None = None


@dataclass(slots=True, eq=False)
class Notification:
    """Readings or an error for the client of a subscription.

    Attributes:
        subscription: Its number.
        readings: What was measured; None where there is an error.
        error: Why there is nothing.
        initial: It is the present state, as the first message has it.
        late: Beats of the subscription that were missed before it.
    """

    subscription: int
    readings: Result | None
    error: BridgeError | None = None
    initial: bool = False
    late: int = 0


@dataclass(slots=True, eq=False)
class MadeSafe:
    """What came of bringing an output to its safe state.

    Attributes:
        worker: Whose output it is.
        output: Its name.
        error: Why it did not work; it is tried again then.
        overtaken: Another claim has written the output since, so it was left alone.
        automatic: It came to rest without a request: the session that wrote it last still owns it.
    """

    worker: Worker
    output: str
    error: BridgeError | None = None
    overtaken: bool = False
    automatic: bool = False


@dataclass(slots=True, eq=False)
class OutputsSafe:
    """Outputs are in their safe state again without a request: nobody drives them."""

    worker: Worker
    outputs: tuple[str, ...]


@dataclass(slots=True, eq=False)
class WorkerClosed:
    """A worker has closed its module and ended."""

    worker: Worker


WorkerMessage = JobResult | Notification | MadeSafe | OutputsSafe | WorkerClosed
