"""Steps of good clients: flows that come, ask, listen, drive and go, in good order or not."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import zmq
from tests.bridge.bridge_process import LONG_S, ROOT, environment
from tests.soak.hardware import MARKED_CHANNEL, steps_of
from tests.soak.run import DRIVEN, MARKED
from tests.soak.serial_lines import UNIT

if TYPE_CHECKING:
    from tests.soak.run import Run

WATCHED: dict[str, tuple[str, dict[str, Any]]] = {
    "RAK13004": ("state", {"channel": 3}), "RAK16001": ("read_all", {}),
    "RAK13600": ("present", {}), "RAK13005": ("state", {}), "RAK13300": ("rssi", {}),
    "RAK5802": ("read_holding_registers", {"unit": UNIT, "count": 2, "timeout_ms": 200}),
}  # fmt: skip
"""What is subscribed to, of modules that cannot ``read``."""

HAPPENS = {
    "RAK5802": "received", "RAK13005": "frame", "RAK13300": "received", "RAK13600": "arrived",
}  # fmt: skip
"""Modules that tell of what happens, and how that is called."""

MOST_CLIENTS = 40

CLIENT = """
import sys, time
from wisblock_bridge.client import Bridge
endpoint, module, slot, operation, params, lease_ms = sys.argv[1:]
try:
    bridge = Bridge(endpoint, lease_ms=int(lease_ms))
    bridge.invoke(module, "board" if slot == "board" else int(slot), operation, eval(params))
except Exception as error:
    print(type(error).__name__)
print("done", flush=True)
time.sleep(600)
"""


def come(run: Run) -> None:
    """A flow is deployed: a client greets."""
    if len(run.clients) < MOST_CLIENTS:
        run.client()


def read(run: Run) -> None:
    """Somebody reads something, with any patience."""
    client = run.some_client()
    timeout_ms = run.chance.choice((None, None, 0, 1, 20, 500, 5000))
    which = run.chance.randrange(4)
    if which == 0:
        params = {"expander": "slots", "line": run.chance.randrange(16)}
        client.invoke("TPT29555", "board", "read", params, timeout_ms=timeout_ms)
    elif which == 1:
        params = {"channel": run.chance.randrange(4)}
        client.invoke("ADC", "board", "read", params, timeout_ms=timeout_ms)
    else:
        slot = 1 + which % 2
        run.ask_module(client, slot, timeout_ms)


def write_marked(run: Run) -> None:
    """The one who drives the marked channel writes numbers that nobody else writes."""
    client = run.driver("marked", MARKED)
    if client is None:
        return
    for _ in range(run.chance.choice((1, 1, 5, 40))):
        timeout_ms = run.chance.choice((0, 1, 5, 50, 2000))
        tag = run.next_tag()
        on, off = steps_of(tag)
        params = {"channel": MARKED_CHANNEL, "on": on, "off": off}
        client.invoke("RAK13004", 2, "steps", params, timeout_ms=timeout_ms, tag=tag)


def overtake(run: Run) -> None:
    """An off overtakes what is queued."""
    client = run.driver("marked", MARKED)
    if client is not None:
        write_marked(run)
        client.invoke("RAK13004", 2, "off", {"channel": MARKED_CHANNEL})


def drive(run: Run) -> None:
    """Somebody switches something on."""
    module = run.chance.choice(("TPT29555", run.in_slot[1], run.in_slot[1]))
    actuator = DRIVEN.get(module)
    if actuator is None:
        return
    client = run.driver(module, actuator)
    if client is not None:
        run.was_asked |= actuator.slot == 1
        client.invoke(actuator.module, actuator.slot, actuator.operation, actuator.params)


def subscribe(run: Run) -> None:
    """Somebody wants to be told."""
    client = run.some_client()
    every_ms = run.chance.choice((20, 50, 100, 1000))
    which = run.chance.randrange(5)
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
    elif which == 3:
        slot = run.chance.choice((1, 2))
        module = run.in_slot[slot]
        if module not in HAPPENS:
            return
        params = {"module": module, "slot": slot, "event": HAPPENS[module], "params": {}}
    else:
        module = run.in_slot[2] or "RAK13004"
        operation, wanted = WATCHED.get(module, ("read", {}))
        params = {
            "module": module, "slot": 2, "operation": operation, "params": wanted,
            "every_ms": every_ms,
        }  # fmt: skip
    if len(run.ledger.subscriptions(client.number)) < 20:
        client.ask("subscribe", params)


def observe(run: Run) -> None:
    """Somebody looks on: told what others are told, and never in anybody's way."""
    client = run.some_client()
    params: dict[str, Any] = run.chance.choice(
        ({}, {"slots": [1]}, {"modules": ["TPT29555", "ADC"]}, {"slots": ["board", 2]})
    )
    if len(run.ledger.subscriptions(client.number)) < 20:
        client.ask("observe", params)


def unsubscribe(run: Run) -> None:
    """Somebody has heard enough."""
    client = run.some_client()
    place = run.chance.random()
    running = run.ledger.subscriptions(client.number)
    if running:
        number = running[int(place * len(running))]
        # bad_params: it ended when somebody of this client released the module
        client.ask("unsubscribe", {"subscription": number}, ends=number)


def look(run: Run) -> None:
    """Somebody asks how the bridge is."""
    run.some_client().ask("status", {}, allowed=frozenset({"ok", "busy"}))


def leave(run: Run) -> None:
    """A node is deleted: its client says goodbye."""
    client = run.some_client()
    run.owe_for(client, "bye", 0.0)
    client.ask("bye", {}, allowed=frozenset({"ok", "busy"}))
    client.take()
    run.clients.remove(client)
    # The goodbye must have left before the socket goes.
    client.socket.setsockopt(zmq.LINGER, 1000)
    client.close(time.monotonic())


def vanish(run: Run) -> None:
    """Node-RED is killed."""
    run.counts["clients killed"] += 1
    run.lose(run.some_client(), "its client was killed")


def redeploy(run: Run) -> None:
    """A session goes over to a new connection, as on a redeploy."""
    client = run.some_client()
    if not client.token:
        return
    client.take()
    superseded_by = run.client(lease_s=client.lease_s, resume=client.token)
    for module, driver in run.drivers.items():
        if driver is client:
            run.drivers[module] = superseded_by
    run.clients.remove(client)
    client.close(time.monotonic())


def kill_program(run: Run) -> None:
    """A Python program that drives something is killed by the kernel."""
    program = run.programs.pop(0) if run.programs else None
    actuator = DRIVEN["TPT29555"]
    if program is not None:
        program.kill()
        program.wait(LONG_S)
        assert program.stdout is not None
        program.stdout.close()
        run.owe(actuator, "its program was killed", 2.0)
        run.counts["clients killed"] += 1
    elif "TPT29555" not in run.drivers and not any(each.actuator is actuator for each in run.owed):
        arguments = [
            run.hardware.endpoint, actuator.module, str(actuator.slot), actuator.operation,
            repr(actuator.params), "2000",
        ]  # fmt: skip
        program = subprocess.Popen(
            [sys.executable, "-c", CLIENT, *arguments],
            env=environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        run.programs.append(program)
