"""From an edge at an input to the message at the node behind a module's node, in Node-RED.

The bridge runs on an emulated board whose bus takes the time of a real one at 100 kHz; Node-RED is
a process of its own, the module's node has its defaults. The emulator changes the input at random
moments; the clock starts just before it does and stops when the next node has the message.

On a RAK7391 an input is looked at every 10 ms: between 0 and 10 ms until an edge can be seen. The
RAK13001 waits another 10 ms whether the level lasts, so 15 ms is the least median that there can be
for it, and 20 ms the least worst one. On a RAK6421 the kernel reports edges; there the RAK13001 is
measured without debouncing, since a debounced edge is not there any sooner.

These are times of three processes, so none of them holds on a computer that is busy with other
things. ``nice -n -15 python -m benchmarks --only Z`` takes them out of its way.
"""

from __future__ import annotations

import contextlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.pace import Client
from benchmarks.processes import ROOT, as_installed, fresh_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    Row = tuple[str, float, str, bool]

MEDIAN_MS, WORST_MS, KERNEL_MS = 20.0, 30.0, 3.0
START_S, LONGEST_S = 30.0, 120.0


@dataclass(frozen=True)
class Input:
    """One input and what looks at it.

    Attributes:
        module: The module.
        event: The event that reports it.
        quantity: What the emulator changes.
        slot: Where the module is.
        fields: Fields of the node that are not left at their default.
    """

    module: str
    event: str
    quantity: str
    slot: int | str = 1
    fields: dict[str, object] = field(default_factory=dict)


def only(name: str, value: str, kind: str) -> dict[str, object]:
    """Return the two fields of a node that set one parameter of its event.

    Args:
        name: Event and parameter.
        value: As typed.
        kind: Kind of the typed input.
    """
    return {name: value, f"{name}Type": kind}


POLLED = (
    Input("RAK13001", "input_changed", "active"),
    Input("RAK12006", "motion", "motion"),
    Input("RAK13003", "changed", "level_3", 1, only("changed_pins", "3", "list")),
    Input(
        "TPT29555",
        "change",
        "board_8",
        "board",
        only("change_lines", "8", "list") | only("change_expander", "board", "choice"),
    ),
)
REPORTED = (
    Input(
        "RAK13001",
        "input_changed",
        "active",
        fields=only("input_changed_debounce_ms", "0", "num"),
    ),
    Input("RAK12006", "motion", "motion"),
)


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints.

    Raises:
        RuntimeError: It has ended.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} has ended")
    return line


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a process whose lines are read, until the block ends."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=as_installed(), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    limit = threading.Timer(LONGEST_S, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextlib.contextmanager
def edge_bridge(board: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a bridge that prints the moment of each change, until the block ends.

    Args:
        board: The board, and its variant if it has several.

    Yields:
        Its process and its endpoint.
    """
    endpoint = fresh_endpoint()
    kind, _, variant = board.partition(" ")
    options = ["--board", kind, *(["--variant", variant] if variant else [])]
    serve = ["serve", "--emulate", "--endpoint", endpoint, *options]
    with started([sys.executable, "-m", "benchmarks.peers.edge_bridge", *serve]) as process:
        give_up = time.monotonic() + START_S
        while not Path(endpoint.removeprefix("ipc://")).exists():
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError("the bridge does not start")
            time.sleep(0.01)
        yield process, endpoint


def latencies_ms(board: str, what: Input, times: int) -> list[float]:
    """Change an input again and again, and return how long each change took to arrive.

    Args:
        board: The board, as ``edge_bridge`` takes it.
        what: The input.
        times: How often.
    """
    node_type = f"wisblock-{what.module.lower()}"
    fields = json.dumps(what.fields)
    with edge_bridge(board) as (bridge, endpoint), tempfile.TemporaryDirectory() as folder:
        script = ["node", "benchmarks/node/node-red-edges.cjs", endpoint, node_type]
        with started([*script, str(what.slot), what.event, fields, folder]) as node_red:
            world = Client(endpoint)
            world.ask("hello", client="bench", lease_ms=60_000)
            if isinstance(what.slot, int):
                world.ask("emulator.plug", slot=what.slot, module=what.module)
            while line_of(node_red).strip() != "ready":
                pass
            line_of(node_red)  # the present state
            time.sleep(1.0)
            found = []
            where = {"slot": what.slot, "quantity": what.quantity}
            for _ in range(times):
                time.sleep(random.uniform(0.04, 0.06))  # noqa: S311  (a moment, not a secret)
                value = 1 - int(world.ask("emulator.get", **where)["value"])
                world.ask("emulator.set", **where, value=value)
                began_s = float(line_of(bridge))
                _, _, arrived_s = line_of(node_red).rpartition(" ")
                found.append((float(arrived_s) - began_s) * 1000.0)
            world.close()
    return found


def rows(times: int) -> list[Row]:
    """Measure inputs that are looked at and inputs that are reported.

    Args:
        times: How many edges of each.

    Returns:
        Name, figure, bar, and whether it is held.
    """
    found: list[Row] = []
    for what in POLLED:
        seen = latencies_ms("RAK7391", what, times)
        median, worst = statistics.median(seen), max(seen)
        found += [
            (f"Z {what.module} on RAK7391, edge to Node-RED, median ms", median,
             f"<= {MEDIAN_MS:.0f}", median <= MEDIAN_MS),
            (f"Z {what.module} on RAK7391, worst of {times}, ms", worst,
             f"<= {WORST_MS:.0f}", worst <= WORST_MS),
        ]  # fmt: skip
    for what in REPORTED:
        median = statistics.median(latencies_ms("RAK6421 VA", what, times))
        name = f"Z {what.module} on RAK6421, edge to Node-RED, median ms"
        found.append((name, median, f"<= {KERNEL_MS:.0f}", median <= KERNEL_MS))
    return found
