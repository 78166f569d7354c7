"""Who holds which line, address and port: asked before anything is driven.

1. It keeps records: who holds (a module's place, or a part of the board) and what. A sentence is
   made only where a refusal is.
2. A refusal names both sides.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from wisblock_bridge.errors import InUseError
from wisblock_bridge.runtime.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wisblock_bridge.boards.board import LineRef


@dataclass(frozen=True, slots=True)
class BoardPart:
    """A holder that is soldered to the board.

    Attributes:
        name: "the board's converter SGM58031".
    """

    name: str

    def __str__(self) -> str:
        return self.name


Holder = Place | BoardPart


@dataclass(frozen=True, slots=True)
class Line:
    """A digital line.

    Attributes:
        ref: Its controller and number.
        pin: The pin of the slot that leads to it, where it is wanted by that name.
    """

    ref: LineRef
    pin: str = field(default="", compare=False)

    def __str__(self) -> str:
        controller, number = self.ref.controller, self.ref.offset
        if self.pin:
            return f"{self.pin} (line {number} of {controller})"
        return f"Line {number} of the {controller} expander"


@dataclass(frozen=True, slots=True)
class Address:
    """An address on the I2C bus."""

    address: int

    def __str__(self) -> str:
        return f"I2C address 0x{self.address:02x}"


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port.

    Attributes:
        device: Its device file.
        path: The configured name, which may be a link to it.
    """

    device: str
    path: str = field(compare=False)

    def __str__(self) -> str:
        return f"Serial port {self.path}"


@dataclass(frozen=True, slots=True)
class ChipSelect:
    """A chip select of an SPI bus, by its device file."""

    device: str

    def __str__(self) -> str:
        return self.device


Resource = Line | Address | Port | ChipSelect


class Conflict(NamedTuple):
    """Something wanted that another module or the board holds."""

    wanted: Resource
    holder: Holder


class HeldError(InUseError):
    """The refusal of something that is held.

    Args:
        conflict: What is in the way.
        hint: What the user can do about it.
        wanted_by: Who wanted it; None where that is filled in on the error's way up.
    """

    def __init__(self, conflict: Conflict, hint: str, wanted_by: Holder | None = None) -> None:
        super().__init__(
            f"{conflict.wanted} is held by {conflict.holder}.",
            hint=hint,
            where=str(wanted_by or ""),
            data={"holder": str(conflict.holder)},
        )
        self.holder = conflict.holder


class Reservations:
    """What is held by whom; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: dict[Resource, Holder] = {}

    def reserve(self, holder: Holder, wanted: Iterable[Resource]) -> None:
        """Reserve several resources, all or none.

        Raises:
            HeldError: One of them is held by another module or by the board.
        """
        wanted = tuple(wanted)
        with self._lock:
            for conflict in self._conflicts(holder, wanted):
                raise refusal(conflict, holder)
            for each in wanted:
                self._holders[each] = holder

    def conflicts(self, holder: Holder, wanted: Iterable[Resource]) -> list[Conflict]:
        """Return what others hold of what a holder wants."""
        with self._lock:
            return self._conflicts(holder, wanted)

    def _conflicts(self, holder: Holder, wanted: Iterable[Resource]) -> list[Conflict]:
        found = []
        for each in wanted:
            other = self._holders.get(each)
            if other is not None and other != holder:
                found.append(Conflict(each, other))
        return found

    def holder(self, resource: Resource) -> Holder | None:
        """Return who holds a resource, or None."""
        return self._holders.get(resource)

    def give_back(self, holder: Holder, resources: Iterable[Resource] | None = None) -> None:
        """End reservations.

        Args:
            holder: Whose.
            resources: Which; None for all of them.
        """
        with self._lock:
            mine = [each for each, other in self._holders.items() if other == holder]
            for each in mine if resources is None else [each for each in resources if each in mine]:
                del self._holders[each]


def refusal(conflict: Conflict, wanted_by: Holder) -> HeldError:
    """Return the refusal of a reservation."""
    if isinstance(conflict.holder, BoardPart):
        advice = (
            "That is soldered on: give the module another address by its straps, and say so in the "
            "configuration ([slot.addresses])."
        )
    else:
        advice = f"Release {conflict.holder} first, or use another slot or address."
    return HeldError(conflict, advice, wanted_by)
