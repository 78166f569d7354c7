"""A soak run and its steps: what users, flows, cables and the kernel's OOM killer do.

1. Which step comes, and with what, is decided by the seed alone; what the bridge answers changes
   nothing of it.
2. Each output that is checked is driven by one client at a time, so it is known what it has to do.
3. A step here never waits for the bridge, except where a bridge is stopped or started.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import zmq
from tests.bridge.actuators import ACTUATORS, Actuator
from tests.bridge.bridge_process import LONG_S
from tests.soak.client import Client
from tests.soak.hardware import MARKED_CHANNEL, PWM_ADDRESS, Hardware, steps_of
from tests.soak.ledger import BrokenPromise, Ledger, Map
from tests.soak.log_watch import LogWatch
from tests.soak.questions import RADIO_MODULE, SENSORS, SERIAL, question

if TYPE_CHECKING:
    import subprocess

EXPANDERS = (0x26, 0x27)
CONVERTER = 0x4B
FIELD = Actuator("RAK13600", "field", {"on": True}, "on", driven=True, safe=False)
OUTPUTS = (*ACTUATORS, FIELD)
DRIVEN = {each.module: each for each in OUTPUTS}
MARKED = Actuator(
    "RAK13004", "steps", {"channel": MARKED_CHANNEL, "on": 0, "off": 1},
    f"percent_{MARKED_CHANNEL}", driven=None, safe=0.0, slot=2,
)  # fmt: skip

DECIDED_BY = {"RAK13007": 4, "RAK13001": 4, "RAK17000": 6, "RAK12009": 6}
"""Lines of the slots' expander that say what these do in slot 1."""

ELSEWHERE = {"TPT29555", "RAK13004"}
"""Actuators that are never in slot 1."""

SAFE_S = 15.0
"""Beyond its lease, or beyond the end of a failure: tried again at least every 10 s (section 6)."""


@dataclass(slots=True)
class Owed:
    """An output that has to become safe."""

    actuator: Actuator
    why: str
    since: float
    latest: float


