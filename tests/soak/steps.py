"""The steps of a soak run: what users, flows, cables and the kernel's OOM killer do.

1. Which step comes, and with what, is decided by the seed alone; what the bridge answers changes
   nothing of it.
2. Each output that is checked is driven by one client at a time, so it is known what it has to do.
3. A step never waits for the bridge, except where a bridge is stopped or started.
"""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgpack
import zmq
from tests.bridge.actuators import ACTUATORS, Actuator
from tests.bridge.bridge_process import LONG_S, ROOT, environment
from tests.soak.client import Client
from tests.soak.hardware import MARKED_CHANNEL, PWM_ADDRESS, Hardware, steps_of
from tests.soak.ledger import Asked, BrokenPromise, Ledger
from tests.soak.log_book import LogBook

if TYPE_CHECKING:
    from collections.abc import Callable

SENSORS = {
    "RAK5801": "read", "RAK5811": "read", "RAK16000": "read", "RAK16001": "read_all",
    "RAK12015": "read", "RAK12006": "read", "RAK12004": "read",
}  # fmt: skip
EXPANDERS = (0x26, 0x27)
CONVERTER = 0x4B
DRIVEN = {each.module: each for each in ACTUATORS}
MARKED = Actuator(
    "RAK13004", "steps", {"channel": MARKED_CHANNEL, "on": 0, "off": 1},
    f"percent_{MARKED_CHANNEL}", driven=None, safe=0.0, slot=2,
)  # fmt: skip

DECIDED_BY = {"RAK13007": 4, "RAK13001": 4, "RAK17000": 6, "RAK12009": 6}
"""Lines of the slots' expander that say what these do in slot 1."""

SAFE_S = 15.0
"""Beyond its lease, or beyond the end of a failure: tried again at least every 10 s (section 6)."""

MOST_CLIENTS = 40

