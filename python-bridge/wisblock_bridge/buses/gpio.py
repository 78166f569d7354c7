"""A group of digital lines, whatever chip drives them.

1. Lines are numbered within their controller; which slot pin that is, only ``boards`` knows.
2. Making a line an output never glitches: the level is set before the direction.
3. Controllers are found by label, never by number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.buses.shared_levels import LevelReader


class Direction(StrEnum):
    """Which way a line works."""

    INPUT = "input"
    OUTPUT = "output"


class Bias(StrEnum):
    """The pull resistor of an input."""

    NONE = "none"
    """What the pin itself has."""
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Edge:
    """One change of level, as the kernel saw it.

    Attributes:
        level: The level after the change.
        timestamp_ms: When, milliseconds since 1970.
        missed: Changes before this one that got lost.
    """

    level: int
    timestamp_ms: float
    missed: int = 0


class EdgeSource(Protocol):
    """The changes of one line, one reader."""

    @property
    def descriptor(self) -> int:
        """Readable when there are changes to be read."""
        ...

    def read(self) -> list[Edge]:
        """Take the changes so far, without waiting.

        Returns:
            In the order in which they happened.

        Raises:
            BusError: The controller is gone.
        """
        ...

    def close(self) -> None:
        """Listen no longer; closing twice is allowed."""
        ...


class LineController(Protocol):
    """A group of digital lines with one owner.

    Every method is safe to call from any thread. ``offset`` counts from 0 within the controller.
    """

    @property
    def name(self) -> str:
        """What people call it, for example "TPT29555 0x26 on i2c-1" or "pinctrl-bcm2711"."""
        ...

    @property
    def line_count(self) -> int:
        """Number of lines; offsets run from 0 to this minus 1."""
        ...

    @property
    def has_edges(self) -> bool:
        """Whether level changes are reported by interrupt; if not, inputs are polled."""
        ...

    def level(self, offset: int) -> int:
        """Read the level at the pin, whatever the direction.

        Args:
            offset: Line, 0...line_count-1.

        Returns:
            0 or 1.

        Raises:
            BusError: The controller did not answer, or the line is held by another program.
        """
        ...

    def levels(self) -> int:
        """Read all pins in as few transactions as the controller allows.

        Returns:
            Bit n is the level of line n.

        Raises:
            BusError: The controller did not answer.
        """
        ...

    def directions(self) -> int:
        """Return which lines are outputs.

        Returns:
            Bit n is 1 when line n is an output.

        Raises:
            BusError: The controller did not answer.
        """
        ...

    def outputs_lost(self, mask: int) -> int:
        """Check whether lines that were made outputs here no longer are: one short transaction.

        An expander that lost its supply has only inputs. A bit is reported until its line is made
        an output or an input again.

        Args:
            mask: Bit n is 1 for each line n that is asked about.

        Returns:
            Bit n is 1 when line n was lost. Always 0 where lines cannot be lost (a processor's),
            and where the chip cannot be asked: the kernel's driver answers from its own copy.

        Raises:
            BusError: The controller did not answer.
        """
        ...

    def held_elsewhere(self) -> Mapping[int, str]:
        """Return which lines other programs or the kernel hold; their levels read as 0.

        Returns:
            Line to holder; empty where nobody else can reach the lines.

        Raises:
            BusError: The controller did not answer.
        """
        ...

    def make_output(self, offset: int, level: int) -> None:
        """Drive a line; the level is in place before the direction changes.

        Args:
            offset: Line, 0...line_count-1.
            level: 0 or 1.

        Raises:
            BusError: The controller did not answer, or the line is held by another program.
        """
        ...

    def make_input(self, offset: int, bias: Bias = Bias.NONE) -> None:
        """Stop driving a line and listen to it.

        Args:
            offset: Line, 0...line_count-1.
            bias: Pull resistor wanted; ignored by controllers that have a fixed one.

        Raises:
            BusError: The controller did not answer, or the line is held by another program.
        """
        ...

    def write(self, offset: int, level: int) -> None:
        """Change the level of a line that is an output already.

        Args:
            offset: Line, 0...line_count-1.
            level: 0 or 1.

        Raises:
            BusError: The controller did not answer.
        """
        ...

    def edges(self, offset: int, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:
        """Make a line an input whose changes are reported; only where ``has_edges``.

        Args:
            offset: Line, 0...line_count-1.
            bias: Pull resistor wanted.
            debounce_ms: Changes that last less than this are not reported.

        Returns:
            The changes from now on.

        Raises:
            BusError: The controller cannot report changes, or another program holds the line.
        """
        ...

    def watch(self, mask: int) -> LevelReader:
        """Look at some lines together with everybody else who does; for where nothing tells edges.

        Directions are left alone.

        Args:
            mask: Bit n is 1 for each line n.

        Returns:
            What tells their changes from now on, whenever it is asked.

        Raises:
            BusError: The controller did not answer, or another program holds one of the lines.
        """
        ...

    def let_go(self, offset: int) -> None:
        """Let go of a line, leaving it as it is: an output may keep driving, so make it safe first.

        Args:
            offset: Line, 0...line_count-1.
        """
        ...

    def close(self) -> None:
        """Let go of everything; closing twice is allowed."""
        ...


def no_edges(name: str) -> BusError:
    """Return the error for a controller that cannot report changes.

    Args:
        name: The controller.

    Returns:
        The error, to be raised.
    """
    return BusError(
        BusFault.UNSUPPORTED, "Changes of these lines are not reported; look at them.", where=name
    )
