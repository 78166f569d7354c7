"""What the bridge uses of spidev, on a device server instead of the kernel.

It stands on the path of a program that is preloaded; see ``tests/preload/spi_device.py``.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path

HEAD = struct.Struct("<IIQ")
OPEN, TRANSFER = 1, 3
PACKET_SIZE = 128 * 1024


class SpiDev:
    """An open chip select."""

    def __init__(self) -> None:
        self.mode = 0
        self.max_speed_hz = 0
        self._socket: socket.socket | None = None

    def open_path(self, path: str) -> None:
        """Open a device file by its path.

        Raises:
            OSError: As the kernel says it.
        """
        Path(path).stat()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(os.environ["WISBLOCK_PRELOAD_SOCKET"])
        self._ask(OPEN, path.encode())

    def xfer2(self, data: bytes) -> list[int]:
        """Exchange bytes with the chip select held.

        Raises:
            OSError: As the kernel says it.
        """
        return list(self._ask(TRANSFER, bytes(data)))

    def close(self) -> None:
        """Close the device file."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, verb: int, data: bytes) -> bytes:
        if self._socket is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self._socket.send(HEAD.pack(verb, 0, 0) + data)
        answer = self._socket.recv(PACKET_SIZE)
        if not answer:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        (result,) = struct.unpack_from("<q", answer)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return answer[8:]
