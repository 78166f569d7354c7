"""The hardware of one board: one owner object for every bus, controller and converter.

1. It hands out the same object to everybody; who may use which line is not its business.
2. On Linux and emulated alike, drivers are made here and nowhere else.
3. It knows boards, buses and chips, no product.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.buses.metered import (
    BusCounters,
    CountedI2CBus,
    CountedSerialPort,
    CountedSpiDevice,
)
from wisblock_bridge.chips.ads1115 import ADS1115
from wisblock_bridge.chips.pi4ioe5v96224 import PI4IOE5V96224
from wisblock_bridge.chips.sgm58031 import SGM58031
from wisblock_bridge.chips.tpt29555 import TPT29555
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wisblock_bridge.boards.board import BoardSpec, ControllerSpec
    from wisblock_bridge.buses.analog import AnalogConverter
    from wisblock_bridge.buses.gpio import LineController
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.buses.uart import SerialPort
    from wisblock_bridge.clock import Clock


class Transport(Protocol):
    """Where buses and line controllers come from: Linux, or an emulated board."""

    emulated: bool

    def i2c(self, number: int) -> I2CBus:
        """Open an I2C bus.

        Args:
            number: Its Linux number.

        Returns:
            The bus.

        Raises:
            BusError: There is no such bus or it may not be used.
        """
        ...

    def lines(self, spec: ControllerSpec, i2c_number: int) -> LineController | None:
        """Find a line controller.

        Args:
            spec: Labels and address.
            i2c_number: The bus that an expander is on.

        Returns:
            The controller; None when the operating system has none of these.

        Raises:
            BusError: It is there but may not be used.
        """
        ...

    def serial(self, path: str) -> SerialPort:
        """Return a serial port, opened at its first use.

        Args:
            path: Its device file.

        Returns:
            The port.
        """
        ...

    def serial_device(self, path: str) -> str:
        """Return which device a path leads to, so that two names of one port are known as one.

        Args:
            path: A device file or a link to one.

        Returns:
            The device file itself.
        """
        ...

    def spi(self, path: str, max_hz: int) -> SpiDevice:
        """Return a chip select of an SPI bus, opened with its first transfer.

        Args:
            path: Its device file.
            max_hz: Fastest clock that the chip tolerates, Hz.

        Returns:
            The device.
        """
        ...

    def close(self) -> None:
        """Close everything that was opened."""
        ...


class Hardware:
    """The one owner of everything on a board.

    Args:
        board: Its wiring.
        transport: Where buses come from.
        clock: Time.
    """

    def __init__(self, board: BoardSpec, transport: Transport, clock: Clock) -> None:
        self.board = board
        self.transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._i2c: CountedI2CBus | None = None
        self._bus_counters = {board.i2c_name: BusCounters(board.i2c_name, "i2c")}
        self._timed = False
        self._controllers: dict[str, LineController] = {}
        self._converter: AnalogConverter | None = None
        self._serial: dict[str, SerialPort] = {}
        self._spi: dict[tuple[str, int], SpiDevice] = {}

    @property
    def emulated(self) -> bool:
        """Whether the board is emulated."""
        return self.transport.emulated

    @property
    def bus_counters(self) -> list[BusCounters]:
        """What went over each bus that was used, the I2C bus first."""
        return list(self._bus_counters.values())

    def time_transactions(self) -> None:
        """Add up how long transactions take from now on, by bus and module."""
        self._timed = True
        for each in self._bus_counters.values():
            each.timed = True

    def i2c(self) -> I2CBus:
        """Return the bus that slots and on-board chips share.

        Returns:
            The bus.

        Raises:
            BusError: It is missing or may not be used.
        """
        with self._lock:
            return self._open_i2c()

    def uncounted_i2c(self) -> I2CBus:
        """Return the same bus to who asks where nobody may be, which is no failure.

        Returns:
            The bus.

        Raises:
            BusError: It is missing or may not be used.
        """
        with self._lock:
            return self._open_i2c().bus

    def controller(self, key: str) -> LineController:
        """Return a line controller.

        Args:
            key: Its name on this board ("soc", "slots", "board").

        Returns:
            The controller: the kernel's where the kernel has one, else the chip's own driver.

        Raises:
            BusError: This board has none of that name, or it is not there.
        """
        found = self._controllers.get(key)
        if found is not None:
            return found
        with self._lock:
            if key not in self._controllers:
                self._controllers[key] = self._open_controller(key)
            return self._controllers[key]

    def converter(self) -> AnalogConverter:
        """Return the board's analog-to-digital converter.

        Returns:
            Its driver.

        Raises:
            BusError: The I2C bus is missing or may not be used.
        """
        with self._lock:
            if self._converter is None:
                spec = self.board.converter
                make = SGM58031 if spec.chip == "SGM58031" else ADS1115
                self._converter = make(self._open_i2c(), spec.address, self._clock)
            return self._converter

    def undisturbed(self, address: int) -> AbstractContextManager[object]:
        """Return a context for reading registers of a chip that modules may be using.

        The converter's results are read without saying which register is meant, again and again; a
        stranger's pointer in between would make settings out of a voltage.

        Args:
            address: 7-bit address.

        Returns:
            A context that begins when no module is in the middle of using the chip.
        """
        with self._lock:
            converter = self._converter
        if converter is None or address != self.board.converter.address:
            return nullcontext()
        return converter.in_between()

    def serial_port(self, slot: int) -> SerialPort:
        """Return the serial port of a slot; where both slots share one, both get the same.

        Args:
            slot: 1 or 2.

        Returns:
            The port, not necessarily open.
        """
        path = self.board.slots[slot].serial_port
        with self._lock:
            if path not in self._serial:
                port = self.transport.serial(path)
                self._serial[path] = CountedSerialPort(port, self._counters_of(path, "serial"))
            return self._serial[path]

    def serial_device(self, slot: int) -> tuple[str, str]:
        """Return which device the serial port of a slot is.

        Args:
            slot: 1 or 2.

        Returns:
            The device file, and the name under which it is configured, which may be a link to it.
        """
        path = self.board.slots[slot].serial_port
        return self.transport.serial_device(path), path

    def spi_device(self, slot: int, max_hz: int) -> SpiDevice:
        """Return the chip select of a slot.

        Args:
            slot: 1 or 2.
            max_hz: Fastest clock that the chip tolerates, Hz.

        Returns:
            The device, not necessarily open.
        """
        key = (self.board.slots[slot].spi_device, max_hz)
        with self._lock:
            if key not in self._spi:
                device = self.transport.spi(*key)
                self._spi[key] = CountedSpiDevice(device, self._counters_of(key[0], "spi"))
            return self._spi[key]

    def close(self) -> None:
        """Close everything that was opened."""
        with self._lock:
            for port in self._serial.values():
                port.close()
            self._serial.clear()
            for device in self._spi.values():
                device.close()
            self._spi.clear()
            for controller in self._controllers.values():
                controller.close()
            self._controllers.clear()
            self._converter = None
            if self._i2c is not None:
                self._i2c.close()
                self._i2c = None
            self.transport.close()

    def _counters_of(self, name: str, kind: str) -> BusCounters:
        return self._bus_counters.setdefault(name, BusCounters(name, kind, timed=self._timed))

    def _open_i2c(self) -> CountedI2CBus:
        if self._i2c is None:
            bus = self.transport.i2c(self.board.i2c_number)
            self._i2c = CountedI2CBus(bus, self._bus_counters[self.board.i2c_name])
        return self._i2c

    def _open_controller(self, key: str) -> LineController:
        spec = self.board.controllers.get(key)
        if spec is None:
            raise BusError(
                BusFault.MISSING,
                f"The {self.board.title} has no expander for {key!r}.",
                hint="Is the right board configured? See board.kind and `wisblock-bridge check`.",
            )
        found = self.transport.lines(spec, self.board.i2c_number)
        if found is not None:
            return found
        if spec.address is None:
            raise BusError(
                BusFault.MISSING,
                f"No GPIO chip is labelled {' or '.join(spec.labels)}.",
                hint="Is this a Raspberry Pi, and is /dev/gpiochip* passed into the container?",
            )
        make = PI4IOE5V96224 if spec.chip == "PI4IOE5V96224" else TPT29555
        return make(self._open_i2c(), spec.address, self._clock)