class Run:
    """One soak run.

    Args:
        hardware: The board.
        seed: What decides.
    """

    def __init__(self, hardware: Hardware, seed: int) -> None:
        self.hardware = hardware
        self.ledger = Ledger()
        self.ledger.hear_hardware = self._check_writes
        self.log_watch = LogWatch(hardware.log)
        self.chance = random.Random(seed)  # noqa: S311
        self.context: zmq.Context[Any] = zmq.Context()
        self.clients: list[Client] = []
        self.slow: list[tuple[Client, float]] = []
        self.drivers: dict[str, Client] = {}
        """Who drives: by the name of the module."""
        self.owed: list[Owed] = []
        self.in_slot = {1: "", 2: ""}
        self.counts: Counter[str] = Counter()
        self.latest_safe_s = 0.0
        self.slowest_start_s = 0.0
        self.paused_s = 0.0
        self._tag = 0
        self.was_asked = False
        self.touched: set[int] = set()
        for line in set(DECIDED_BY.values()):
            hardware.emulated.wires["slots", line].listen(partial(self._touch, line))
        self.programs: list[subprocess.Popen[str]] = []

    # -- the world goes on ------------------------------------------------------------------------

    def until_answered(self, client: Client, number: int, most_s: float = 4.0) -> Map | None:
        """Let time pass until the reply to a request has come, but not for long.

        Args:
            client: Who asked.
            number: What ``invoke`` or ``ask`` gave.
            most_s: How long, s.

        Returns:
            The reply; None if it has not come.
        """
        client.await_reply(number)
        end = time.monotonic() + most_s
        while client.reply(number) is None and time.monotonic() < end:
            self.pump(0.005)
        return client.reply(number)

    def pump(self, seconds: float) -> None:
        """Let time pass: clients take what comes and renew their leases; promises are checked."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            taken = 0
            for client in self.clients:
                taken += client.take()
                client.keep(now)
            for client, until in tuple(self.slow):
                client.keep(now)
                if now > until:
                    client.take(20_000)
            self._check_writes()
            self._check_owed(now)
            if now >= end:
                break
            if not taken:
                time.sleep(min(0.005, end - now))
        self.ledger.overdue(now)

    def _check_writes(self) -> None:
        writes = self.hardware.writes
        while writes:
            at, tag = writes.popleft()
            self.ledger.write(tag, at)

    def _check_owed(self, now: float) -> None:
        for owed in tuple(self.owed):
            if self.is_safe(owed.actuator):
                self.owed.remove(owed)
                self.counts["outputs safe"] += 1
                self.latest_safe_s = max(self.latest_safe_s, now - owed.since)
            elif now > owed.latest:
                if self.hardware.faults:
                    owed.latest = now + SAFE_S  # it is tried again until the failure ends
                    continue
                seen = owed.actuator.look(self.hardware.emulated)
                raise BrokenPromise(
                    f"{owed.actuator.module} still shows {seen!r} {now - owed.since:.1f} s after "
                    f"{owed.why}; safe is {owed.actuator.safe!r}"
                )

    def is_safe(self, actuator: Actuator) -> bool:
        if actuator.slot != "board" and self.in_slot[actuator.slot] != actuator.module:
            return True  # it lies on the table
        emulated = self.hardware.emulated
        line = DECIDED_BY.get(actuator.module)
        if line is not None and line not in self.touched:
            return True  # just plugged in and never used: the level is what was there before
        return actuator.look(emulated) == actuator.safe

    def owe(self, actuator: Actuator, why: str, within_s: float) -> None:
        """Expect an output to become safe."""
        now = time.monotonic()
        self.owed.append(Owed(actuator, why, now, now + within_s + SAFE_S))
        self.counts["outputs to be made safe"] += 1

    # -- clients ----------------------------------------------------------------------------------

    def client(self, *, lease_s: float | None = None, resume: str = "") -> Client:
        """Let a client come."""
        if lease_s is None:
            lease_s = self.chance.choice((2.0, 3.0, 5.0))
        made = Client(
            self.context, self.hardware.endpoint, self.ledger, lease_s, resume=resume
        )  # fmt: skip
        self.clients.append(made)
        return made

    def some_client(self) -> Client:
        """Choose one of those that are there."""
        place = self.chance.random()
        if not self.clients:
            return self.client()
        return self.clients[int(place * len(self.clients))]

    def lose(self, client: Client, why: str) -> None:
        """Let a client vanish without a word."""
        client.take()
        self.owe_for(client, why, client.lease_s)
        self.clients.remove(client)
        client.close(time.monotonic())

    def owe_for(self, client: Client, why: str, within_s: float) -> None:
        for module, driver in tuple(self.drivers.items()):
            if driver is client:
                del self.drivers[module]
                self.owe(DRIVEN[module] if module != "marked" else MARKED, why, within_s)

    def close_all(self, why: str) -> None:
        """Let everybody vanish."""
        for client in tuple(self.clients):
            self.lose(client, why)
        for client, _ in self.slow:
            client.close(time.monotonic())
        self.slow.clear()
        self._end_programs()

    def close(self) -> None:
        """End the run, whatever state it is in."""
        self._end_programs()
        self.context.destroy(linger=0)

    @property
    def has_programs(self) -> bool:
        """Whether a program drives the expander of the board."""
        return bool(self.programs)

    def _end_programs(self) -> None:
        for program in self.programs:
            program.kill()
            program.wait(LONG_S)
            assert program.stdout is not None
            program.stdout.close()
        self.programs.clear()

    # -- what steps have in common ----------------------------------------------------------------

    def ask_module(
        self,
        client: Client,
        slot: int,
        timeout_ms: int | None,
        allowed: frozenset[str] = frozenset(),
    ) -> int:
        """Let a client ask the module in a slot for something that it can do; gives the id."""
        module = self.in_slot[slot] or "RAK5801"
        asked = question(module, self.chance)
        self.was_asked |= slot == 1
        return client.invoke(
            module, slot, asked.operation, asked.params,
            timeout_ms=timeout_ms, expects=asked.expects, allowed=allowed,
        )  # fmt: skip

    def next_tag(self) -> int:
        """Give a number that no other write bears."""
        self._tag += 1
        while len({*steps_of(self._tag)}) == 1:
            self._tag += 1
        return self._tag

    def driver(self, key: str, actuator: Actuator) -> Client | None:
        """Give who drives an output, somebody if nobody does; None while it has to become safe."""
        chosen = self.some_client()
        if actuator.slot != "board" and self.in_slot[actuator.slot] != actuator.module:
            return None
        if any(each.actuator is actuator for each in self.owed):
            return None
        return self.drivers.setdefault(key, chosen)

    # -- steps: hardware --------------------------------------------------------------------------

    def change_module(self) -> None:
        """A module is released, pulled out, and another one is put in."""
        slot = self.chance.choice((1, 1, 2))
        module = self.choose_module(slot)
        client = self.some_client()
        if self.in_slot[slot]:
            self.release(client, self.in_slot[slot], slot)
            self.pump(0.2)
        self.pull(slot)
        self.put(slot, module)

    def choose_module(self, slot: int) -> str:
        """Choose a module that goes into a slot; most of the time slot 2 has the marked one."""
        return self.chance.choice(
            (
                *(each.module for each in ACTUATORS if each.module not in ELSEWHERE),
                *SENSORS, *SERIAL * 4, *["RAK5802"] * 4, *[RADIO_MODULE] * 4,
            )
            if slot == 1
            else (*["RAK13004"] * 16, *SENSORS, *SERIAL, RADIO_MODULE)
        )  # fmt: skip

    def pull_and_put_back(self) -> None:
        """A module is pulled out while it works, and put back."""
        slot = self.chance.choice((1, 2))
        module = self.in_slot[slot]
        pause = self.chance.choice((0.05, 0.5))
        if module:
            self.counts["plugs"] += 1
            self.pull(slot)
            self.pump(pause)
            self.put(slot, module)

    def release(self, client: Client, module: str, slot: int | str) -> None:
        """Let a client release a module by force: others may use it, too."""
        client.ask("release", {"module": module, "slot": slot, "force": True})

    def pull(self, slot: int) -> None:
        self.hardware.unplug(slot)
        module, self.in_slot[slot] = self.in_slot[slot], ""
        self.drivers.pop("marked" if slot == 2 else module, None)
        self.forgive(slot)

    def _touch(self, line: int, _level: int) -> None:
        if self.was_asked:
            self.touched.add(line)

    def forgive(self, slot: int | str) -> None:
        """Expect nothing any more of an output that was pulled out, or seen to be safe."""
        for owed in [each for each in self.owed if each.actuator.slot == slot]:
            self.owed.remove(owed)
            self.counts["outputs to be made safe"] -= 1

    def put(self, slot: int, module: str) -> bool:
        """Put a module into an empty slot; False if its address is taken."""
        if module != self.in_slot[3 - slot] and self.hardware.plug(module, slot):
            self.in_slot[slot] = module
            if slot == 1:
                self.was_asked = False
                self.touched.clear()
            self.counts["plugs"] += 1
            return True
        return False

    def break_hardware(self) -> None:
        """A chip fails, in one way or another."""
        kind = self.chance.choice(("nack", "eio", "stuck", "slow"))
        address = self.chance.choice((PWM_ADDRESS, CONVERTER, *EXPANDERS, 0x20, 0x24, 0x41, 0x55))
        count = self.chance.choice((None, 1, 3))
        self.counts["faults"] += 1
        self.hardware.fail(address, kind, count)

    def mend_hardware(self) -> None:
        """Everything works again."""
        for address in tuple(self.hardware.faults):
            self.hardware.heal(address)
        self.hardware.heal_slots()
        now = time.monotonic()
        for owed in self.owed:
            owed.latest = max(owed.latest, now + SAFE_S)

    # -- steps: the bridge ------------------------------------------------------------------------

    def kill_bridge(self) -> None:
        """The bridge is killed and started again: its first act is the safe state."""
        if self.chance.random() < 0.7:
            self.mend_hardware()
        self._end_bridge(signal.SIGKILL)
        self.counts["bridge killed"] += 1
        self.start_bridge()

    def restart_bridge(self) -> None:
        """The bridge is stopped in good order: outputs are safe when it has gone."""
        self.mend_hardware()
        code = self._end_bridge(signal.SIGTERM)
        if code != 0:
            raise BrokenPromise(f"the bridge ended with {code}")
        self.counts["bridge stopped"] += 1
        self._all_safe("it has stopped")
        self.start_bridge()

    def _end_bridge(self, number: signal.Signals) -> int:
        code = self.hardware.stop(number)
        self.log_watch.next_life()
        now = time.monotonic()
        for client in (*self.clients, *(client for client, _ in self.slow)):
            client.take(100_000)  # what had been sent before counts as answered
            client.close(now - 1000.0)  # nothing may be started by the next bridge
        self._check_writes()
        self.clients.clear()
        self.slow.clear()
        self.drivers.clear()
        self.close_all("the bridge has gone")
        return code

    def start_bridge(self) -> None:
        """Start a bridge; what an earlier one drove is safe when it serves."""
        self.hardware.trim()
        self.slowest_start_s = max(self.slowest_start_s, self.hardware.start())
        for slot in (1, 2, "board"):
            self.forgive(slot)
        self._all_safe("a new bridge serves")

    def _all_safe(self, when: str) -> None:
        for actuator in (*OUTPUTS, MARKED):
            slot = actuator.slot
            if slot != "board" and self.in_slot[slot] != actuator.module:
                continue
            self.counts["outputs to be made safe"] += 1
            if self.is_safe(actuator):
                self.counts["outputs safe"] += 1
            elif self.hardware.faults:
                self.counts["outputs to be made safe"] -= 1
                self.owe(actuator, f"{when} on hardware that fails", 0.0)
            else:
                seen = actuator.look(self.hardware.emulated)
                raise BrokenPromise(
                    f"{actuator.module} shows {seen!r} when {when}; safe is {actuator.safe!r}"
                )
