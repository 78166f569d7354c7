"""Plain values of which a module's description and its results are made.

1. Facts (names, units, limits, defaults, sentences) are written here once and read by dispatch,
   code generator, docs and tests.
2. Nothing here touches hardware or the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from wisblock_bridge.module_api.precision import DIGITS
from wisblock_bridge.module_api.units import UNITS

Slot = Literal[1, 2, "board"]


class Quality(StrEnum):
    """How far a value can be trusted; a bad value is an error instead."""

    GOOD = "good"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Product:
    """What the vendor sells.

    Attributes:
        name: The catalogue's name ("RAK5801").
        title: A few plain words for palette and headings ("4-20 mA input").
        family: The vendor's group: onboard, interface, sensors, wireless, display.
        slots: Where it fits: (1, 2), or ("board",) for what is soldered on.
        icon: Icon of the node, without path ("wisblock-gauge.svg").
        reference: Address of the vendor's page.
    """

    name: str
    title: str
    family: str
    slots: tuple[Slot, ...]
    icon: str
    reference: str

    @property
    def slug(self) -> str:
        """The name in file names and node types."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Param:
    """The facts about a parameter that its type does not tell.

    Attributes:
        summary: One sentence for form, help and docs.
        unit: Name from the vocabulary of units.
        low: Smallest value allowed (numbers, also those in a list), or fewest bytes or characters.
        high: Largest value allowed, or most bytes or characters.
        label: What stands before the field in a form; the name, spelled out, if empty.
        fewest: Fewest items of a list.
        most: Most items of a list.
        selects: It says which of several things is meant (a channel, a unit), so that values of
            different ones are not taken for each other. What names an output does so anyway.
    """

    summary: str
    unit: str = "none"
    low: float | None = None
    high: float | None = None
    label: str = ""
    fewest: int = 0
    most: int = 64
    selects: bool = False


@dataclass(frozen=True, slots=True)
class ReadingSpec:
    """A named value with a unit.

    Attributes:
        name: The name on the wire.
        summary: One sentence for help and docs.
        kind: "float", "int", "bool", "str", "bytes" or "list".
        unit: Name from the vocabulary of units.
        low: Smallest value that can be measured.
        high: Largest value that can be measured.
        step: Resolution: two values closer than this are the same. Results carry the decimals that
            it supports (``precision``).
        choices: The words that a text can be.
        optional: Only there when asked for (a scaled value).
        digits: Significant digits of a result where there is no constant step.
    """

    name: str
    summary: str
    kind: Literal["float", "int", "bool", "str", "bytes", "list"] = "float"
    unit: str = "none"
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    digits: int = DIGITS

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"reading {self.name}: {self.unit} is not in the vocabulary of units")


@dataclass(slots=True)
class Result:
    """What an operation gives back.

    Attributes:
        values: Reading name to value, in the catalogue's unit.
        timestamp_ms: When it was measured, milliseconds since 1970.
        quality: How far it can be trusted.
        note: Why, when the quality is uncertain.
    """

    values: dict[str, object]
    timestamp_ms: float
    quality: Quality = Quality.GOOD
    note: str = ""
