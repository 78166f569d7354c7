"""Listening to a serial line: what comes unasked is told to everybody who listens.

1. One reader for a port; it hands what it takes off the line to all listeners.
2. It runs on the module's own thread, between requests.
"""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge.module_api import EventSource, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.uart import SerialPort

MOST_PENDING = 256

LOOK_S = 0.5
"""How often the port is looked at in any case: opened again, it has another descriptor."""


class SerialFanout:
    """What several listeners hear of one port.

    Args:
        port: The port.
        take: Takes what has come, up to a silence of this many seconds.
        pack: Makes readings of it.
    """

    def __init__(
        self,
        port: SerialPort,
        take: Callable[[float], bytes],
        pack: Callable[[bytes], Result],
    ) -> None:
        self.port = port
        self._take = take
        self._pack = pack
        self._listeners: list[SerialListener] = []

    def listen(self, gap_s: float) -> SerialListener:
        """Begin to listen.

        Args:
            gap_s: Silence that ends what belongs together, s.

        Returns:
            The event source.
        """
        watch = SerialListener(self, gap_s)
        self.join(watch)
        return watch

    def join(self, watch: SerialListener) -> None:
        """Let a watcher listen that was created elsewhere.

        Args:
            watch: Which.
        """
        self._listeners.append(watch)

    @property
    def listeners(self) -> tuple[SerialListener, ...]:
        """Who listens."""
        return tuple(self._listeners)

    def forget(self, watch: SerialListener) -> None:
        """Report nothing more to a listener.

        Args:
            watch: Which.
        """
        with suppress(ValueError):
            self._listeners.remove(watch)

    def gather(self, gap_s: float) -> None:
        """Take what has come and tell it to all.

        Args:
            gap_s: Silence that ends it, s.
        """
        found = self._take(gap_s)
        if found:
            self.tell(found)

    def tell(self, data: bytes) -> None:
        """Report to all what came.

        Args:
            data: The bytes.
        """
        for listener in self.listeners:
            listener.hear(data)

    def pack(self, data: bytes) -> Result:
        """Make readings of what came.

        Args:
            data: The bytes.

        Returns:
            What to tell.
        """
        return self._pack(data)


class SerialListener(EventSource):
    """The watcher of one listener.

    Args:
        fanout: What it listens with.
        gap_s: Silence that ends what belongs together, s.
    """

    def __init__(self, fanout: SerialFanout, gap_s: float) -> None:
        super().__init__(LOOK_S)
        self._fanout = fanout
        self._gap_s = gap_s
        self._pending: deque[Result] = deque(maxlen=MOST_PENDING)
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._both = select.epoll()
        self._both.register(self._wakeup, select.EPOLLIN)
        self._open = True

    @property
    def descriptor(self) -> int | None:
        """Readable when the port has something or another listener took something off it."""
        return self._both.fileno() if self._open else None

    def hear(self, data: bytes) -> None:
        """Note bytes.

        Args:
            data: What came.
        """
        self.tell(self._fanout.pack(data))

    def tell(self, readings: Result) -> None:
        """Note something that was heard.

        Args:
            readings: What.
        """
        self._pending.append(readings)
        os.eventfd_write(self._wakeup, 1)

    def look(self) -> list[Result]:
        """Take what was heard since.

        Returns:
            One entry for each time that something was said.

        Raises:
            BusError: The port has gone.
        """
        self._fanout.gather(self._gap_s)
        port = self._fanout.port.descriptor
        if port is not None:
            with suppress(FileExistsError):
                self._both.register(port, select.EPOLLIN)
        with suppress(BlockingIOError):
            os.eventfd_read(self._wakeup)
        pending = list(self._pending)
        self._pending.clear()
        return pending

    def close(self) -> None:
        """Listen no longer."""
        if self._open:
            self._open = False
            self._fanout.forget(self)
            self._both.close()
            os.close(self._wakeup)
