"""Moments of rest in a soak run: everybody has gone, everything is closed; what is left is held.

1. Nothing may wait, nobody be known, no output be driven.
2. Descriptors and threads are as at rests before; memory stays flat from the second on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.soak.ledger import BrokenPromise

if TYPE_CHECKING:
    from tests.soak.steps import Run

REST_S = 60.0
MEMORY_KB = 12_000
"""What memory may grow from the first third of the rests to the last, whatever the run's length."""

DESCRIPTORS = 12

HANDSHAKE_S = 7.0
"""A connection that says nothing is given up after 5 s."""


class Quiet:
    """Looks at a run when it rests.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._looks: list[dict[str, int]] = []
        self.found: dict[str, object] = {}

    def new_life(self) -> None:
        """A new bridge begins anew."""
        self._looks.clear()

    def look(self) -> None:
        """Send everybody home, close everything, and look at what is left."""
        run = self._run
        run.mend_hardware()
        everybody = [client.number for client in run.clients]
        self._until(lambda: not run.ledger.waiting(everybody), "every request is answered")
        run.close_all("a rest")
        self._until(lambda: not run.owed, "every output is safe")
        watcher = run.client(lease_s=2.0)
        for slot, module in run.in_slot.items():
            if module:
                run.release(watcher, module, slot)
        for module in ("TPT29555", "ADC"):
            run.release(watcher, module, "board")
        self._until(lambda: not run.ledger.waiting([watcher.number]), "everything is released")
        self._until(self._alone, "the last lease runs out")
        self._looks.append(self._settled())
        run.close_all("the rest is over")
        run.log_book.check()

    def judge(self) -> None:
        """Hold the looks of the last life against each other."""
        looks = self._looks[1:] or self._looks
        if not looks:
            return
        third = max(1, len(looks) // 3)
        for what, allowed in (
            ("memory_kb", MEMORY_KB), ("descriptors", DESCRIPTORS), ("threads", DESCRIPTORS),
        ):  # fmt: skip
            before = min(each[what] for each in looks[:third])
            after = min(each[what] for each in looks[-third:])
            self.found[what] = {"first": before, "last": after, "looks": len(looks)}
            if after > before + allowed:
                course = [each[what] for each in self._looks]
                raise BrokenPromise(f"{what} grew from {before} to {after}: {course}")

    def _settled(self) -> dict[str, int]:
        """Wait a while for connections to be taken down, those that never greeted among them."""
        known = min((each["descriptors"] for each in self._looks), default=0)
        found = self._run.hardware.resources()
        end = time.monotonic() + HANDSHAKE_S
        while found["descriptors"] > known and time.monotonic() < end:
            self._run.pump(0.2)
            now = self._run.hardware.resources()
            found = {what: min(number, found[what]) for what, number in now.items()}
        return found

    def _alone(self) -> bool:
        """Only the watcher is known any more, and nothing waits."""
        watcher = self._run.clients[-1]
        status = watcher.status()
        if status is None:
            return False
        busy = [each for each in status["slots"] if each.get("queued") or each.get("subscriptions")]
        driven = [each for each in status["sessions"] if each["outputs"]]
        return len(status["sessions"]) == 1 and not busy and not driven

    def _until(self, condition: object, what: str) -> None:
        assert callable(condition)
        end = time.monotonic() + REST_S
        while not condition():
            if time.monotonic() > end:
                raise BrokenPromise(f"never at rest: {what}")
            self._run.pump(0.05)
