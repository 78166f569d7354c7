"""Talking to an SX1262: commands over SPI, BUSY, and whether the answer is one.

1. What a command means is the driver's business; here bytes go out and statuses come back.
2. Every command but those of one byte is answered with a status, and every status is looked at;
   only a question has to be answered by more than zeros.
3. A chip that lost its supply answers as before, in standby, and reports no error. The packet type
   tells: a reset makes it FSK (0), and the driver sets it to LoRa before anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.chips.sx1262 import commands
from wisblock_bridge.chips.sx1262.commands import Irq, Mode, Opcode
from wisblock_bridge.errors import BusError, BusFault, NotReadyError, SupplyLostError

if TYPE_CHECKING:
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.clock import Clock

START_LIMIT_S = 1.0
COMMAND_LIMIT_S = 0.1
BUSY_PAUSE_S = 0.0005
"""Pause between two looks at BUSY; a look over an expander takes as long in any case."""

LORA = 0x01


class Pin(Protocol):
    """A line that leads to the chip."""

    def drive(self, level: int) -> None:
        """Make it an output at this level."""
        ...

    def level(self) -> int:
        """Read it."""
        ...


class Link:
    """The wires to one chip.

    Args:
        spi: Its chip select.
        busy: BUSY.
        clock: Time.
    """

    def __init__(self, spi: SpiDevice, busy: Pin, clock: Clock) -> None:
        self._spi = spi
        self._busy = busy
        self._clock = clock

    @property
    def name(self) -> str:
        """What people call it: its chip select."""
        return self._spi.name

    def busy(self) -> bool:
        """Look at BUSY."""
        return bool(self._busy.level())

    def transfer(self, data: bytes) -> bytes:
        """Exchange bytes and believe whatever comes."""
        return self._spi.transfer(data)

    def check_setup(self) -> Mode:
        """Check that the chip still has its settings, by one short transfer.

        Returns:
            What the chip is doing.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            SupplyLostError: The chip was reset and has forgotten everything.

        Source:
            SX1261/2 data sheet rev. 1.2, 13.4.2 and 13.4.3 (packet type), 13.5.1 (status).
        """
        answer = self.exchange(Opcode.GET_PACKET_TYPE, 0, 0)
        if answer[2] != LORA:
            raise SupplyLostError(
                "The radio was reset and had forgotten its settings.",
                hint="Its supply failed for a moment: a relay, heater or motor on the same 3.3 V, "
                "or a weak power supply. It is started again.",
                where=self.name,
            )
        return commands.mode(answer[1])

    def irq_status(self) -> tuple[Irq, Mode]:
        """Ask what has happened, and what the chip is doing.

        Returns:
            What it reports, and its mode just before.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
        """
        answer = self.exchange(Opcode.GET_IRQ_STATUS, 0, 0, 0)
        return commands.irq(answer[2], answer[3]), commands.mode(answer[1])

    def write_register(self, address: int, *values: int) -> None:
        """Write registers, once the chip is ready.

        Args:
            address: The first one.
            values: Their bytes.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip does not get ready.
        """
        self.write(Opcode.WRITE_REGISTER, *address.to_bytes(2, "big"), *values)

    def read_register(self, address: int, length: int) -> bytes:
        """Read registers, once the chip is ready.

        Args:
            address: The first one.
            length: How many.

        Returns:
            Their bytes.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip does not get ready.
        """
        self.wait_ready(COMMAND_LIMIT_S)
        first, second = address.to_bytes(2, "big")
        return self.exchange(Opcode.READ_REGISTER, first, second, 0, *bytes(length))[4:]

    def read(self, opcode: Opcode, length: int) -> bytes:
        """Ask something, once the chip is ready.

        Args:
            opcode: The command.
            length: Bytes of the answer, behind the status.

        Returns:
            The answer.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip does not get ready.
        """
        self.wait_ready(COMMAND_LIMIT_S)
        return self.exchange(opcode, 0, *bytes(length))[2:]

    def write(self, opcode: Opcode, *params: int) -> None:
        """Tell something, once the chip is ready.

        Args:
            opcode: The command.
            params: Its parameters.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip does not get ready.
        """
        self.wait_ready(COMMAND_LIMIT_S)
        self.send(opcode, *params)

    def send(self, opcode: Opcode, *params: int) -> None:
        """Tell something at once; the chip gives its status with all but the first byte.

        Args:
            opcode: The command.
            params: Its parameters.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
        """
        answer = self._spi.transfer(bytes((opcode, *params)))
        # Zeros are let pass here: whether somebody is there at all, the next question tells.
        if any(answer[1:]):
            self._check_status(answer)

    def exchange(self, opcode: Opcode, *params: int) -> bytes:
        """Exchange bytes at once; the second byte of every answer is the status.

        Args:
            opcode: The command.
            params: What follows it.

        Returns:
            All that came.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
        """
        answer = self._spi.transfer(bytes((opcode, *params)))
        self._check_status(answer)
        return answer

    def _check_status(self, answer: bytes) -> None:
        try:
            commands.mode(answer[1])
        except ValueError as error:
            raise BusError(
                BusFault.NO_ACKNOWLEDGE,
                f"The radio does not answer any more: {error}.",
                hint="Was the module pulled out? It is started again with the next request.",
                where=self.name,
            ) from error

    def wait_ready(self, limit_s: float) -> None:
        """Wait until BUSY is low.

        Args:
            limit_s: How long at most, s.

        Raises:
            BusError: The line could not be read.
            NotReadyError: It stays high.
        """
        end_s = self._clock.monotonic() + limit_s
        while self._busy.level():
            if self._clock.monotonic() >= end_s:
                raise NotReadyError(
                    f"The radio is not ready: BUSY has been high for {limit_s * 1000:.0f} ms.",
                    hint="The module is missing, has no power, or is held in reset.",
                    where=self.name,
                )
            self._clock.sleep(BUSY_PAUSE_S)
