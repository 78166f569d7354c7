"""What a module needs from its place on the board, declared in its class.

1. A module declares needs by slot pin ("IO1", "AIN1"); which controller, line or channel that is,
   only the board knows.
2. What meets a need is made by ``runtime.slots``; modules only use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.buses.analog import AnalogConverter
    from wisblock_bridge.buses.gpio import LineController
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.buses.uart import SerialPort
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api.lines import AnalogInput, DigitalLine


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LineNeed:
    """A digital line of the slot, named by its pin ("IO1"..."IO6").

    Attributes:
        pin: The pin.
        optional: The module can do without it where the board does not say which line it is.
    """

    pin: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class AnalogNeed:
    """An analog input of the slot, named by its pin ("AIN0" or "AIN1")."""

    pin: str


@dataclass(frozen=True, slots=True)
class ChipNeed:
    """A chip on the module itself, on the slot's I2C bus.

    Attributes:
        make: Builds the driver from bus, address and clock.
        chip: Name of the chip for messages ("MCP23017").
        address: 7-bit address as delivered.
        alternatives: Other addresses that solder straps allow.
        off_with: What switches its supply, so that it does not answer while that is off ("heater");
            empty when it always has its supply.
    """

    make: Callable[[I2CBus, int, Clock], object]
    chip: str
    address: int
    alternatives: tuple[int, ...] = ()
    off_with: str = ""


@dataclass(frozen=True, slots=True)
class ChipInUse:
    """A chip of a module that is in use.

    Attributes:
        address: Where the module talks to it.
        chip: Name of the chip.
        module: Name of the module.
        slot: 1 or 2.
    """

    address: int
    chip: str
    module: str
    slot: int


@dataclass(frozen=True, slots=True)
class PortNeed:
    """The serial port of the slot (its pins TXD1 and RXD1)."""


@dataclass(frozen=True, slots=True)
class SpiNeed:
    """The slot's chip select on the SPI bus that both slots share.

    Attributes:
        max_hz: Fastest clock that the chip tolerates, Hz.
    """

    max_hz: int


@dataclass(frozen=True, slots=True)
class BoardNeed:
    """Something soldered to the board, as a module may need it.

    Attributes:
        part: "expanders" (an ``Expanders``) or "converter" (an ``AnalogConverter``).
    """

    part: str


class Expanders(Protocol):
    """The board's expanders, with the reservations of the slots respected."""

    def controller(self, expander: str) -> LineController:
        """Return the controller of an expander.

        Args:
            expander: "slots" or "board".

        Returns:
            Its lines.

        Raises:
            BusError: The board has no such expander or it is not there.
        """
        ...

    def claim(self, expander: str, line: int) -> None:
        """Reserve a line before driving it.

        Args:
            expander: "slots" or "board".
            line: 0...15.

        Raises:
            InUseError: A module in a slot holds the line; its name is in the message.
            ForbiddenError: The line is the board's own and the configuration does not allow it.
        """
        ...

    def give_back(self, expander: str, line: int) -> None:
        """End a reservation made by ``claim``.

        Args:
            expander: "slots" or "board".
            line: 0...15.
        """
        ...


Need = LineNeed | AnalogNeed | ChipNeed | PortNeed | SpiNeed | BoardNeed


class Part(Generic[T]):
    """A declared need, which on an instance is the thing itself.

    Args:
        need: What the slot manager has to provide.
    """

    def __init__(self, need: Need) -> None:
        self.need = need
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: HasParts, owner: type) -> T: ...
    def __get__(self, instance: HasParts | None, owner: type) -> Self | T:
        if instance is None:
            return self
        return cast("T", instance.parts[self.name])


class HasParts(Protocol):
    """Whatever was built with its needs met."""

    parts: Mapping[str, object]


def optional_line(pin: str) -> Part[DigitalLine | None]:
    """Declare a digital line that the module can do without.

    Args:
        pin: "IO1"..."IO6".

    Returns:
        A declaration that reads as a ``DigitalLine`` or None on instances.
    """
    return Part(LineNeed(pin, optional=True))


def line(pin: str) -> Part[DigitalLine]:
    """Declare that the module uses a digital line of its slot.

    Args:
        pin: "IO1"..."IO6".

    Returns:
        A declaration that reads as a ``DigitalLine`` on instances.
    """
    return Part(LineNeed(pin))


def analog(pin: str) -> Part[AnalogInput]:
    """Declare that the module uses an analog input of its slot.

    Args:
        pin: "AIN0" or "AIN1".

    Returns:
        A declaration that reads as an ``AnalogInput`` on instances.
    """
    return Part(AnalogNeed(pin))


C = TypeVar("C")


def chip(
    make: Callable[[I2CBus, int, Clock], C],
    name: str,
    address: int,
    alternatives: tuple[int, ...] = (),
    *,
    off_with: str = "",
) -> Part[C]:
    """Declare a chip on the module.

    Args:
        make: The driver class, called with bus, address and clock.
        name: Name of the chip for messages.
        address: 7-bit address as delivered.
        alternatives: Other addresses that solder straps allow.
        off_with: What switches its supply ("heater").

    Returns:
        A declaration that reads as the driver on instances.
    """
    return Part(ChipNeed(make, name, address, alternatives, off_with))


def serial_port() -> Part[SerialPort]:
    """Declare that the module uses the serial port of its slot.

    Returns:
        A declaration that reads as a ``SerialPort`` on instances.
    """
    return Part(PortNeed())


def spi_device(max_hz: int) -> Part[SpiDevice]:
    """Declare that the module uses the chip select of its slot.

    Args:
        max_hz: Fastest clock that its chip tolerates, Hz.

    Returns:
        A declaration that reads as an ``SpiDevice`` on instances.
    """
    return Part(SpiNeed(max_hz))


def board_expanders() -> Part[Expanders]:
    """Declare that the module works the board's expanders."""
    return Part(BoardNeed("expanders"))


def board_converter() -> Part[AnalogConverter]:
    """Declare that the module works the board's converter."""
    return Part(BoardNeed("converter"))
