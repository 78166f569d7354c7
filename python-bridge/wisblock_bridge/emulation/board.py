"""A whole board that exists only in memory.

1. It replaces the buses only: drivers, modules and bridge are the same code as on hardware.
2. It is the only file that knows which emulated chip sits where; products are found in
   ``modules.emulated``.
3. The emulator control is called from the poll loop and takes no time.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.gpio import EmulatedLines
from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus, Fault, FaultKind
from wisblock_bridge.buses.emulated.spi import (
    EmulatedSpiBus,
    EmulatedSpiDevice,
    SpiPins,
)
from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine, LineFault, LineFaultKind
from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
from wisblock_bridge.chips.ads1115.emulator import EmulatedADS1115
from wisblock_bridge.chips.pi4ioe5v96224.emulator import EmulatedPI4IOE5V96224
from wisblock_bridge.chips.sgm58031.emulator import EmulatedSGM58031
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555
from wisblock_bridge.emulation.registry import EmulatedProducts
from wisblock_bridge.errors import BadParamsError, InUseError, NotReadyError, SlotConflictError
from wisblock_bridge.module_api.emulated import DemoWave, EmulatedModule, Quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.boards.board import BoardSpec, ControllerSpec, LineRef
    from wisblock_bridge.buses.emulated.air import Air
    from wisblock_bridge.buses.gpio import LineController
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.buses.uart import SerialPort
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import Slot
    from wisblock_bridge.module_api.emulated import Value

    Setter = Callable[[Value], None]

log = logging.getLogger(__name__)
SUPPLY_V = 3.3
OPEN_INPUT_V = (0.57, 0.0, 0.52, 0.0)
"""What the converter's inputs show while nothing is connected. AIN0 of the slots floats at some
volts that the converter's own switched capacitors leave there (assumed: it differs from board to
board). AIN1, where modules give their signals, rests at 0, so that one that was pulled out reads
as an open loop."""
DEMO_HIGH_V = (1.8, SUPPLY_V, 1.2, SUPPLY_V)

LINE_FAULTS = {
    FaultKind.NACK: LineFaultKind.SILENCE,
    FaultKind.EIO: LineFaultKind.BROKEN,
    FaultKind.STUCK: LineFaultKind.STUCK,
    FaultKind.SLOW: LineFaultKind.LATE,
    FaultKind.CHECKSUM: LineFaultKind.NOISE,
}
"""What a fault means where nobody acknowledges and everybody may talk."""


class EmulatedSlot:
    """The pins of one slot.

    Args:
        slot: 1 or 2.
        wires: Pin to digital wire.
        analog: Pin to analog wire.
        board: What the slot is on: its bus, and the air around it.
        serial: The serial line.
        clock: Time.
        spi: The SPI pins.
        addresses: Chip to I2C address, where straps were changed.
    """

    def __init__(
        self,
        slot: int,
        wires: Mapping[str, Wire],
        analog: Mapping[str, AnalogWire],
        board: EmulatedBoard,
        serial: EmulatedSerialLine,
        clock: Clock,
        spi: SpiPins,
        addresses: Mapping[str, int] | None = None,
    ) -> None:
        self._board = board
        self._addresses = dict(addresses or {})
        self._wires = dict(wires)
        self._analog = analog
        self.slot: int | str = slot
        self.i2c = board.bus
        self.serial = serial
        self.clock = clock
        self.spi = spi

    @property
    def air(self) -> Air:
        """What antennas are in."""
        return self._board.air

    def wire(self, pin: str) -> Wire:
        """Return a digital pin; one that leads nowhere on this board ends in the air."""
        return self._wires.setdefault(pin, Wire(f"slot {self.slot} {pin}"))

    def analog(self, pin: str) -> AnalogWire:
        """Return an analog pin."""
        return self._analog[pin]

    def address(self, chip: str, delivered: int) -> int:
        """Return the address that a chip is strapped to, as ``SlotPins.address`` says."""
        return self._addresses.get(chip, delivered)


class EmulatedBoard:
    """One emulated board; it is the ``Transport`` of its ``Hardware``.

    Args:
        board: Its wiring.
        clock: Time.
        demo_period_s: Period of slow changes of everything that was not set by hand, s; 0 for none.
        addresses: I2C address by (slot, chip) where straps were changed.
    """

    emulated = True

    def __init__(
        self,
        board: BoardSpec,
        clock: Clock,
        demo_period_s: float = 0.0,
        addresses: Mapping[tuple[int, str], int] | None = None,
    ) -> None:
        self._addresses = dict(addresses or {})
        self.board = board
        self._clock = clock
        self._demo_period_s = demo_period_s
        self._products = EmulatedProducts()
        self._plugged: dict[int, EmulatedModule] = {}
        self._unplugged: set[int] = set()
        self._of_itself: set[int] = set()
        self.on_plugged: Callable[[int, str | None], None] = lambda _slot, _module: None
        """Called when something else is in a slot."""
        self.bus = EmulatedI2CBus(board.i2c_name, clock)
        self.wires: dict[tuple[str, int], Wire] = {
            (spec.key, offset): Wire(
                f"line {offset} of {spec.key}", pull=0 if spec.chip == "soc" else 1
            )
            for spec in board.controllers.values()
            for offset in range(spec.line_count)
        }
        self.expanders: dict[str, EmulatedTPT29555 | EmulatedPI4IOE5V96224] = {}
        self._controllers: dict[str, EmulatedLines] = {}
        for spec in board.controllers.values():
            self._place_controller(spec)
        self._inputs = tuple(AnalogWire(f"converter channel {channel}") for channel in range(4))
        converter = board.converter
        make = EmulatedSGM58031 if converter.chip == "SGM58031" else EmulatedADS1115
        self.converter = make(self._inputs, clock, SUPPLY_V)
        self.bus.attach(converter.address, self.converter)
        self.serial_lines = {
            spec.serial_port: EmulatedSerialLine(spec.serial_port, clock)
            for spec in board.slots.values()
        }
        self.spi_bus = EmulatedSpiBus("spidev0", clock)
        self.slots = {number: self._make_slot(number) for number in board.slots}
        self._on_board = _OnBoard(self._inputs, clock, demo_period_s)

    # -- Transport --------------------------------------------------------------------------------

    def i2c(self, number: int) -> I2CBus:
        """Open an I2C bus: there is one."""
        assert number == self.board.i2c_number  # noqa: S101
        return self.bus

    @cached_property
    def air(self) -> Air:
        """What the antennas of this board are in; imported with the first radio."""
        from wisblock_bridge.buses.emulated.air import Air  # noqa: PLC0415

        return Air(self._clock)

    def lines(self, spec: ControllerSpec, i2c_number: int) -> LineController | None:  # noqa: ARG002
        """Return a line controller: the SoC's; expanders are left to their own driver."""
        return self._controllers.get(spec.key)

    def serial(self, path: str) -> SerialPort:
        """Return a serial port, as ``Transport.serial`` says."""
        return self.serial_lines[path].port

    def serial_device(self, path: str) -> str:
        """Return which device a path leads to: itself."""
        return path

    def spi(self, path: str, max_hz: int) -> SpiDevice:  # noqa: ARG002  (memory is fast enough)
        """Return a chip select, as ``Transport.spi`` says."""
        return EmulatedSpiDevice(self.spi_bus, path)

    def close(self) -> None:
        """Do nothing: memory needs no closing."""

    # -- the emulator control ---------------------------------------------------------------------

    def level(self, line: LineRef) -> int:
        """Return what a probe on a line shows: 0 or 1."""
        return self.wires[line.controller, line.offset].level()

    def plugged(self, slot: int) -> str | None:
        """Return which product is in a slot.

        Args:
            slot: 1 or 2.

        Returns:
            Its name, or None.
        """
        emulated = self._plugged.get(slot)
        return emulated.product if emulated else None

    def ask_for(self, module: str, slot: Slot) -> None:
        """Plug in the module that is requested, as an emulated board does automatically.

        A product that was plugged in by hand or by the configuration stays; so does an empty slot
        that was emptied by hand.

        Args:
            module: Name of the module.
            slot: Where.
        """
        if slot == "board" or slot in self._unplugged or module not in self._products:
            return
        present = self._plugged.get(slot)
        if present is not None:
            if present.product == module or slot not in self._of_itself:
                return
            present.unplug()
            del self._plugged[slot]
            self.on_plugged(slot, None)
        try:
            self.plug(module, slot)
        except InUseError:
            # The slot manager has let it in, so what has the address is out of use: it was moved.
            for other in tuple(self._of_itself - {slot}):
                self.unplug(other)
                self._unplugged.discard(other)
                self._of_itself.discard(other)
            self.plug(module, slot)
        self._of_itself.add(slot)

    def plug(self, module: str, slot: int) -> None:
        """Plug a product into a slot.

        Args:
            module: Name of the product.
            slot: 1 or 2.

        Raises:
            BadParamsError: There is no such emulated product.
            SlotConflictError: Something is in the slot already.
            InUseError: A chip of the product has the address of another one on the bus.
        """
        emulated = self._products.get(module)
        if emulated is None:
            raise BadParamsError(
                f"There is no emulated {module}.",
                data={"param": "module", "allowed": sorted(self._products)},
            )
        if slot in self._plugged:
            raise SlotConflictError(
                f"The emulated slot {slot} holds {self._plugged[slot].product}; unplug it first.",
                data={"holder": self._plugged[slot].product},
            )
        try:
            self._plugged[slot] = emulated(self.slots[slot], self._demo_period_s)
        except ValueError as error:
            raise InUseError(
                f"{module} does not go into the emulated slot {slot}: {error}.",
                hint="On a real board both would answer at once; set another address.",
                where=f"slot {slot}",
            ) from None
        self._unplugged.discard(slot)
        self._of_itself.discard(slot)
        self.on_plugged(slot, module)

    def unplug(self, slot: int) -> None:
        """Pull out what is in a slot; the slot stays empty until something is plugged in again.

        Args:
            slot: 1 or 2.
        """
        emulated = self._plugged.pop(slot, None)
        if emulated is not None:
            emulated.unplug()
            self.on_plugged(slot, None)
        self._unplugged.add(slot)

    def quantities(self, slot: Slot) -> tuple[Quantity, ...]:
        """Return what can be seen and set at a place.

        Args:
            slot: 1, 2 or "board".

        Returns:
            The quantities.

        Raises:
            NotReadyError: The slot is empty.
        """
        if slot == "board":
            return (*self._on_board.quantities(), *self._line_quantities())
        return self._emulated_in(slot).quantities()

    def get(self, slot: Slot, quantity: str) -> Value:
        """Report a quantity.

        Args:
            slot: Where.
            quantity: Its name.

        Returns:
            Its value, in its unit.

        Raises:
            BadParamsError: There is none of that name.
        """
        return self._quantity(slot, quantity).get()

    def set(self, slot: Slot, quantity: str, value: Value) -> None:
        """Change a quantity.

        Args:
            slot: Where.
            quantity: Its name.
            value: The new value, in its unit.

        Raises:
            BadParamsError: There is none of that name, it cannot be set, or the value does not fit.
        """
        found = self._quantity(slot, quantity)
        if found.set is None:
            raise BadParamsError(f"{quantity} can be seen, not set.", data={"param": "quantity"})
        try:
            found.set(value)
        except ValueError as error:
            raise BadParamsError(
                f"{quantity} cannot be set to {value!r}: {error}.", data={"param": "value"}
            ) from None

    def fault(self, addresses: tuple[int, ...], fault: Fault | None) -> None:
        """Make the hardware fail.

        Args:
            addresses: I2C addresses that fail.
            fault: How; None ends it.
        """
        for address in addresses:
            self.bus.fail(address, None if fault is None else replace(fault))

    def power_cycle(self, slot: Slot) -> tuple[int, ...]:
        """Interrupt the supply of the module in a slot, or of the board's own chips.

        Args:
            slot: 1, 2 or "board".

        Returns:
            I2C addresses of the board's chips that were reset; none for a slot.

        Raises:
            NotReadyError: The slot is empty.
            BadParamsError: Nothing in the slot forgets anything without supply.
        """
        if slot == "board":
            specs = self.board.controllers
            for expander in self.expanders.values():
                expander.power_cycle()
            self.converter.power_cycle()
            return (
                *(specs[key].address or 0 for key in self.expanders),
                self.board.converter.address,
            )
        emulated = self._emulated_in(slot)
        if not emulated.power_cycle():
            raise BadParamsError(
                f"The {emulated.product} has no chip that forgets its settings without supply.",
                hint='Its lines hang on the board\'s expander: power_cycle with slot "board".',
                data={"param": "slot"},
            )
        return ()

    def fault_line(self, slot: int, fault: Fault | None) -> str:
        """Make the serial line of a slot fail.

        Args:
            slot: 1 or 2.
            fault: How; None ends it.

        Returns:
            Device file of the port.
        """
        line = self.serial_lines[self.board.slots[slot].serial_port]
        line.fail(
            None
            if fault is None
            else LineFault(LINE_FAULTS[fault.kind], fault.skip, fault.count, fault.until)
        )
        return line.port.name

    def fault_select(self, slot: int, fault: Fault | None) -> str:
        """Make transfers at the SPI chip select of a slot fail.

        Args:
            slot: 1 or 2.
            fault: How; None ends it.

        Returns:
            Device file of the chip select.
        """
        select = self.board.slots[slot].spi_device
        self.spi_bus.fail(select, None if fault is None else replace(fault))
        return select

    @property
    def products(self) -> list[str]:
        """Names of the products that are emulated."""
        return sorted(self._products)

    def forgets(self, slot: int) -> bool:
        """Return whether what is in a slot forgets something without supply."""
        emulated = self._plugged.get(slot)
        return emulated is not None and type(emulated).power_cycle is not EmulatedModule.power_cycle

    def fault_of_line(self, slot: int) -> FaultKind | None:
        """Return which fault the serial line of a slot has; None for none."""
        kind = self.serial_lines[self.board.slots[slot].serial_port].fault
        found = [each for each, of_line in LINE_FAULTS.items() if of_line is kind]
        return found[0] if found else None

    def fault_of_select(self, slot: int) -> FaultKind | None:
        """Return which fault the chip select of a slot has; None for none."""
        return self.spi_bus.fault_at(self.board.slots[slot].spi_device)

    def _emulated_in(self, slot: int) -> EmulatedModule:
        emulated = self._plugged.get(slot)
        if emulated is None:
            raise NotReadyError(
                f"The emulated slot {slot} is empty.", hint="Plug something in with emulator.plug."
            )
        return emulated

    def _quantity(self, slot: Slot, name: str) -> Quantity:
        quantities = self.quantities(slot)
        for each in quantities:
            if each.name == name:
                return each
        raise BadParamsError(
            f"There is no quantity {name!r} at slot {slot}.",
            data={"param": "quantity", "allowed": [each.name for each in quantities]},
        )

    def _line_quantities(self) -> list[Quantity]:
        """What a probe on the expanders' pins shows, and what the outside world puts on them."""
        found: list[Quantity] = []
        for key in self.expanders:
            for offset in range(self.board.controllers[key].line_count):
                wire = self.wires[key, offset]
                found.append(
                    Quantity(f"{key}_{offset}", "none", 0, 1, 0, wire.level, _outside(wire), "line")
                )
        return found

    # -- building ---------------------------------------------------------------------------------

    def _place_controller(self, spec: ControllerSpec) -> None:
        wires = [self.wires[spec.key, offset] for offset in range(spec.line_count)]
        if spec.address is not None:
            make = EmulatedTPT29555 if spec.chip == "TPT29555" else EmulatedPI4IOE5V96224
            self.expanders[spec.key] = make(wires, f"{spec.chip} {spec.key}")
            self.bus.attach(spec.address, self.expanders[spec.key])
        else:
            self._controllers[spec.key] = EmulatedLines(
                spec.labels[0], spec.line_count, dict(enumerate(wires)), self._clock
            )

    def _make_slot(self, number: int) -> EmulatedSlot:
        spec = self.board.slots[number]
        pins = {**spec.lines, **spec.spi_lines}
        return EmulatedSlot(
            number,
            {pin: self.wires[ref.controller, ref.offset] for pin, ref in pins.items()},
            {pin: self._inputs[channel] for pin, channel in spec.analog.items()},
            self,
            self.serial_lines[spec.serial_port],
            self._clock,
            SpiPins(self.spi_bus, spec.spi_device),
            {chip: address for (slot, chip), address in self._addresses.items() if slot == number},
        )


