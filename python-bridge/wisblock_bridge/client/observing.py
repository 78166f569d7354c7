"""Observing with the Python client: what others are told, and who uses what.

1. Events arrive in a feed, as those of a subscription do; here they get their own form.
2. Nothing is opened and no hardware is touched by it.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from wisblock_bridge.client.feed import Feed
from wisblock_bridge.client.results import Event, Result, to_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from wisblock_bridge.client.connection import Connection
    from wisblock_bridge.client.requests import Slot


@dataclass(frozen=True, slots=True)
class Observed(Event[Result]):
    """One message to an observer.

    Attributes:
        kind: "result", "event", "error", "holder", "health" or "plugged"; others of newer bridges.
        module: Name of the module; None for an empty slot, and where the connection was lost.
        slot: 1, 2 or "board".
        name: Of the operation or the event, for "result", "event" and "error".
        params: The parameters that say which of several things it is about: a channel, a line.
        data: The message as it was received: ``claims`` and ``held`` of "holder", ``open`` and
            ``failing`` of "health" are there.
    """

    kind: str = ""
    module: str | None = None
    slot: int | str = "board"
    name: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def readings(self) -> Result:
        """The readings, with time and quality; empty where there are none."""
        return self.result


class ObservedFeed(Feed):
    """The events of one observer."""

    METHOD: ClassVar[str] = "observe"

    def put(self, event: Event[Any]) -> None:
        """Keep an event; what the connection itself reports, that it is lost, has the form too."""
        super().put(as_observed(event))

    def accept(self, message: Mapping[str, object]) -> None:
        """Take a message as it came."""
        self.put(to_observed(message))


def as_observed(event: Event[Any]) -> Observed:
    """Give an event the form of those that an observer is told."""
    return event if isinstance(event, Observed) else Observed(**_parts(event), kind=event.event)


def observation(modules: Sequence[str] | None, slots: Sequence[Slot] | None) -> dict[str, object]:
    """Return the parameters of the method ``observe``.

    Args:
        modules: Only these modules; None for all.
        slots: Only what is in these slots; None for all.
    """
    wanted: dict[str, object] = {}
    if modules is not None:
        wanted["modules"] = list(modules)
    if slots is not None:
        wanted["slots"] = list(slots)
    return wanted


def to_observed(message: Mapping[str, object]) -> Observed:
    """Convert a message to an observer."""
    module, slot, params = message.get("module"), message.get("slot"), message.get("params")
    return Observed(
        **_parts(to_event(message, Result)),
        kind=str(message.get("kind", "")),
        module=module if isinstance(module, str) else None,
        slot=slot if isinstance(slot, int | str) else "board",
        name=str(message.get("name", "")),
        params=params if isinstance(params, dict) else {},
        data=dict(message),
    )


def _parts(event: Event[Any]) -> dict[str, Any]:
    return {each.name: getattr(event, each.name) for each in fields(Event)}


class Observing:
    """What an observer is told: iterate over it, or ask for the next one.

    Args:
        connection: The connection.
        feed: Where it arrives.
        timeout_s: How long ending it may take, s.
        owner: What closes the connection when nobody refers to it any more.
    """

    def __init__(
        self, connection: Connection, feed: ObservedFeed, timeout_s: float, owner: object = None
    ) -> None:
        self._owner = owner
        self._connection = connection
        self._feed = feed
        self._timeout_s = timeout_s
        self._finalizer = weakref.finalize(self, connection.abandon, feed)

    def next(self, timeout_s: float | None = None) -> Observed | None:
        """Wait for the next message.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The message; None when the time is over or it has ended.
        """
        return cast("Observed | None", self._feed.take(timeout_s))

    def __iter__(self) -> Iterator[Observed]:
        while (observed := self.next()) is not None:
            yield observed

    def close(self) -> None:
        """Stop observing; closing twice is allowed."""
        self._finalizer.detach()
        if not self._feed.closed:
            self._connection.unsubscribe(self._feed, self._timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
