"""From a request to whoever answers it.

1. It runs on the poll loop: what needs hardware is queued for a worker, the rest is answered at
   once.
2. Parameters are checked against the description before anything is queued.
3. It knows no socket: replies and events leave through ``Delivery``.
"""

from __future__ import annotations

import heapq
import logging
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import msgspec

from wisblock_bridge import __version__, protocol
from wisblock_bridge.delivery import FIRST_RETURN_S, Subscription
from wisblock_bridge.describe import ALL_OUTPUTS
from wisblock_bridge.errors import (
    BadParamsError,
    BridgeError,
    BusyError,
    ClosingError,
    ExpiredError,
    ForbiddenError,
    RequestError,
    UnknownMethodError,
    UnknownOperationError,
)
from wisblock_bridge.parameters import Checker
from wisblock_bridge.rack import SlotClosingError
from wisblock_bridge.sessions import LONGEST_LEASE_MS, MAX_IN_FLIGHT, SHORTEST_LEASE_MS, Output
from wisblock_bridge.watching import LONGEST_BACK_OFF_S, EventWatch, PeriodicReading
from wisblock_bridge.worker import Answer, Closed, Happening, Job, defect

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.catalogue import Catalogue
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.delivery import Delivery
    from wisblock_bridge.describe import OperationDescription, Slot
    from wisblock_bridge.emulator_methods import EmulatorMethods
    from wisblock_bridge.rack import Rack
    from wisblock_bridge.scanner import Scanned, Scanner
    from wisblock_bridge.sessions import Session, Sessions
    from wisblock_bridge.status import Counters
    from wisblock_bridge.watching import Watching
    from wisblock_bridge.worker import Post, Worker

log = logging.getLogger(__name__)

MAX_PARKED = 256
MAX_SUBSCRIPTIONS = 256
"""Of one client."""

FASTEST_MS = 10
SLOWEST_MS = 86_400_000

SlotParam = int | str
"""Any: the rack says in words what fits."""


