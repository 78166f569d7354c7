"""What tests have tried, for the tables of docs/reliability.md.

1. A test says what it tries; that it passed says that it was survived.
2. It goes into pytest's own JUnit report as a property; ``tests.reliability`` adds it up.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["fault", "kill", "bad_input", "forged", "claim"]


class Tally:
    """The account of one test.

    Args:
        record: Adds a property to the report of this test.
    """

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    def add(self, kind: Kind, what: str, tried: int = 1, *, seen: str = "", seed: str = "") -> None:
        """Tell what was tried.

        Args:
            kind: The table it belongs to.
            what: What was done, the same words for what belongs together.
            tried: How often.
            seen: What the user saw, in one case.
            seed: Of what was random.
        """
        facts = {"kind": kind, "what": what, "tried": tried, "seen": seen, "seed": seed}
        self._record("tally", json.dumps(facts))


def told(error: Mapping[str, str]) -> str:
    """Give what a user is told by an error of the wire, as the nodes and the client show it."""
    where = f"{error['where']}: " if error.get("where") else ""
    hint = f" {error['hint']}" if error.get("hint") else ""
    return f"{where}{error['message']}{hint}"
