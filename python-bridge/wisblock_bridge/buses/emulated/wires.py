"""Copper: wires that chips, slots and the outside world meet on.

1. A wire knows levels and volts, never who is behind them.
2. A driver of a wire gives its own name and says when it stops; two that disagree are a
   conflict, remembered.
3. Thread-safe enough by design: single reads and writes of Python objects, callbacks on the
   writer's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class Wire:
    """A digital wire with a weak pull and any number of drivers.

    Args:
        name: For messages ("slot 1 IO4").
        pull: Level when nobody drives: 0 or 1.
    """

    def __init__(self, name: str, pull: int = 1) -> None:
        self.name = name
        self.pull = pull
        self._drivers: dict[str, int] = {}
        self._asked: dict[str, Callable[[], int | None]] = {}
        self._listeners: list[Callable[[int], None]] = []
        self._last = pull

    def drive(self, driver: str, level: int | None) -> None:
        """Put a level on the wire, or stop doing so.

        Args:
            driver: Who drives.
            level: 0, 1, or None to stop driving.
        """
        if level is None:
            self._drivers.pop(driver, None)
        else:
            self._drivers[driver] = level
        now = self.level()
        if now != self._last:
            self._last = now
            for listener in tuple(self._listeners):
                listener(now)

    def level(self) -> int:
        """Read the wire; where drivers disagree, low wins.

        Returns:
            0 or 1.
        """
        levels: Collection[int] = self._drivers.values()
        if self._asked:
            told = [level for ask in self._asked.values() if (level := ask()) is not None]
            levels = [*levels, *told]
        return min(levels) if levels else self.pull

    def follow(self, driver: str, ask: Callable[[], int | None] | None) -> None:
        """Let a driver be asked for its level whenever somebody looks.

        Chips whose ready line falls on its own some time after a command need it: nobody is
        there to drive the wire at that moment.

        Args:
            driver: Who drives.
            ask: Tells 0, 1, or None for not driving; None ends it.
        """
        if ask is None:
            self._asked.pop(driver, None)
        else:
            self._asked[driver] = ask

    def driver_of(self, driver: str) -> int | None:
        """Return what one driver puts on the wire.

        Args:
            driver: Who.

        Returns:
            0, 1, or None when it does not drive.
        """
        return self._drivers.get(driver)

    @property
    def conflict(self) -> bool:
        """Whether two drivers disagree at this moment."""
        return len(set(self._drivers.values())) > 1

    def listen(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Be told of level changes.

        Args:
            listener: Called with the new level, on the thread that changed it.

        Returns:
            A function that ends it.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


def no_voltage() -> float:
    """Be the source of an unconnected analog input."""
    return 0.0


class AnalogWire:
    """An analog wire: the connected source gives the voltage when asked.

    Args:
        name: For messages ("slot 1 AIN1").
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._rest: Callable[[], float] = no_voltage
        self._source: Callable[[], float] | None = None

    def rest(self, source: Callable[[], float]) -> None:
        """Set what the wire shows while nothing is connected.

        Args:
            source: Tells the voltage, V.
        """
        self._rest = source

    def connect(self, source: Callable[[], float] | None) -> None:
        """Connect a source.

        Args:
            source: Tells the voltage, V; None disconnects.
        """
        self._source = source

    def volts(self) -> float:
        """Read the voltage.

        Returns:
            V.
        """
        return (self._source or self._rest)()
