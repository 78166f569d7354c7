"""A GPIO controller that exists only in memory: the SoC's lines of an emulated Raspberry Pi.

1. It obeys the contract of ``buses.gpio`` and meets the world on ``Wire``s.
2. It counts accesses, so that tests can prove that a refused request touched nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.edges import EmulatedEdges
from wisblock_bridge.buses.gpio import Bias, no_edges
from wisblock_bridge.buses.shared_levels import SharedLevels
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.buses.emulated.wires import Wire
    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.shared_levels import LevelReader
    from wisblock_bridge.clock import Clock


class EmulatedLines:
    """A line controller whose lines end on wires.

    Args:
        label: The controller's label ("pinctrl-bcm2711").
        line_count: Number of lines.
        wires: Offset to wire, for the lines that lead anywhere.
        clock: Time of the reported changes; the computer's own if none is given.
    """

    has_edges = True

    def __init__(
        self,
        label: str,
        line_count: int,
        wires: Mapping[int, Wire],
        clock: Clock | None = None,
    ) -> None:
        self._name = label
        self._count = line_count
        self._wires = wires
        self._clock = clock or SystemClock()
        self._outputs: dict[int, int] = {}
        self._edges: dict[int, EmulatedEdges] = {}
        self._shared_levels = SharedLevels(lambda _: self.levels(), self._clock)
        self.accesses = 0

    @property
    def name(self) -> str:
        """What people call it."""
        return self._name

    @property
    def line_count(self) -> int:
        """Number of lines."""
        return self._count

    def level(self, offset: int) -> int:
        """Read the level at the pin, as ``LineController.level`` says."""
        wire = self._wire(offset)
        return wire.level() if wire else self._outputs.get(offset, 0)

    def levels(self) -> int:
        """Read all pins, as ``LineController.levels`` says."""
        return sum(self.level(offset) << offset for offset in range(self._count))

    def directions(self) -> int:
        """Return which lines are outputs, as ``LineController.directions`` says."""
        return sum(1 << offset for offset in self._outputs)

    def outputs_lost(self, mask: int) -> int:  # noqa: ARG002
        """Return 0: the processor has no supply of its own to lose."""
        return 0

    def held_elsewhere(self) -> Mapping[int, str]:
        """Return which lines others hold: nobody is there."""
        return {}

    def edges(self, offset: int, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:
        """Report the changes of a line, as ``LineController.edges`` says."""
        self.make_input(offset, bias)
        wire = self._wire(offset)
        if wire is None:
            raise no_edges(f"line {offset} of {self._name}")
        edges = self._edges[offset] = EmulatedEdges(wire, self._clock, debounce_ms / 1000.0)
        return edges

    def watch(self, mask: int) -> LevelReader:
        """Look at some lines, as ``LineController.watch`` says."""
        return self._shared_levels.join(mask)

    def make_output(self, offset: int, level: int) -> None:
        """Drive a line, as ``LineController.make_output`` says."""
        wire = self._wire(offset)
        self._detect_no_more(offset)
        self._outputs[offset] = level
        if wire:
            wire.drive(self._name, level)

    def make_input(self, offset: int, bias: Bias = Bias.NONE) -> None:
        """Stop driving a line, as ``LineController.make_input`` says."""
        wire = self._wire(offset)
        self._detect_no_more(offset)
        self._outputs.pop(offset, None)
        if wire:
            if bias is not Bias.NONE:
                wire.pull = 1 if bias is Bias.UP else 0
            wire.drive(self._name, None)

    def write(self, offset: int, level: int) -> None:
        """Change the level of an output, as ``LineController.write`` says."""
        if offset not in self._outputs:
            raise BusError(
                BusFault.UNSUPPORTED,
                "The line is an input and was not changed.",
                where=f"line {offset} of {self._name}",
            )
        self.make_output(offset, level)

    def let_go(self, offset: int) -> None:
        """Return a line as it is: the kernel of Raspberry Pi OS keeps a released output driven."""

    def close(self) -> None:
        """Let go of every line, leaving it as it is."""

    def _detect_no_more(self, offset: int) -> None:
        """Do as Linux does: a line that is configured again reports edges only if that says so."""
        edges = self._edges.pop(offset, None)
        if edges is not None:
            edges.detect_no_more()

    def _wire(self, offset: int) -> Wire | None:
        if not 0 <= offset < self._count:
            raise ValueError(f"{self._name} has no line {offset}")
        self.accesses += 1
        return self._wires.get(offset)
