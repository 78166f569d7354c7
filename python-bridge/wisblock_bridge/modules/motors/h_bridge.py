"""One bridge of a dual motor driver: two inputs, a speed, a ramp, pulses by timer.

1. It knows levels and time; which product and which slot pin it is, it does not.
2. Timers are set by a schedule, not one after another, so that nothing drifts; what an edge comes
   too late is made good at the next ones, so the mean is exact.
3. Inputs fall before others rise, and a change of direction passes standstill.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import DigitalLine, TimerHandle, Timers

Levels = tuple[int, int]

COAST: Levels = (0, 0)
FORWARD: Levels = (1, 0)
REVERSE: Levels = (0, 1)
BRAKE: Levels = (1, 1)

SHORTEST_S = 0.0005
"""Shorter pulses and gaps are not made: a timer of the bridge is not that exact."""


class Motion(StrEnum):
    """What a bridge does."""

    COAST = "coast"
    BRAKE = "brake"
    RUN = "run"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Ramp:
    """A speed that changes evenly with time.

    Attributes:
        start: Speed at its beginning, -100...100.
        target: Speed at its end.
        begin_s: Clock reading at its beginning.
        duration_s: How long it takes.
    """

    start: float
    target: float
    begin_s: float
    duration_s: float

    def at(self, now: float) -> float:
        """Return the speed at a clock reading."""
        if self.is_over(now):
            return self.target
        return self.start + (self.target - self.start) * (now - self.begin_s) / self.duration_s

    def is_over(self, now: float) -> bool:
        """Return whether the end is reached."""
        return now >= self.begin_s + self.duration_s


STANDSTILL = Ramp(0.0, 0.0, 0.0, 0.0)


class MotorBridge:
    """One bridge.

    Pulses are made on lines that belong to the processor. Where the first input hangs on an
    expander, it stands still during a run and the second one is pulsed: forward, the motor is
    braked between the pulses (slow decay); in reverse it coasts (fast decay).

    Args:
        in_1: Drives forward when high.
        in_2: Drives in reverse when high; a line of the processor.
        clock: Time.
        timers: Of the module.
        at_rest: Called when a run has come to a standstill automatically.
        failed: Called when a line could not be driven at a timer's time.
    """

    def __init__(
        self,
        in_1: DigitalLine,
        in_2: DigitalLine,
        clock: Clock,
        timers: Timers,
        *,
        at_rest: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self.lines = (in_1, in_2)
        self.motion = Motion.COAST
        self._slow_first = not in_1.has_edges  # an expander reports no edges
        self._clock = clock
        self._timers = timers
        self._at_rest = at_rest
        self._failed = failed
        self._levels: Levels | None = None
        self._timer: TimerHandle | None = None
        self._ramp = STANDSTILL
        self._period_s = 0.0
        self._period_ends = 0.0
        self._direction = 0
        self._duty = 0.0
        self._is_on = False
        self._owed_s = 0.0
        self._accounted = 0.0

    @property
    def speed(self) -> float:
        """The present speed, -100...100."""
        return self._ramp.at(self._clock.monotonic()) if self.motion is Motion.RUN else 0.0

    def run(self, speed: float, ramp_s: float, frequency_hz: float) -> None:
        """Run at a speed, from the next period on.

        Args:
            speed: -100...100; the sign is the direction.
            ramp_s: How long the change from the present speed takes.
            frequency_hz: Of the pulses.

        Raises:
            BusError: An input could not be driven.
        """
        now = self._clock.monotonic()
        self._ramp = Ramp(self.speed, speed, now, ramp_s)
        if self.motion is not Motion.RUN:
            self.motion, self._direction, self._duty, self._is_on = Motion.RUN, 0, 0.0, False
        self._period_s = 1.0 / frequency_hz
        if self._timer is None:
            self._period_ends, self._owed_s, self._accounted = now, 0.0, now
            self._begin_period()

    def put(self, motion: Motion, levels: Levels) -> None:
        """Put levels on the inputs at once; a run is over.

        Args:
            motion: What the bridge does from now on.
            levels: Of both inputs.

        Raises:
            BusError: An input could not be driven.
        """
        self.end_run()
        self.motion = motion
        self._put(levels)

    def end_run(self) -> None:
        """Leave the inputs as they are; a run is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ramp, self._direction, self._is_on = STANDSTILL, 0, False

    def note_coasting(self, *, certain: bool) -> None:
        """Take notice that both inputs were made low by somebody else.

        Args:
            certain: Whether that worked.
        """
        self.end_run()
        self.motion = Motion.COAST
        self._levels = COAST if certain else None

    def _put(self, levels: Levels) -> None:
        before, self._levels = self._levels, None  # not known if it fails half-way
        changes = [
            # What falls comes first; of what rises, the expander's line, which takes longer.
            (level, index if self._slow_first else 0, index)
            for index, level in enumerate(levels)
            if before is None or before[index] != level
        ]
        for level, _, index in sorted(changes):
            self.lines[index].drive(level)
        self._levels = levels

    def _begin_period(self) -> None:
        now = self._account()
        ramp_is_over = self._ramp.is_over(now)
        speed = self._ramp.at(now)
        direction = (speed > 0) - (speed < 0)
        if direction * self._direction < 0:
            direction, speed, ramp_is_over = 0, 0.0, False  # one period of standstill in between
        self._direction, self._duty = direction, abs(speed) / 100.0
        if ramp_is_over and self._duty in {0.0, 1.0}:
            self._settle()
            return
        late_s = now - self._period_ends
        began = now if late_s > self._period_s else self._period_ends
        self._period_ends = began + self._period_s
        left_s = self._period_ends - now
        on_s = self._duty * self._period_s + self._owed_s if direction else 0.0
        if on_s < SHORTEST_S:
            self._switch(on=False)
            self._later(self._period_ends, self._begin_period)
        elif on_s > left_s - SHORTEST_S:
            self._switch(on=True)
            self._later(self._period_ends, self._begin_period)
        else:
            self._switch(on=True)
            self._later(now + on_s, self._end_pulse)

    def _end_pulse(self) -> None:
        self._account()
        self._switch(on=False)
        self._later(self._period_ends, self._begin_period)

    def _settle(self) -> None:
        """Come to an end of all pulses: the inputs stand still from now on."""
        if self._duty:
            self._switch(on=True)
        else:
            self.motion = Motion.COAST
            self._is_on = False
            self._put(COAST)
            self._at_rest()

    def _switch(self, *, on: bool) -> None:
        self._is_on = on
        if self._direction == 0:
            self._put(COAST)
        elif self._direction > 0:
            self._put(FORWARD if on else BRAKE if self._slow_first else COAST)
        else:
            self._put(REVERSE if on else COAST)

    def _account(self) -> float:
        """Add up by how much the pulses so far were too short."""
        now = self._clock.monotonic()
        self._owed_s += (self._duty - self._is_on) * (now - self._accounted)
        self._owed_s = min(max(self._owed_s, -self._period_s), self._period_s)
        self._accounted = now
        return now

    def _later(self, due: float, action: Callable[[], None]) -> None:
        def act() -> None:
            self._timer = None
            try:
                action()
            except BridgeError:
                self._failed()
                raise

        self._timer = self._timers.after(max(0.0, due - self._clock.monotonic()), act)
