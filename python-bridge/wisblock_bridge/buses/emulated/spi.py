"""An SPI bus that exists only in memory.

1. Devices speak bytes; the bus delivers, counts and can be made to fail.
2. It obeys the contract of ``buses.spi``: one transfer at a time, failures as ``BusError``.
3. Nobody acknowledges on SPI: an empty place, or a device that is cut off, reads as all ones.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.buses.emulated.i2c import SLOW_S, Fault, FaultKind
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock

OPEN = 0xFF
"""What an input reads that nobody drives."""


class EmulatedSpiChip(Protocol):
    """The bus side of an emulated chip."""

    def transfer(self, data: bytes) -> bytes:
        """Exchange bytes while selected.

        Args:
            data: What comes in.

        Returns:
            What goes out meanwhile, as many bytes.
        """
        ...


class EmulatedSpiBus:
    """An SPI controller with emulated devices.

    Args:
        name: What people call it ("spidev0").
        clock: Time, for faults that end and for slowness.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._chips: dict[str, EmulatedSpiChip] = {}
        self._faults: dict[str, Fault] = {}
        self.transfers = 0

    def attach(self, select: str, chip: EmulatedSpiChip) -> None:
        """Connect a chip.

        Args:
            select: Its chip select ("/dev/spidev0.0").
            chip: The emulated chip.

        Raises:
            ValueError: Another chip is there.
        """
        if select in self._chips:
            raise ValueError(f"two emulated chips at {select}")
        self._chips[select] = chip

    def detach(self, select: str) -> None:
        """Take a chip off the bus.

        Args:
            select: Its chip select; nothing happens when nobody is there.
        """
        self._chips.pop(select, None)

    def fail(self, select: str, fault: Fault | None) -> None:
        """Make transfers with a chip fail.

        Args:
            select: Its chip select.
            fault: What goes wrong; None ends it. ``nack`` and ``stuck`` read as all ones and all
                zeros, ``checksum`` turns the last bit of each answer over.
        """
        if fault is None:
            self._faults.pop(select, None)
        else:
            self._faults[select] = fault

    def transfer(self, select: str, data: bytes) -> bytes:
        """Carry out one transfer.

        Args:
            select: The chip select.
            data: What to send.

        Returns:
            What came meanwhile.

        Raises:
            BusError: A fault says so.
        """
        with self._lock:
            self.transfers += 1
            kind = self._fault(select)
            match kind:
                case FaultKind.EIO:
                    raise BusError(
                        BusFault.IO,
                        "The transfer broke off.",
                        hint="Check cabling and supply.",
                        where=select,
                    )
                case FaultKind.NACK:
                    return bytes([OPEN]) * len(data)
                case FaultKind.STUCK:
                    return bytes(len(data))
                case FaultKind.SLOW:
                    self._clock.sleep(SLOW_S)
                case FaultKind.CHECKSUM | None:
                    pass
            chip = self._chips.get(select)
            answer = bytes([OPEN]) * len(data) if chip is None else chip.transfer(data)
            if kind is FaultKind.CHECKSUM:
                return answer[:-1] + bytes([answer[-1] ^ 1])
            return answer

    def fault_at(self, select: str) -> FaultKind | None:
        """Return which fault is on, without using it up; None for none.

        Args:
            select: Device file of the chip select.
        """
        fault = self._faults.get(select)
        if fault is None or (fault.until is not None and self._clock.monotonic() >= fault.until):
            return None
        return fault.kind

    def _fault(self, select: str) -> FaultKind | None:
        fault = self._faults.get(select)
        if fault is None:
            return None
        if fault.until is not None and self._clock.monotonic() >= fault.until:
            self._faults.pop(select, None)
            return None
        if fault.skip > 0:
            fault.skip -= 1
            return None
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self._faults.pop(select, None)
        return fault.kind


class EmulatedSpiDevice:
    """One chip select of an emulated bus, as drivers see it.

    Args:
        bus: The bus.
        select: The chip select ("/dev/spidev0.0").
    """

    def __init__(self, bus: EmulatedSpiBus, select: str) -> None:
        self._bus = bus
        self._select = select

    @property
    def name(self) -> str:
        """What people call it."""
        return self._select

    def transfer(self, data: bytes) -> bytes:
        """Exchange bytes, as ``SpiDevice.transfer`` says."""
        return self._bus.transfer(self._select, data)

    def close(self) -> None:
        """Do nothing: memory needs no closing."""


class SpiPins:
    """The SPI pins of one slot of an emulated board.

    Args:
        bus: The bus that they lead to.
        select: The slot's chip select.
    """

    def __init__(self, bus: EmulatedSpiBus, select: str) -> None:
        self.bus = bus
        self.select = select

    def attach(self, chip: EmulatedSpiChip) -> None:
        """Connect a chip, as ``EmulatedSpiBus.attach`` says."""
        self.bus.attach(self.select, chip)

    def detach(self) -> None:
        """Take the chip off."""
        self.bus.detach(self.select)
