"""Looking out for cards that come and go.

1. However many listen, the reader looks once: what it saw is shared.
2. Each listener hears of each card once when it comes and once when it goes.
3. A card is gone when it was missed more than once and for long enough: one bad look is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.module_api import EventSource, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wisblock_bridge.clock import Clock

MISSES = 2
FORGET_S = 120.0
"""A card not seen for so long is gone for everybody."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A card that lies on the reader.

    Attributes:
        uid: Its identifier.
        kind: Its type.
    """

    uid: bytes
    kind: str


@dataclass(slots=True)
class _Seen:
    sighting: Sighting
    last_s: float
    timestamp_ms: float
    misses: int = 0


class Sightings:
    """What the reader saw, for all who listen.

    Args:
        look: Looks once; it is given the cards that are known already, by UID.
        clock: Time.
    """

    def __init__(
        self, look: Callable[[dict[bytes, Sighting]], Sequence[Sighting]], clock: Clock
    ) -> None:
        self._look = look
        self._clock = clock
        self._seen: dict[bytes, _Seen] = {}
        self._looked_at: float | None = None

    def refresh(self, interval_s: float) -> None:
        """Look, unless somebody else has done so just now.

        Args:
            interval_s: How often the caller wants to look.

        Raises:
            BridgeError: The reader failed.
        """
        begun = self._clock.monotonic()
        if self._looked_at is not None and begun - self._looked_at < interval_s / 2:
            return
        found = self._look({uid: each.sighting for uid, each in self._seen.items()})
        now = self._looked_at = self._clock.monotonic()
        for each in self._seen.values():
            each.misses += 1
        for sighting in found:
            self._seen[sighting.uid] = _Seen(sighting, now, self._clock.timestamp_ms())
        for uid in [uid for uid, each in self._seen.items() if now - each.last_s > FORGET_S]:
            del self._seen[uid]

    def present(self, gone_s: float) -> dict[bytes, tuple[Sighting, float]]:
        """Return the cards that are there.

        Args:
            gone_s: How long a card must be missed to be gone.

        Returns:
            UID to card and the time at which it was last seen, ms since 1970.
        """
        now = self._clock.monotonic()
        return {
            uid: (each.sighting, each.timestamp_ms)
            for uid, each in self._seen.items()
            if each.misses < MISSES or now - each.last_s < gone_s
        }

    def forget(self) -> None:
        """Begin again: nobody listens any more."""
        self._seen.clear()
        self._looked_at = None


class CardEvents(EventSource):
    """A watcher for cards that come, or for cards that go.

    Args:
        sightings: What the reader sees.
        clock: Time.
        arrivals: Whether coming is reported; otherwise going.
        poll_ms: How often to look.
        gone_ms: How long a card must be missed to be gone.
        leave: Called with this watch when it ends.
    """

    def __init__(
        self,
        sightings: Sightings,
        clock: Clock,
        *,
        arrivals: bool,
        poll_ms: float,
        gone_ms: float,
        leave: Callable[[CardEvents], None],
    ) -> None:
        super().__init__(poll_ms / 1000.0)
        self._sightings = sightings
        self._clock = clock
        self._arrivals = arrivals
        self._gone_s = gone_ms / 1000.0
        self._told: set[bytes] = set()
        self._leave: Callable[[CardEvents], None] | None = leave

    def look(self) -> list[Result]:
        """Check once.

        Returns:
            The cards that came, or those that went; at first those that are there.

        Raises:
            BridgeError: The reader failed.
        """
        self._sightings.refresh(self.interval_s)
        present = self._sightings.present(self._gone_s)
        came = [each for uid, each in present.items() if uid not in self._told]
        went = self._told - present.keys()
        self._told = set(present)
        if self._arrivals:
            return [
                Result({"uid": card.uid, "type": card.kind}, timestamp_ms)
                for card, timestamp_ms in came
            ]
        now_ms = self._clock.timestamp_ms()
        return [Result({"uid": uid}, now_ms) for uid in sorted(went)]

    def close(self) -> None:
        """Stop watching."""
        if self._leave is not None:
            leave, self._leave = self._leave, None
            leave(self)
