"""TPT29555: the two 16-bit expanders of the board, line by line.

1. Facts of the board part: which expander is which, who may drive what. Registers are the chip's
   business.
2. Lines held by a module in a slot are read here, never driven.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

from wisblock_bridge.errors import BridgeError, NotReadyError
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    board_expanders,
    event,
    lost_supply,
    operation,
)
from wisblock_bridge.modules.shared.level_changes import LevelChanges
from wisblock_bridge.modules.shared.line_watcher import PollMs  # noqa: TC001  (read at run time)
from wisblock_bridge.modules.shared.pulse_counter import (
    FREQUENCY,
    PULSES,
    CountPollMs,
    PulseEdge,
    WindowMs,
    count_levels,
    report,
)
from wisblock_bridge.modules.shared.punctual import PunctualTimers
from wisblock_bridge.modules.shared.safety_net import SafetyNet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.buses.gpio import LineController

LINE_COUNT = 16

LEVEL = ReadingSpec("level", "Level at the pin: 1 is high.", kind="int", low=0, high=1, step=1)
LINE = ReadingSpec("line", "Number of the line.", kind="int", low=0, high=15, step=1)
LEVELS = ReadingSpec(
    "levels", "All levels; bit n is line n.", kind="int", low=0, high=0xFFFF, step=1
)
DIRECTIONS = ReadingSpec(
    "directions",
    "Which lines are outputs; bit n is line n.",
    kind="int",
    low=0,
    high=0xFFFF,
    step=1,
)
DIRECTION = ReadingSpec(
    "direction", "Which way the line works.", kind="str", choices=("input", "output")
)

Expander = Annotated[
    Literal["slots", "board"],
    Param(
        "Which of the two: the one of the WisBlock slots, or the one of the board itself, which "
        "has "
        "two LEDs on lines 6 and 7 (lit when low)."
    ),
]
Line = Annotated[
    int, Param("Number of the line: 0 to 7 are P0_0 to P0_7, 8 to 15 P1_0 to P1_7.", low=0, high=15)
]
Level = Annotated[Literal[0, 1], Param("0 is low, 1 is high.")]


class TPT29555(Module):
    """Read and drive single lines of the two expanders on a RAK7391.

    One expander serves the WisBlock slots: lines 1 to 6 are IO1 to IO6 of slot 1, lines 9 to 14
    those of slot 2. The other one serves the board; of its lines only the two LEDs (6 and 7, lit
    when low) may be driven unless the configuration allows more, because the others wake or disable
    mini-PCIe cards.

    A line that a module in a slot uses is refused with that module's name. Levels are polled: the
    expanders' interrupt is not known to be wired, so pulses shorter than the polling interval can
    be missed. One look serves all lines of an expander and everybody who listens to them, the
    modules in the slots as well.
    """

    product = Product(
        "TPT29555",
        title="GPIO expander",
        family="onboard",
        slots=("board",),
        icon="wisblock-expander.svg",
        reference="https://docs.rakwireless.com/product-categories/wisgate/rak7391/overview/",
    )
    unconfirmed = (
        "That 0x26 serves the slots and 0x27 the board, as the vendor's scripts have it.",
    )

    keeps_outputs = True

    expanders = board_expanders()

    def setup(self) -> None:
        """Recall the lines that a killed bridge left driven."""
        # Not in ``open``: after a failure of the bus the module is opened again, and what it drives
        # must not be forgotten.
        self.timers = PunctualTimers(self.timers, self.clock)  # a pulse ends in time during a count
        self._driven: dict[str, tuple[str, int]] = {}
        self._pulses: dict[str, Callable[[], None]] = {}
        self._left_driven = _remembered(self.memory.recall())
        self._undone: list[str] = []
        """Outputs to be made inputs because their expander lost its supply."""

    def open(self) -> None:
        """Return the lines to inputs that a killed bridge left driven, or a lost supply undid."""
        while self._undone:
            self.make_safe(self._undone[-1])
            self._undone.pop()
        while self._left_driven:
            self._let_go(*self._left_driven[-1])
            self._left_driven.pop()
            self._remember()

    def check_supply(self) -> None:
        """Check whether the expanders still drive the lines that are driven here."""
        masks: dict[str, int] = {}
        for expander, line in self._driven.values():
            masks[expander] = masks.get(expander, 0) | 1 << line
        for expander, mask in masks.items():
            controller = self.expanders.controller(expander)
            if controller.outputs_lost(mask):
                # All of both: a supply that fails is the board's, and what went safe stays so.
                self._undone = list(self._driven)
                raise lost_supply(controller.name, "its lines are inputs")

    def close(self) -> None:
        """Return every line that was driven here to an input, as far as the expanders answer."""
        failures: list[BridgeError] = []
        for output in tuple(self._driven):
            try:
                self.make_safe(output)
            except BridgeError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def make_safe(self, output: str) -> None:
        """Return a line to an input."""
        held = self._driven.get(output)
        if held is not None:
            self._let_go(*held)

    @operation(gives=(LEVEL,), main=LEVEL, reads_only=True, default=True)
    def read(self, expander: Expander, line: Line) -> Result:
        """Read the level at a pin, whichever way the line works.

        Returns:
            ``level``, 0 or 1.

        Raises:
            BusError: The expander did not answer.
        """
        return self.readings(level=self.expanders.controller(expander).level(line))

    @operation(gives=(LEVELS, DIRECTIONS), main=LEVELS, reads_only=True)
    def read_all(self, expander: Expander) -> Result:
        """Read all levels and directions of an expander.

        Returns:
            ``levels`` and ``directions``, bit n for line n.

        Raises:
            BusError: The expander did not answer.
        """
        controller = self.expanders.controller(expander)
        held = controller.held_elsewhere()
        note = f"Held by others and read as 0: {_names(held)}." if held else ""
        return self.readings(
            Quality.UNCERTAIN if held else Quality.GOOD,
            note,
            levels=controller.levels(),
            directions=controller.directions(),
        )

    @operation(gives=(PULSES,), main=PULSES, reads_only=True)
    def count(
        self,
        expander: Expander,
        line: Line,
        edge: PulseEdge = "rising",
        window_ms: WindowMs = 1000,
        poll_ms: CountPollMs = 10,
    ) -> Result:
        """Count the pulses at a pin.

        The expander is looked at every ``poll_ms``: a pulse or a gap that is shorter can be missed,
        and the result says so.

        Returns:
            ``pulses``.

        Raises:
            BusError: The expander did not answer.
        """
        return self._counted(expander, line, edge, window_ms, poll_ms, frequency=False)

    @operation(gives=(FREQUENCY, PULSES), main=FREQUENCY, reads_only=True)
    def frequency(
        self,
        expander: Expander,
        line: Line,
        edge: PulseEdge = "rising",
        window_ms: WindowMs = 1000,
        poll_ms: CountPollMs = 10,
    ) -> Result:
        """Measure the frequency of the pulses at a pin.

        What can be missed is the same as for ``count``.

        Returns:
            ``frequency`` in Hz, and ``pulses``.

        Raises:
            BusError: The expander did not answer.
        """
        return self._counted(expander, line, edge, window_ms, poll_ms, frequency=True)

    @operation(gives=(LEVEL,), main=LEVEL, drives="{expander}/{line}", payload_param="level")
    def write(self, expander: Expander, line: Line, level: Level) -> Result:
        """Drive a line to a level; it becomes an output without a glitch.

        Returns:
            ``level``, as read back from the pin.

        Raises:
            InUseError: A module in a slot holds the line.
            ForbiddenError: The line is the board's own.
            BusError: The expander did not answer.
            NotReadyError: The pin does not follow: it is shorted.
        """
        self._end_pulse(expander, line)
        return self._drive(expander, line, level)

    @operation(gives=(LEVEL,), main=LEVEL, drives="{expander}/{line}")
    def toggle(self, expander: Expander, line: Line) -> Result:
        """Invert the level of a line; an input becomes an output.

        Returns:
            ``level``, as read back from the pin.

        Raises:
            InUseError: A module in a slot holds the line.
            ForbiddenError: The line is the board's own.
            BusError: The expander did not answer.
            NotReadyError: The pin does not follow: it is shorted.
        """
        controller = self._take(expander, line)
        self._end_pulse(expander, line)
        return self._drive(expander, line, 1 - controller.level(line))

    @operation(gives=(LEVEL,), main=LEVEL, drives="{expander}/{line}", payload_param="ms")
    def pulse(
        self,
        expander: Expander,
        line: Line,
        ms: Annotated[
            int,
            Param(
                "Duration of the pulse.",
                unit="millisecond",
                low=1,
                high=3_600_000,
                label="Duration",
            ),
        ],
    ) -> Result:
        """Invert the level of a line for a while; the pulse ends even without the client.

        Returns:
            ``level`` during the pulse.

        Raises:
            InUseError: A module in a slot holds the line.
            ForbiddenError: The line is the board's own.
            BusError: The expander did not answer; the line goes back as soon as it does.
            NotReadyError: The pin does not follow: it is shorted. The line went back.
        """
        controller = self._take(expander, line)
        self._end_pulse(expander, line)
        rest = controller.level(line)
        try:
            readings = self._drive(expander, line, 1 - rest)
        except BridgeError:
            # The line may be where the pulse would have it, and nothing else would end that.
            with suppress(BridgeError):
                self._rest(expander, line, rest)
            raise
        output = _output(expander, line)
        timer = self.timers.after(ms / 1000.0, lambda: self._rest(expander, line, rest))
        self._pulses[output] = timer.cancel
        return readings

    @operation(gives=(DIRECTION,), main=DIRECTION, drives="{expander}/{line}", urgent=True)
    def release(self, expander: Expander, line: Line) -> Result:
        """Stop driving a line: it becomes an input again.

        Returns:
            ``direction``, which is "input".

        Raises:
            InUseError: A module in a slot holds the line.
            ForbiddenError: The line is the board's own.
            BusError: The expander did not answer.
        """
        self._take(expander, line)
        self._let_go(expander, line)
        return self.readings(direction="input")

    @event(gives=(LINE, LEVEL), main=LEVEL, polled=True)
    def change(
        self,
        expander: Expander,
        lines: Annotated[
            list[int], Param("Numbers of the lines to look at; none means all.", low=0, high=15)
        ] = [],  # noqa: B006  (the description copies it; nobody changes it)
        poll_ms: PollMs = 10,
    ) -> LevelChanges:
        """Report when a line changes its level; at first the present level of each line.

        Returns:
            The event source.
        """
        watched = tuple(dict.fromkeys(lines)) or tuple(range(LINE_COUNT))
        controller = self.expanders.controller(expander)
        return LevelChanges(
            controller.watch,
            lambda line, level, timestamp_ms: Result({"line": line, "level": level}, timestamp_ms),
            watched,
            poll_ms / 1000.0,
            self.clock,
        )

    def _counted(
        self, expander: str, line: int, edge: str, window_ms: int, poll_ms: int, *, frequency: bool
    ) -> Result:
        reader = self.expanders.controller(expander).watch(1 << line)
        train = count_levels(self, reader, int(edge == "rising"), window_ms, poll_ms)
        return report(self, train, poll_ms, frequency=frequency)

    def _drive(self, expander: str, line: int, level: int) -> Result:
        controller = self._take(expander, line)
        controller.make_output(line, level)
        seen = controller.level(line)
        if seen != level:
            self.check_supply()
            raise NotReadyError(
                f"Line {line} is driven to {level} and reads {seen}.",
                hint="Something outside holds the pin: a short, or another output on the same "
                "line.",
                where=controller.name,
            )
        return self.kept(self.readings(level=seen))

    def _take(self, expander: str, line: int) -> LineController:
        """Reserve a line; from here on it becomes an input when its client has disconnected."""
        controller = self.expanders.controller(expander)
        self.expanders.claim(expander, line)
        output = _output(expander, line)
        if output not in self._driven:
            self._driven[output] = (expander, line)
            self._remember()
        return controller

    def _let_go(self, expander: str, line: int) -> None:
        self._end_pulse(expander, line)
        controller = self.expanders.controller(expander)
        controller.make_input(line)
        controller.let_go(line)
        self._driven.pop(_output(expander, line), None)
        self.expanders.give_back(expander, line)
        self._remember()

    def _remember(self) -> None:
        """Keep what is driven, for the next bridge in case this one is killed."""
        driven = [*self._left_driven, *self._driven.values()]
        self.memory.remember({"driven": [list(each) for each in driven]})

    def _end_pulse(self, expander: str, line: int) -> None:
        call_off = self._pulses.pop(_output(expander, line), None)
        if call_off is not None:
            call_off()

    def _rest(self, expander: str, line: int, level: int) -> None:
        """End a pulse, trying until it works or somebody else says what the line is to do."""
        controller = self.expanders.controller(expander)
        net = SafetyNet(self.timers, lambda: controller.make_output(line, level))
        self._pulses[_output(expander, line)] = net.cancel
        net.make_safe()


def _names(held: Mapping[int, str]) -> str:
    return ", ".join(f"line {line} ({holder})" for line, holder in held.items())


def _remembered(facts: Mapping[str, object]) -> list[tuple[str, int]]:
    entries = facts.get("driven")
    found: list[tuple[str, int]] = []
    for entry in entries if isinstance(entries, list) else ():
        match entry:
            case ["slots" | "board" as expander, int(line)] if 0 <= line < LINE_COUNT:
                found.append((expander, line))
            case _:
                continue
    return found


def _output(expander: str, line: int) -> str:
    return f"{expander}/{line}"
