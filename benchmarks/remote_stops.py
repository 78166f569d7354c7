"""The process for remote clients is killed, stopped, and killed whenever it has started."""

from __future__ import annotations

import signal

from tests.bridge.remote_scenarios import LEASE_MS, Outcome, crash_again_and_again, lose

LONGEST_ANSWER_MS = 100.0
LATEST_SAFE_S = LEASE_MS / 1000 + 0.5
TIMES = 5


def row(what: str, found: Outcome) -> tuple[str, str, bool]:
    """Say what came of it."""
    good = found.undisturbed and found.slowest_ms <= LONGEST_ANSWER_MS
    return (
        what,
        (
            f"safe after {found.safe_s:.1f} s; served again after {found.back_s:.1f} s; "
            f"slowest {found.slowest_ms:.0f} ms"
        ),
        good and found.safe_s <= LATEST_SAFE_S,
    )


def rows() -> list[tuple[str, str, bool]]:
    """Try everything.

    Returns:
        What was tried, what came of it, and whether that is as it should be.
    """
    return [
        row("remote process killed, lease 1 s", lose(signal.SIGABRT)),
        row("remote process stopped for 3 s, lease 1 s", lose(signal.SIGSTOP, 3.0)),
        row("remote process stopped for good, lease 1 s", lose(signal.SIGSTOP)),
        row(f"remote process killed {TIMES} times", crash_again_and_again(TIMES)),
    ]
