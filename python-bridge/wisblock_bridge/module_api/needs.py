"""What a module needs from its place on the board, and the faces through which it gets it.

1. A module declares needs by slot pin ("IO1", "AIN1"); which controller, line or channel that is,
   only the board knows.
2. A face does what its name says on one line or one input; it holds no policy and no state of the
   module.
3. Faces are made by ``rack``; modules only use them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar, cast, overload

from wisblock_bridge.buses.gpio import Bias, LineController
from wisblock_bridge.buses.shared_edges import SharedEdges
from wisblock_bridge.errors import BridgeError, SupplyLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.buses.analog import AnalogConverter, Conversion
    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.buses.uart import SerialPort
    from wisblock_bridge.clock import Clock

T = TypeVar("T")


def lost_supply(chip: str, state: str) -> SupplyLostError:
    """Make the error for a chip that was reset.

    Args:
        chip: Its name, with address and bus.
        state: What that means for its outputs or results, in a few words.

    Returns:
        The error, to be raised.
    """
    return SupplyLostError(
        f"The chip has forgotten its settings: it lost its supply for a moment, or something reset "
        f"it; {state}.",
        hint="It is set up again. Outputs are in their safe state until they are commanded again. "
        "If it happens often, look for what draws the 3.3 V down: a relay, a heater, a motor.",
        where=chip,
    )


class DigitalLine:
    """One digital line of the slot, reserved for this module.

    Args:
        controller: Who drives the line.
        offset: Its number within the controller.
        place: What people call it ("IO1, line 1 of TPT29555 0x26 on i2c-1").
        on_expander: Whether it is a line of an expander, which goes on driving it when nobody
            holds it, and pulls it up when it is an input.
    """

    __slots__ = ("_controller", "_edges", "_offset", "_on_expander", "place")

    def __init__(
        self, controller: LineController, offset: int, place: str, *, on_expander: bool = False
    ) -> None:
        self._on_expander = on_expander
        self._controller = controller
        self._offset = offset
        self._edges = SharedEdges()
        self.place = place

    @property
    def spot(self) -> tuple[LineController, int]:
        """Who drives the line, and its number there."""
        return self._controller, self._offset

    @property
    def has_edges(self) -> bool:
        """Whether the kernel reports level changes of this line."""
        return self._controller.has_edges

    def drive(self, level: int) -> None:
        """Make the line an output at this level, without a glitch.

        Args:
            level: 0 or 1.

        Raises:
            BusError: The controller did not answer or another program holds the line.
        """
        try:
            self._controller.make_output(self._offset, level)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def listen(self, bias: Bias = Bias.NONE) -> None:
        """Stop driving the line.

        Args:
            bias: Pull resistor wanted.

        Raises:
            BusError: The controller did not answer or another program holds the line.
        """
        try:
            self._controller.make_input(self._offset, bias)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def level(self) -> int:
        """Read the level at the pin.

        Returns:
            0 or 1.

        Raises:
            BusError: The controller did not answer.
        """
        try:
            return self._controller.level(self._offset)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def edges(self, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:
        """Listen to the changes of the line; only where ``has_edges``.

        Args:
            bias: Pull resistor wanted.
            debounce_ms: Changes that last less than this are not reported.

        Returns:
            The changes from now on; of several listeners, the first one's settings hold for all.

        Raises:
            BusError: The controller cannot report changes, or another program holds the line.
        """
        try:
            return self._edges.join(lambda: self._controller.edges(self._offset, bias, debounce_ms))
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def let_go(self) -> None:
        """Return the line to the operating system as it is.

        On an expander it goes on driving its level: for lines whose safe state needs that.
        """
        self._controller.let_go(self._offset)

    def give_back(self) -> None:
        """Return the line; on an expander it becomes an input, so that the next module is free.

        For lines whose safe state is the expander's weak pull-up, too, or that matter to nobody.

        Raises:
            BusError: The controller did not answer; the line may still be driven.
        """
        try:
            if self._on_expander:
                self.listen()
        finally:
            self.let_go()

    def check_driven(self, *others: DigitalLine) -> None:
        """Check that an expander still drives this line and others as it was told to.

        One short transaction for each expander; none for lines of the processor, and none where
        the kernel drives the expander, which cannot be asked then.

        Args:
            others: Further lines of the module.

        Raises:
            SupplyLostError: The expander was reset: its lines are inputs.
            BusError: The expander did not answer.
        """
        groups: dict[LineController, dict[int, str]] = {}
        for each in (self, *others):
            controller, offset = each.spot
            groups.setdefault(controller, {})[offset] = each.place
        for controller, places in groups.items():
            lost = controller.outputs_lost(sum(1 << offset for offset in places))
            for offset, place in places.items():
                if lost >> offset & 1:
                    raise lost_supply(controller.name, "its lines are inputs").at(place)


class AnalogInput:
    """One analog input of the slot.

    Args:
        converter: The converter behind it.
        channel: Its channel there.
        place: What people call it ("AIN1, channel 1 of SGM58031 0x4b on i2c-1").
    """

    __slots__ = ("_channel", "_converter", "place")

    def __init__(self, converter: AnalogConverter, channel: int, place: str) -> None:
        self._converter = converter
        self._channel = channel
        self.place = place

    def read(self, full_scale: float = 4.096, *, fast: bool = False) -> Conversion:
        """Convert once.

        Args:
            full_scale: Range of the amplifier, V.
            fast: In the shortest time the converter knows, with more noise.

        Returns:
            The voltage and whether it was clipped.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: The conversion did not end in time.
        """
        try:
            return self._converter.read(self._channel, full_scale, fast=fast)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__


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
        max_hz: Fastest clock that the chip bears, Hz.
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
        """Give the controller of an expander.

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
        need: What the rack has to provide.
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
        max_hz: Fastest clock that its chip bears, Hz.

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
