"""What comes back from a bridge: results, events and errors, as Python objects.

1. Plain data in, typed objects out; no socket and no thread.
2. Unknown keys are ignored, as the protocol requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wisblock_bridge.errors import BridgeError, ErrorCode


class RemoteError(BridgeError):
    """The bridge refused or failed; see ``code``, ``message``, ``hint``, ``where``, ``data``.

    Args:
        message: What happened.
        code: The code on the wire.
        hint: What the user can do.
        where: The place.
        data: Further facts.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "internal",
        hint: str = "",
        where: str = "",
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, where=where, data=data)
        self.wire_code = code
        try:
            self.code = ErrorCode(code)
        except ValueError:  # of a newer bridge
            self.code = ErrorCode.INTERNAL


class OfflineError(RemoteError):
    """There is no connection; the request was not sent, or no reply came before it failed."""

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message, code=ErrorCode.OFFLINE, hint=hint, where=where)


class ReplyTimeoutError(RemoteError):
    """The bridge did not reply in time; the request may still be carried out."""

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message, code=ErrorCode.TIMEOUT_REPLY, hint=hint, where=where)


class Result(Mapping[str, object]):
    """The result of an operation: a mapping of readings, with time and quality.

    Args:
        readings: Reading name to value, in the catalogue's unit.
        timestamp: When it was measured, milliseconds since 1970.
        quality: "good" or "uncertain".
        note: Why, when the quality is uncertain.
        emulated: Whether the hardware is emulated.
    """

    def __init__(
        self,
        readings: Mapping[str, object],
        timestamp: float = 0.0,
        quality: str = "good",
        note: str = "",
        *,
        emulated: bool = False,
    ) -> None:
        self.readings = dict(readings)
        self.timestamp = timestamp
        self.quality = quality
        self.note = note
        self.emulated = emulated

    @property
    def time(self) -> datetime:
        """When it was measured, in UTC."""
        return datetime.fromtimestamp(self.timestamp / 1000.0, UTC)

    def number(self, name: str) -> float:
        """Return a reading that is a number.

        Raises:
            KeyError: There is no such reading.
            TypeError: It is not a number.
        """
        value = self.readings[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} is {value!r}, which is not a number")
        return value

    def __getitem__(self, name: str) -> object:
        return self.readings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.readings)

    def __len__(self) -> int:
        return len(self.readings)

    def __repr__(self) -> str:
        return f"Result({self.readings!r}, quality={self.quality!r}, emulated={self.emulated!r})"


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a subscription.

    Attributes:
        event: Name of the event or operation; "error" when something went wrong.
        result: The readings; empty for an error.
        sequence: Increases by one for each event, delivered or not.
        lost: How many were dropped since the event before, by the bridge or here.
        late: How many readings at an interval were missed since the event before.
        initial: It is the present value, not a change.
        error: What went wrong; the subscription continues.
    """

    event: str
    result: Result = field(default_factory=lambda: Result({}))
    sequence: int = 0
    lost: int = 0
    initial: bool = False
    error: RemoteError | None = None
    late: int = 0


def to_result(data: object) -> Result:
    """Convert the result of ``invoke``."""
    values = _mapping(data)
    return Result(
        _mapping(values.get("readings")),
        _number(values.get("timestamp")),
        str(values.get("quality", "good")),
        str(values.get("note", "")),
        emulated=values.get("emulated") is True,
    )


def to_event(data: Mapping[str, object]) -> Event:
    """Convert an event."""
    return Event(
        str(data.get("event", "")),
        to_result(data),
        int(_number(data.get("sequence"))),
        int(_number(data.get("lost"))),
        data.get("initial") is True,
        to_error(data["error"]) if "error" in data else None,
        int(_number(data.get("late"))),
    )


def to_error(data: object) -> RemoteError:
    """Convert an error."""
    values = _mapping(data)
    return RemoteError(
        str(values.get("message", "The bridge refused without a reason.")),
        code=str(values.get("code", "internal")),
        hint=str(values.get("hint", "")),
        where=str(values.get("where", "")),
        data=_mapping(values.get("data")),
    )


def _mapping(data: object) -> Mapping[str, object]:
    return data if isinstance(data, dict) else {}


def _number(data: object) -> float:
    return data if isinstance(data, int | float) else 0.0
