"""An analog-to-digital converter, as modules and drivers know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class Conversion:
    """One result of an analog-to-digital converter.

    Attributes:
        volts: Voltage at the converter's input, V.
        clipped: The code stood at the end of the converter's range: the true value lies beyond.
    """

    volts: float
    clipped: bool


@dataclass(frozen=True, slots=True)
class TimedConversion(Conversion):
    """One of many results in a row.

    Attributes:
        at_s: When it was fetched, by the monotonic clock.
    """

    at_s: float


class AnalogConverter(Protocol):
    """A converter with several inputs; each call is one sequence under its own lock."""

    @property
    def name(self) -> str:
        """What people call it, for example "SGM58031 0x4b on i2c-1"."""
        ...

    def read(self, channel: int, full_scale: float = 4.096, *, fast: bool = False) -> Conversion:
        """Convert one input against ground.

        Args:
            channel: 0...3.
            full_scale: Range of the amplifier, V: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256.
            fast: In the shortest time the chip knows (about 1.2 ms, not 10), with more noise.

        Returns:
            The voltage and whether it was clipped.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: The conversion did not end in time.
        """
        ...

    def read_differential(
        self, positive: int, negative: int, full_scale: float = 4.096
    ) -> Conversion:
        """Convert one input against another.

        Args:
            positive: 0...3.
            negative: 1 or 3; the pairs are 0-1, 0-3, 1-3 and 2-3.
            full_scale: Range of the amplifier, V.

        Returns:
            The voltage (may be negative) and whether it was clipped.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: The conversion did not end in time.
        """
        ...

    def sample(
        self,
        channel: int,
        duration_s: float,
        proceed: Callable[[], object],
        full_scale: float = 4.096,
    ) -> list[TimedConversion]:
        """Convert one input against ground again and again, as fast as the chip can.

        Where others wait for the converter, it is used in turn with them: results are then further
        apart.

        Args:
            channel: 0...3.
            duration_s: Time from the first result to the last, at least.
            proceed: Called before each conversion; what it raises ends the measurement.
            full_scale: Range of the amplifier, V.

        Returns:
            The results in their order, two at least.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: A conversion did not end in time, or settings were lost.
        """
        ...

    def in_between(self) -> AbstractContextManager[object]:
        """Return a context that begins when nobody uses the chip, and keeps everybody out."""
        ...
