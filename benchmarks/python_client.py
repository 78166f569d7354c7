"""The Python client: a round trip beside a raw py-py echo, and what its import costs.

All processes of the round trip share one core, and the lanes take turns in slices of 250 ms; the
figures are medians of the ratios of neighbouring slices. An import is measured as the processor
time of a whole interpreter that does nothing else, so that other load changes it little.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys

from benchmarks.processes import ROOT, as_installed, bridge, fresh_endpoint, pinned, running

SLICE_MS = 250
IMPORTS = {"bare": "pass", "zmq": "import zmq", "client": "import wisblock_bridge.client"}


def rows(rounds: int) -> list[tuple[str, float, str, bool]]:
    """Measure.

    Args:
        rounds: How many turns.

    Returns:
        What was measured, the figure, the bar, and whether it is held.
    """
    echo = fresh_endpoint()
    with (
        bridge() as (_, endpoint),
        running(pinned(sys.executable, "-m", "benchmarks.peers.zeromq_echo", echo)),
    ):
        lanes = ["-m", "benchmarks.peers.python_lanes", echo, endpoint, str(rounds), str(SLICE_MS)]
        done = subprocess.run(
            pinned(sys.executable, *lanes), cwd=ROOT, check=True, capture_output=True, text=True
        )
    found: dict[str, list[float]] = json.loads(done.stdout)

    def over(lane: str, other: str) -> float:
        pairs = zip(found[lane], found[other], strict=True)
        return statistics.median(one / two for one, two in pairs)

    client, bare = over("client", "echo"), over("bare", "echo")
    more_ms, ratio = imports(rounds)
    return [
        ("Y read by the Python client / raw py-py echo", client, "<= 2.5", client <= 2.5),
        ("Y   the same request by a bare DEALER / raw py-py echo", bare, "(told)", True),
        ("Y   Python client / bare DEALER", over("client", "bare"), "(told)", True),
        ("Y import of the client, ms of CPU over pyzmq's", more_ms, "<= 60", more_ms <= 60),
        ("Y   import of the client / import of pyzmq", ratio, "(told)", True),
    ]


def imports(rounds: int) -> tuple[float, float]:
    """Measure what an import costs.

    Returns:
        The client's less pyzmq's, ms; and their ratio, without the interpreter's own start.
    """
    environment = as_installed()
    took: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(rounds + 1):
        for name, program in IMPORTS.items():
            cost_ms = cpu_ms(program, environment)
            if number:  # the first ones compile
                took[name].append(cost_ms)
    bare, zmq, client = (statistics.median(took[name]) for name in IMPORTS)
    return client - zmq, (client - bare) / (zmq - bare)


def cpu_ms(program: str, environment: dict[str, str]) -> float:
    """Run a program and give the processor time that it took, ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environment}, cwd=ROOT, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000.0 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
