"""One reading of each module, the whole way, against the least that its data sheet allows.

Nothing that a user waits for is subtracted. The round trip of a node's request is measured on an
emulated board, whose chips take their time but whose bus takes none; so what the bits of this
operation add at 100 kHz (``bus_work``, counted) is added. Together that is held against the time of
the minimum (``minima``), which knows neither bridge nor Node.js. It is real time, so other programs
on the computer count as well: the bars hold on a quiet one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.bus_work import Workbench
from benchmarks.minima import BOARD, MINIMA, WITHOUT_CLOCK
from benchmarks.processes import bridge, node
from wisblock_bridge.module_api.needs import PortNeed
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from benchmarks.minima import Minimum

    Row = tuple[str, float, str, bool]

LIMIT = 1.5
SHORT_S = 0.002
"""Below this the bridge and Node.js take longer than the bus: told, and no bar."""


def chosen() -> list[Minimum]:
    """Choose the operation of each module: the first of the table that reads its hardware.

    Returns:
        Its entries; of serial lines section S tells.
    """
    modules = registry.load().modules
    found: dict[str, Minimum] = {}
    for entry in MINIMA:
        description = modules[entry.module].description
        if any(isinstance(each, PortNeed) for each in description.needs.values()):
            continue
        reads = description.operations[entry.step.name].reads_only
        if reads and entry.least.bits and not entry.before:
            found.setdefault(entry.module, entry)
    return list(found.values())


def bus_time_s(entry: Minimum) -> float:
    """Return how much longer an operation takes because bits take time.

    Args:
        entry: Which.
    """
    seconds = []
    for free_bits in (False, True):
        bench = Workbench(entry.module, entry.board, free_bits=free_bits)
        bench.perform(entry.step)  # opens the module
        seconds.append(bench.perform(entry.step).seconds)
        bench.close()
    return seconds[0] - seconds[1]


def rows(rounds: int) -> list[Row]:
    """Measure every module.

    Args:
        rounds: How often.

    Returns:
        Name, the time over the least, the bar, and whether it is held.
    """
    found: list[Row] = []
    modules = registry.load().modules
    for board in (BOARD, WITHOUT_CLOCK):
        entries = [each for each in chosen() if each.board == board]
        requests = [
            {
                "module": each.module,
                "slot": modules[each.module].product.slots[0],
                "operation": each.step.name,
                "params": each.step.params,
            }
            for each in entries
        ]
        product, variant = board.split("-")
        with bridge("--board", product.upper(), "--variant", variant.upper()) as (_, endpoint):
            trips = json.loads(node("operations.cjs", endpoint, str(rounds), json.dumps(requests)))
        for entry, trip_us in zip(entries, trips, strict=True):
            whole_s = trip_us / 1e6 + bus_time_s(entry)
            ratio = whole_s / entry.least.seconds
            counts = entry.least.seconds >= SHORT_S
            bar = f"<= {LIMIT}" if counts else "(told)"
            bar += f": {whole_s * 1e3:.2f} of {entry.least.seconds * 1e3:.2f} ms"
            what = f"8 {entry.module}.{entry.step.name}, the whole way"
            found.append((what, ratio, bar, not counts or ratio <= LIMIT))
    return found
