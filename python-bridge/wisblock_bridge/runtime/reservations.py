"""Who holds which line, address and port: one ledger, asked before anything is driven.

1. A reservation names its holder, and a refusal names both sides.
2. It knows nothing of what is reserved beyond the words given for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from wisblock_bridge.errors import InUseError

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[str, object]
"""A kind ("line", "address", "port") and what it is."""


class Conflict(NamedTuple):
    """Something wanted that somebody else holds.

    Attributes:
        key: What it is.
        words: The same for people.
        holder: Who holds it.
    """

    key: Key
    words: str
    holder: str


class Reservations:
    """The ledger; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: dict[Key, str] = {}

    def reserve(self, holder: str, wanted: Iterable[tuple[Key, str]]) -> None:
        """Reserve several things, all or none.

        Args:
            holder: Who wants them ("RAK5801 in slot 1"); what is soldered on has "the" in front.
            wanted: Each thing with its words ("IO4, line 4 of the slots' expander").

        Raises:
            InUseError: One of them is held by somebody else.
        """
        wanted = tuple(wanted)
        with self._lock:
            for conflict in self._conflicts(holder, wanted):
                raise refusal(conflict, holder)
            for key, _ in wanted:
                self._holders[key] = holder

    def conflicts(self, holder: str, wanted: Iterable[tuple[Key, str]]) -> list[Conflict]:
        """Tell what stands in the way of a reservation.

        Args:
            holder: Who wants it.
            wanted: Each thing with its words.

        Returns:
            What others hold of it.
        """
        with self._lock:
            return self._conflicts(holder, wanted)

    def _conflicts(self, holder: str, wanted: Iterable[tuple[Key, str]]) -> list[Conflict]:
        found = []
        for key, words in wanted:
            other = self._holders.get(key)
            if other is not None and other != holder:
                found.append(Conflict(key, words, other))
        return found

    def holder(self, key: Key) -> str | None:
        """Tell who holds something.

        Args:
            key: What.

        Returns:
            The holder, or None.
        """
        return self._holders.get(key)

    def give_back(self, holder: str, keys: Iterable[Key] | None = None) -> None:
        """End reservations.

        Args:
            holder: Whose.
            keys: Which; None for all of them.
        """
        with self._lock:
            mine = [key for key, other in self._holders.items() if other == holder]
            for key in mine if keys is None else [key for key in keys if key in mine]:
                del self._holders[key]


def refusal(conflict: Conflict, wanted_by: str) -> InUseError:
    """Make the refusal of a reservation.

    Args:
        conflict: What stands in its way.
        wanted_by: Who wanted it.

    Returns:
        The error.
    """
    other = conflict.holder
    advice = (
        "That is soldered on: give the module another address by its straps, and say so in the "
        "configuration ([slot.addresses])."
        if other.startswith("the ")
        else f"Release {other} first, or use another slot or address."
    )
    return InUseError(
        f"{conflict.words} is held by {other}.",
        hint=advice,
        where=wanted_by,
        data={"holder": other},
    )
