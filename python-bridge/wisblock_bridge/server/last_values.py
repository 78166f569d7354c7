"""The last value of each reading: for ``status``, and for those who begin to observe.

1. It runs on the poll loop; it costs a look into two maps for each result, and no timer.
2. A reading is known by its module, its operation or event, and what that was asked about: a
   channel, a line (``OperationDescription.about``).
3. It keeps references to results that were made anyway, so many of a module and none that is long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from wisblock_bridge.wire.limits import MAX_VALUE_BYTES, MAX_VALUES

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import Result
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.place import Place

Selection = tuple[object, ...]
Key = tuple[str, Selection]
"""Name of the operation or event, and what it was about."""

_SHORT = (float, int, bool)
_SHORT_LENGTH = 64


@dataclass(slots=True, eq=False)
class LastValue:
    """One result, as it came last.

    Attributes:
        description: Of the operation or the event.
        selection: What it was about: the parameters that say so, then the readings that do.
        readings: The result.
        at: Clock reading when it came, s.
    """

    description: OperationDescription
    selection: Selection
    readings: Result
    at: float


class LastValues:
    """The last values of all modules in use.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_place: dict[Place, dict[Key, LastValue]] = {}

    def note(
        self,
        place: Place,
        description: OperationDescription,
        selection: Selection,
        readings: Result,
        length: int | None = None,
    ) -> None:
        """Keep a result, in place of the one before it.

        Args:
            place: The module.
            description: Of the operation or the event.
            selection: What it is about.
            readings: The result.
            length: Of its reply, where it was encoded already, bytes.
        """
        values = self._by_place.get(place)
        if values is None:
            values = self._by_place[place] = {}
        key = (description.name, selection)
        # The newest last, so that the first one is the one to forget.
        values.pop(key, None)
        if length is None:
            length = _length(readings.values)
        if length > MAX_VALUE_BYTES:
            return
        values[key] = LastValue(description, selection, readings, self._clock.monotonic())
        if len(values) > MAX_VALUES:
            del values[next(iter(values))]

    def of(self, place: Place) -> list[LastValue]:
        """Return what is known of a module, the oldest first."""
        return list(self._by_place.get(place, {}).values())

    def forget(self, place: Place) -> None:
        """Forget a module, which was closed."""
        self._by_place.pop(place, None)

    def report(self, place: Place) -> list[dict[str, object]]:
        """Return the values of a module as ``status`` has them."""
        now = self._clock.monotonic()
        return [
            {
                "kind": each.description.outcome,
                "name": each.description.name,
                "params": each.description.selected(each.selection),
                "readings": each.readings.values,
                "timestamp": each.readings.timestamp_ms,
                "age_ms": round((now - each.at) * 1000.0, 1),
                "quality": each.readings.quality.value,
                "note": each.readings.note,
            }
            for each in self.of(place)
        ]


def _length(values: dict[str, object]) -> int:
    """Return how long readings are when they are encoded, bytes; only a guess for short ones."""
    for value in values.values():
        if not (
            isinstance(value, _SHORT)
            or (isinstance(value, str | bytes) and len(value) < _SHORT_LENGTH)
        ):
            return len(msgspec.msgpack.encode(values))
    return 0
