"""The last value of each reading: for ``status``, and for those who begin to observe.

1. It runs on the poll loop. A result costs one entry in the map of its worker, and no timer.
2. A reading is known by its operation or event, and by what that was asked about: a channel, a
   line (``OperationDescription.about``).
3. It keeps references to results that were made anyway: so many of a module, and none that is long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from wisblock_bridge.wire.limits import MAX_VALUE_BYTES, MAX_VALUES

if TYPE_CHECKING:
    from wisblock_bridge.module_api import Result
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.worker import Worker

_SHORT = (float, int, bool)
_SHORT_LENGTH = 64


def note(
    worker: Worker,
    description: OperationDescription,
    about: tuple[object, ...],
    readings: Result,
    now: float,
) -> None:
    """Keep a reading or an event of a subscription, in place of the one before it.

    Args:
        worker: Whose module it is.
        description: Of the operation or the event.
        about: What it is about.
        readings: The result.
        now: Clock reading, s.
    """
    key = (description.name, about)
    if _length(readings.values) > MAX_VALUE_BYTES:
        worker.values.pop(key, None)
        return
    worker.values[key] = (description, readings, now)
    if len(worker.values) > MAX_VALUES:
        trim(worker)


def trim(worker: Worker) -> None:
    """Forget the value that is the oldest, because there are too many."""
    values = worker.values
    del values[min(values, key=lambda each: values[each][2])]


def report(worker: Worker, now: float) -> list[dict[str, object]]:
    """Return the values of a module as ``status`` has them, the oldest first.

    Args:
        worker: Whose module it is.
        now: Clock reading, s.
    """
    known = sorted(worker.values.items(), key=lambda each: each[1][2])
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
        for (_, about), (description, readings, at) in known
    ]


def _length(values: dict[str, object]) -> int:
    """Return how long readings are when they are encoded, bytes; 0 for short ones."""
    for value in values.values():
        if not (
            isinstance(value, _SHORT)
            or (isinstance(value, str | bytes) and len(value) < _SHORT_LENGTH)
        ):
            return len(msgspec.msgpack.encode(values))
    return 0
