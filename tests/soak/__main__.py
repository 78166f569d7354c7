"""``make soak MINUTES=5 SEED=1``: everything at once, for as long as it is wanted.

A real bridge on emulated hardware that outlives it; clients that come, go, flood, talk nonsense and
are killed; modules that are pulled, buses that fail; bridges that are killed. Every promise of the
protocol is checked all the time. The seed decides the steps; a failure prints it with the steps
before it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from pathlib import Path

from tests.soak.hardware import Hardware
from tests.soak.ledger import BrokenPromise
from tests.soak.quiet import Quiet
from tests.soak.run import Run
from tests.soak.steps import STEPS

STEPS_TOLD = 50
BRIDGE_EVERY = 400
"""Steps from one end of a bridge to the next, on the average."""

QUIET_EVERY = 250
"""Steps from one look at memory and descriptors to the next."""


def soak(minutes: float, seed: int, last: deque[str]) -> dict[str, object]:
    """Run.

    Args:
        minutes: How long.
        seed: What decides the steps.
        last: Takes the steps as they are made; the newest are kept.

    Returns:
        The summary.
    """
    with Hardware() as hardware:
        run = Run(hardware, seed)
        run.start_bridge()
        run.put(1, "RAK13007")
        run.put(2, "RAK13004")
        begun = time.monotonic()
        end = begun + minutes * 60.0
        # The last life is the longest: memory is compared within it.
        kills_end = begun + minutes * 60.0 * 0.55
        quiet = Quiet(run)
        actions = [action for action, _ in STEPS]
        weights = [weight for _, weight in STEPS]
        number = 0
        try:
            while time.monotonic() < end:
                number += 1
                (action,) = run.chance.choices(actions, weights)
                ends = run.chance.randrange(BRIDGE_EVERY)
                if ends < 2 and time.monotonic() < kills_end:
                    action = Run.kill_bridge if ends else Run.restart_bridge
                    quiet.new_life()
                last.append(f"{number} {action.__name__}")
                action(run)
                run.pump(run.chance.choice((0.0, 0.002, 0.01, 0.05)))
                if number % 20 == 0:
                    run.log_watch.check()
                if number % QUIET_EVERY == 0:
                    last.append(f"{number} quiet")
                    quiet.look()
            last.append(f"{number} the last quiet")
            quiet.look()
            quiet.judge()
            run.restart_bridge()
            return summary(run, quiet, seed, number, time.monotonic() - begun)
        except BrokenPromise as broken:
            assert hardware.process is not None
            broken.add_note(
                f"The bridge is process {hardware.process.pid}; {hardware.held_lines()}"
            )
            raise
        finally:
            run.close()


def summary(run: Run, quiet: Quiet, seed: int, steps: int, seconds: float) -> dict[str, object]:
    """Tell what was tried and what came of it."""
    totals = run.ledger.totals
    return {
        "seed": seed,
        "minutes": round(seconds / 60.0, 2),
        "steps": steps,
        "requests": {
            "sent": totals.sent,
            "answered": totals.answered,
            "carried_out": totals.good,
            "carried_out_by_module": dict(sorted(totals.modules.items())),
            "refused": dict(sorted(totals.refused.items())),
            "failed_with_the_hardware": dict(sorted(totals.failed.items())),
            "connection_lost": totals.connection_lost,
        },
        "events": {"received": totals.events, "lost_and_counted": totals.events_lost},
        "marked_writes_seen": totals.writes_seen,
        "answers_compared_with_what_was_there": totals.readings_checked,
        "bad_inputs": totals.bad_inputs,
        "faults_switched_on": run.counts["faults"],
        "modules_plugged": run.counts["plugs"],
        "clients_killed": run.counts["clients killed"],
        "bridges_killed": run.counts["bridge killed"],
        "bridges_stopped": run.counts["bridge stopped"],
        "pauses_of_the_bridge": run.counts["pauses"],
        "paused_s": round(run.paused_s, 1),
        "serial_adapters_pulled": run.counts["serial adapters pulled"],
        "modbus_frames_answered": dict(sorted(run.hardware.modbus_answers().items())),
        "claims": {
            what.replace(" ", "_"): run.counts[what]
            for what in (
                "released by force",
                "outputs shared when one released",
                "held outputs taken over",
                "idle modules displaced",
                "steps given up",
            )
        },
        "floods": run.counts["floods"],
        "connections_dropped": run.counts["connections dropped"],
        "outputs_to_be_made_safe": run.counts["outputs to be made safe"],
        "outputs_safe": run.counts["outputs safe"],
        "slowest_safe_s": round(run.latest_safe_s, 3),
        "slowest_start_s": round(run.slowest_start_s, 3),
        "log": {"lines": run.log_watch.lines, "down": run.log_watch.downs, "up": run.log_watch.ups},
        "resources": quiet.found,
    }


def main() -> int:
    """Run and print the summary.

    Returns:
        0 when every promise was kept.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=7391)
    parser.add_argument("--summary", type=Path, help="where to write the summary, as JSON")
    options = parser.parse_args()
    last: deque[str] = deque(maxlen=STEPS_TOLD)
    try:
        found = soak(options.minutes, options.seed, last)
    except (BrokenPromise, AssertionError) as broken:
        number = last[-1].partition(" ")[0] if last else "0"
        notes = "\n".join(getattr(broken, "__notes__", ()))
        sys.stderr.write(
            f"\nsoak: seed {options.seed}, step {number}: {broken}\n{notes}\n\nthe last steps:\n  "
            + "\n  ".join(last)
            + f"\n\nAgain: make soak MINUTES={options.minutes:g} SEED={options.seed}\n"
        )
        return 1
    text = json.dumps(found, indent=2)
    if options.summary is not None:
        options.summary.parent.mkdir(parents=True, exist_ok=True)
        options.summary.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
