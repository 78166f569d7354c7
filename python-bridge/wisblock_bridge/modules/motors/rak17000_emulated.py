"""The emulated RAK17000: two bridges that follow five pins, two DC motors and a stepper motor.

1. Physics of the product only; the truth table is typed from the DRV8833 data sheet.
2. A DC motor's speed is the mean of what its bridge did in the last 0.2 s. A stepper motor on the
   same terminals turns to the nearest field, if it is clear which way that is and if the field
   lasts for a while: a rotor is heavy.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from wisblock_bridge.module_api.emulated import EmulatedModule, Quantity, SlotPins
from wisblock_bridge.modules.shared.emulated_switches import truth

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock

INPUTS = {"A": ("SPI_CLK", "SPI_CS"), "B": ("IO3", "SPI_MOSI")}
SLEEP_PIN = "IO6"
MEAN_OF_S = 0.2

DRIVE = {(0, 0): 0, (1, 0): 1, (0, 1): -1, (1, 1): 0}
"""What a bridge gives its motor: open (coast) and both low (brake) are no drive."""

FIELD = {
    (1, 0): 0,
    (1, 1): 1,
    (0, 1): 2,
    (-1, 1): 3,
    (-1, 0): 4,
    (-1, -1): 5,
    (0, -1): 6,
    (1, -1): 7,
}
"""Direction of a stepper motor's field by the currents of its two windings, in 45 degrees."""


FIELD_LASTS_S = 0.001


class _Rotor:
    """The rotor of a stepper motor.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._half_steps = 0
        self._field: int | None = None
        self._since = clock.monotonic()

    def feel(self, field: int | None) -> None:
        with self._lock:
            self._turn()
            if field != self._field:
                self._field, self._since = field, self._clock.monotonic()

    def position(self) -> float:
        with self._lock:
            self._turn()
            return self._half_steps / 2

    def _turn(self) -> None:
        if self._field is None or self._clock.monotonic() - self._since < FIELD_LASTS_S:
            return
        turn = (self._field - self._half_steps) % 8
        if turn < 4:  # noqa: PLR2004  (less than half a turn of the field)
            self._half_steps += turn
        elif turn > 4:  # noqa: PLR2004  (at half a turn it trembles and stays)
            self._half_steps += turn - 8


class _Motor:
    """A DC motor: remembers what it was given for a while.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._given: deque[tuple[float, int]] = deque([(clock.monotonic(), 0)])

    def give(self, drive: int) -> None:
        with self._lock:
            now = self._clock.monotonic()
            if drive != self._given[-1][1]:
                self._given.append((now, drive))
            while len(self._given) > 1 and self._given[1][0] <= now - MEAN_OF_S:
                self._given.popleft()

    def speed(self) -> float:
        with self._lock:
            until = self._clock.monotonic()
            begin = until - MEAN_OF_S
            total = 0.0
            for since, drive in reversed(self._given):
                total += drive * max(0.0, until - max(since, begin))
                until = max(since, begin)
            return total / MEAN_OF_S * 100.0


class EmulatedRAK17000(EmulatedModule):
    """A RAK17000 with a supply, a DC motor on each bridge and a stepper motor on both."""

    product = "RAK17000"

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._motors = {bridge: _Motor(pins.clock) for bridge in INPUTS}
        self._rotor = _Rotor(pins.clock)
        names = (SLEEP_PIN, *INPUTS["A"], *INPUTS["B"])
        self._stops = [pins.wire(name).listen(self._follow) for name in names]
        self._follow(0)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities that can be seen: speeds, sleep, and the stepper's position."""
        return (
            *(
                Quantity(f"speed_{bridge}", "percent", -100.0, 100.0, 5.0, motor.speed)
                for bridge, motor in self._motors.items()
            ),
            truth("awake", self._awake, None),
            Quantity("position", "step", -1e9, 1e9, 0.5, self._rotor.position),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        for stop in self._stops:
            stop()

    def _awake(self) -> bool:
        return self.pins.wire(SLEEP_PIN).level() == 1

    def _drive(self, bridge: str) -> int:
        if not self._awake():
            return 0
        first, second = (self.pins.wire(name).level() for name in INPUTS[bridge])
        return DRIVE[first, second]

    def _follow(self, _: int) -> None:
        currents = {bridge: self._drive(bridge) for bridge in INPUTS}
        for bridge, motor in self._motors.items():
            motor.give(currents[bridge])
        self._rotor.feel(FIELD.get((currents["A"], currents["B"])))
