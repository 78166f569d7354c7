"""Changes of several pins of one chip, found by reading all of them in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.module_api import EventSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.shared_levels import LevelReader
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import Result

    Pack = Callable[[int, int, float], Result]


class LevelChanges(EventSource):
    """Looks at pins and reports those that changed; at first all of them.

    Args:
        watch: Begins to look at the pins of a mask.
        pack: Makes the readings of one event from a pin, its level, and the time at which that was
            seen (ms since 1970).
        pins: Which pins.
        interval_s: Seconds between two looks.
        clock: Time.
        check: Called before changes are reported; raises when the chip is not what it was. With
            one, operations of the module are not looked into: they use the same registers.
    """

    def __init__(
        self,
        watch: Callable[[int], LevelReader],
        pack: Pack,
        pins: tuple[int, ...],
        interval_s: float,
        clock: Clock,
        check: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(interval_s)
        self._watch = watch
        self._pack = pack
        self._pins = pins
        self._clock = clock
        self._check = check
        self.looks_meanwhile = check is None
        self._reader: LevelReader | None = None

    def look(self) -> list[Result]:
        """Check once.

        Returns:
            One result for each pin that changed; at first for all.

        Raises:
            BusError: The chip did not answer.
        """
        if self._reader is None:
            self._check_chip()
            reader = self._reader = self._watch(sum(1 << pin for pin in self._pins))
            return [
                self._pack(pin, reader.levels >> pin & 1, reader.timestamp_ms) for pin in self._pins
            ]
        changes = self._reader.look(self._clock.monotonic() - self.interval_s / 2)
        if changes:
            self._check_chip()
        return [self._pack(each.line, each.level, each.timestamp_ms) for each in changes]

    def _check_chip(self) -> None:
        if self._check is not None:
            self._check()

    def close(self) -> None:
        """Stop watching."""
        if self._reader is not None:
            self._reader.close()
