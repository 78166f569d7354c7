"""Counting the pulses of a line for a while, the same for every module that has an input.

1. Where the kernel reports edges, all of them count, those that it had to drop as well; elsewhere
   the expander is looked at, and a result says what can be missed.
2. What a level means is the module's business: it says which one is a pulse.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from wisblock_bridge.module_api import DigitalLine, Param, Quality, ReadingSpec
from wisblock_bridge.modules.shared.punctual import PunctualTimers
from wisblock_bridge.modules.shared.timed_edges import TimedEdges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.buses.gpio import Bias
    from wisblock_bridge.buses.shared_levels import LevelReader
    from wisblock_bridge.module_api import Module, Result

PULSES = ReadingSpec("pulses", "How many pulses began.", kind="int", low=0, step=1)
FREQUENCY = ReadingSpec(
    "frequency",
    "Pulses a second, from the first to the last of them; 0 for fewer than two.",
    unit="hertz",
    low=0.0,
)

WindowMs = Annotated[
    int,
    Param(
        "How long to count. Other requests for the module wait meanwhile; a stop or an off does "
        "not.",
        unit="millisecond",
        low=10,
        high=20_000,
        label="Count for",
    ),
]
CountPollMs = Annotated[
    int,
    Param(
        "How often to look, where the line has no interrupt. A pulse or a gap that is shorter can "
        "be missed. Every 10 ms takes 5 % of the I2C bus, every 2 ms 25 %.",
        unit="millisecond",
        low=2,
        high=1000,
    ),
]
PulseEdge = Annotated[
    Literal["rising", "falling"], Param("With which edge a pulse begins: to high, or to low.")
]

OTHERS_EVERY_S = 0.005
"""How long a count sleeps at a stretch: what is urgent, and the events of the same input, come in
between."""

EDGES_EVERY_S = 0.002
"""How often edges are taken from the kernel, which keeps sixteen of them for a line."""

CROWDED, CROWDED_KEPT = 0.5, 1.0
"""More changes than this for each look, and some were surely missed: where a look shows one change
at most, and where the chip keeps a short pulse until the look."""


@dataclass(slots=True)
class PulseTrain:
    """The changes of one line, in their order.

    Attributes:
        begins_with: The level of a pulse.
        level: The level of the line.
        changes: How many changes there were.
        looks: How often the line was looked at; 0 where edges are reported.
        pulses: How many pulses began.
        dropped: Changes that the kernel counted but could not keep.
    """

    begins_with: int
    level: int
    changes: int = 0
    looks: int = 0
    pulses: int = 0
    dropped: int = 0
    _begins: list[tuple[int, float]] = field(default_factory=list)
    """Number and time of the first and of the last beginning that was seen."""

    def take(self, level: int, at_ms: float, missed: int = 0) -> None:
        """Take one change.

        Args:
            level: The level after it.
            at_ms: Reading of a clock that nobody sets, ms.
            missed: Changes before it that got lost.
        """
        self.dropped += missed
        unseen = missed + 1 if level != self.level or missed else 0
        # Levels alternate: what got lost is every second time the beginning of a pulse.
        for _ in range(unseen):
            self.level ^= 1
            self.changes += 1
            if self.level == self.begins_with:
                self.pulses += 1
        self.level = level
        if level == self.begins_with and unseen:
            self._begins[1:] = [(self.pulses, at_ms)]

    @property
    def frequency_hz(self) -> float:
        """Pulses a second, from the first to the last that was seen."""
        if len(self._begins) < 2:  # noqa: PLR2004  (a period has two ends)
            return 0.0
        (first, begin_ms), (last, end_ms) = self._begins
        return (last - first) * 1000.0 / (end_ms - begin_ms) if end_ms > begin_ms else 0.0


def count_edges(
    module: Module, line: DigitalLine, begins_with: int, window_ms: int, poll_ms: int, bias: Bias
) -> PulseTrain:
    """Count the pulses of a line.

    Args:
        module: Whose line it is.
        line: The line, an input already.
        begins_with: The level of a pulse.
        window_ms: How long.
        poll_ms: How often to look where the kernel reports no edges.
        bias: Pull resistor wanted.

    Raises:
        BusError: The line could not be used.
        CutShortError: Something more urgent came.
    """
    if not line.has_edges:
        return count_levels(module, line.watch(), begins_with, window_ms, poll_ms)
    edges = line.edges(bias)
    try:
        train = PulseTrain(begins_with, line.level())
        timed = TimedEdges(edges, module.clock)
        for _ in steps(module, window_ms / 1000.0, EDGES_EVERY_S):
            for edge, at_s in timed.read():
                train.take(edge.level, at_s * 1000.0, edge.missed)
    finally:
        edges.close()
    return train


def count_levels(
    module: Module, reader: LevelReader, begins_with: int, window_ms: int, poll_ms: int
) -> PulseTrain:
    """Count the pulses of a line by looking at its expander; the reader is closed.

    Args:
        module: Who looks.
        reader: Looks at that one line.
        begins_with: The level of a pulse.
        window_ms: How long.
        poll_ms: How often to look.

    Raises:
        BusError: The expander did not answer.
        CutShortError: Something more urgent came.
    """
    try:
        train = PulseTrain(begins_with, int(reader.levels & reader.mask > 0))
        for now in steps(module, window_ms / 1000.0, poll_ms / 1000.0):
            train.looks += 1
            for change in reader.look(now - poll_ms / 2000.0):
                train.take(change.level, change.seen_at * 1000.0)
    finally:
        reader.close()
    return train


def report(
    module: Module, train: PulseTrain, poll_ms: int, *, frequency: bool, kept: bool = False
) -> Result:
    """Report what was counted, and what can be missing in it.

    Args:
        module: Who counted.
        train: What was counted.
        poll_ms: How often the line was looked at, where that was done.
        frequency: Whether the frequency is asked for.
        kept: Whether the chip keeps a pulse that is shorter than that.
    """
    quality, note = Quality.GOOD, ""
    if train.looks:
        if kept:
            note = (
                f"Looked at every {poll_ms} ms: a shorter pulse is kept by the chip, but of "
                f"several in that time one is seen; {1000 // poll_ms} pulses a second are the most."
            )
        else:
            note = (
                f"Looked at every {poll_ms} ms: a pulse or a gap shorter than that can be missed; "
                f"{500 // poll_ms} pulses a second are the most."
            )
        if train.changes > (CROWDED_KEPT if kept else CROWDED) * train.looks:
            quality, note = Quality.UNCERTAIN, f"Too fast to see every pulse. {note}"
    if frequency:
        return module.readings(quality, note, frequency=train.frequency_hz, pulses=train.pulses)
    return module.readings(quality, note, pulses=train.pulses)


def steps(module: Module, window_s: float, step_s: float) -> Iterator[float]:
    """Wait step by step until a window is over, and yield a clock reading after each step.

    Args:
        module: Who waits; each step may be cut short by something more urgent, and punctual
            timers of the module are carried out in between.
        window_s: How long.
        step_s: How long a step is; the last one may be shorter.

    Raises:
        CutShortError: Something more urgent came.
    """
    clock = module.clock
    now = clock.monotonic()
    end = now + window_s
    due = now
    while now < end:
        _let_others(module)
        due = max(due + step_s, now)  # without drift, and without catching up
        until = min(due, end)
        while (left_s := until - clock.monotonic()) > OTHERS_EVERY_S:
            clock.sleep(OTHERS_EVERY_S)
            _let_others(module)
        clock.sleep(max(0.0, left_s))
        now = clock.monotonic()
        yield now


def _let_others(module: Module) -> None:
    """Do what is due in between: the end of a pulse first, then events; or be cut short."""
    if isinstance(module.timers, PunctualTimers):
        module.timers.run_due()
    module.check_cancelled()
