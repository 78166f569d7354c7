"""Changes of several pins of one chip, found by reading all of them in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.module_api import EventSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api import Result


class LevelChanges(EventSource):
    """Looks at pins and reports those that changed; at first all of them.

    Args:
        read: Reads all pins: bit n is the level of pin n.
        pack: Makes the readings of one event from a pin and its level.
        pins: Which pins.
        interval_s: Seconds between two looks.
    """

    def __init__(
        self,
        read: Callable[[], int],
        pack: Callable[[int, int], Result],
        pins: tuple[int, ...],
        interval_s: float,
    ) -> None:
        super().__init__(interval_s)
        self._read = read
        self._pack = pack
        self._pins = pins
        self._last: int | None = None

    def look(self) -> list[Result]:
        """Check once.

        Returns:
            One result for each pin that changed; at first for all.

        Raises:
            BusError: The chip did not answer.
        """
        levels = self._read()
        last = ~levels if self._last is None else self._last
        self._last = levels
        return [
            self._pack(pin, levels >> pin & 1) for pin in self._pins if (levels ^ last) >> pin & 1
        ]