class _OnBoard:
    """The analog inputs as seen without a product: open, until a voltage is put on by hand."""

    def __init__(self, inputs: tuple[AnalogWire, ...], clock: Clock, demo_period_s: float) -> None:
        self._inputs = inputs
        self._by_hand = [
            DemoWave(volts, 0.0, high, clock, demo_period_s)
            for volts, high in zip(OPEN_INPUT_V, DEMO_HIGH_V, strict=True)
        ]
        for wire, value in zip(inputs, self._by_hand, strict=True):
            wire.rest(value.get)

    def quantities(self) -> list[Quantity]:
        return [
            Quantity(
                f"voltage_{channel}",
                "volt",
                0.0,
                SUPPLY_V,
                0.000125,
                wire.volts,
                self._setter(channel),
            )
            for channel, wire in enumerate(self._inputs)
        ]

    def _setter(self, channel: int) -> Setter:
        return self._by_hand[channel].set


class _Outside:
    """Something outside that holds a wire: 0, 1, or -1 for nothing."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __call__(self, value: Value) -> None:
        if value not in (0, 1, -1):
            raise ValueError("it must be 0, 1 or -1 (let go)")
        self._wire.drive("outside", None if value == -1 else int(value))


def _outside(wire: Wire) -> Setter:
    return _Outside(wire)
