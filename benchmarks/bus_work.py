"""What one operation puts on its bus, and how long it keeps a user waiting: counted, not timed.

Driver and emulated chip are the product's own, the clock is not: it goes on when somebody sleeps
and with every bit on a bus (I2C 100 kHz as delivered, SPI 2 MHz, serial lines at their baud rate).
So a figure is the same on every computer, and nothing that a user waits for is left out but the
processor's own time, which section 8 has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import RemoteExceptionError
from wisblock_bridge.modules import registry
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.slots import SlotManager
from wisblock_bridge.threads.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api import Slot

I2C_BIT_S = 1 / 100_000
SPI_BIT_S = 1 / 2_000_000


def bits(messages: tuple[Write | Read, ...]) -> int:
    """Count the bits of an I2C transaction on the wire.

    Args:
        messages: The transaction.

    Returns:
        Nine for each byte and address, one for each start and the stop.
    """
    total = 1
    for message in messages:
        length = len(message.data) if isinstance(message, Write) else message.length
        total += 1 + 9 * (1 + length)
    return total


class BitClock:
    """Time that passes when somebody sleeps, and with bits."""

    def __init__(self) -> None:
        self._now = 1000.0

    def monotonic(self) -> float:
        """Return the time, s."""
        return self._now

    def timestamp_ms(self) -> float:
        """Return milliseconds since 1970."""
        return 1_700_000_000_000.0 + self._now * 1000.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self._now += max(0.0, seconds)


@dataclass(frozen=True, slots=True)
class Step:
    """An operation with its parameters.

    Attributes:
        name: The operation.
        params: Its parameters; what is not named has its default.
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work:
    """What an operation did.

    Attributes:
        transactions: I2C transactions, SPI transfers, turns of a serial line.
        bits: On the wire.
        seconds: From its begin to its end.
    """

    transactions: int
    bits: int
    seconds: float


class Workbench:
    """One module on an emulated board whose buses are counted.

    Args:
        module: Its name.
        board: Key of the board.
        free_bits: Bits take no time: what is left is waiting.
    """

    def __init__(self, module: str, board: str, *, free_bits: bool = False) -> None:
        self.clock = BitClock()
        self._free_bits = free_bits
        self.board = EmulatedBoard(BOARDS[board], self.clock)
        self.log: list[str] = []
        self._transactions = self._bits = 0
        self._count_i2c()
        self._count_spi()
        for line in self.board.serial_lines.values():
            self._count_serial(line.port)
        known = registry.load().modules
        self._description = known[module].description
        self.slot: Slot = known[module].product.slots[0]
        manager = SlotManager(
            Hardware(BOARDS[board], self.board, self.clock), known, Mailbox(), self.clock
        )
        self._worker = manager.worker(Place(module, self.slot))
        self.board.ask_for(module, self.slot)

    def perform(self, step: Step, *, refused: bool = False) -> Work:
        """Carry out an operation and count.

        Args:
            step: Which.
            refused: Whether a unit on the line has to refuse it.

        Returns:
            What it did.

        Raises:
            BridgeError: It failed.
        """
        operation = self._description.operations[step.name]
        arguments = tuple(step.params.get(each.name, each.default) for each in operation.params)
        self._transactions = self._bits = 0
        self.log.clear()
        begin = self.clock.monotonic()
        try:
            self._worker.lifecycle.perform(step.name, arguments)
        except RemoteExceptionError:
            if not refused:
                raise
        return Work(self._transactions, self._bits, self.clock.monotonic() - begin)

    def close(self) -> None:
        """Close the module."""
        self._worker.close()

    def _note(self, transactions: int, bits_: int, bit_s: float, what: str) -> None:
        self._transactions += transactions
        self._bits += bits_
        if not self._free_bits:
            self.clock.sleep(bits_ * bit_s)
        self.log.append(what)

    def _count_i2c(self) -> None:
        bus: Any = self.board.bus
        transfer: Callable[..., bytes] = bus.transfer

        def counted(address: int, *messages: Write | Read) -> bytes:
            said = " ".join(
                each.data.hex() if isinstance(each, Write) else f"-> {each.length}"
                for each in messages
            )
            self._note(1, bits(messages), I2C_BIT_S, f"{address:02x}: {said}")
            return transfer(address, *messages)

        bus.transfer = counted

    def _count_spi(self) -> None:
        bus: Any = self.board.spi_bus
        transfer: Callable[[str, bytes], bytes] = bus.transfer

        def counted(select: str, data: bytes) -> bytes:
            self._note(1, 8 * len(data), SPI_BIT_S, f"spi: {data.hex()}")
            return transfer(select, data)

        bus.transfer = counted

    def _count_serial(self, port: Any) -> None:  # noqa: ANN401  (methods are replaced)
        write, read = port.write, port.read

        def written(data: bytes) -> None:
            self._note(1, 10 * len(data), 0.0, f"sent {data.hex()}")  # its clock knows the time
            write(data)

        def received(length: int, timeout_s: float) -> bytes:
            found: bytes = read(length, timeout_s)
            if found:
                turned = not self.log or not self.log[-1].startswith("came")
                self._note(int(turned), 10 * len(found), 0.0, f"came {found.hex()}")
            return found

        port.write, port.read = written, received
