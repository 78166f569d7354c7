"""What the bridge's log must not say, and what it must say once only.

1. A place that fails is reported once, and once when it works again.
2. A defect or a traceback is never allowed, whatever was done to the bridge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.soak.ledger import BrokenPromise

if TYPE_CHECKING:
    from pathlib import Path

PLACE = re.compile(r"\b((?:RAK\d+|TPT29555|ADC) (?:in slot \d|on the board))")
OTHERS = ("left open", "is tried again until it is")
"""What is said of a place beside that it fails."""

UP = re.compile(r"^.*: (.+) works again$")


class LogWatch:
    """Reads the log of a run on and on.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = ""
        self._down: dict[str, str] = {}
        self.lines = 0
        self.downs = 0
        self.ups = 0

    def next_life(self) -> None:
        """A new bridge knows nothing of what the one before it had reported."""
        self.check()
        self._down.clear()

    def check(self) -> None:
        """Judge what was written since the last time."""
        with self._path.open(encoding="utf-8", errors="replace") as file:
            file.seek(self._read)
            text = self._rest + file.read()
            self._read = file.tell()
        *lines, self._rest = text.split("\n")
        for line in lines:
            self.lines += 1
            self._judge(line)

    def _judge(self, line: str) -> None:
        if "defect" in line or "Traceback" in line:
            tail = self._path.read_text(errors="replace").partition(line)[2][:3000]
            raise BrokenPromise(f"the log says: {line}{tail}")
        if "WARNING" not in line:
            return
        works = UP.match(line)
        if works is not None:
            place = works.group(1)
            if self._down.pop(place, None) is None:
                raise BrokenPromise(f"the log says twice that {place} works again: {line}")
            self.ups += 1
            return
        found = PLACE.search(line)
        if found is None or any(words in line for words in OTHERS):
            return
        place = found.group(1)
        if place in self._down:
            raise BrokenPromise(
                f"the log says again that {place} fails:\n{self._down[place]}\n{line}"
            )
        self._down[place] = line
        self.downs += 1
