"""What comes back from a bridge: results, events and errors, as Python objects.

1. Plain data in, typed objects out; no socket and no thread.
2. Unknown keys are ignored, as the protocol requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, cast

from wisblock_bridge.client.errors import RemoteError, error_of

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import TypeVar

    T = TypeVar("T")
    R = TypeVar("R", bound="Result", default="Result")
    R_co = TypeVar("R_co", bound="Result", default="Result", covariant=True)
else:
    from typing import TypeVar

    T = TypeVar("T")
    R = TypeVar("R")
    R_co = TypeVar("R_co", covariant=True)


class Result(Mapping[str, object]):
    """The result of an operation: a mapping of readings, with time and quality.

    Args:
        readings: Reading name to value, in the catalogue's unit.
        timestamp: When it was measured, milliseconds since 1970.
        quality: "good" or "uncertain".
        note: Why, when the quality is uncertain.
        emulated: Whether the hardware is emulated.
    """

    UNITS: ClassVar[Mapping[str, str]] = {}
    """The symbols of the readings' units, by name; of results whose class is known."""

    def __init__(
        self,
        readings: Mapping[str, object],
        timestamp: float = 0.0,
        quality: str = "good",
        note: str = "",
        *,
        emulated: bool = False,
    ) -> None:
        self.readings: dict[str, Any] = dict(readings)
        self.timestamp = timestamp
        self.quality = quality
        self.note = note
        self.emulated = emulated

    @property
    def time(self) -> datetime:
        """When it was measured, in UTC."""
        from datetime import UTC, datetime  # noqa: PLC0415  (few programs ask for it)

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

    def _get(self, name: str) -> T:  # type: ignore[type-var]
        """Return a reading; its type is that of the attribute which asks for it."""
        try:
            return self.readings[name]  # type: ignore[no-any-return]
        except KeyError:
            has = ", ".join(self.readings) or "none at all"
            raise AttributeError(f"This result has no reading {name!r}; it has {has}.") from None

    def _find(self, name: str) -> T | None:
        """Return a reading that can be missing."""
        return self.readings.get(name)

    def __getitem__(self, name: str) -> object:
        return self.readings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.readings)

    def __len__(self) -> int:
        return len(self.readings)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.readings!r}, quality={self.quality!r}, emulated={self.emulated!r})"

    def _repr_html_(self) -> str:
        from wisblock_bridge.client.html import result_html  # noqa: PLC0415  (notebooks only)

        return result_html(self)


@dataclass(frozen=True, slots=True)
class Event(Generic[R_co]):
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
    result: R_co = field(default_factory=cast("Any", lambda: Result({})))
    sequence: int = 0
    lost: int = 0
    initial: bool = False
    error: RemoteError | None = None
    late: int = 0


def to_result(data: object, kind: type[R]) -> R:
    """Convert the result of ``invoke`` into one of a class."""
    values = _mapping(data)
    return kind(
        _mapping(values.get("readings")),
        _number(values.get("timestamp")),
        str(values.get("quality", "good")),
        str(values.get("note", "")),
        emulated=values.get("emulated") is True,
    )


def to_event(data: Mapping[str, object], kind: type[R]) -> Event[R]:
    """Convert an event whose result is of a class."""
    return Event(
        str(data.get("event", "")),
        to_result(data, kind),
        int(_number(data.get("sequence"))),
        int(_number(data.get("lost"))),
        data.get("initial") is True,
        to_error(data["error"]) if "error" in data else None,
        int(_number(data.get("late"))),
    )


def to_error(data: object) -> RemoteError:
    """Convert an error."""
    values = _mapping(data)
    return error_of(
        str(values.get("code", "internal")),
        str(values.get("message", "The bridge refused without a reason.")),
        hint=str(values.get("hint", "")),
        where=str(values.get("where", "")),
        data=_mapping(values.get("data")),
    )


def _mapping(data: object) -> Mapping[str, object]:
    return data if isinstance(data, dict) else {}


def _number(data: object) -> float:
    return data if isinstance(data, int | float) else 0.0
