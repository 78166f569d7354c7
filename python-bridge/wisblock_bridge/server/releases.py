"""The method ``release``: a claim dropped, named outputs made safe, or everything ended by force.

1. It runs on the poll loop; making safe and closing is the workers' business.
2. Without force it touches what the client itself uses and drives, and nothing else.
3. A release is answered when what it asked for is done, or has failed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from wisblock_bridge.errors import BadParamsError, BridgeError
from wisblock_bridge.module_api import ALL_OUTPUTS
from wisblock_bridge.runtime.claims import describe_users, printable
from wisblock_bridge.runtime.sessions import Output
from wisblock_bridge.server.access import admit
from wisblock_bridge.wire.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api import Module
    from wisblock_bridge.runtime.jobs import Job, MadeSafe
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session, Sessions
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.server.subscriptions import Subscriptions
    from wisblock_bridge.wire.methods import ReleaseParams

C = TypeVar("C")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[C]):
    """A release that waits for outputs."""

    call: C
    worker: Worker
    outputs: list[str] = field(default_factory=list)
    error: BridgeError | None = None


class Releases(Generic[C]):
    """All releases that are under way.

    Args:
        slot_manager: The slots.
        sessions: Who uses what.
        subscriptions: Who subscribed to what.
        done: Answers a release that has been carried out.
        failed: Answers one that has not.
    """

    def __init__(
        self,
        slot_manager: SlotManager,
        sessions: Sessions,
        subscriptions: Subscriptions,
        done: Callable[[C], None],
        failed: Callable[[C, BridgeError], None],
    ) -> None:
        self._slot_manager = slot_manager
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._done = done
        self._failed = failed
        self._closing: dict[Worker, list[C]] = {}
        self._waiting: list[_Waiting[C]] = []

    def ask(self, call: C, session: Session, place: Place, params: ReleaseParams) -> bool:
        """Begin a release.

        Args:
            call: Who is to be answered.
            session: Who asks.
            place: The module to be released.
            params: What of it, and how.

        Returns:
            Whether all is done already.

        Raises:
            BadParamsError: The module has no such output.
            ForbiddenError: Force takes the role ``admin``.
        """
        cls = self._slot_manager.module_class(place.module)
        _check_names(cls, params.outputs)
        if params.force:
            admit(session.peer, Role.ADMIN, f"the release of {place.module} by force")
        worker = self._slot_manager.find(place)
        if params.outputs is not None:
            return self._outputs(call, session, place, worker, params.outputs, params.force)
        if params.force:
            return self._by_force(call, session, place, worker)
        return self._own(call, session, place, worker)

    def _own(self, call: C, session: Session, place: Place, worker: Worker | None) -> bool:
        """Drop one session's claim."""
        claim = self._sessions.unclaim(session, place)
        self._subscriptions.end_of(session, place)
        if worker is None or (claim is None and session.peer.role < Role.DRIVE):
            return True  # who may only look does not close what it does not use
        if worker.closing:
            return self._wait_for_end(call, worker)
        outputs, holds = self.give_up_outputs(session, worker)
        if claim is not None:
            for job in worker.driving - worker.refuse_jobs(claim):
                if job.is_under(claim):
                    holds |= job.on_loss == "hold"
                    if job.on_loss == "safe" and job.output not in outputs:
                        outputs.append(job.output)
        if not holds and not self._sessions.is_used(place):
            worker.close()
            return self._wait_for_end(call, worker)
        for output in outputs:
            worker.make_safe(output, claim)
        return self._wait_for(call, worker, outputs)

    def give_up_outputs(self, session: Session, worker: Worker) -> tuple[list[str], bool]:
        """Take from a session what it drives on one module; what it asked to hold is held.

        Args:
            session: Whose outputs.
            worker: The module's.

        Returns:
            What is to be made safe, and whether something is held.
        """
        outputs, holds = [], False
        for output, policy in tuple(session.outputs.items()):
            if output.place == worker.place:
                if policy == "hold":
                    holds |= self._sessions.hold(session, output)
                else:
                    self._sessions.forget_output(output)
                    outputs.append(output.name)
        return outputs, holds

    def _outputs(
        self,
        call: C,
        session: Session,
        place: Place,
        worker: Worker | None,
        names: list[str],
        force: bool,  # noqa: FBT001
    ) -> bool:
        """Make named outputs safe: those of one session, or by force those of any."""
        if worker is None:
            return True
        if worker.closing:
            return self._wait_for_end(call, worker)
        whose = self._sessions if force else (session,)
        claims = {each.claims[place] for each in whose if place in each.claims}
        everything = ALL_OUTPUTS in names
        driven = self._sessions.outputs_of(place, None if force else session)
        chosen = [each for each in driven if everything or each in names]
        refused: set[Job] = set()
        for claim in claims:
            queued = {job.output for job in worker.driving} if everything else names
            refused |= worker.refuse_jobs(claim, queued)
        for job in worker.driving - refused:
            mine = job.claim is not None and job.claim.current in claims
            if mine and job.output not in chosen and (everything or job.output in names):
                chosen.append(job.output)
        for output in chosen:
            worker.make_safe(output, None if force else session.claims.get(place))
        return self._wait_for(call, worker, chosen)

    def _by_force(self, call: C, session: Session, place: Place, worker: Worker | None) -> bool:
        """End everybody's claim and close the module."""
        for each in self._sessions:
            self._sessions.unclaim(each, place)
        self._subscriptions.end_of(session, place)
        self._subscriptions.sleep(place)
        if worker is None:
            return True
        worker.close(f"was released by force by {_name(session)}")
        return self._wait_for_end(call, worker)

    def _wait_for_end(self, call: C, worker: Worker) -> bool:
        self._closing.setdefault(worker, []).append(call)
        return False

    def _wait_for(self, call: C, worker: Worker, outputs: list[str]) -> bool:
        if not outputs:
            return True
        self._waiting.append(_Waiting(call, worker, list(outputs)))
        return False

    # -- messages of workers ----------------------------------------------------------------------

    def made_safe(self, message: MadeSafe) -> None:
        """Take notice that an output was made safe, or that it could not be.

        Args:
            message: What the worker reports.
        """
        worker = message.worker
        if message.automatic:
            self._sessions.rest(Output(worker.place, message.output))
            return
        if message.error is None and not message.overtaken:
            self._sessions.forget_output(Output(worker.place, message.output))
        for waiting in tuple(self._waiting):
            if waiting.worker is worker and message.output in waiting.outputs:
                waiting.outputs.remove(message.output)
                waiting.error = waiting.error or message.error
                if not waiting.outputs:
                    self._waiting.remove(waiting)
                    self._answer(waiting)

    def module_closed(self, worker: Worker) -> None:
        """Answer what waited for the end of a module.

        Args:
            worker: The module's.
        """
        for call in self._closing.pop(worker, ()):
            self._done(call)
        for waiting in [each for each in self._waiting if each.worker is worker]:
            self._waiting.remove(waiting)
            self._answer(waiting)

    def _answer(self, waiting: _Waiting[C]) -> None:
        if waiting.error is None:
            self._done(waiting.call)
        else:
            self._failed(waiting.call, waiting.error)


def _name(session: Session) -> str:
    return describe_users(
        [
            {
                "client": printable(session.name),
                "address": session.address,
                "nodes": [],
                "held": [],
                "connected": True,
            }
        ]
    )


def _check_names(cls: type[Module], names: list[str] | None) -> None:
    """Refuse names that no operation of a module can drive."""
    if names is None:
        return
    templates = [each.drives for each in cls.description.operations.values() if each.drives]
    known = list(dict.fromkeys([*templates, ALL_OUTPUTS])) if templates else []
    patterns = [re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(each)) for each in known]
    for name in names:
        if not any(re.fullmatch(pattern, name) for pattern in patterns):
            raise BadParamsError(
                f"{cls.product.name} has no output {name[:60]!r}; it has: "
                f"{', '.join(known) or 'none'}.",
                data={"param": "outputs", "allowed": known},
            )
