"""The last value of each reading of one module: for ``status``, and for those who begin to observe.

1. The worker's thread writes, the poll loop reads; a result costs one entry in a map, and no timer.
2. A reading is known by its operation or event, and by what that was asked about: a channel, a
   line (``OperationDescription.about``).
3. It keeps references to results that were made anyway: so many of a module, and none that is long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from wisblock_bridge.wire.limits import MAX_VALUE_BYTES, MAX_VALUES

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import Result
    from wisblock_bridge.module_api.signatures import OperationDescription

Known = tuple["OperationDescription", tuple[object, ...], "Result"]
"""A value: of which operation or event, what it is about, and what came of it."""

_SHORT = (float, int, bool)
_SHORT_LENGTH = 64


class LastValues:
    """The last values of one module.

    Args:
        clock: Time.
    """

    __slots__ = ("_now", "_values")

    def __init__(self, clock: Clock) -> None:
        self._now = clock.monotonic
        self._values: dict[
            tuple[str, tuple[object, ...]], tuple[OperationDescription, Result, float]
        ] = {}

    def keep(
        self,
        description: OperationDescription,
        arguments: tuple[object, ...],
        readings: Result,
        length: int,
    ) -> None:
        """Keep the result of an operation, in place of the one before it.

        Args:
            description: Of the operation.
            arguments: Its parameters, in order.
            readings: The result.
            length: Of what it was encoded to, bytes.
        """
        values = self._values
        key = (description.name, description.select(arguments))
        if length > MAX_VALUE_BYTES:
            values.pop(key, None)
            return
        values[key] = (description, readings, self._now())
        if len(values) > MAX_VALUES:
            self._trim()

    def keep_seen(
        self, description: OperationDescription, arguments: tuple[object, ...], readings: Result
    ) -> None:
        """Keep what a subscription reported, in place of what it had before.

        Args:
            description: Of the operation or the event.
            arguments: Its parameters, in order.
            readings: The reading, or what happened.
        """
        key = (description.name, description.about(arguments, readings.values))
        if _length(readings.values) > MAX_VALUE_BYTES:
            self._values.pop(key, None)
            return
        self._values[key] = (description, readings, self._now())
        if len(self._values) > MAX_VALUES:
            self._trim()

    def _trim(self) -> None:
        """Forget the oldest, because there are too many."""
        values = self._values
        del values[min(values, key=lambda each: values[each][2])]

    def known(self) -> list[Known]:
        """Return the values, the oldest first."""
        return [
            (description, about, readings)
            for (_, about), (description, readings, _) in self._sorted()
        ]

    def report(self) -> list[dict[str, object]]:
        """Return the values as ``status`` has them, the oldest first."""
        now = self._now()
        return [
            {
                "kind": description.outcome,
                "name": description.name,
                "params": description.selected(about),
                "readings": readings.values,
                "timestamp": readings.timestamp_ms,
                "age_ms": round((now - at) * 1000.0, 1),
                "quality": readings.quality.value,
                "note": readings.note,
            }
            for (_, about), (description, readings, at) in self._sorted()
        ]

    def _sorted(
        self,
    ) -> list[tuple[tuple[str, tuple[object, ...]], tuple[OperationDescription, Result, float]]]:
        # A copy in one step: the worker's thread goes on writing.
        return sorted(list(self._values.items()), key=lambda each: each[1][2])  # noqa: C414


def _length(values: dict[str, object]) -> int:
    """Return how long readings are when they are encoded, bytes; 0 for short ones."""
    for value in values.values():
        if not (
            isinstance(value, _SHORT)
            or (isinstance(value, str | bytes) and len(value) < _SHORT_LENGTH)
        ):
            try:
                return len(msgspec.msgpack.encode(values))
            except Exception:  # noqa: BLE001  (whatever a module put there; its client is told)
                return MAX_VALUE_BYTES + 1
    return 0
