"""Moments of rest in a soak run: everybody has gone, everything is closed; what is left is held.

1. Nothing may wait, nobody be known, no output be driven.
2. Of no kind of descriptor there is one more than when it began to serve; threads and memory
   stay flat.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.soak.descriptors import leaked
from tests.soak.ledger import BrokenPromise

if TYPE_CHECKING:
    from tests.soak.hardware import Resources
    from tests.soak.run import Run

REST_S = 60.0
MEMORY_KB = 12_000
"""What memory may grow from the first third of the rests to the last, whatever the run's length."""

THREADS = 12

CONNECTIONS, AT_REST = "unix stream bridge.sock", 2
"""Connections by the name of the socket file: the one that listens, and the watcher's."""

HANDSHAKE_S = 10.0
"""A connection that says nothing is given up after 5 s."""


class Quiet:
    """Looks at a run when it rests.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._looks: list[Resources] = []
        self._modules: list[tuple[str, int | str, bool]] = []
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
        run.client(lease_s=2.0)  # who watches
        self._until(self._alone, "the last lease runs out and all is closed")
        self._looks.append(self._settled())
        run.close_all("the rest is over")
        run.log_watch.check()

    def judge(self) -> None:
        """Hold the looks of the last life against each other."""
        looks = self._looks[1:] or self._looks
        if not looks:
            return
        third = max(1, len(looks) // 3)
        for what, allowed in (("memory_kb", MEMORY_KB), ("threads", THREADS)):
            before = min(getattr(each, what) for each in looks[:third])
            after = min(getattr(each, what) for each in looks[-third:])
            self.found[what] = {"first": before, "last": after, "looks": len(looks)}
            if after > before + allowed:
                course = [getattr(each, what) for each in self._looks]
                raise BrokenPromise(f"{what} grew from {before} to {after}: {course}")
        self.found["descriptors"] = dict(sorted(looks[-1].descriptors.items()))

    def _settled(self) -> Resources:
        """Wait a while for connections to be taken down, those that never greeted among them.

        Raises:
            BrokenPromise: There is a descriptor more of some kind than at the rest before.
        """
        found = self._run.hardware.resources()
        first = self._run.hardware.fresh.copy()
        first[CONNECTIONS] = AT_REST
        end = time.monotonic() + HANDSHAKE_S
        while too_many := leaked(first, found.descriptors):
            if time.monotonic() > end:
                raise BrokenPromise(
                    f"the bridge does not close what it opened, too many are {too_many}: "
                    f"{dict(found.descriptors)} at a rest, {dict(first)} when it began to serve; "
                    f"{found.threads} threads"
                )
            self._run.pump(0.2)
            found = self._run.hardware.resources()
        return found

    def _alone(self) -> bool:
        """Only the watcher is known any more and no module is in use; those that are, it releases.

        A module may be in use that is in no slot any more, or never was.
        """
        watcher = self._run.clients[-1]
        status = watcher.status()
        if status is None:
            return False
        self._modules = [(each["module"], each["slot"], each["open"]) for each in status["slots"]]
        for module, slot, _ in self._modules:
            self._run.release(watcher, module, slot)
        driven = [each for each in status["sessions"] if each["outputs"]]
        return len(status["sessions"]) == 1 and not self._modules and not driven

    def _until(self, condition: object, what: str) -> None:
        assert callable(condition)
        end = time.monotonic() + REST_S
        while not condition():
            if time.monotonic() > end:
                raise BrokenPromise(f"never at rest: {what}; in use are {self._modules}")
            self._run.pump(0.05)
