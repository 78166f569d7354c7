"""From a request to the method that answers it.

1. It runs on the poll loop: what needs hardware is queued for a worker, the rest is answered at
   once. What clients subscribed to is kept by ``Subscriptions``.
2. A client without the role for something is refused (``access``) before parameters are looked
   at; these are checked against the description before anything is queued.
3. It knows no socket: replies and events leave through ``Outbox``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from wisblock_bridge import __version__
from wisblock_bridge.errors import (
    BadParamsError,
    BridgeError,
    BusyError,
    ClosingError,
    ExpiredError,
    ForbiddenError,
    UnknownMethodError,
    UnknownOperationError,
)
from wisblock_bridge.runtime.claims import Claim
from wisblock_bridge.runtime.fault_log import defect
from wisblock_bridge.runtime.jobs import (
    TOO_LATE,
    Job,
    JobResult,
    MadeSafe,
    Notification,
    OutputsSafe,
    WorkerClosed,
)
from wisblock_bridge.runtime.safe_state import PendingSafeStates
from wisblock_bridge.runtime.slots import SlotClosingError
from wisblock_bridge.server.access import admit, chosen_name, removed, role_for
from wisblock_bridge.server.invocations import Invocation, Invocations, invocation
from wisblock_bridge.server.job_results import JobResults
from wisblock_bridge.server.leases import Leases
from wisblock_bridge.server.observers import Observers
from wisblock_bridge.server.parameters import Checker
from wisblock_bridge.server.parked_requests import ParkedRequests
from wisblock_bridge.server.releases import Releases
from wisblock_bridge.server.replies import Call, Replies, stays
from wisblock_bridge.server.subscriptions import Subscriptions
from wisblock_bridge.server.undecodable import UndecodableFrames
from wisblock_bridge.wire import messages
from wisblock_bridge.wire.limits import MAX_IN_FLIGHT
from wisblock_bridge.wire.methods import (
    HelloParams,
    InvokeParams,
    NoParams,
    ObserveParams,
    ReleaseParams,
    ScanParams,
    SubscribeParams,
    UnsubscribeParams,
)
from wisblock_bridge.wire.roles import LOCAL, Role

if TYPE_CHECKING:
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.modules.registry import Known
    from wisblock_bridge.runtime.jobs import WorkerMessage
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session, Sessions
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.server.emulator_methods import EmulatorMethods
    from wisblock_bridge.server.outbox import Outbox
    from wisblock_bridge.server.scanner import Scanned, Scanner
    from wisblock_bridge.server.status import Counters
    from wisblock_bridge.threads.timers import TimerQueue
    from wisblock_bridge.wire.methods import Kind
    from wisblock_bridge.wire.roles import Peer

REFUSALS_AT_ONCE = 8
"""Requests refused one after another before the workers' messages get their turn: beside a client
that floods, a reply waits for this many refusals."""

NEVER_TOO_LATE = frozenset(("hello", "ping", "bye", "unsubscribe", "release"))
"""Methods that keep a session, or end something of it: however late they come, nothing is begun. A
release by force is no such thing, for it ends what others use."""

ONLY_LOOKING = frozenset(("status", "catalogue", "log", "emulator.list", "emulator.get"))
"""Methods that change nothing. Without a time of its own, such a request is answered however long
it may have waited: what lay there when the bridge went on after a stop can be new."""

MAX_LEFT = 1024
"""Sessions that wait for a client to come back. A program that connects again and again would else
leave as many as fit into a lease."""

log = logging.getLogger(__name__)


def _may_be_late(request: messages.Request) -> bool:
    """Return whether a request is carried out however late it comes."""
    if request.method in ONLY_LOOKING:
        return request.timeout_ms is msgspec.UNSET and request.deadline_ms is msgspec.UNSET
    return request.method in NEVER_TOO_LATE


_Method = tuple[messages.MapDecoder[Any] | None, Callable[[Call, Any], object], Role]
"""What decodes the parameters (None: the method itself does), answers, and may be asked by whom."""

_invoke_decoder = messages.MapDecoder(InvokeParams)


class Dispatcher:
    """Answers requests, queues jobs, and sends clients their results.

    Args:
        catalogue: All modules.
        slot_manager: The slots.
        sessions: The clients.
        outbox: The way out.
        timer_queue: What the poll loop is to do later.
        counters: What is counted for the status.
        scanner: Scans for chips.
        emulator: The emulator control; None on real hardware.
    """

    def __init__(
        self,
        catalogue: Known,
        slot_manager: SlotManager,
        sessions: Sessions,
        outbox: Outbox,
        timer_queue: TimerQueue,
        counters: Counters,
        scanner: Scanner,
        emulator: EmulatorMethods | None,
    ) -> None:
        self._catalogue = catalogue
        self._slot_manager = slot_manager
        self._sessions = sessions
        self._outbox = outbox
        self._timer_queue = timer_queue
        self._clock = clock = timer_queue.clock
        self._counters = counters
        self._scanner = scanner
        self._emulator = emulator
        self.is_listed: Callable[[Peer], bool] = lambda _: True
        """Whether the key of a peer may still enter; set where keys are in use."""
        self._to_wake: set[Worker] = set()
        self._replies = replies = Replies(sessions, outbox, counters)
        self._parked = ParkedRequests(clock, replies, self._attempt)
        self._observers = observers = Observers(
            slot_manager, sessions, outbox, timer_queue, self._may_be_told
        )
        self._job_results = JobResults(slot_manager, sessions, replies, counters, observers)
        self._leases = Leases(sessions, outbox, timer_queue, self.end_session)
        self._checkers: dict[tuple[str, Kind, str], Checker] = {}
        self._invocations = Invocations()
        self.subscriptions = Subscriptions(
            slot_manager,
            sessions,
            outbox,
            timer_queue,
            counters,
            self._worker,
            self._checker,
            observers,
        )
        if emulator is not None:
            emulator.watch(observers)
        self._releases: Releases[Call] = Releases(
            slot_manager,
            sessions,
            self.subscriptions,
            lambda call: replies.succeed(call, {}),
            replies.fail,
        )
        slot_manager.conflicts.sessions = sessions
        self.pending_safe_states = PendingSafeStates(slot_manager, timer_queue)
        self._undecodable = UndecodableFrames(clock)
        self._refused_in_a_row = 0
        self._left: dict[bytes, Session] = {}
        """Whose connection has ended, the oldest first."""
        self._catalogue_reply: msgspec.Raw | None = None
        self._statuses: dict[Role, msgspec.Raw] = {}
        """By the role of who asks, until something happens that may change it."""
        self.stopping = False
        self.status: Callable[[Peer], dict[str, object]] = lambda _peer: {}
        self.log_lines: Callable[[], list[dict[str, object]]] = list
        sessions.detached = outbox.drop
        sessions.began = self._leases.begin
        self._methods = self._method_table()

    def _method_table(self) -> dict[str, _Method]:
        """Return, for each method, what decodes its parameters, answers it, and may call it."""
        none, read = messages.MapDecoder(NoParams), Role.READ
        return {
            # What these two need beyond that, the description of the operation says; ``release``
            # touches what is the client's own, or asks for more itself.
            "invoke": (None, self._invoke, read),
            "subscribe": (messages.MapDecoder(SubscribeParams), self._subscribe, read),
            "ping": (none, lambda _call, _params: {"clock_ms": self._clock_ms()}, read),
            "hello": (messages.MapDecoder(HelloParams), self._hello, read),
            "bye": (none, self._bye, read),
            "catalogue": (none, lambda _call, _params: self._encoded_catalogue(), read),
            "status": (none, self._encoded_status, read),
            "log": (none, lambda _call, _params: {"lines": self.log_lines()}, Role.ADMIN),
            "observe": (messages.MapDecoder(ObserveParams), self._observe, read),
            "unsubscribe": (messages.MapDecoder(UnsubscribeParams), self._unsubscribe, read),
            "release": (messages.MapDecoder(ReleaseParams), self._release, read),
            "scan": (messages.MapDecoder(ScanParams), self._scan, Role.ADMIN),
        }

    # -- what comes in ----------------------------------------------------------------------------

    def handle(
        self,
        identity: bytes,
        frame: bytes,
        peer: Peer = LOCAL,
        address: Callable[[], str] | None = None,
        now: float | None = None,
        *,
        length: int | None = None,
        received_at: float | None = None,
        has_left: Callable[[], bool] = stays,
    ) -> bool:
        """Take one frame from a client.

        Args:
            identity: Its connection.
            frame: What it sent.
            peer: Who it is, by the key of its connection.
            address: Tells where it is; asked only when its session begins.
            now: Clock reading, s; None to look.
            length: Of the whole frame, where only its start is there, bytes.
            received_at: Clock reading since when it may have waited, s; None for now.
            has_left: Tells whether its connection has ended; asked before something is driven.

        Returns:
            Whether more frames may be taken at once; not, where it is a flood that is being turned
            away.
        """
        if peer is not LOCAL and not self._may_enter(identity, frame, peer):
            return self._note_refusal()
        if now is None:
            now = self._clock.monotonic()
        if received_at is None:
            received_at = now
        session = self._sessions.of(identity, now, peer, address)
        counters = self._counters
        counters.requests += 1
        try:
            request = messages.decode(frame, length)
        except messages.Undecodable as identification:
            counters.refused += 1
            if identification.request_id is None:
                counters.undecodable += 1
                self.log_undecodable(identity, identification.error.message)
            else:
                counters.count_error(identification.error)
                self._outbox.reply(
                    identity, messages.encode_error(identification.request_id, identification.error)
                )
            return self._note_refusal()
        if session.in_flight >= MAX_IN_FLIGHT:
            counters.refused += 1
            error = BusyError(
                f"{MAX_IN_FLIGHT} requests of this client are in flight already.",
                hint="Wait for replies before asking more.",
            )
            counters.count_error(error)
            self._outbox.reply(identity, messages.encode_error(request.id, error))
            return self._note_refusal()
        session.in_flight += 1
        deadline = messages.latest_start(request, received_at)
        call = Call(session, identity, request, deadline, has_left=has_left, begun_at=received_at)
        if now > deadline and not _may_be_late(request):
            self._replies.fail(call, ExpiredError(TOO_LATE))
            return self._note_refusal()
        if self._attempt(call):
            return self._note_refusal()
        self._refused_in_a_row = 0
        return True

    def _note_refusal(self) -> bool:
        """Return whether more frames may be taken at once, after one was refused."""
        self._refused_in_a_row += 1
        return self._refused_in_a_row % REFUSALS_AT_ONCE != 0

    @property
    def method_names(self) -> tuple[str, ...]:
        """The methods of the protocol that this bridge has."""
        return (*self._methods, *(self._emulator.methods if self._emulator else ()))

    def log_undecodable(self, identity: bytes, why: str) -> None:
        """Let the log know, once, that a client sends what cannot be answered.

        Args:
            identity: Its connection.
            why: What is wrong.
        """
        found = (each.name for each in self._sessions if each.identity == identity)
        self._undecodable.note(identity, lambda: next(found, ""), why)

    def _may_enter(self, identity: bytes, frame: bytes, peer: Peer) -> bool:
        """Refuse a peer that may not ask for anything, and end the session that it had."""
        if peer.role is Role.NONE:
            error = removed()
        elif identity[0]:
            # Names that ZeroMQ gives begin with a zero, and no client knows them.
            error = chosen_name()
        else:
            return True
        self._counters.requests += 1
        self._counters.refused += 1
        self._counters.count_error(error)
        session = self._sessions.take_over(identity, peer)
        if session is not None:
            self._cut_off(session)
        try:
            request_id: messages.RequestId | None = messages.decode(frame).id
        except messages.Undecodable as identification:
            request_id = identification.request_id
        if request_id is not None:
            self._outbox.reply(identity, messages.encode_error(request_id, error))
        return False

    def _cut_off(self, session: Session) -> None:
        log.info('the key "%s" was removed: its client is cut off', session.peer.name)
        self._outbox.drop(session.identity)
        self.end_session(session)

    def wake_workers(self) -> None:
        """Let workers look at what was queued since the last time; the loop's turn begins."""
        self._statuses.clear()
        for worker in self._to_wake:
            worker.wake()
        self._to_wake.clear()

    def _attempt(self, call: Call) -> bool:
        """Carry out a request, as far as the loop does; return whether it was refused."""
        request = call.request
        if self._statuses and request.method != "status":
            self._statuses.clear()
        try:
            if self.stopping:
                raise ClosingError("The bridge is stopping.")  # noqa: TRY301  (answered below)
            method = self._methods.get(request.method)
            if method is None:
                result = self._other(call)
            else:
                decoder, answer, needed = method
                if call.session.peer.role < needed:
                    admit(call.session.peer, needed, request.method)
                result = answer(
                    call,
                    request.params
                    if decoder is None
                    else messages.decode_params(request.params, decoder, request.method),
                )
            if result is not None:
                self._replies.succeed(call, result)
        except SlotClosingError as closing:
            self._parked.add(call, closing)
        except BridgeError as error:
            self._replies.fail(call, error)
            return True
        except Exception as error:  # noqa: BLE001  (one request must not end the bridge)
            self._replies.fail(call, defect(error, f"method {request.method}"))
            return True
        return False

    # -- messages of workers ----------------------------------------------------------------------

    def receive(self, message: WorkerMessage) -> None:
        """Take one message from a worker.

        Args:
            message: What it reports.
        """
        self._statuses.clear()
        if type(message) is JobResult:
            self._job_results.receive(message)
        elif isinstance(message, Notification):
            self._receive_notification(message)
        elif isinstance(message, MadeSafe):
            self._releases.made_safe(message)
            self._parked.made_safe(message)
            self._observers.check_health(message.worker)
        elif isinstance(message, OutputsSafe):
            self._sessions.forget_outputs(message.worker.place, message.outputs)
            self._observers.check_health(message.worker)
        else:
            assert isinstance(message, WorkerClosed)  # noqa: S101
            self._receive_closed(message.worker)

    def _receive_notification(self, notification: Notification) -> None:
        """Pass on an event, unless the key of its client was removed while it kept silent."""
        session = self.subscriptions.session_of(notification.subscription)
        if session is not None and self._may_be_told(session):
            self.subscriptions.receive(notification)

    def _may_be_told(self, session: Session) -> bool:
        """Return whether a client's key is still on the list, and cut the client off if not."""
        if session.peer is LOCAL or self.is_listed(session.peer):
            return True
        self._cut_off(session)
        return False

    def receive_scan(self, scanned: Scanned) -> None:
        """Answer those who asked for a scan.

        Args:
            scanned: What came of it.
        """
        self._scanner.receive(scanned)

    def _receive_closed(self, worker: Worker) -> None:
        self._to_wake.discard(worker)
        self._slot_manager.forget(worker)
        self._sessions.forget_module(worker.place)
        self.pending_safe_states.closed(worker)
        self._releases.module_closed(worker)
        self.subscriptions.module_closed(worker)
        self._observers.module_closed(worker)
        self._parked.module_closed(worker)

    # -- methods ----------------------------------------------------------------------------------

    def _hello(self, call: Call, params: HelloParams) -> object:
        session: Session = call.session
        resumed = False
        if params.resume:
            former = self._sessions.resume(session, params.resume)
            if former is not None and former is not session:
                self.subscriptions.hand_over(session, former)
                call.session = session = former
            resumed = former is not None
        session.name, session.version = params.client, params.version
        session.lease_s = params.lease_ms / 1000.0
        self._leases.begin(session)
        for place in session.claims:
            self._observers.holder_changed(place)  # its client has another name
        return {
            "server": "wisblock-bridge",
            "version": __version__,
            "protocol": [messages.VERSION],
            "board": self._slot_manager.hardware.board.product,
            "emulated": self._slot_manager.hardware.emulated,
            "catalogue": self._catalogue.sha256,
            "lease_ms": params.lease_ms,
            "session": session.token,
            "resumed": resumed,
            "clock_ms": self._clock_ms(),
        }

    def _encoded_catalogue(self) -> msgspec.Raw:
        """Return the catalogue, which does not change, encoded."""
        if self._catalogue_reply is None:
            self._catalogue_reply = messages.encode_part(self._catalogue.data)
        return self._catalogue_reply

    def _encoded_status(self, call: Call, _params: NoParams) -> msgspec.Raw:
        """Return the status, encoded once for all who ask before anything else happens."""
        peer = call.session.peer
        found = self._statuses.get(peer.role)
        if found is None:
            found = self._statuses[peer.role] = messages.encode_part(self.status(peer))
        return found

    def _clock_ms(self) -> float:
        return round(self._clock.monotonic() * 1000.0, 3)

    def _bye(self, call: Call, _params: NoParams) -> None:
        self._replies.succeed(call, {})
        self.end_session(call.session)

    def connection_left(self, identity: bytes) -> None:
        """Start nothing any more that waits for a connection which has ended, and watch no more.

        Its session goes on until its lease ends: its client may come back for what it drives, and
        then subscribes again.

        Args:
            identity: The connection.
        """
        for worker in self._slot_manager:
            worker.refuse_left(identity)
        # Not at once: its end may have turned out while events were sent to it.
        self._timer_queue.after(0.0, lambda: self._await_return(identity))

    def _await_return(self, identity: bytes) -> None:
        session = self._sessions.at(identity)
        if session is None:
            return  # it has come back on another connection already
        self.subscriptions.end_all(session)
        self._left[identity] = session
        while len(self._left) > MAX_LEFT:
            oldest = next(iter(self._left))
            session = self._left.pop(oldest)
            # What drives something is not many: there are only so many outputs.
            if session.alive and session.identity == oldest and not session.outputs:
                self.end_session(session)

    def end_session(self, session: Session) -> None:
        """End a session: its outputs go to their safe state unless it asked to hold them.

        Args:
            session: Which.
        """
        self.subscriptions.end_all(session)
        claims = dict(session.claims)
        for output in self._sessions.end(session):
            worker = self._slot_manager.find(output.place)
            if worker is not None and not worker.closing:
                worker.make_safe(output.name, claims.get(output.place))

    def _invoke(self, call: Call, raw: msgspec.Raw) -> None:
        encoded = bytes(raw)
        wanted = self._invocations.find(encoded)
        if wanted is None:
            wanted = self._prepare(call, raw)
            self._invocations.remember(encoded, wanted)
        elif not wanted.description.reads_only or call.session.peer is not LOCAL:
            # A program of this computer may read anything; the rest is asked each time.
            self._admit(call, wanted.description, wanted.place.module)
        place = wanted.place
        worker = self._worker(place)
        session: Session = call.session
        if wanted.output:
            self._slot_manager.make_way_for_line(worker, wanted.output)
        claim = session.claims.get(place)
        is_new = claim is None
        if claim is None:
            claim = Claim()
        request = call.request
        job = Job(
            session,
            call.identity,
            request.id,
            call.deadline,
            wanted.description,
            wanted.arguments,
            wanted.output,
            wanted.on_loss,
            wanted.urgent,
            claim,
            call.begun_at,
        )
        worker.submit(job, urgent=wanted.urgent)
        if is_new:  # only now: a request that was refused claims nothing
            self._sessions.begin_claim(session, place, claim)
            self.subscriptions.wake(session, place)
        if request.node is not msgspec.UNSET and claim.note(request.node):
            self._observers.holder_changed(place)
        self._to_wake.add(worker)

    def _prepare(self, call: Call, raw: msgspec.Raw) -> Invocation:
        """Decode and check the parameters of ``invoke``, once the client may ask for it at all."""
        params = messages.decode_params(raw, _invoke_decoder, "invoke")
        checker = self._checker(params.module, "operation", params.operation)
        self._admit(call, checker.description, params.module)
        checked = checker.check(params.params)
        place = self._slot_manager.place(params.module, params.slot)
        return invocation(checker.description, place, checked, params.on_loss)

    @staticmethod
    def _admit(call: Call, description: OperationDescription, module: str) -> None:
        """Refuse what this client may not do, or what is to be done for a client that has left."""
        peer = call.session.peer
        if peer is not LOCAL:
            admit(peer, role_for(description), f"{module} {description.name}")
        # Asked anew each time: a request may have been parked meanwhile.
        if not description.reads_only and call.has_left():
            raise ClosingError("The client has left: nothing is driven for it.")

    def _subscribe(self, call: Call, params: SubscribeParams) -> None:
        _check_present(call)
        node = call.request.node
        subscription = self.subscriptions.add(
            call.session, params, "" if node is msgspec.UNSET else node
        )
        # The reply goes out before the first event can arise.
        self._replies.succeed(call, {"subscription": subscription.number})
        self.subscriptions.begin(subscription)
        if subscription.place is not None:
            self.subscriptions.wake(call.session, subscription.place)

    def _observe(self, call: Call, params: ObserveParams) -> None:
        _check_present(call)
        subscription = self.subscriptions.observe(call.session, params)
        self._replies.succeed(call, {"subscription": subscription.number})
        self.subscriptions.begin(subscription)

    def _unsubscribe(self, call: Call, params: UnsubscribeParams) -> object:
        self.subscriptions.unsubscribe(call.session, params.subscription)
        return {}

    def _release(self, call: Call, params: ReleaseParams) -> object:
        if params.force and self._clock.monotonic() > call.deadline:
            raise ExpiredError(TOO_LATE)
        place = self._slot_manager.place(params.module, params.slot)
        done = self._releases.ask(call, call.session, place, params)
        if params.outputs is None:
            self._parked.refuse(None if params.force else call.session, place)
        return {} if done else None

    def _scan(self, call: Call, params: ScanParams) -> None:
        bus = self._slot_manager.hardware.board.i2c_name
        if params.bus not in {None, bus}:
            raise BadParamsError(
                f"There is no bus {params.bus!r}; this board has {bus}.",
                data={"param": "bus", "allowed": [bus]},
            )
        identity, request_id, session = call.identity, call.request.id, call.session

        self._scanner.scan(request_id, lambda frame: self._replies.send(session, identity, frame))

    def _other(self, call: Call) -> object:
        method = call.request.method
        if method.startswith("emulator."):
            if self._emulator is None:
                raise ForbiddenError(
                    f"{method} is for emulated boards; this one is real.",
                    hint="Start the bridge with `wisblock-bridge serve --emulate`.",
                )
            if method in self._emulator.methods:
                admit(call.session.peer, Role.ADMIN, method)
                return self._emulator.methods[method](call.request.params)
        raise UnknownMethodError(
            f"There is no method {method[:60]!r}.",
            data={"known": [*self._methods, *(self._emulator.methods if self._emulator else ())]},
        )

    # -- finding things ---------------------------------------------------------------------------

    def _worker(self, place: Place) -> Worker:
        worker = self._slot_manager.worker(place)
        if self._emulator is not None:
            self._emulator.ask_for(*place)
        return worker

    def _checker(self, module: str, kind: Kind, name: str) -> Checker:
        key = (module, kind, name)
        checker = self._checkers.get(key)
        if checker is None:
            description = self._slot_manager.module_class(module).description
            known = description.events if kind == "event" else description.operations
            found = known.get(name)
            if found is None:
                names = ", ".join(known) or "none"
                raise UnknownOperationError(
                    f"{module} has no {kind} {name[:60]!r}; it has: {names}.",
                    data={"known": list(known)},
                )
            checker = self._checkers[key] = Checker(found, module)
        return checker


def _check_present(call: Call) -> None:
    """Refuse what would be watched for a client whose end has been noticed already."""
    if call.has_left():
        raise ClosingError("The client has left: nothing is watched for it.")