CLIENT = """
import sys, time
from wisblock_bridge.client import Bridge
endpoint, module, slot, operation, params, lease_ms = sys.argv[1:]
bridge = Bridge(endpoint, lease_ms=int(lease_ms))
try:
    bridge.invoke(module, "board" if slot == "board" else int(slot), operation, eval(params))
except Exception as error:
    print(type(error).__name__)
print("done", flush=True)
time.sleep(600)
"""


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
        self.log_book = LogBook(hardware.log)
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
        self._tag = 0
        self._was_asked = False
        self._touched: set[int] = set()
        for line in set(DECIDED_BY.values()):
            hardware.emulated.wires["slots", line].listen(partial(self._touch, line))
        self._programs: list[subprocess.Popen[str]] = []

    # -- the world goes on ------------------------------------------------------------------------

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
            if self._is_safe(owed.actuator):
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

    def _is_safe(self, actuator: Actuator) -> bool:
        if actuator.slot != "board" and self.in_slot[actuator.slot] != actuator.module:
            return True  # it lies on the table
        emulated = self.hardware.emulated
        line = DECIDED_BY.get(actuator.module)
        if line is not None and line not in self._touched:
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
        self._owe_for(client, why, client.lease_s)
        self.clients.remove(client)
        client.close(time.monotonic())

    def _owe_for(self, client: Client, why: str, within_s: float) -> None:
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

    def _end_programs(self) -> None:
        for program in self._programs:
            program.kill()
            program.wait(LONG_S)
            assert program.stdout is not None
            program.stdout.close()
        self._programs.clear()

    # -- steps: good clients ----------------------------------------------------------------------

    def come(self) -> None:
        """A flow is deployed: a client greets."""
        if len(self.clients) < MOST_CLIENTS:
            self.client()

    def read(self) -> None:
        """Somebody reads something, with any patience."""
        client = self.some_client()
        timeout_ms = self.chance.choice((None, None, 0, 1, 20, 500, 5000))
        which = self.chance.randrange(4)
        if which == 0:
            params = {"expander": "slots", "line": self.chance.randrange(16)}
            client.invoke("TPT29555", "board", "read", params, timeout_ms=timeout_ms)
        elif which == 1:
            params = {"channel": self.chance.randrange(4)}
            client.invoke("ADC", "board", "read", params, timeout_ms=timeout_ms)
        else:
            slot = 1 + which % 2
            module = self.in_slot[slot] or "RAK5801"
            operation = SENSORS.get(module, "state")
            params = {"channel": 3} if module == "RAK13004" else {}
            if module == "RAK17000":
                params = {"bridge": "A"}
            if module in {"RAK13003", "RAK12009"}:
                operation = {"RAK13003": "read_all", "RAK12009": "read"}[module]
            self._was_asked |= slot == 1
            client.invoke(module, slot, operation, params, timeout_ms=timeout_ms)

    def write_marked(self) -> None:
        """The one who drives the marked channel writes numbers that nobody else writes."""
        client = self._driver("marked", MARKED)
        if client is None:
            return
        for _ in range(self.chance.choice((1, 1, 5, 40))):
            timeout_ms = self.chance.choice((0, 1, 5, 50, 2000))
            self._tag += 1
            while len({*steps_of(self._tag)}) == 1:
                self._tag += 1
            on, off = steps_of(self._tag)
            params = {"channel": MARKED_CHANNEL, "on": on, "off": off}
            client.invoke("RAK13004", 2, "steps", params, timeout_ms=timeout_ms, tag=self._tag)

    def overtake(self) -> None:
        """An off overtakes what is queued."""
        client = self._driver("marked", MARKED)
        if client is not None:
            self.write_marked()
            client.invoke("RAK13004", 2, "off", {"channel": MARKED_CHANNEL})

    def drive(self) -> None:
        """Somebody switches something on."""
        module = self.chance.choice(("TPT29555", self.in_slot[1], self.in_slot[1]))
        actuator = DRIVEN.get(module)
        if actuator is None:
            return
        client = self._driver(module, actuator)
        if client is not None:
            self._was_asked |= actuator.slot == 1
            client.invoke(actuator.module, actuator.slot, actuator.operation, actuator.params)

    def _driver(self, key: str, actuator: Actuator) -> Client | None:
        chosen = self.some_client()
        if actuator.slot != "board" and self.in_slot[actuator.slot] != actuator.module:
            return None
        if any(each.actuator is actuator for each in self.owed):
            return None
        return self.drivers.setdefault(key, chosen)

    def subscribe(self) -> None:
        """Somebody wants to be told."""
        client = self.some_client()
        every_ms = self.chance.choice((20, 50, 100, 1000))
        which = self.chance.randrange(4)
        if which == 0:
            params: dict[str, Any] = {
                "module": "TPT29555", "slot": "board", "operation": "read_all",
                "params": {"expander": "slots"}, "every_ms": every_ms,
            }  # fmt: skip
        elif which == 1:
            params = {
                "module": "ADC", "slot": "board", "operation": "read",
                "params": {"channel": 1}, "every_ms": every_ms, "deadband": 0.1,
            }  # fmt: skip
        elif which == 2:
            params = {
                "module": "TPT29555", "slot": "board", "event": "change",
                "params": {"expander": "slots", "lines": [0, 1], "poll_ms": 50},
            }  # fmt: skip
        else:
            module = self.in_slot[2] or "RAK13004"
            params = {
                "module": module, "slot": 2, "operation": SENSORS.get(module, "state"),
                "params": {"channel": 3} if module == "RAK13004" else {}, "every_ms": every_ms,
            }  # fmt: skip
        if len(self.ledger.subscriptions(client.number)) < 20:
            client.ask("subscribe", params)

    def unsubscribe(self) -> None:
        """Somebody has heard enough."""
        client = self.some_client()
        place = self.chance.random()
        running = self.ledger.subscriptions(client.number)
        if running:
            number = running[int(place * len(running))]
            # bad_params: it ended when somebody of this client released the module
            client.ask("unsubscribe", {"subscription": number}, ends=number)

    def look(self) -> None:
        """Somebody asks how the bridge is."""
        self.some_client().ask("status", {}, allowed=frozenset({"ok", "busy"}))

    def leave(self) -> None:
        """A node is deleted: its client says goodbye."""
        client = self.some_client()
        self._owe_for(client, "bye", 0.0)
        client.ask("bye", {}, allowed=frozenset({"ok", "busy"}))
        client.take()
        self.clients.remove(client)
        # The goodbye must have left before the socket goes.
        client.socket.setsockopt(zmq.LINGER, 1000)
        client.close(time.monotonic())

    def vanish(self) -> None:
        """Node-RED is killed."""
        self.counts["clients killed"] += 1
        self.lose(self.some_client(), "its client was killed")

    def redeploy(self) -> None:
        """A session goes over to a new connection, as on a redeploy."""
        client = self.some_client()
        if not client.token:
            return
        client.take()
        heir = self.client(lease_s=client.lease_s, resume=client.token)
        for module, driver in self.drivers.items():
            if driver is client:
                self.drivers[module] = heir
        self.clients.remove(client)
        client.close(time.monotonic())

    def kill_program(self) -> None:
        """A Python program that drives something is killed by the kernel."""
        program = self._programs.pop(0) if self._programs else None
        actuator = DRIVEN["TPT29555"]
        if program is not None:
            program.kill()
            program.wait(LONG_S)
            assert program.stdout is not None
            program.stdout.close()
            self.owe(actuator, "its program was killed", 2.0)
            self.counts["clients killed"] += 1
        elif "TPT29555" not in self.drivers and not any(
            each.actuator is actuator for each in self.owed
        ):
            arguments = [
                self.hardware.endpoint, actuator.module, str(actuator.slot), actuator.operation,
                repr(actuator.params), "2000",
            ]  # fmt: skip
            program = subprocess.Popen(
                [sys.executable, "-c", CLIENT, *arguments],
                env=environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            self._programs.append(program)

    # -- steps: bad clients -----------------------------------------------------------------------

    def speak_nonsense(self) -> None:
        """Frames that are no requests."""
        client = self.some_client()
        for _ in range(self.chance.randrange(1, 30)):
            self.ledger.totals.bad_inputs += 1
            which = self.chance.randrange(4)
            if which == 0:
                # A first byte that begins no map: nothing in it can be an id.
                client.send_frames(b"\xc1" + self.chance.randbytes(self.chance.randrange(200)))
            elif which == 1:
                client.send_frames(b"", self.chance.randbytes(5))
            elif which == 2:
                self._damaged(client)
            else:
                self._refused(client)

    def _damaged(self, client: Client) -> None:
        number = f"damaged {self.chance.getrandbits(60)}"
        frame = bytearray(msgpack.packb({"id": number, "v": 1, "method": "ping", "params": {}}))
        frame[self.chance.randrange(len(number) + 6, len(frame))] = self.chance.randrange(256)
        asked = Asked(client.number, "a damaged frame", time.monotonic(), doubtful=True)
        client.send(bytes(frame), number, asked)

    def _refused(self, client: Client) -> None:
        method, params, code = self.chance.choice(
            (
                ("nothing", {}, "unknown_method"),
                ("invoke", {"module": "X", "slot": 1, "operation": "y"}, "unknown_module"),
                ("invoke", {"module": "ADC", "slot": 1, "operation": "read"}, "bad_params"),
                ("invoke", {"module": "ADC"}, "bad_params"),
                (
                    "subscribe",
                    {"module": "ADC", "slot": "board", "event": "x"},
                    "unknown_operation",
                ),
                ("unsubscribe", {"subscription": -5}, "bad_params"),
                ("emulator.list", {"slot": 1}, "forbidden"),
                ("hello", {"lease_ms": 1}, "bad_params"),
            )
        )
        client.ask(method, params, allowed=frozenset({code, "busy"}))

    def flood(self) -> None:
        """A client sends far more than it may have in flight."""
        client = self.some_client()
        self.counts["floods"] += 1
        params = {"expander": "board", "line": 0}
        for _ in range(self.chance.choice((300, 1000, 2000))):
            client.invoke("TPT29555", "board", "read", params, timeout_ms=10_000)

    def read_nothing(self) -> None:
        """A client wants everything and takes nothing for a while."""
        if len(self.slow) > 1:
            return
        client = Client(
            self.context, self.hardware.endpoint, self.ledger, 5.0, reads=False
        )  # fmt: skip
        for _ in range(10):
            params = {
                "module": "TPT29555", "slot": "board", "operation": "read_all",
                "params": {"expander": "slots"}, "every_ms": 10,
            }  # fmt: skip
            client.ask("subscribe", params)
        self.slow.append((client, time.monotonic() + self.chance.choice((1.0, 8.0, 15.0))))

    def stop_reading_nothing(self) -> None:
        """The slow ones are closed."""
        for client, _ in self.slow:
            client.close(time.monotonic())
        self.slow.clear()

    def knock_and_run(self) -> None:
        """Connections that are opened and dropped, with and without words."""
        for number in range(20):
            if number % 2:
                raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                raw.settimeout(0)
                try:
                    raw.connect(str(self.hardware.path))
                    raw.send(self.chance.randbytes(self.chance.randrange(1, 80)))
                except OSError:
                    self.counts["connections refused"] += 1
                raw.close()
            else:
                client = Client(self.context, self.hardware.endpoint, self.ledger, 2.0)
                client.close(time.monotonic())
        self.counts["connections dropped"] += 20

    # -- steps: hardware --------------------------------------------------------------------------

    def change_module(self) -> None:
        """A module is released, pulled out, and another one is put in."""
        slot = self.chance.choice((1, 1, 2))
        module = self.chance.choice(
            tuple(each.module for each in ACTUATORS if each.module not in {"TPT29555", "RAK13004"})
            + tuple(SENSORS)
            if slot == 1
            else (*["RAK13004"] * 8, *SENSORS)
        )
        client = self.some_client()
        if self.in_slot[slot]:
            self.release(client, self.in_slot[slot], slot)
            self.pump(0.2)
        self._pull(slot)
        self.put(slot, module)

    def pull_and_put_back(self) -> None:
        """A module is pulled out while it works, and put back."""
        slot = self.chance.choice((1, 2))
        module = self.in_slot[slot]
        pause = self.chance.choice((0.05, 0.5))
        if module:
            self.counts["plugs"] += 1
            self._pull(slot)
            self.pump(pause)
            self.put(slot, module)

    def release(self, client: Client, module: str, slot: int | str) -> None:
        """Let a client release a module by force: others may use it, too."""
        client.ask("release", {"module": module, "slot": slot, "force": True})

    def _pull(self, slot: int) -> None:
        self.hardware.unplug(slot)
        module, self.in_slot[slot] = self.in_slot[slot], ""
        self.drivers.pop("marked" if slot == 2 else module, None)
        self._forgive(slot)

    def _touch(self, line: int, _level: int) -> None:
        if self._was_asked:
            self._touched.add(line)

    def _forgive(self, slot: int | str) -> None:
        """Expect nothing any more of an output that was pulled out, or seen to be safe."""
        for owed in [each for each in self.owed if each.actuator.slot == slot]:
            self.owed.remove(owed)
            self.counts["outputs to be made safe"] -= 1

    def put(self, slot: int, module: str) -> None:
        """Put a module into an empty slot, if its address is free."""
        if module != self.in_slot[3 - slot] and self.hardware.plug(module, slot):
            self.in_slot[slot] = module
            if slot == 1:
                self._was_asked = False
                self._touched.clear()
            self.counts["plugs"] += 1

    def break_hardware(self) -> None:
        """A chip fails, in one way or another."""
        kind = self.chance.choice(("nack", "eio", "stuck", "slow"))
        address = self.chance.choice((PWM_ADDRESS, CONVERTER, *EXPANDERS, 0x20, 0x41, 0x55))
        count = self.chance.choice((None, 1, 3))
        self.counts["faults"] += 1
        self.hardware.fail(address, kind, count)

    def mend_hardware(self) -> None:
        """Everything works again."""
        for address in tuple(self.hardware.faults):
            self.hardware.heal(address)
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
        self.log_book.next_life()
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
            self._forgive(slot)
        self._all_safe("a new bridge serves")

    def _all_safe(self, when: str) -> None:
        for actuator in (*ACTUATORS, MARKED):
            slot = actuator.slot
            if slot != "board" and self.in_slot[slot] != actuator.module:
                continue
            self.counts["outputs to be made safe"] += 1
            if self._is_safe(actuator):
                self.counts["outputs safe"] += 1
            elif self.hardware.faults:
                self.counts["outputs to be made safe"] -= 1
                self.owe(actuator, f"{when} on hardware that fails", 0.0)
            else:
                seen = actuator.look(self.hardware.emulated)
                raise BrokenPromise(
                    f"{actuator.module} shows {seen!r} when {when}; safe is {actuator.safe!r}"
                )


STEPS: tuple[tuple[Callable[[Run], None], int], ...] = (
    (Run.read, 30), (Run.write_marked, 14), (Run.overtake, 4), (Run.drive, 12),
    (Run.subscribe, 6), (Run.unsubscribe, 5), (Run.come, 8), (Run.leave, 3), (Run.vanish, 3),
    (Run.redeploy, 3), (Run.look, 2), (Run.kill_program, 1), (Run.speak_nonsense, 4),
    (Run.flood, 1), (Run.read_nothing, 1), (Run.stop_reading_nothing, 1), (Run.knock_and_run, 1),
    (Run.change_module, 2), (Run.pull_and_put_back, 2), (Run.break_hardware, 4),
    (Run.mend_hardware, 4),
)  # fmt: skip
