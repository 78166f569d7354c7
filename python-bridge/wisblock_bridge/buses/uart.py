"""What a serial port is to a module that speaks a protocol over it.

1. Bytes in, bytes out, and the few line conditions that protocols need; framing is the protocol's
   business.
2. A read waits at most as long as it is told to and returns what there is; silence is not an
   error.
3. Failures leave as ``BusError`` with a kind; a port that went away is found again at the next use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Parity = Literal["none", "even", "odd"]


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How characters are sent.

    Attributes:
        baud: Bits per second.
        parity: Parity bit.
        stop_bits: 1 or 2.
        data_bits: 7 or 8.
    """

    baud: int
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1
    data_bits: Literal[7, 8] = 8

    @property
    def character_s(self) -> float:
        """Duration of one character on the wire, s."""
        bits = 1 + self.data_bits + (self.parity != "none") + self.stop_bits
        return bits / self.baud


class SerialPort(Protocol):
    """One serial port, used by one module at a time."""

    @property
    def name(self) -> str:
        """What people call it, for example "/dev/ttyUSB0"."""
        ...

    @property
    def descriptor(self) -> int | None:
        """Readable when bytes have come; None while the port is closed."""
        ...

    def configure(self, settings: LineSettings) -> None:
        """Set baud rate and character format, opening the port if need be.

        Args:
            settings: How characters are sent.

        Raises:
            BusError: The port is missing, not permitted, held by another program, or cannot do
                that.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send bytes and wait until they have left.

        Args:
            data: What to send.

        Raises:
            BusError: The port has gone or does not take the bytes in time.
        """
        ...

    def read(self, length: int, timeout_s: float) -> bytes:
        """Take up to this many bytes.

        Args:
            length: How many at most.
            timeout_s: How long to wait for the last of them, s; 0 takes what is there.

        Returns:
            What came, perhaps nothing.

        Raises:
            BusError: The port has gone.
        """
        ...

    def send_break(self, duration_s: float) -> None:
        """Hold the line low for a while.

        Args:
            duration_s: How long, s.

        Raises:
            BusError: The port has gone or cannot do that.
        """
        ...

    def discard_input(self) -> None:
        """Forget what has come so far.

        Raises:
            BusError: The port has gone.
        """
        ...

    def close(self) -> None:
        """Release the port; closing twice is allowed."""
        ...
