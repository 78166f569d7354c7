"""What an emulated product is: physical quantities on one side, slot pins on the other.

1. An emulated product meets the board only on the pins of its slot, as the product does.
2. A quantity that a reading measures has that reading's name and unit.
3. Constants are typed again from the vendor's documents, never imported from the product's own
   file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.emulated.air import Air
    from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
    from wisblock_bridge.buses.emulated.spi import SpiPins
    from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
    from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
    from wisblock_bridge.clock import Clock

Value = float | int | bool | str | bytes

Control = Literal[
    "slider", "number", "switch", "line", "choice", "cards", "packets", "bytes", "text", "display"
]
"""How a quantity is shown and changed, as ``emulator.list`` says."""


class SlotPins(Protocol):
    """The pins of one slot of an emulated board."""

    @property
    def slot(self) -> int | str:
        """1, 2 or "board"."""
        ...

    def wire(self, pin: str) -> Wire:
        """Return a digital pin ("IO1"..."IO6")."""
        ...

    def analog(self, pin: str) -> AnalogWire:
        """Return an analog pin ("AIN0", "AIN1")."""
        ...

    @property
    def i2c(self) -> EmulatedI2CBus:
        """The bus that the slot's SDA and SCL lead to."""
        ...

    @property
    def serial(self) -> EmulatedSerialLine:
        """The line that the slot's TXD1 and RXD1 lead to."""
        ...

    @property
    def clock(self) -> Clock:
        """Time on this board."""
        ...

    def address(self, chip: str, delivered: int) -> int:
        """Return the I2C address that a chip of the product in this slot is strapped to.

        Args:
            chip: Name of the chip.
            delivered: Its address as delivered.

        Returns:
            7-bit address.
        """
        ...


class RadioPins(SlotPins, Protocol):
    """The pins of a slot, for a product with a radio on its SPI bus."""

    def wire(self, pin: str) -> Wire:
        """Return a digital pin ("IO1"..."IO6")."""
        ...

    @property
    def spi(self) -> SpiPins:
        """The slot's SPI pins."""
        ...

    @property
    def air(self) -> Air:
        """What the antennas of this board are in."""
        ...


@dataclass(slots=True)
class Quantity:
    """One quantity of the physical world at a module.

    Attributes:
        name: Its name; the reading's name where a reading measures it.
        unit: Name from the vocabulary of units.
        low: Smallest sensible value (numbers).
        high: Largest sensible value (numbers).
        tolerance: How far a reading may differ from it, in its unit.
        writable: Whether it can be set from outside.
        get: Tells it.
        set: Changes it; None when it cannot be set.
        control: How it is changed, where its value does not say so.
        choices: Values that it takes, where these are a few.
    """

    name: str
    unit: str
    low: float
    high: float
    tolerance: float
    get: Callable[[], Value]
    set: Callable[[Value], None] | None = None
    control: Control | None = None
    choices: tuple[Value, ...] = ()

    @property
    def writable(self) -> bool:
        """Whether it can be set from outside."""
        return self.set is not None

    def control_for(self, value: Value) -> Control:
        """Return how it is changed.

        Args:
            value: The present one.
        """
        if self.set is None:
            return "display"
        if self.control is not None:
            return self.control
        if self.choices:
            return "choice"
        if isinstance(value, bool):
            return "switch"
        if isinstance(value, int | float):
            return "slider" if self.low < self.high else "number"
        return "bytes" if isinstance(value, bytes) else "text"


class DemoWave:
    """A physical value: fixed once set, before that changing slowly in demo mode.

    Args:
        value: The value at rest.
        low: Lower end of the wave.
        high: Upper end of the wave.
        clock: Time.
        period_s: Duration of one period; 0 for none.
    """

    def __init__(
        self, value: float, low: float, high: float, clock: Clock, period_s: float = 0.0
    ) -> None:
        self._value: float | None = value if period_s <= 0 else None
        self._middle, self._amplitude = (low + high) / 2, (high - low) / 2
        self._clock = clock
        self._period_s = period_s

    def get(self) -> float:
        """Return the present value."""
        if self._value is not None:
            return self._value
        return self._middle + self._amplitude * math.sin(
            2 * math.pi * self._clock.monotonic() / self._period_s
        )

    def set(self, value: Value) -> None:
        """Fix the value.

        Args:
            value: The new value.

        Raises:
            ValueError: It is not a number.
        """
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise ValueError("it must be a finite number")
        self._value = float(value)


class EmulatedModule:
    """Base of all emulated products.

    Args:
        pins: The slot it is plugged into.
        demo_period_s: Period of the demo mode's slow changes; 0 for none.
    """

    product: ClassVar[str]

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        self.pins = pins
        self.demo_period_s = demo_period_s

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities of the emulator control."""
        raise NotImplementedError

    def unplug(self) -> None:
        """Leave the slot: disconnect from every pin."""
        raise NotImplementedError

    def power_cycle(self) -> bool:
        """Take the module's supply away for a moment.

        Returns:
            Whether there is a chip that forgets something by that.
        """
        return False
