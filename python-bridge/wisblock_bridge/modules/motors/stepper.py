"""A stepper motor on two bridges: the order of the phases, and the pace.

1. The order turns the field by equal angles; which line is which, only the bridges know.
2. Steps follow a schedule, so nothing drifts; after a hold-up the schedule begins again, since a
   motor cannot catch up.
3. It runs on the worker's thread, by the module's own timers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError
from wisblock_bridge.modules.motors.h_bridge import COAST, FORWARD, REVERSE, Motion

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import TimerHandle, Timers
    from wisblock_bridge.modules.motors.h_bridge import MotorBridge

PHASES = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
"""Currents of winding A and B at the eight positions of one turn of the field, 45 degrees apart."""

_LEVELS = {1: FORWARD, 0: COAST, -1: REVERSE}


class Mode(StrEnum):
    """Which of the eight positions are used."""

    FULL = "full"
    """Both windings at a time: most torque."""
    HALF = "half"
    """One and two windings in turn: twice as many steps for a revolution."""
    WAVE = "wave"
    """One winding at a time: least current."""


@dataclass(frozen=True, slots=True)
class Move:
    """A number of steps.

    Attributes:
        steps: How many; negative is backwards.
        rate: Steps per second.
        mode: Which positions are used.
        hold: Keep the windings under current afterwards.
    """

    steps: int
    rate: float
    mode: Mode
    hold: bool


class Stepper:
    """The two windings of a stepper motor.

    Args:
        bridges: Of winding A and winding B.
        clock: Time.
        timers: Of the module.
        done: Called at the end of a move, with it and the steps that were made.
        at_rest: Called when a move has come to its end automatically.
        failed: Called when a line could not be driven at a timer's time.
    """

    def __init__(
        self,
        bridges: tuple[MotorBridge, MotorBridge],
        clock: Clock,
        timers: Timers,
        *,
        done: Callable[[Move, int], None],
        at_rest: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self._bridges = bridges
        self._clock = clock
        self._timers = timers
        self._done = done
        self._at_rest = at_rest
        self._failed = failed
        self._position = 0
        self._move: Move | None = None
        self._made = 0
        self._due = 0.0
        self._timer: TimerHandle | None = None

    def begin(self, move: Move) -> None:
        """Begin a move; the first step is made at once.

        Args:
            move: What to do.

        Raises:
            BusError: A line could not be driven.
        """
        self.end()
        self._move, self._made = move, 0
        self._due = self._clock.monotonic()
        self._step()

    def end(self) -> None:
        """End a move before its time; the windings stay as they are."""
        move, self._move = self._move, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if move is not None:
            self._done(move, self._made)

    def _step(self) -> None:
        move = self._move
        assert move is not None  # noqa: S101
        direction = 1 if move.steps > 0 else -1
        if self._made == move.steps:
            self._finish(move)
            return
        self._position = advance(self._position, direction, move.mode)
        self._energise()
        self._made += direction
        now = self._clock.monotonic()
        self._due += 1.0 / move.rate
        if self._due < now:
            self._due = now + 1.0 / move.rate
        self._timer = self._timers.after(self._due - now, self._at_its_time)

    def _finish(self, move: Move) -> None:
        if move.hold:
            self._energise()
        else:
            for bridge in self._bridges:
                bridge.put(Motion.COAST, COAST)
        self._move = None
        self._done(move, self._made)
        self._at_rest()

    def _energise(self) -> None:
        for bridge, current in zip(self._bridges, PHASES[self._position], strict=True):
            bridge.put(Motion.STEP, _LEVELS[current])

    def _at_its_time(self) -> None:
        self._timer = None
        try:
            self._step()
        except BridgeError:
            self._failed()
            raise


def advance(position: int, direction: int, mode: Mode) -> int:
    """Find the position of the field after one step.

    Args:
        position: 0...7.
        direction: 1 or -1.
        mode: Which positions are used.

    Returns:
        0...7; the step is 45 degrees in half mode, otherwise 90 degrees, or 45 degrees where the
        mode before used other positions.
    """
    if mode is Mode.HALF:
        return (position + direction) % 8
    fits = position % 2 == (1 if mode is Mode.FULL else 0)
    return (position + (2 if fits else 1) * direction) % 8
