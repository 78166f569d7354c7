"""An I2C bus that exists only in memory.

1. Devices speak bytes; the bus delivers, counts and can be made to fail.
2. It obeys the contract of ``buses.i2c``: one transfer at a time, failures as ``BusError``.
3. It knows no chip by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.buses.i2c import Read, Write, check_transaction
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock


class EmulatedI2CDevice(Protocol):
    """The bus side of an emulated chip."""

    def write(self, data: bytes) -> None:
        """Take the bytes of one write message.

        Args:
            data: The bytes after the address byte.

        Raises:
            NotAcknowledged: The chip refuses.
        """
        ...

    def read(self, length: int) -> bytes:
        """Return the bytes of one read message.

        Args:
            length: How many.

        Raises:
            NotAcknowledged: The chip refuses.
        """
        ...


class EmulatedChip(EmulatedI2CDevice, Protocol):
    """An emulated chip whose supply can fail."""

    def power_cycle(self) -> None:
        """Take the supply away and bring it back: registers hold their reset values."""
        ...


class NotAcknowledged(Exception):  # noqa: N818  (the bus term)
    """A chip does not acknowledge."""


class FaultKind(StrEnum):
    """How emulated hardware can be made to fail."""

    NACK = "nack"
    EIO = "eio"
    STUCK = "stuck"
    CHECKSUM = "checksum"
    SLOW = "slow"


@dataclass(slots=True)
class Fault:
    """A failure that is switched on.

    Attributes:
        kind: What goes wrong.
        skip: Transactions that still succeed before it starts.
        count: Transactions that fail from then on; None for "until ``until``".
        until: Clock reading at which it ends; None for never.
    """

    kind: FaultKind
    skip: int = 0
    count: int | None = None
    until: float | None = None


SLOW_S = 0.05


class EmulatedI2CBus:
    """An I2C adapter with emulated devices.

    Args:
        name: What people call it ("i2c-1").
        clock: Time, for faults that end and for slowness.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._lock = FairLock()
        self._devices: dict[int, EmulatedI2CDevice] = {}
        self._faults: dict[int, Fault] = {}
        self.transactions = 0

    @property
    def name(self) -> str:
        """What people call the bus."""
        return self._name

    @property
    def addresses(self) -> tuple[int, ...]:
        """Where devices are attached."""
        return tuple(sorted(self._devices))

    def attach(self, address: int, device: EmulatedI2CDevice) -> None:
        """Solder a device to the bus.

        Args:
            address: 7-bit address.
            device: The emulated chip.

        Raises:
            ValueError: Another device has the address.
        """
        if address in self._devices:
            raise ValueError(f"two emulated devices at 0x{address:02x}")
        self._devices[address] = device

    def detach(self, address: int) -> None:
        """Take a device off the bus.

        Args:
            address: 7-bit address; nothing happens when nobody is there.
        """
        self._devices.pop(address, None)

    def fail(self, address: int, fault: Fault | None) -> None:
        """Make transactions with an address fail.

        Args:
            address: 7-bit address.
            fault: What goes wrong; None ends it.
        """
        if fault is None:
            self._faults.pop(address, None)
        else:
            self._faults[address] = fault

    def fault_at(self, address: int) -> FaultKind | None:
        """Return which fault is on, without using it up.

        Args:
            address: 7-bit address.

        Returns:
            The kind, or None.
        """
        fault = self._faults.get(address)
        if fault is None or (fault.until is not None and self._clock.monotonic() >= fault.until):
            return None
        return fault.kind

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        """Carry out one transaction, as ``I2CBus.transfer`` says."""
        check_transaction(self._name, address, messages)
        with self._lock:
            self.transactions += 1
            fault = self._faults.get(address)
            if fault is not None:
                self._apply_fault(address, fault)
            device = self._devices.get(address)
            if device is None:
                raise no_answer(self._place(address))
            parts: list[bytes] = []
            try:
                for message in messages:
                    if type(message) is Write:
                        device.write(message.data)
                    else:
                        assert isinstance(message, Read)  # noqa: S101  (a union of two)
                        parts.append(device.read(message.length))
            except NotAcknowledged:
                raise no_answer(self._place(address)) from None
            return b"".join(parts) if len(parts) != 1 else parts[0]

    def close(self) -> None:
        """Do nothing: memory needs no closing."""

    def _place(self, address: int) -> str:
        return f"0x{address:02x} on {self._name}"

    def _apply_fault(self, address: int, fault: Fault) -> None:
        # Another thread may end it meanwhile.
        if fault.until is not None and self._clock.monotonic() >= fault.until:
            self._faults.pop(address, None)
            return
        if fault.skip > 0:
            fault.skip -= 1
            return
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self._faults.pop(address, None)
        match fault.kind:
            case FaultKind.NACK:
                raise no_answer(self._place(address))
            case FaultKind.EIO:
                raise BusError(
                    BusFault.IO,
                    "The transfer broke off.",
                    hint="Check cabling and supply.",
                    where=self._place(address),
                )
            case FaultKind.STUCK:
                raise BusError(
                    BusFault.TIMEOUT,
                    "The bus is stuck: a device holds a line low.",
                    hint="Unplug modules one by one, or switch the board off and on.",
                    where=self._place(address),
                )
            case FaultKind.SLOW:
                self._clock.sleep(SLOW_S)
            case FaultKind.CHECKSUM:
                pass  # I2C carries no checksum of its own; chips that have one look at ``fault_at``


def no_answer(place: str) -> BusError:
    """Return the error for a missing acknowledge.

    Args:
        place: Address and bus.

    Returns:
        The error, to be raised.
    """
    return BusError(
        BusFault.NO_ACKNOWLEDGE,
        "No answer.",
        hint="Is the module plugged in, in this slot? `wisblock-bridge scan` shows what answers.",
        where=place,
    )
