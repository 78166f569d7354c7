"""What clients that mean harm can do: ``python -m benchmarks.attacks`` (``make attacks``).

Each attack is repeated on each endpoint in each state of the bridge, while somebody else drives a
relay and asks for its state. No attack may end the bridge, switch the relay, or keep that neighbour
waiting for more than 100 ms on a computer that is otherwise idle; the load is printed. The process
for remote clients may end, which is counted. Then crowds, clients that do not read, the process
for remote clients stopped and killed, and stops of the bridge.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bridge.attackers import (
    AFTERMATH_S,
    ATTACK_S,
    ATTACKS,
    ENDPOINTS,
    Neighbour,
    Target,
    attack_once,
    readers,
)

from benchmarks import crowds, remote_stops, stops

if TYPE_CHECKING:
    from collections.abc import Callable

STATES = ("idle", "busy", "stopped")
"""Nobody else asks for anything; two others read as fast as they are answered; the bridge's process
is stopped for two seconds while it is attacked."""

STOP_S = 2.0
LONGEST_ANSWER_MS = 100.0

LINE = "{:9}{:9}{:12}{:>5}{:>7}{:>7}{:>10}{:>10}{:>21}{:>6}{}"


@dataclass
class Tried:
    """What came of one attack on one endpoint in one state.

    Attributes:
        runs: How often it was tried.
        aborts: How often the bridge ended.
        off: Answers of the relay that were not "on".
        slowest_ms: The longest that the neighbour waited.
        alone_ms: The longest that it waited in between, when nobody attacked.
        child_ended: How often the process for remote clients ended.
    """

    runs: int = 0
    aborts: int = 0
    off: int = 0
    slowest_ms: float = 0.0
    alone_ms: float = 0.0
    child_ended: int = 0

    @property
    def held(self) -> bool:
        """Whether nothing happened that must not."""
        return not self.aborts and not self.off and self.slowest_ms <= LONGEST_ANSWER_MS


def attack_again_and_again(attack: str, kind: str, state: str, runs: int) -> Tried:
    """Attack so many times.

    Args:
        attack: How.
        kind: Which endpoint.
        state: What else the bridge does.
        runs: How often.

    Returns:
        What came of it.
    """
    tried = Tried()
    while tried.runs < runs:
        # Another bridge where the process for remote clients has ended, which is started later and
        # later: as many attacks as possible are to meet one.
        with (
            Target(kind) as target,
            readers(target.local) if state == "busy" else nullcontext(),
            Neighbour(target.local) as neighbour,
        ):
            while tried.runs < runs and not target.child_deaths():
                begin = time.monotonic()
                time.sleep(ATTACK_S + AFTERMATH_S)
                tried.alone_ms = max(tried.alone_ms, neighbour.slowest_ms(begin))
                stop_s = STOP_S if state == "stopped" else 0.0
                waited_ms = attack_once(attack, target, neighbour, stop_s)
                tried.runs += 1
                tried.slowest_ms = max(tried.slowest_ms, waited_ms)
                if not target.is_alive():
                    tried.aborts += 1
                    break
            tried.off += neighbour.off
            tried.child_ended += target.child_deaths()
    return tried


def table(runs: int, kinds: tuple[str, ...] = ENDPOINTS) -> bool:
    """Try everything against everything, and print what came of it.

    Args:
        runs: How often each.
        kinds: Which endpoints.

    Returns:
        Whether everything held.
    """
    held = True
    columns = ("endpoint", "state", "attack", "runs", "aborts", "not on", "slowest", "alone")
    print(LINE.format(*columns, "remote process ended", "load", ""))
    for kind in kinds:
        for state in STATES:
            for attack in ATTACKS:
                tried = attack_again_and_again(attack, kind, state, runs)
                held = held and tried.held
                figures = (tried.runs, tried.aborts, tried.off)
                times = (f"{tried.slowest_ms:.0f} ms", f"{tried.alone_ms:.0f} ms")
                load = f"{os.getloadavg()[0]:.1f}"
                end = "" if tried.held else "   MISSED"
                line = LINE.format(
                    kind, state, attack, *figures, *times, tried.child_ended, load, end
                )
                print(line, flush=True)
    return held


def print_rows(rows: list[tuple[str, str, bool]]) -> bool:
    """Print what was tried.

    Args:
        rows: What, what came of it, and whether that is as it should be.

    Returns:
        Whether everything is.
    """
    for what, came, good in rows:
        print(f"{what:66} {came}{'' if good else '   MISSED'}", flush=True)
    return all(good for _, _, good in rows)


def main() -> int:
    """Try everything, or some of it.

    Returns:
        0 when everything held.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each attack (20)")
    parser.add_argument("--only", choices=["table", "crowds", "remote", "stops"])
    parser.add_argument("--endpoint", choices=ENDPOINTS, help="of the table: this one only")
    options = parser.parse_args()
    kinds = (options.endpoint,) if options.endpoint else ENDPOINTS
    parts: dict[str, Callable[[], bool]] = {
        "table": lambda: table(options.runs, kinds),
        "crowds": lambda: print_rows(crowds.rows()),
        "remote": lambda: print_rows(remote_stops.rows()),
        "stops": lambda: print_rows(stops.rows()),
    }
    results = [part() for name, part in parts.items() if options.only in {None, name}]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