class _Method(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of the parameters of a method: unknown keys are errors."""


class HelloParams(_Method, frozen=True):
    """Parameters of ``hello``."""

    client: Annotated[str, msgspec.Meta(max_length=200)] = ""
    version: Annotated[str, msgspec.Meta(max_length=100)] = ""
    lease_ms: Annotated[int, msgspec.Meta(ge=SHORTEST_LEASE_MS, le=LONGEST_LEASE_MS)] = 5000
    resume: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class NoParams(_Method, frozen=True):
    """A method without parameters."""


class InvokeParams(_Method, frozen=True):
    """Parameters of ``invoke``."""

    module: str
    slot: SlotParam
    operation: str
    params: msgspec.Raw = protocol.NO_PARAMS
    on_loss: Literal["safe", "hold"] = "safe"


class SubscribeParams(_Method, frozen=True):
    """Parameters of ``subscribe``."""

    module: str
    slot: SlotParam
    event: str | None = None
    operation: str | None = None
    params: msgspec.Raw = protocol.NO_PARAMS
    every_ms: Annotated[int, msgspec.Meta(ge=FASTEST_MS, le=SLOWEST_MS)] | None = None
    deadband: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None


class UnsubscribeParams(_Method, frozen=True):
    """Parameters of ``unsubscribe``."""

    subscription: int


class ReleaseParams(_Method, frozen=True):
    """Parameters of ``release``."""

    module: str
    slot: SlotParam


class ScanParams(_Method, frozen=True):
    """Parameters of ``scan``."""

    bus: str | None = None


class _Call(msgspec.Struct, gc=False):
    """A request on its way through here."""

    session: Any
    identity: bytes
    request: protocol.Request
    deadline: float


class Dispatcher:
    """Answers requests, queues work, and tells clients what came of it.

    Args:
        catalogue: All modules.
        rack: The slots.
        sessions: The clients.
        delivery: The way out.
        clock: Time.
        counters: What is counted for the status.
        scanner: Looks for chips.
        emulator: The back door; None on real hardware.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rack: Rack,
        sessions: Sessions,
        delivery: Delivery,
        clock: Clock,
        counters: Counters,
        scanner: Scanner,
        emulator: EmulatorMethods | None,
    ) -> None:
        self._catalogue = catalogue
        self._rack = rack
        self._sessions = sessions
        self._delivery = delivery
        self._clock = clock
        self._counters = counters
        self._scanner = scanner
        self._emulator = emulator
        self._subscriptions: dict[int, Subscription] = {}
        self._to_wake: set[Worker] = set()
        self._last_subscription = 0
        self._put_off_until: list[tuple[float, int]] = []
        self._parked: dict[Worker, list[_Call]] = {}
        self._releasing: dict[Worker, list[_Call]] = {}
        self._checkers: dict[tuple[str, str], Checker] = {}
        self.stopping = False
        self.status: Callable[[], dict[str, object]] = dict
        self._methods: dict[
            str, tuple[protocol.MapDecoder[Any], Callable[[_Call, Any], object]]
        ] = {
            "invoke": (protocol.MapDecoder(InvokeParams), self._invoke),
            "ping": (protocol.MapDecoder(NoParams), lambda _call, _params: {}),
            "hello": (protocol.MapDecoder(HelloParams), self._hello),
            "bye": (protocol.MapDecoder(NoParams), self._bye),
            "catalogue": (protocol.MapDecoder(NoParams), lambda _call, _params: catalogue.data),
            "status": (protocol.MapDecoder(NoParams), lambda _call, _params: self.status()),
            "subscribe": (protocol.MapDecoder(SubscribeParams), self._subscribe),
            "unsubscribe": (protocol.MapDecoder(UnsubscribeParams), self._unsubscribe),
            "release": (protocol.MapDecoder(ReleaseParams), self._release),
            "scan": (protocol.MapDecoder(ScanParams), self._scan),
        }

    # -- what comes in ----------------------------------------------------------------------------

    def handle(self, identity: bytes, frame: bytes) -> bool:
        """Take one frame from a client.

        Args:
            identity: Its connection.
            frame: What it sent.

        Returns:
            Whether more frames are likely to be there: the client does not wait for answers.
        """
        now = self._clock.monotonic()
        session = self._sessions.of(identity, now)
        counters = self._counters
        counters.requests += 1
        try:
            request = protocol.decode(frame)
        except protocol.Undecodable as verdict:
            counters.refused += 1
            if verdict.request_id is None:
                counters.undecodable += 1
            else:
                self._delivery.reply(
                    identity, protocol.encode_error(verdict.request_id, verdict.error)
                )
            return True
        if session.in_flight >= MAX_IN_FLIGHT:
            counters.refused += 1
            error = BusyError(
                f"{MAX_IN_FLIGHT} requests of this client are in flight already.",
                hint="Wait for replies before asking more.",
            )
            self._delivery.reply(identity, protocol.encode_error(request.id, error))
            return True
        session.in_flight += 1
        self._attempt(_Call(session, identity, request, now + protocol.timeout_s(request)))
        return session.in_flight > 1

    @property
    def schedule_changed(self) -> bool:
        """Whether something may be due earlier than was last told."""
        return self._sessions.schedule_changed

    @schedule_changed.setter
    def schedule_changed(self, changed: bool) -> None:
        self._sessions.schedule_changed = changed

    def wake_workers(self) -> None:
        """Let workers look at what was queued since the last time."""
        for worker in self._to_wake:
            worker.wake()
        self._to_wake.clear()

    def _attempt(self, call: _Call) -> None:
        request = call.request
        if self.stopping:
            self._fail(call, ClosingError("The bridge is stopping."))
            return
        try:
            method = self._methods.get(request.method)
            if method is None:
                result = self._other(call)
            else:
                decoder, answer = method
                result = answer(call, protocol.decode_params(request.params, decoder))
            if result is not None:
                self._finish(call, protocol.encode_result(request.id, result))
        except SlotClosingError as closing:
            self._park(call, closing.worker)
        except BridgeError as error:
            self._fail(call, error)
        except Exception as error:  # noqa: BLE001  (one request must not end the bridge)
            self._fail(call, defect(error, f"method {request.method}"))

    def _finish(self, call: _Call, frame: bytes) -> None:
        session = call.session.present
        if session.identity == call.identity and session.in_flight > 0:
            session.in_flight -= 1
        self._delivery.reply(call.identity, frame)

    def _fail(self, call: _Call, error: BridgeError) -> None:
        self._counters.count_error(error)
        self._finish(call, protocol.encode_error(call.request.id, error))

    def _park(self, call: _Call, worker: Worker) -> None:
        """Keep a request until a slot that is being emptied is empty."""
        parked = self._parked.setdefault(worker, [])
        if len(parked) >= MAX_PARKED:
            self._fail(
                call, BusyError(f"{worker.place} is being closed and too many requests wait.")
            )
        else:
            parked.append(call)

    # -- what workers post ------------------------------------------------------------------------

    def receive(self, post: Post) -> None:
        """Take one message from a worker.

        Args:
            post: What it has to say.
        """
        if type(post) is Answer:
            self._receive_answer(post)
        elif isinstance(post, Happening):
            self._receive_happening(post)
        else:
            assert isinstance(post, Closed)  # noqa: S101
            self._receive_closed(post.worker)

    def receive_scan(self, scanned: Scanned) -> None:
        """Answer those who asked for a scan.

        Args:
            scanned: What came of it.
        """
        self._scanner.receive(scanned)

    def _receive_answer(self, answer: Answer) -> None:
        job = answer.job
        session = job.session.present
        answer.worker.unanswered -= 1
        if job.output and answer.started and not isinstance(answer.error, RequestError):
            output = Output(answer.worker.name, answer.worker.slot, job.output)
            if job.urgent and job.output == ALL_OUTPUTS and answer.error is None:
                # Everything was stopped: nothing is driven any more, whoever had driven it.
                self._sessions.forget_outputs(answer.worker.name, answer.worker.slot)
            elif session.alive:
                self._sessions.drive(session, output, job.on_loss)
            elif job.on_loss == "safe" and not answer.worker.closing:
                answer.worker.make_safe(job.output)
        if answer.error is not None:
            self._counters.count_error(answer.error)
        else:
            self._counters.operations += 1
        if session.identity == job.identity and session.in_flight > 0:
            session.in_flight -= 1
        self._delivery.reply(job.identity, answer.frame)

    def _receive_happening(self, happening: Happening) -> None:
        subscription = self._subscriptions.get(happening.subscription)
        if subscription is None:
            return
        try:
            self._tell(subscription, happening)
        except Exception as error:  # noqa: BLE001  (one module's odd value must not end the bridge)
            subscription.lost += 1  # its sequence number is used up
            happening.error = defect(error, f"an event of {subscription.module}")
            self._tell(subscription, happening)

    def _tell(self, subscription: Subscription, happening: Happening) -> None:
        self._counters.events += 1
        message = protocol.Event(protocol.VERSION, subscription.event, subscription.number, 0)
        if happening.error is not None:
            message.event = "error"
            message.error = protocol.fault(happening.error)
            self._counters.count_error(happening.error)
        else:
            readings = happening.readings
            assert readings is not None  # noqa: S101
            message.readings = readings.values
            message.timestamp = readings.timestamp_ms
            message.quality = readings.quality.value
            message.note = readings.note
            message.emulated = self._rack.hardware.emulated
            message.initial = happening.initial
        self._delivery.event(subscription, message)

    def _receive_closed(self, worker: Worker) -> None:
        self._to_wake.discard(worker)
        self._rack.forget(worker)
        self._sessions.forget_outputs(worker.name, worker.slot)
        released = self._releasing.pop(worker, ())
        for call in released:
            self._finish(call, protocol.encode_result(call.request.id, {}))
        releasers = {call.session for call in released}
        for subscription in tuple(self._subscriptions.values()):
            if subscription.module == worker.name and subscription.slot == worker.slot:
                if subscription.session in releasers:
                    self._end_subscription(subscription)
                else:
                    self._put_off(subscription)
        for call in self._parked.pop(worker, ()):
            self._attempt_late(call)

    def _attempt_late(self, call: _Call) -> None:
        """Try a request again that was parked."""
        call.session = call.session.present
        if self._clock.monotonic() > call.deadline:
            why = "The request waited longer than its timeout_ms and was not started."
        elif not call.session.alive:
            why = "The session ended before the request was started."
        elif call.request.method == "subscribe" and call.session.identity != call.identity:
            why = "The connection that asked for these events is gone."
        else:
            self._attempt(call)
            return
        self._fail(call, ExpiredError(why))

    # -- methods ----------------------------------------------------------------------------------

    def _hello(self, call: _Call, params: HelloParams) -> object:
        session: Session = call.session
        resumed = False
        if params.resume:
            former = self._sessions.resume(session, params.resume)
            if former is not None and former is not session:
                for number in tuple(former.subscriptions):
                    self._end_subscription(self._subscriptions[number])
                for number in session.subscriptions:
                    former.subscriptions.add(number)
                    self._subscriptions[number].session = former
                call.session = session = former
            resumed = former is not None
        session.name, session.version = params.client, params.version
        session.lease_s = params.lease_ms / 1000.0
        self.schedule_changed = True
        return {
            "server": "wisblock-bridge",
            "version": __version__,
            "protocol": [protocol.VERSION],
            "board": self._rack.hardware.board.product,
            "emulated": self._rack.hardware.emulated,
            "catalogue": self._catalogue.sha256,
            "lease_ms": params.lease_ms,
            "session": session.token,
            "resumed": resumed,
        }

    def _bye(self, call: _Call, _params: NoParams) -> None:
        self._finish(call, protocol.encode_result(call.request.id, {}))
        self.end_session(call.session)

    def end_session(self, session: Session) -> None:
        """End a session: its outputs go to their safe state unless it asked to hold them.

        Args:
            session: Which.
        """
        for number in tuple(session.subscriptions):
            self._end_subscription(self._subscriptions[number])
        for output in self._sessions.end(session):
            worker = self._rack.find(output.module, output.slot)
            if worker is not None and not worker.closing:
                worker.make_safe(output.name)

    def _invoke(self, call: _Call, params: InvokeParams) -> None:
        checker = self._checker(params.module, params.operation, events=False)
        checked = checker.check(params.params)
        worker = self._worker(params.module, params.slot)
        description = checker.description
        job = Job(
            call.session,
            call.identity,
            call.request.id,
            call.deadline,
            description,
            msgspec.structs.astuple(checked),
        )
        urgent = False
        if description.drives:
            values = msgspec.structs.asdict(checked)
            job.output = description.output(values)
            job.on_loss = params.on_loss
            urgent = description.is_urgent(values)
        job.urgent = urgent
        worker.submit(job, urgent=urgent)
        self._to_wake.add(worker)

    def _subscribe(self, call: _Call, params: SubscribeParams) -> None:
        session: Session = call.session
        if len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise BusyError(f"{MAX_SUBSCRIPTIONS} subscriptions of this client run already.")
        if (params.event is None) == (params.operation is None):
            raise BadParamsError(
                "Either event or operation is wanted, and not both.", data={"param": "event"}
            )
        name = params.event or params.operation or ""
        checker = self._checker(params.module, name, events=params.event is not None)
        arguments = msgspec.structs.astuple(checker.check(params.params))
        self._check_rhythm(checker.description, params)
        worker = self._worker(params.module, params.slot)
        self._last_subscription += 1
        number = self._last_subscription

        def watching() -> Watching:
            if params.every_ms is None:
                return EventWatch(number, name, arguments)
            every_s = params.every_ms / 1000.0
            return PeriodicReading(number, every_s, checker.description, arguments, params.deadband)

        def start() -> None:
            self._worker(params.module, params.slot).watch(watching())

        self._subscriptions[number] = Subscription(
            number, session, params.module, params.slot, name, start
        )
        session.subscriptions.add(number)
        # The reply goes out before the first event can arise.
        self._finish(call, protocol.encode_result(call.request.id, {"subscription": number}))
        worker.watch(watching())

    @staticmethod
    def _check_rhythm(description: OperationDescription, params: SubscribeParams) -> None:
        if params.event is not None:
            if params.every_ms is not None or params.deadband is not None:
                raise BadParamsError(
                    "every_ms and deadband belong to the subscription of an operation.",
                    data={"param": "every_ms" if params.every_ms is not None else "deadband"},
                )
            return
        if not description.reads_only:
            raise BadParamsError(
                f"{description.name} acts, so it cannot be subscribed to.",
                data={"param": "operation"},
            )
        if params.every_ms is None:
            raise BadParamsError(
                f"every_ms is missing; allowed: a whole number {FASTEST_MS}...{SLOWEST_MS} ms.",
                data={"param": "every_ms"},
            )

    def _unsubscribe(self, call: _Call, params: UnsubscribeParams) -> object:
        subscription = self._subscriptions.get(params.subscription)
        if subscription is None or subscription.session is not call.session:
            raise BadParamsError(
                f"This client has no subscription {params.subscription}.",
                data={"param": "subscription"},
            )
        self._end_subscription(subscription)
        return {}

    def _end_subscription(self, subscription: Subscription) -> None:
        self._subscriptions.pop(subscription.number, None)
        subscription.session.subscriptions.discard(subscription.number)
        worker = self._rack.find(subscription.module, subscription.slot)  # type: ignore[arg-type]
        if worker is not None and not worker.closing:
            worker.unwatch(subscription.number)

    def _release(self, call: _Call, params: ReleaseParams) -> object:
        cls = self._rack.module_class(params.module)
        if params.slot not in cls.product.slots:
            raise BadParamsError(
                f"{params.module} does not fit slot {params.slot!r}.",
                data={"param": "slot", "allowed": list(cls.product.slots)},
            )
        worker = self._rack.find(params.module, params.slot)
        if worker is None:
            return {}
        self._releasing.setdefault(worker, []).append(call)
        worker.close()
        return None

    def _scan(self, call: _Call, params: ScanParams) -> None:
        bus = self._rack.hardware.board.i2c_name
        if params.bus not in {None, bus}:
            raise BadParamsError(
                f"There is no bus {params.bus!r}; this board has {bus}.",
                data={"param": "bus", "allowed": [bus]},
            )
        identity, request_id, session = call.identity, call.request.id, call.session

        def answer(frame: bytes) -> None:
            present = session.present
            if present.identity == identity and present.in_flight > 0:
                present.in_flight -= 1
            self._delivery.reply(identity, frame)

        self._scanner.scan(request_id, answer)

    def _other(self, call: _Call) -> object:
        method = call.request.method
        if method.startswith("emulator."):
            if self._emulator is None:
                raise ForbiddenError(
                    f"{method} is for emulated boards; this one is real.",
                    hint="Start the bridge with `wisblock-bridge serve --emulate`.",
                )
            if method in self._emulator.methods:
                return self._emulator.methods[method](call.request.params)
        raise UnknownMethodError(
            f"There is no method {method[:60]!r}.",
            data={"known": [*self._methods, *(self._emulator.methods if self._emulator else ())]},
        )

    # -- subscriptions whose module somebody else released --------------------------------------

    def next_return(self) -> float | None:
        """Tell when a subscription wants its module back.

        Returns:
            Clock reading, s; None when all have theirs.
        """
        return self._put_off_until[0][0] if self._put_off_until else None

    def return_modules(self, now: float) -> None:
        """Begin look-outs again whose module was released by another client.

        Args:
            now: Clock reading, s.
        """
        while self._put_off_until and self._put_off_until[0][0] <= now:
            subscription = self._subscriptions.get(heapq.heappop(self._put_off_until)[1])
            if subscription is None:
                continue
            try:
                subscription.start()
            except (BridgeError, SlotClosingError):
                self._put_off(subscription)
            else:
                subscription.pause_s = FIRST_RETURN_S

    def _put_off(self, subscription: Subscription) -> None:
        due = self._clock.monotonic() + subscription.pause_s
        subscription.pause_s = min(subscription.pause_s * 2, LONGEST_BACK_OFF_S)
        heapq.heappush(self._put_off_until, (due, subscription.number))
        self.schedule_changed = True

    # -- finding things ---------------------------------------------------------------------------

    def _worker(self, module: str, slot: int | str) -> Worker:
        worker = self._rack.worker(module, cast("Slot", slot))  # which refuses what is no slot
        if self._emulator is not None:
            self._emulator.ask_for(module, worker.slot)
        return worker

    def _checker(self, module: str, name: str, *, events: bool) -> Checker:
        key = (module, f"event {name}" if events else name)
        checker = self._checkers.get(key)
        if checker is None:
            description = self._rack.module_class(module).description
            known = description.events if events else description.operations
            found = known.get(name)
            if found is None:
                kind = "event" if events else "operation"
                names = ", ".join(known) or "none"
                raise UnknownOperationError(
                    f"{module} has no {kind} {name[:60]!r}; it has: {names}.",
                    data={"known": list(known)},
                )
            checker = self._checkers[key] = Checker(found)
        return checker
