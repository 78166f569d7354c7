"""From an edge at an input to the message at a local client, with the defaults of each module.

A bridge on an emulated board whose bus takes the time of a real one at 100 kHz. The emulator
changes the input at random moments; the time runs from before that is asked for until the event is
there, so the way of the request is in it. On a RAK7391 the input is looked at every 10 ms and the
RAK13001 waits for 10 ms of debouncing, which are part of the figure: 15 ms is the least median that
there can be, 20 ms the least worst one. On a RAK6421 the kernel reports edges; there the bar is for
no debouncing. A machine that is busy with other things makes the worst ones worse.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.pace import Client, timed_bridge

if TYPE_CHECKING:
    Row = tuple[str, float, str, bool]

MEDIAN_MS, WORST_MS, KERNEL_MS = 20.0, 30.0, 3.0
MODULES = {"RAK13001": ("input_changed", "active"), "RAK12006": ("motion", "motion")}


def latencies_ms(endpoint: str, module: str, times: int, **params: object) -> list[float]:
    """Change an input again and again, and return how long each change took to arrive.

    Args:
        endpoint: The bridge.
        module: Whose input, in slot 1.
        times: How often.
        **params: Parameters of the event.
    """
    event, quantity = MODULES[module]
    client, world = Client(endpoint), Client(endpoint)
    client.ask("hello", client="bench", lease_ms=60_000)
    client.ask("subscribe", module=module, slot=1, event=event, params=params)
    client.listen(0.2)
    found = []
    for number in range(times):
        time.sleep(random.uniform(0.04, 0.06))  # noqa: S311  (a moment, not a secret)
        begin_ms = time.time() * 1000.0
        world.ask("emulator.set", slot=1, quantity=quantity, value=number % 2 == 0)
        event_seen = client.wait_for_event()
        assert event_seen["readings"][quantity] is (number % 2 == 0), event_seen
        found.append(event_seen["seen"] - begin_ms)
    client.ask("release", module=module, slot=1)
    client.close()
    world.close()
    return found


def rows(times: int) -> list[Row]:
    """Measure an input of each kind on each board.

    Args:
        times: How many edges.

    Returns:
        Name, figure, bar, and whether it is held.
    """
    found: list[Row] = []
    with timed_bridge("--board", "RAK7391") as endpoint:
        for module in MODULES:
            seen = latencies_ms(endpoint, module, times)
            median, worst = statistics.median(seen), max(seen)
            found += [
                (f"E {module} on RAK7391, edge to message, median ms", median,
                 f"<= {MEDIAN_MS:.0f}", median <= MEDIAN_MS),
                (f"E {module} on RAK7391, worst of {times}, ms", worst,
                 f"<= {WORST_MS:.0f}", worst <= WORST_MS),
            ]  # fmt: skip
    with timed_bridge("--board", "RAK6421", "--variant", "VA") as endpoint:
        for module, params in (("RAK13001", {"debounce_ms": 0}), ("RAK12006", {})):
            median = statistics.median(latencies_ms(endpoint, module, times, **params))
            what = f"E {module} on RAK6421, edge to message, median ms"
            found.append((what, median, f"<= {KERNEL_MS:.0f}", median <= KERNEL_MS))
    return found
