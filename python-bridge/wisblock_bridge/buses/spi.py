"""What an SPI device is to a chip driver.

1. One ``transfer`` is one chip-select cycle: as many bytes come back as go out.
2. The bus behind it is shared: it is locked for one transfer, never over a wait.
3. Failures leave as ``BusError`` with a kind.
"""

from __future__ import annotations

from typing import Protocol


class SpiDevice(Protocol):
    """One device with its own chip select."""

    @property
    def name(self) -> str:
        """What people call it, for example "/dev/spidev0.0"."""
        ...

    def transfer(self, data: bytes) -> bytes:
        """Select the device, exchange bytes, deselect it.

        Args:
            data: What to send, 1...4096 bytes.

        Returns:
            What came meanwhile, as many bytes.

        Raises:
            BusError: The device file is missing or not permitted, or the transfer failed.
        """
        ...

    def close(self) -> None:
        """Release the device; closing twice is allowed."""
        ...
