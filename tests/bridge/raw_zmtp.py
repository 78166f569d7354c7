"""A ZMTP 3.1 peer made of bytes, for what no library would send (RFC 37/ZMTP)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)


def frame(body: bytes, *, command: bool = False) -> bytes:
    """Build a frame that is the last of its message."""
    flags = 0x04 if command else 0x00
    if len(body) > 255:
        return bytes([flags | 0x02]) + len(body).to_bytes(8, "big") + body
    return bytes([flags, len(body)]) + body


def ping(ttl: int = 0) -> bytes:
    """Build a PING; the time to live is in tenths of a second."""
    return frame(b"\x04PING" + ttl.to_bytes(2, "big"), command=True)


READY = frame(b"\x05READY" + b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER", command=True)


class RawPeer:
    """A connection past its handshake.

    Args:
        endpoint: "ipc://…" or "tcp://127.0.0.1:…".
    """

    def __init__(self, endpoint: str) -> None:
        family = socket.AF_UNIX if endpoint.startswith("ipc://") else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(10.0)
        try:
            self._shake_hands(endpoint)
        except BaseException:
            self.socket.close()
            raise

    def _shake_hands(self, endpoint: str) -> None:
        host, _, port = endpoint.removeprefix("tcp://").partition(":")
        is_file = endpoint.startswith("ipc://")
        self.socket.connect(endpoint.removeprefix("ipc://") if is_file else (host, int(port)))
        self.socket.sendall(GREETING)
        self._take(64)
        self.socket.sendall(READY)
        flags, length = self._take(2)
        assert flags == 0x04  # the READY of the other side
        self._take(length)

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            more = self.socket.recv(count - len(taken))
            if not more:
                raise ConnectionError("the other side hung up")
            taken += more
        return taken

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()
