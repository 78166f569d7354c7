"""``make bench``: the speed of the bridge as ratios of one run, each beside its bar."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    alternatives,
    burden,
    edges,
    figures,
    least,
    lines,
    many_clients,
    neighbours,
    node_red_edges,
    operations,
    pace,
    page,
    python_client,
    quiet,
    runs,
)
from benchmarks.processes import (
    ROOT,
    as_installed,
    bridge,
    cpu_s,
    fresh_endpoint,
    keyed_bridge,
    memory_mb,
    node,
    pinned,
    restart_pause_s,
    running,
    slices,
    start_bridge,
    switches,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = tuple[str, float, str, bool]


BETWEEN_RUNS_MINUTES = 2.0
"""After this a run begins on a busy computer, too, and is marked: the first one was quiet."""


def ratio(pairs: dict[str, list[dict[str, float]]], figure: str) -> float:
    """Tell the median of the ratios of neighbouring slices.

    Args:
        pairs: What both lanes measured.
        figure: Which figure.

    Returns:
        b over a.
    """
    return statistics.median(
        b[figure] / a[figure] for a, b in zip(pairs["a"], pairs["b"], strict=True)
    )


def round_trip(rounds: int) -> list[Row]:
    """(1) The whole way, node to emulated chip and back, against a raw echo."""
    echo = fresh_endpoint()
    with (
        bridge() as (_, endpoint),
        running(pinned(sys.executable, "-m", "benchmarks.peers.zeromq_echo", echo)),
    ):
        pairs = slices(rounds, 250, ("zeromqEcho", echo), ("bridge", endpoint))
        p50, p99 = ratio(pairs, "p50"), ratio(pairs, "p99")
        deep = slices(rounds, 250, ("zeromqEcho", echo), ("bridge", endpoint), 64)
        pings = ratio(slices(rounds, 250, ("zeromqEcho", echo), ("ping", endpoint)), "p50")
    throughput = ratio(deep, "perSecond")
    return [
        ("1 round trip, median / raw echo", p50, "<= 1.55 (aim 1.3)", p50 <= 1.55),
        ("1 round trip, p99 / raw echo", p99, "<= 1.8 (aim 1.5)", p99 <= 1.8),
        ("1 ping, median / raw echo", pings, "<= 0.65", pings <= 0.65),
        ("1 throughput, 64 outstanding / raw echo", throughput, ">= 0.85", throughput >= 0.85),
    ]


def neighbour(rounds: int) -> list[Row]:
    """(4) An expander read while the converter on the same bus works, four deep and one deep.

    The machine is kept equally awake: while the read is measured alone, the same load runs on the
    converter of another bridge.
    """
    rows: list[Row] = []
    measured: dict[tuple[int, str], list[dict[str, float]]] = {}
    with bridge() as (_, ours), bridge() as (_, other):
        for depth in (1, 4):
            measured[depth, "alone"], measured[depth, "beside"] = [], []
            for _ in range(max(3, rounds // 3)):
                for where, target in (("alone", other), ("beside", ours)):
                    with running(pinned("node", "benchmarks/node/load.cjs", target, str(depth))):
                        pair = slices(2, 250, ("bridge", ours), ("bridge", ours))
                        measured[depth, where] += pair["a"] + pair["b"]

    def of(depth: int, where: str, figure: str) -> float:
        return statistics.median(each[figure] for each in measured[depth, where])

    p50 = of(4, "beside", "p50") / of(4, "alone", "p50")
    p99 = of(4, "beside", "p99") / of(4, "alone", "p99")
    flat = of(4, "beside", "p50") / of(1, "beside", "p50")
    rows.append(("4 expander beside a busy converter, median", p50, "<= 1.2", p50 <= 1.2))
    rows.append(("4 expander beside a busy converter, p99", p99, "<= 2", p99 <= 2))
    rows.append(("4 the same, four deep / one deep", flat, "<= 1.2", flat <= 1.2))
    return rows


def losses(requests: int) -> list[Row]:
    """(5) Replies that never come, far beyond what a client may have in flight."""
    with bridge() as (_, endpoint):
        seen = json.loads(node("flood.cjs", endpoint, str(requests)))
    lost = seen["sent"] - seen["answered"] + seen["twice"]
    return [("5 replies lost or doubled", lost, f"0: of {seen['sent']}", lost == 0)]


def at_rest(rounds: int) -> list[Row]:
    """(6) Ready, idle, and with twenty subscriptions at 1 Hz.

    Ready means that it listens; the clock begins before its process does. The time is that of this
    computer, so it cannot hold on one that is loaded: beside it stands a bare interpreter's.
    """
    as_installed()
    ready = []
    for _ in range(rounds):
        begin = time.perf_counter()
        process = start_bridge(fresh_endpoint())
        ready.append(time.perf_counter() - begin)
        process.terminate()
        process.wait()
    starts = []
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run(pinned(sys.executable, "-c", "pass"), check=True)
        starts.append(time.perf_counter() - begin)
    bare = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with bridge() as (process, endpoint):
        time.sleep(1)
        before = switches(process.pid)
        time.sleep(5)
        wakes = switches(process.pid) - before
        idle_mb, bare_mb = memory_mb(process.pid), memory_mb(bare.pid)
        load = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.subscriber", endpoint, "20"],
            cwd=ROOT, stdin=subprocess.PIPE,
        )  # fmt: skip
        time.sleep(3)
        begin_cpu, begin = cpu_s(process.pid), time.perf_counter()
        time.sleep(10)
        share = (cpu_s(process.pid) - begin_cpu) / (time.perf_counter() - begin)
        load.kill()
        load.wait()
    bare.kill()
    bare.wait()
    ready_s = statistics.median(ready)
    times_bare = ready_s / statistics.median(starts)
    memory = idle_mb / bare_mb
    return [
        ("6 ready after, s from the start of its process", ready_s, "<= 0.2", ready_s <= 0.2),
        ("6 the same / start and end of a bare interpreter", times_bare, "(told)", True),
        ("6 idle memory / bare interpreter", memory, f"<= 2.5: {idle_mb:.1f} of {bare_mb:.1f} MB",
         memory <= 2.5),
        ("6 wake-ups in 5 idle seconds", wakes, "0", wakes == 0),
        ("6 twenty subscriptions at 1 Hz, share of a core", share, "< 0.015", share < 0.015),
    ]  # fmt: skip


def restarts(rounds: int) -> list[Row]:
    """(7) First answer after ``kill -9``, as under the unit that is shipped.

    The clock begins at the kill; the pause before the next start is the unit's RestartSec. What the
    service manager itself needs is not in it. A time, which cannot hold on a loaded computer.
    """
    endpoint, pause_s = fresh_endpoint(), restart_pause_s()
    process = start_bridge(endpoint, pin=False)
    worst = 0.0
    with subprocess.Popen(
        ["node", "benchmarks/node/return.cjs", endpoint],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as client:  # fmt: skip
        assert client.stdout is not None
        client.stdout.readline()
        for attempt in range(rounds):
            time.sleep(0.2 * attempt)
            killed = time.monotonic()
            process.kill()
            process.wait()
            time.sleep(pause_s)
            process = start_bridge(endpoint, pin=False)
            worst = max(worst, float(client.stdout.readline()) - killed)
        client.kill()
    process.terminate()
    process.wait()
    return [(f"7 kill -9 to the first answer, worst of {rounds}, s", worst, "<= 0.5", worst <= 0.5)]


def node_red(rounds: int) -> list[Row]:
    """(N) What a message costs Node-RED in a module's node, above a function node that passes it.

    CPU time of its process, so nearly independent of what else runs. The file system, socket and
    status line are in it; each message waits for its answer.
    """
    with bridge() as (_, endpoint):
        seen = json.loads(node("node-red.cjs", endpoint, str(rounds), "2000"))
    module, function = (statistics.median(seen[kind]) for kind in ("module", "function"))
    return [
        ("N CPU of a function node, us per message", function, "(told)", True),
        ("N CPU of a module's node beyond that, us", module - function, "<= 45",
         module - function <= 45),
    ]  # fmt: skip


def curve(rounds: int) -> list[Row]:
    """(K) A whole read with keys and encryption, against the same over plain tcp.

    The plain connection is served by the loop itself, the encrypted one by a process of its own,
    so the difference is that process, too.
    """
    with keyed_bridge() as (plain, encrypted):
        pairs = slices(rounds, 250, ("bridge", plain), ("bridge", encrypted))
        deep = slices(rounds, 250, ("bridge", plain), ("bridge", encrypted), 64)
    p50, throughput = ratio(pairs, "p50"), ratio(deep, "perSecond")
    return [
        ("K round trip with CURVE / plain tcp, median", p50, "<= 1.2", p50 <= 1.2),
        ("K throughput with CURVE, 64 outstanding / plain tcp", throughput, "(told)", True),
    ]


def chosen(only: str | None, rounds: int) -> dict[str, Callable[[], list[Row]]]:
    """Give the sections that are asked for.

    Args:
        only: Their keys in one word; all where there is none.
        rounds: Turns of each lane.

    Returns:
        Key of each section, and what measures it.
    """
    sections: dict[str, Callable[[], list[Row]]] = {
        "1": lambda: round_trip(rounds),
        "2": lambda: alternatives.rows(rounds),
        "4": lambda: neighbour(rounds),
        "5": lambda: losses(20_000),
        "6": lambda: at_rest(5),
        "7": lambda: restarts(8),
        "8": lambda: operations.rows(max(1, rounds // 2)),
        "9": lambda: neighbours.rows(rounds),
        "P": lambda: pace.rows(max(1, rounds // 5)),
        "E": lambda: edges.rows(20 * rounds),
        "Z": lambda: node_red_edges.rows(5 * rounds),
        "L": lambda: burden.rows(rounds),
        "M": least.rows,
        "S": lines.rows,
        "Y": lambda: python_client.rows(rounds),
        "C": lambda: many_clients.rows(rounds),
        "K": lambda: curve(rounds),
        "N": lambda: node_red(rounds),
    }
    return {key: each for key, each in sections.items() if not only or key in only}


def main() -> int:
    """Measure, once to a table or several times to a page.

    Returns:
        0 when every bar is held, and 2 when the computer is too busy for a page.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="how often everything is measured (1)")
    parser.add_argument("--rounds", type=int, help="turns of each lane (11; 7 of several runs)")
    parser.add_argument("--only", help="keys of the sections to run, such as 14P")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures into it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page of all runs")
    parser.add_argument("--from", dest="before", type=Path, metavar="FILE",
                        help="measure nothing: the page is of what --json wrote")  # fmt: skip
    parser.add_argument("--wait", type=float, default=10.0, metavar="MINUTES",
                        help="for a quiet computer, before each run of a page (10)")  # fmt: skip
    parser.add_argument("--busy", action="store_true", help="run on a busy computer, and say so")
    options = parser.parse_args()
    if options.before:
        machine, found = figures.load(options.before)
    else:
        machine, found = quiet.machine(), []
        rounds = options.rounds or (11 if options.runs == 1 else 7)
        for number in range(options.runs):
            minutes = min(options.wait, BETWEEN_RUNS_MINUTES) if number else options.wait
            seen = quiet.wait(minutes) if options.out else quiet.look()
            if options.out and not (number or seen.quiet or options.busy):
                print(f"The computer is busy: {seen}. --busy measures nevertheless, and says so.")
                return 2
            if options.runs > 1:
                print(f"run {number + 1} of {options.runs}: {seen}", flush=True)
            found.append(runs.run(chosen(options.only, rounds), seen))
            if options.json:
                figures.save(options.json, machine, found)
            if options.out:
                options.out.write_text(page.write(machine, found), encoding="utf-8")
    if options.before and options.out:
        options.out.write_text(page.write(machine, found), encoding="utf-8")
    good = all(not run.failures and all(each.held for each in run.figures) for run in found)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
