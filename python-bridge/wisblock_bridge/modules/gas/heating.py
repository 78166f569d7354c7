"""How warm the heater of a gas sensor is, as far as that can be known from switching it.

1. Nobody measures the temperature: time with the heater on is counted, and lost again while it is
   off.
2. It switches nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock


class Warmth:
    """What is still missing until the sensor is warm.

    Args:
        clock: Time.
        needed_s: How long the heater has to be on, s.
    """

    def __init__(self, clock: Clock, needed_s: float) -> None:
        self._clock = clock
        self._needed_s = needed_s
        self._missing_s = needed_s
        self._heating = False
        self._since = clock.monotonic()

    def left_s(self) -> float:
        """Return how long the heater has to be on from now.

        Returns:
            Seconds; 0 when the sensor is warm.
        """
        passed_s = self._clock.monotonic() - self._since
        if self._heating:
            return max(0.0, self._missing_s - passed_s)
        return min(self._needed_s, self._missing_s + passed_s)

    def switched(self, *, on: bool) -> None:
        """Note that the heater was switched.

        Args:
            on: Which way.
        """
        self._missing_s = self.left_s()
        self._heating = on
        self._since = self._clock.monotonic()

    def need(self, seconds: float) -> None:
        """Change how long the heater has to be on; the time it has been on already counts.

        Args:
            seconds: How long.
        """
        left_s = self.left_s()
        self._missing_s = max(0.0, left_s + seconds - self._needed_s)
        self._needed_s = seconds
        self._since = self._clock.monotonic()
