"""The bridge without its socket and its process: dispatcher, workers and an emulated board.

1. Frames go in and come out as on the wire; the test is the poll loop.
2. Time is a fake clock's, so nothing runs out by itself and nothing is waited for.
"""

from __future__ import annotations

import functools
import itertools
import select
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Self

import msgpack
from tests.fake_clock import FakeClock

from wisblock_bridge import discovery
from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.modules import registry
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.sessions import Sessions
from wisblock_bridge.runtime.slots import SlotManager
from wisblock_bridge.server.dispatch import Dispatcher
from wisblock_bridge.server.emulator_methods import EmulatorMethods
from wisblock_bridge.server.occupancy import chips_in_use
from wisblock_bridge.server.outbox import Outbox, Sent
from wisblock_bridge.server.scanner import Scanned, Scanner
from wisblock_bridge.server.status import Counters
from wisblock_bridge.threads.mailbox import Mailbox
from wisblock_bridge.threads.timers import TimerQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.module_api import Module, Slot

LIMIT_S = 60.0
Map = dict[str, Any]
load_catalogue = functools.cache(registry.load)


class Rig:
    """A bridge whose poll loop is the test.

    Args:
        board: Which board is emulated.
        clock: Time.
        fixed: What the configuration puts into the slots.
        modules: More modules, by name.
        emulated: Whether the emulator's methods are there.
        addresses: I2C address by (slot, chip) where the configuration names another one.
    """

    def __init__(
        self,
        board: BoardSpec = GENERATION_C,
        clock: FakeClock | None = None,
        *,
        fixed: Mapping[int, str] | None = None,
        modules: Mapping[str, type[Module]] | None = None,
        emulated: bool = True,
        addresses: Mapping[tuple[int, str], int] | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        self.board = EmulatedBoard(board, self.clock, addresses=addresses)
        self.hardware = Hardware(board, self.board, self.clock)
        self.catalogue = load_catalogue()
        self.mailbox: Mailbox[Any] = Mailbox()
        self.sessions = Sessions()
        self.timer_queue = TimerQueue(self.clock)
        self.counters = Counters()
        self.full: set[bytes] = set()
        self.gone: set[bytes] = set()
        self.received: dict[bytes, list[Map]] = defaultdict(list)
        self.outbox = Outbox(self._transmit, self._give_up, self.timer_queue)
        self.slot_manager = SlotManager(
            self.hardware,
            {**self.catalogue.modules, **(modules or {})},
            self.mailbox,
            self.clock,
            fixed=fixed,
            addresses=addresses,
        )
        self.dispatcher = Dispatcher(
            self.catalogue,
            self.slot_manager,
            self.sessions,
            self.outbox,
            self.timer_queue,
            self.counters,
            Scanner(
                lambda in_use: discovery.scan(self.hardware, self.catalogue, in_use=in_use),
                lambda: chips_in_use(self.slot_manager),
                self.mailbox,
            ),
            EmulatorMethods(self.board, self.slot_manager, self.clock) if emulated else None,
        )
        self._ids = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        workers = list(self.slot_manager)
        for worker in workers:
            worker.close()
        for worker in workers:
            assert worker.join(LIMIT_S), f"{worker.place} never ended"
            worker.dispose()
        self.mailbox.close()

    # -- as a client ------------------------------------------------------------------------------

    def frame(self, who: bytes, frame: bytes) -> None:
        """Send any frame."""
        self.dispatcher.handle(who, frame, has_left=lambda: who in self.gone)
        self.dispatcher.wake_workers()

    def send(self, who: bytes, method: str, timeout_ms: int | None = None, **params: Any) -> int:
        """Send a request and return its id."""
        number = next(self._ids)
        request: Map = {"v": 1, "id": number, "method": method, "params": params}
        if timeout_ms is not None:
            request["timeout_ms"] = timeout_ms
        self.frame(who, msgpack.packb(request))
        return number

    def send_invoke(
        self,
        who: bytes,
        module: str,
        slot: Slot,
        operation: str,
        timeout_ms: int | None = None,
        **params: Any,
    ) -> int:
        """Invoke an operation and return the request's id; ``on_loss`` is taken out of params."""
        more = {"on_loss": params.pop("on_loss")} if "on_loss" in params else {}
        return self.send(
            who,
            "invoke",
            timeout_ms,
            module=module,
            slot=slot,
            operation=operation,
            params=params,
            **more,
        )

    def find(self, who: bytes, request_id: int) -> Map | None:
        """Give the reply to a request if it is there; two are an error."""
        found = [each for each in self.received[who] if each.get("id") == request_id]
        assert len(found) < 2, found
        return found[0] if found else None

    def reply(self, who: bytes, request_id: int) -> Map:
        """Wait for the reply to a request."""
        self.pump_until(lambda: self.find(who, request_id) is not None, f"reply {request_id}")
        reply = self.find(who, request_id)
        assert reply is not None
        return reply

    def ask(self, who: bytes, method: str, timeout_ms: int | None = None, **params: Any) -> Map:
        """Send a request and wait for its reply."""
        return self.reply(who, self.send(who, method, timeout_ms, **params))

    def result(self, who: bytes, method: str, **params: Any) -> Any:
        """Ask for something that works."""
        reply = self.ask(who, method, **params)
        assert reply["ok"], reply
        return reply["result"]

    def invoke(self, who: bytes, module: str, slot: Slot, operation: str, **params: Any) -> Map:
        """Invoke an operation that works, and return its readings."""
        reply = self.reply(who, self.send_invoke(who, module, slot, operation, **params))
        assert reply["ok"], reply
        readings: Map = reply["result"]["readings"]
        return readings

    def refused(self, who: bytes, module: str, slot: Slot, operation: str, **params: Any) -> Map:
        """Invoke an operation that fails, and return the error."""
        return self.error(who, self.send_invoke(who, module, slot, operation, **params))

    def error(self, who: bytes, request_id: int) -> Map:
        """Wait for the error that a request is answered with."""
        reply = self.reply(who, request_id)
        assert not reply["ok"], reply
        error: Map = reply["error"]
        return error

    def code(self, who: bytes, request_id: int) -> str:
        """Wait for a reply: "ok", or the code of the error."""
        reply = self.reply(who, request_id)
        return "ok" if reply["ok"] else str(reply["error"]["code"])

    def events(self, who: bytes, subscription: int) -> list[Map]:
        """Give what came of a subscription so far."""
        return [each for each in self.received[who] if each.get("subscription") == subscription]

    # -- as the poll loop -------------------------------------------------------------------------

    def pump(self) -> None:
        """Hand over what workers posted so far."""
        posts = self.mailbox.take()
        while posts:
            post = posts.popleft()
            if isinstance(post, Scanned):
                self.dispatcher.receive_scan(post)
            else:
                self.dispatcher.receive(post)
        self.dispatcher.wake_workers()

    def pump_until(self, condition: Callable[[], bool], what: str) -> None:
        """Be the poll loop until something is so."""
        self.pump()
        while not condition():
            ready, _, _ = select.select([self.mailbox.descriptor], [], [], LIMIT_S)
            assert ready, f"never: {what}"
            self.pump()

    def settle(self) -> None:
        """Wait until every worker has done what was queued and what was due before."""
        for worker in self.slot_manager:
            # Two marks in a row with nothing due between them: what was taken out has been done.
            marks = 0
            while not worker.closing and marks < 2:
                done: list[bool] = []
                worker._call(functools.partial(self._mark, done))
                self.pump_until(functools.partial(bool, done), f"{worker.place} answers")
                looks = worker._looks.timers
                due = bool(looks) and looks[0].due <= self.clock.monotonic()
                marks = 0 if worker.queued or due else marks + 1
        self.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass; leases that run out end, timers that are due are carried out."""
        self.clock.advance(seconds)
        for action in self.timer_queue.due():
            action()
        self.settle()

    def level(self, expander: str, line: int) -> int | None:
        """What an expander puts on a pin; None when it only listens."""
        return self.board.wires[expander, line].driver_of(f"TPT29555 {expander}")

    @property
    def transactions(self) -> int:
        """How many transactions there were on the bus."""
        return self.board.bus.transactions

    def _mark(self, done: list[bool]) -> None:
        done.append(True)
        self.mailbox.wake()

    def _transmit(self, identity: bytes, frame: bytes) -> Sent:
        if identity in self.gone:
            return Sent.GONE
        if identity in self.full:
            return Sent.FULL
        self.received[identity].append(msgpack.unpackb(frame))
        return Sent.YES

    def _give_up(self, identity: bytes) -> None:
        for session in self.sessions:
            if session.identity == identity:
                self.dispatcher.end_session(session)
