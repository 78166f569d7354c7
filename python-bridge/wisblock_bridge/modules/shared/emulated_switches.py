"""Two-valued quantities of emulated products, and the contact of a relay.

1. Physics only: no pin and no product is named here.
2. Values are typed from the vendor's data sheets, never imported from the products' own files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.module_api.emulated import Quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.emulated.wires import Wire
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api.emulated import Value

OPERATE_S = 0.010
RELEASE_S = 0.005
"""The longest times that the relay's data sheet allows."""


def truth(name: str, get: Callable[[], bool], set: Callable[[bool], None] | None) -> Quantity:  # noqa: A002
    """Create a quantity that is true or false.

    Args:
        name: Its name.
        get: Tells it.
        set: Changes it; None when it cannot be set.

    Returns:
        The quantity; it takes true, false, 1 and 0.
    """
    if set is None:
        return Quantity(name, "none", 0, 1, 0, get)

    def change(value: Value) -> None:
        if value not in (0, 1):
            raise ValueError("it must be true or false")
        set(bool(value))

    return Quantity(name, "none", 0, 1, 0, get, change)


class DemoSwitch:
    """Something true or false that happens automatically in demo mode, until it is set by hand.

    Args:
        clock: Time.
        period_s: From one time it is true to the next, s; 0 for never.
        share: For how much of the period it is true.
    """

    def __init__(self, clock: Clock, period_s: float, share: float) -> None:
        self._clock = clock
        self._period_s = period_s
        self._share = share
        self._by_hand: bool | None = None if period_s > 0.0 else False

    def get(self) -> bool:
        """Return how it is now."""
        if self._by_hand is not None:
            return self._by_hand
        return self._clock.monotonic() / self._period_s % 1.0 >= 1.0 - self._share

    def set(self, value: bool) -> None:  # noqa: FBT001  (a setter)
        """Fix it.

        Args:
            value: How it is from now on.
        """
        self._by_hand = value


class EmulatedRelay:
    """A coil that is energised while a wire is high, and a contact that follows it.

    Args:
        wire: The wire.
        clock: Time.
    """

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock
        self._changed_at = clock.monotonic() - OPERATE_S
        self.operations = 0
        self._stop = wire.listen(self._level_changed)

    def energised(self) -> bool:
        """Return whether the coil has current."""
        return self._wire.level() == 1

    def closed(self) -> bool:
        """Return whether the normally open contact is closed."""
        energised = self.energised()
        needed_s = OPERATE_S if energised else RELEASE_S
        moved = self._clock.monotonic() - self._changed_at >= needed_s
        return energised if moved else not energised

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: coil, contact, and how often the coil was switched on."""
        return (
            truth("on", self.energised, None),
            truth("contact", self.closed, None),
            Quantity("operations", "none", 0, 1e9, 0, lambda: self.operations),
        )

    def unplug(self) -> None:
        """Follow the wire no longer."""
        self._stop()

    def _level_changed(self, level: int) -> None:
        self._changed_at = self._clock.monotonic()
        self.operations += level
