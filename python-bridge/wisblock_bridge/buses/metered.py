"""Buses that count what goes over them, to find out which of them is bad.

1. What is counted is handed through unchanged, failures included.
2. A count is exact as long as threads take turns (the interpreter's lock); nothing but the status
   relies on it.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from time import monotonic
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BusError

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus, Read, Write
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.buses.uart import LineSettings, SerialPort


class BusCounters:
    """What went over one bus since the bridge started.

    Args:
        name: "i2c-1", "/dev/ttyUSB0".
        kind: "i2c", "serial" or "spi".
        timed: The time of transactions is added up, too.
    """

    def __init__(self, name: str, kind: str, *, timed: bool = False) -> None:
        self.name = name
        self.kind = kind
        self.timed = timed
        self.transactions = 0
        """Tried, whatever came of it."""
        self.failures: Counter[str] = Counter()
        """Kind of fault to how often."""
        self.failures_of: Counter[tuple[str, str]] = Counter()
        """Module in its slot, and kind of fault, to how often."""
        self.busy_s: defaultdict[str, float] = defaultdict(float)
        """Module in its slot to how long its transactions took, s."""

    def failed(self, error: BusError) -> None:
        """Count a failure by its kind.

        Args:
            error: What happened.
        """
        self.failures[str(error.fault)] += 1
        self.failures_of[_user(), str(error.fault)] += 1

    def took(self, begun: float) -> None:
        """Add the time of a transaction, which ends now.

        Args:
            begun: Reading of ``monotonic`` when it began, s.
        """
        self.busy_s[_user()] += monotonic() - begun


def _user() -> str:
    """Return which module uses the bus: its worker's thread bears its name."""
    name = threading.current_thread().name
    return name if " in " in name or " on " in name else "the bridge"


class CountedI2CBus:
    """An I2C bus that counts its transactions.

    Args:
        bus: The bus.
        tally: Where they are counted.
    """

    def __init__(self, bus: I2CBus, tally: BusCounters) -> None:
        self._transfer = bus.transfer
        self._tally = tally
        self.bus = bus
        self.name = bus.name
        self.close = bus.close

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        """Carry out one transaction, as ``I2CBus.transfer`` says."""
        tally = self._tally
        tally.transactions += 1
        begun = monotonic() if tally.timed else 0.0
        try:
            return self._transfer(address, *messages)
        except BusError as error:
            tally.failed(error)
            raise
        finally:
            if begun:
                tally.took(begun)


class CountedSpiDevice:
    """A chip select that counts its transfers.

    Args:
        device: The device.
        tally: Where they are counted.
    """

    def __init__(self, device: SpiDevice, tally: BusCounters) -> None:
        self._transfer = device.transfer
        self._tally = tally
        self.name = device.name
        self.close = device.close

    def transfer(self, data: bytes) -> bytes:
        """Exchange bytes, as ``SpiDevice.transfer`` says."""
        tally = self._tally
        tally.transactions += 1
        begun = monotonic() if tally.timed else 0.0
        try:
            return self._transfer(data)
        except BusError as error:
            tally.failed(error)
            raise
        finally:
            if begun:
                tally.took(begun)


class CountedSerialPort:
    """A serial port that counts what is sent, and what comes.

    A transaction is a piece that was sent, a break, or a reading that found something: silence is
    neither counted nor a failure.

    Args:
        port: The port.
        tally: Where they are counted.
    """

    def __init__(self, port: SerialPort, tally: BusCounters) -> None:
        self._port = port
        self._tally = tally
        self.name = port.name
        self.close = port.close

    @property
    def descriptor(self) -> int | None:
        """Readable when bytes have come; None while the port is closed."""
        return self._port.descriptor

    def configure(self, settings: LineSettings) -> None:
        """Set the format, as ``SerialPort.configure`` says."""
        try:
            self._port.configure(settings)
        except BusError as error:
            self._tally.failed(error)
            raise

    def write(self, data: bytes) -> None:
        """Send bytes, as ``SerialPort.write`` says."""
        tally = self._tally
        tally.transactions += 1
        begun = monotonic() if tally.timed else 0.0
        try:
            self._port.write(data)
        except BusError as error:
            tally.failed(error)
            raise
        finally:
            if begun:
                tally.took(begun)

    def read(self, length: int, timeout_s: float) -> bytes:
        """Take bytes, as ``SerialPort.read`` says."""
        try:
            found = self._port.read(length, timeout_s)
        except BusError as error:
            self._tally.failed(error)
            raise
        if found:
            self._tally.transactions += 1
        return found

    def send_break(self, duration_s: float) -> None:
        """Hold the line low, as ``SerialPort.send_break`` says."""
        self._tally.transactions += 1
        try:
            self._port.send_break(duration_s)
        except BusError as error:
            self._tally.failed(error)
            raise

    def discard_input(self) -> None:
        """Forget what has come, as ``SerialPort.discard_input`` says."""
        try:
            self._port.discard_input()
        except BusError as error:
            self._tally.failed(error)
            raise
