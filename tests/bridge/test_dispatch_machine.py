"""Clients in any order that hypothesis can think of: sessions, leases, subscriptions, outputs.

1. The worker threads are real, the clock is a fake one; after each rule everything has settled,
   unless the module is held at its gate.
2. What must always be so is said once, in the invariants, and not per rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgpack
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.bridge.probe import Probe, Script, no_answer
from tests.bridge.rig import Rig

from wisblock_bridge.module_api import Module, Product, Result, operation
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.wire.limits import MAX_IN_FLIGHT

if TYPE_CHECKING:
    from tests.tally import Tally

    from wisblock_bridge.runtime.worker import Worker

pytestmark = pytest.mark.slow

CLIENTS = (b"a", b"b", b"c", b"d")
CODES = {
    "bad_request", "bad_params", "unknown_method", "unknown_module", "unknown_operation",
    "unsupported_version", "expired", "busy", "slot_conflict", "in_use", "forbidden", "closing",
    "no_device",
}  # fmt: skip
JUNK = 10**12
"""Requests of damaged frames have other ids than these."""


class Other(Module):
    """Something else that could be in the slot."""

    product = Product("OTHER", "other", "onboard", (1, 2), "none.svg", "https://example.org/")

    @operation(gives=(), reads_only=True, default=True)
    def touch(self) -> Result:
        """Touch nothing."""
        return self.readings()


clients = st.sampled_from(CLIENTS)
slots = st.sampled_from((1, 2, "board", 3, None))
timeouts = st.sampled_from((None, 0, 1, 500, 60_000))


class Bridge(RuleBasedStateMachine):
    """A bridge with four clients and a module that does what it is told."""

    tried: ClassVar[int] = 0
    """Releases and newcomers, in all runs."""

    def __init__(self) -> None:
        super().__init__()
        Probe.script = self.script = Script()
        self.rig = Rig(modules={"PROBE": Probe, "OTHER": Other})
        self.rig.__enter__()
        self.asked: dict[bytes, list[int]] = {who: [] for who in CLIENTS}
        self.tokens: dict[bytes, str] = {}
        self.held = False

    def teardown(self) -> None:
        self.script.failures.clear()
        self.script.gate.set()
        self.held = False
        self.rig.full.clear()
        self.settle()
        self.rig.pump()
        self.rig.outbox.retry()
        for who in CLIENTS:
            for number in self.asked[who]:
                assert self.rig.find(who, number) is not None, f"{who!r}: {number} has no reply"
        # Everybody goes; nothing may be left.
        self.rig.gone.update(CLIENTS)
        self.rig.advance(61.0)
        self.rig.advance(61.0)
        assert len(self.rig.sessions) == 0
        assert not self.script.states.get("a")
        assert not self.rig.dispatcher.subscriptions._by_number
        assert not self.rig.sessions._owner
        assert not self.rig.sessions._by_token
        assert not self.rig.outbox.pending
        assert not self.rig.dispatcher._parked
        assert not self.rig.dispatcher._releases._waiting
        assert not self.rig.dispatcher._releases._closing
        for worker in self.rig.slot_manager:
            assert worker.queued == worker.watched == worker.unanswered == 0
        self.rig.__exit__(None, None, None)

    def settle(self) -> None:
        if self.held:
            self.rig.pump()
            return
        self.rig.settle()
        while any(
            worker.closing or worker.queued or worker.unanswered for worker in self.rig.slot_manager
        ):
            closing = [worker for worker in self.rig.slot_manager if worker.closing]
            self.rig.pump_until(lambda gone=closing: self._are_gone(gone), "it has closed")  # type: ignore[misc]
            self.rig.settle()

    def _are_gone(self, workers: list[Worker]) -> bool:
        return not set(workers) & set(self.rig.slot_manager)

    def send(self, who: bytes, method: str, timeout_ms: int | None = None, **params: Any) -> int:
        number = self.rig.send(who, method, timeout_ms, **params)
        self.asked[who].append(number)
        self.settle()
        return number

    def invoke(self, who: bytes, slot: object, operation: str, **params: Any) -> None:
        timeout_ms = params.pop("timeout_ms", None)
        more = {"on_loss": params.pop("on_loss")} if "on_loss" in params else {}
        self.send(
            who, "invoke", timeout_ms, module="PROBE", slot=slot, operation=operation,
            params=params, **more,
        )  # fmt: skip

    # -- what clients do --------------------------------------------------------------------------

    @rule(who=clients, lease_ms=st.sampled_from((500, 5000, 60_000)))
    def greet(self, who: bytes, lease_ms: int) -> None:
        number = self.send(who, "hello", client=who.decode(), lease_ms=lease_ms)
        reply = self.rig.find(who, number)
        if reply is not None and reply["ok"]:
            self.tokens[who] = reply["result"]["session"]

    @rule(who=clients, whose=clients)
    def resume(self, who: bytes, whose: bytes) -> None:
        self.send(who, "hello", resume=self.tokens.get(whose, "nobody's"))

    @rule(who=clients)
    def leave(self, who: bytes) -> None:
        self.send(who, "bye")

    @rule(who=clients, slot=slots, timeout_ms=timeouts)
    def read(self, who: bytes, slot: object, timeout_ms: int | None) -> None:
        self.invoke(who, slot, "read", timeout_ms=timeout_ms)

    @rule(
        who=clients, which=st.sampled_from("ab"), on=st.booleans(), timeout_ms=timeouts,
        hold=st.booleans(),
    )  # fmt: skip
    def switch(
        self, who: bytes, which: str, *, on: bool, timeout_ms: int | None, hold: bool
    ) -> None:
        on_loss = "safe" if which == "a" or not hold else "hold"
        self.invoke(who, 1, "set", which=which, on=on, on_loss=on_loss, timeout_ms=timeout_ms)

    @rule(who=clients, slot=slots, event=st.booleans(), every_ms=st.sampled_from((10, 100, 5000)))
    def subscribe(self, who: bytes, slot: object, *, event: bool, every_ms: int) -> None:
        what = {"event": "changed"} if event else {"operation": "read", "every_ms": every_ms}
        self.send(who, "subscribe", module="PROBE", slot=slot, params={}, **what)

    @rule(who=clients, slot=slots, everything=st.booleans())
    def observe(self, who: bytes, slot: object, *, everything: bool) -> None:
        more: dict[str, Any] = {} if everything else {"slots": [slot]}
        self.send(who, "observe", **more)
        observers = self.rig.dispatcher._observers
        numbers = {number for each in self.rig.sessions for number in each.subscriptions}
        assert set(observers.by_number) <= numbers, "none outlives its session"

    @rule(who=clients, number=st.integers(0, 12))
    def unsubscribe(self, who: bytes, number: int) -> None:
        self.send(who, "unsubscribe", subscription=number)

    @rule(who=clients, slot=slots, module=st.sampled_from(("PROBE", "OTHER")))
    def release(self, who: bytes, slot: object, module: str) -> None:
        number = self.send(who, "release", module=module, slot=slot)
        reply = self.rig.find(who, number)
        if reply is not None and reply["ok"]:
            here = [each for each in self.rig.sessions if each.identity == who]
            assert not any((module, slot) in each.claims for each in here)
        Bridge.tried += 1

    @rule(who=clients, outputs=st.sets(st.sampled_from(("a", "b", "*", "c"))), force=st.booleans())
    def release_outputs(self, who: bytes, outputs: set[str], *, force: bool) -> None:
        names = sorted(outputs)
        before = {
            output.name
            for output, owner in self.rig.sessions._owner.items()
            if output.place == Place("PROBE", 1) and (force or owner.identity == who)
        }
        number = self.send(who, "release", module="PROBE", slot=1, outputs=names, force=force)
        reply = self.rig.find(who, number)
        if reply is not None and reply["ok"] and not self.held:
            for name in before & (outputs if "*" not in outputs else before):
                assert not self.script.states.get(name), name
        Bridge.tried += 1

    @rule(who=clients, slot=st.sampled_from((1, 2)))
    def release_by_force(self, who: bytes, slot: int) -> None:
        number = self.send(who, "release", module="PROBE", slot=slot, force=True)
        reply = self.rig.find(who, number)
        if reply is not None and reply["ok"]:
            assert not self.rig.sessions.is_used(Place("PROBE", slot))  # type: ignore[arg-type]
        Bridge.tried += 1

    @rule(who=clients, slot=st.sampled_from((1, 2)), timeout_ms=timeouts)
    def come_new(self, who: bytes, slot: int, timeout_ms: int | None) -> None:
        """Another module is wanted in the slot: it gets it unless somebody uses it."""
        way = self.rig.slot_manager.conflicts
        other = self.rig.slot_manager.occupant(slot)  # type: ignore[arg-type]
        settled = not self.held and (other is None or not other.closing)
        used = other is not None and other.place.module != "OTHER" and not way.is_yielding(other)
        users = self.rig.sessions.users(Place("PROBE", slot))  # type: ignore[arg-type]
        number = self.send(
            who, "invoke", timeout_ms, module="OTHER", slot=slot, operation="touch", params={}
        )
        reply = self.rig.find(who, number)
        if reply is not None and settled:
            if used:
                assert reply["error"]["code"] == "slot_conflict", reply
                assert reply["error"]["data"] == {"holder": "PROBE", "clients": users}
            else:
                assert reply["ok"] or reply["error"]["code"] in {"expired", "busy"}, reply
        Bridge.tried += 1

    @rule(who=clients, method=st.sampled_from(("ping", "status", "nothing", "emulator.x")))
    def ask(self, who: bytes, method: str) -> None:
        self.send(who, method)

    @rule(who=clients, frame=st.binary(max_size=60))
    def speak_nonsense(self, who: bytes, frame: bytes) -> None:
        self.rig.frame(who, frame)
        self.settle()

    @rule(
        who=clients,
        params=st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8),
            lambda each: (
                st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3)
            ),
            max_leaves=6,
        ),
        method=st.sampled_from(
            ("hello", "invoke", "subscribe", "observe", "release", "bye", "ping")
        ),
    )
    def ask_oddly(self, who: bytes, method: str, params: object) -> None:
        number = next(self.rig._ids)
        self.asked[who].append(number)
        request = {"v": 1, "id": number, "method": method, "params": params}
        self.rig.frame(who, msgpack.packb(request))
        self.settle()

    @rule(who=clients)
    def flood(self, who: bytes) -> None:
        for _ in range(MAX_IN_FLIGHT + 10):
            self.asked[who].append(self.rig.send_invoke(who, "PROBE", 1, "read"))
        self.settle()

    # -- what happens to them ---------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.01, 0.4, 0.6, 4.0, 6.0, 61.0)))
    def wait(self, seconds: float) -> None:
        if self.held:
            return
        waiting = self.rig.outbox._outboxes
        before = {who: waiting[who] for who in self.rig.full if who in waiting}
        self.rig.advance(seconds)
        self.settle()
        for who in [who for who, outbox in before.items() if waiting.get(who) is not outbox]:
            # Its lease ran out while it read nothing: what waited for it went with it. A late
            # reply may wait in a new one.
            self.asked[who] = [each for each in self.asked[who] if self.rig.find(who, each)]

    @rule(who=clients)
    def read_nothing(self, who: bytes) -> None:
        self.rig.full.add(who)

    @rule(who=clients)
    def read_again(self, who: bytes) -> None:
        self.rig.full.discard(who)
        self.rig.outbox.retry()

    @rule(count=st.integers(1, 3))
    def fail(self, count: int) -> None:
        if not self.held:
            self.script.failures += [no_answer() for _ in range(count)]

    @precondition(lambda self: not self.held)
    @rule(who=clients)
    def hold(self, who: bytes) -> None:
        if who in self.rig.full:
            return
        self.script.failures.clear()
        self.script.gate.clear()
        self.script.entered.clear()
        number = self.rig.send_invoke(who, "PROBE", 1, "hang", timeout_ms=60_000)
        self.asked[who].append(number)

        def there() -> bool:
            return self.script.entered.is_set() or self.rig.find(who, number) is not None

        while not there():
            self.rig.pump()
            self.script.entered.wait(0.01)
        self.held = self.script.entered.is_set()
        if not self.held:
            self.script.gate.set()
            self.settle()

    @precondition(lambda self: self.held)
    @rule()
    def let_go(self) -> None:
        self.script.gate.set()
        self.held = False
        self.settle()

    # -- what must always be so -------------------------------------------------------------------

    @invariant()
    def nobody_is_answered_twice_or_with_a_defect(self) -> None:
        for who in CLIENTS:
            seen = set()
            for message in self.rig.received[who]:
                if "event" in message:
                    continue
                assert message["ok"] or message["error"]["code"] in CODES, message
                if message["id"] in self.asked[who]:
                    assert message["id"] not in seen, message
                    seen.add(message["id"])

    @invariant()
    def sequences_and_losses_add_up(self) -> None:
        last: dict[tuple[bytes, int], int] = {}
        for who in CLIENTS:
            for message in self.rig.received[who]:
                if "event" in message:
                    key = who, message["subscription"]
                    assert message["sequence"] == last.get(key, 0) + 1 + message["lost"], message
                    last[key] = message["sequence"]

    @invariant()
    def tables_agree_and_are_bounded(self) -> None:
        sessions = self.rig.sessions
        assert len(sessions) <= len(CLIENTS)
        assert len(sessions._by_token) == len(sessions)
        assert all(each.alive for each in sessions)
        assert all(0 <= each.in_flight <= MAX_IN_FLIGHT for each in sessions)
        assert all(owner.alive for owner in sessions._owner.values())
        for session in sessions:
            assert {output for output, owner in sessions._owner.items() if owner is session} == set(
                session.outputs
            )
            assert all(
                claim.alive and claim.superseded_by is None for claim in session.claims.values()
            )
        assert not set(sessions._held) & set(sessions._owner)
        numbers = [number for each in sessions for number in each.subscriptions]
        known = self.rig.dispatcher.subscriptions._by_number
        assert sorted(numbers) == sorted(known)
        assert set(self.rig.outbox._outboxes) <= set(CLIENTS)

    @invariant()
    def nobody_drives_what_has_no_owner(self) -> None:
        if self.held or self.script.failures:
            return
        if any(worker._outputs.retries for worker in self.rig.slot_manager):
            return  # it is being made safe
        owned = {each.name for each in self.rig.sessions._owner}
        assert not self.script.states.get("a") or "a" in owned
        held = {each.name for each in self.rig.sessions._held}
        assert not self.script.states.get("b") or "b" in owned | held

    @invariant()
    def what_is_driven_is_used(self) -> None:
        """No module with an output on gives way to anybody."""
        if self.held or self.script.failures:
            return
        sessions = self.rig.sessions
        for output in (*sessions._owner, *sessions._held):
            assert sessions.is_used(output.place), output

    @invariant()
    def what_is_at_rest_waits_for_nothing(self) -> None:
        if self.held:
            return
        for worker in self.rig.slot_manager:
            assert worker.queued == 0
            assert worker.unanswered == 0
        if not self.rig.full:
            assert all(each.in_flight == 0 for each in self.rig.sessions)


def test_bridge(tally: Tally) -> None:
    Bridge.tried = 0
    run_state_machine_as_test(
        Bridge,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Bridge.tried > 0
    tally.add("claim", "claims and releases tried", Bridge.tried)
