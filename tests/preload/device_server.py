"""The server behind the preloaded library: takes operations off a socket, to a world's devices.

1. It runs in the test's process, on threads of its own; the program under test runs in another
   process.
2. One connection is one open descriptor; when it breaks, the descriptor is closed, as the kernel
   does for a dead process.
3. It knows the packets of ``preload_devices.c`` and nothing of what a device does.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from tests.preload.build import build_library
from tests.preload.gpio_device import Chip, ClaimFile

if TYPE_CHECKING:
    from types import TracebackType

    from tests.preload.world import World

HEAD = struct.Struct("<IIQ")
PACKET_SIZE = 128 * 1024
NOTHING, CLAIM, EVENTS = "nothing yet", "a claim of lines", "the events of a claim"


class Verb(IntEnum):
    """What a packet asks for; the numbers of ``preload_devices.c``."""

    OPEN = 1
    IOCTL_NUMBER = 2
    IOCTL_STRUCT = 3
    I2C_RDWR = 4
    ATTACH = 5
    ATTACH_EVENTS = 6
    CLOSE = 7


class DeviceFile(Protocol):
    """An open descriptor."""

    def ioctl_number(self, request: int, argument: int, /) -> tuple[int, bytes]:
        """Answer an ioctl whose argument is a number."""
        ...

    def ioctl_struct(self, request: int, data: bytes, /) -> tuple[int, bytes]:
        """Answer an ioctl whose argument is a structure."""
        ...

    def i2c_rdwr(self, count: int, data: bytes, /) -> tuple[int, bytes]:
        """Answer an I2C_RDWR."""
        ...

    def close(self) -> None:
        """Take notice that the descriptor was closed."""
        ...


class DeviceServer:
    """Serves a world; use it with ``with``.

    Args:
        world: The devices.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._folder = tempfile.TemporaryDirectory(prefix="wisblock-preload-")
        self._path = Path(self._folder.name) / "devices.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        self._connections: set[socket.socket] = set()
        self._served: set[Connection] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.defects: list[BaseException] = []

    def environment(self) -> dict[str, str]:
        """Build the environment for a program that shall see the world's devices."""
        return os.environ | {
            "LD_PRELOAD": str(build_library()),
            "WISBLOCK_PRELOAD_WORLD": str(self.world.root),
            "WISBLOCK_PRELOAD_SOCKET": str(self._path),
        }

    def opened(self) -> Counter[str]:
        """Count the connections that are open, by what they stand for."""
        with self._lock:
            return Counter(each.what for each in self._served)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = tuple(self._connections)
        for connection in connections:
            with suppress(OSError):  # its own thread has closed it, or its program has gone
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._folder.cleanup()
        if self.defects and error is None:
            raise self.defects[0]

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        served = Connection(self.world, connection)
        with self._lock:
            self._served.add(served)
        try:
            while packet := connection.recv(PACKET_SIZE):
                connection.send(served.answer(packet))
        except OSError:
            pass  # the program has gone
        except Exception as error:  # noqa: BLE001  (told to the test when the server ends)
            self.defects.append(error)
        finally:
            served.close()
            with self._lock:
                self._served.discard(served)
                self._connections.discard(connection)
            connection.close()


class Connection:
    """What one connection of the library stands for."""

    def __init__(self, world: World, connection: socket.socket) -> None:
        self._world = world
        self._socket = connection
        self._file: DeviceFile | None = None
        self._name = ""
        self._stamp = 0
        self.what = NOTHING
        """What it stands for: a device file, ``CLAIM`` or ``EVENTS``."""

    def answer(self, packet: bytes) -> bytes:
        """Carry out one packet."""
        verb, request, argument = HEAD.unpack_from(packet)
        try:
            result, data = self._carry_out(Verb(verb), request, argument, packet[HEAD.size :])
        except OSError as error:
            result, data = -(error.errno or errno.EIO), b""
        return struct.pack("<q", result) + data

    def close(self) -> None:
        """Close what the connection stood for."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _carry_out(self, verb: Verb, request: int, argument: int, data: bytes) -> tuple[int, bytes]:
        match verb:
            case Verb.OPEN:
                self._name, device = self._world.device(data.decode())
                self._stamp = self._world.stamp(self._name)
                self._file = device.open()
                self.what = self._name
                return 0, b""
            case Verb.ATTACH | Verb.ATTACH_EVENTS:
                return self._attach(argument, events=verb is Verb.ATTACH_EVENTS), b""
            case Verb.CLOSE:
                self.close()
                return 0, b""
            case _:
                return self._operate(verb, request, argument, data)

    def _operate(self, verb: Verb, request: int, argument: int, data: bytes) -> tuple[int, bytes]:
        if self._file is None:
            raise OSError(errno.EBADF, "nothing was opened")
        if self._name and self._world.stamp(self._name) != self._stamp:
            raise OSError(errno.ENODEV, "the device was unplugged")
        match verb:
            case Verb.IOCTL_NUMBER:
                return self._file.ioctl_number(request, argument)
            case Verb.IOCTL_STRUCT:
                return self._file.ioctl_struct(request, data)
            case _:
                return self._file.i2c_rdwr(argument, data)

    def _attach(self, token: int, *, events: bool) -> int:
        for chip in self._world.devices():
            if isinstance(chip, Chip) and token in chip.claims:
                self.what = EVENTS if events else CLAIM
                chip.claims[token].attached = True
                if events:
                    chip.claims[token].send_event = self._send_event
                else:
                    self._file = ClaimFile(chip, token)
                return 0
        raise OSError(errno.ENODEV, "no such claim")

    def _send_event(self, event: bytes) -> None:
        try:
            self._socket.send(event)
        except OSError:
            return  # nobody listens any more
