"""A serial line that exists only in memory: a port at one end, any number of devices on it.

1. The port obeys the contract of ``buses.uart``; the devices hear what it sends and talk when they
   like.
2. Characters take as long as on a wire, on the clock that was handed over.
3. It knows no protocol; the line can be made to fail, a device cannot.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock

SLICE_S = 0.005
"""A reader looks this often whether something has come that nobody could foresee."""

MOST_WAITING = 65536
"""Characters that wait to be read; as in a real driver, later ones are lost."""

RESTING = LineSettings(9600)


class SerialDevice(Protocol):
    """Something on the line that hears what others send."""

    def hear(self, data: bytes, settings: LineSettings) -> None:
        """Hear what was sent in one go.

        Args:
            data: The characters.
            settings: How they were sent; who listens otherwise hears nothing of use.
        """
        ...

    def hear_break(self, duration_s: float) -> None:
        """Hear that the line was held low.

        Args:
            duration_s: How long, s.
        """
        ...


class LineFaultKind(StrEnum):
    """How a line can be made to fail: what devices say, or what the port is told to send."""

    SILENCE = "silence"
    """It is lost."""
    NOISE = "noise"
    """One bit in the middle is turned over."""
    TRUNCATED = "truncated"
    """The second half is lost."""
    LATE = "late"
    """It comes ``LATE_S`` later."""
    BROKEN = "broken"
    """The port gives up when it shall send."""
    STUCK = "stuck"
    """The port takes no characters."""


OF_THE_PORT = {
    LineFaultKind.BROKEN: (BusFault.IO, "could not be used: the transfer broke off"),
    LineFaultKind.STUCK: (BusFault.TIMEOUT, "did not take the characters in time"),
}


LATE_S = 1.2


@dataclass(slots=True)
class LineFault:
    """A failure that is switched on.

    Attributes:
        kind: What goes wrong.
        skip: Times that something is said and still arrives whole.
        count: Times that it fails from then on; None for "until switched off".
        until: Reading of the clock at which it ends automatically; None for never.
    """

    kind: LineFaultKind
    skip: int = 0
    count: int | None = None
    until: float | None = None


class EmulatedSerialLine:
    """The line between a port and devices.

    Args:
        name: Device file of the port ("/dev/ttyUSB0").
        clock: Time.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.port = EmulatedSerialPort(self, name, clock)
        self.echo = False
        """Whether the port hears what it sends, as on a single wire."""
        self.returned: Callable[[bytes], bytes] | None = None
        """What becomes of an echo on its way; it also sees breaks, as zeros."""
        self.passing: Callable[[], None] | None = None
        """Called whenever the port is used, for devices that send at times of their own."""
        self.transmissions: deque[bytes] = deque(maxlen=256)
        """What the port has sent, the newest last."""
        self._clock = clock
        self._devices: list[SerialDevice] = []
        self._fault: LineFault | None = None
        self._talking = False
        self._answering = False

    @property
    def plugged(self) -> bool:
        """Whether the port's adapter is there; when it is not, every use of the port fails."""
        return self.port.plugged

    @plugged.setter
    def plugged(self, plugged: bool) -> None:
        self.port.plugged = plugged

    def attach(self, device: SerialDevice) -> None:
        """Connect a device.

        Args:
            device: It hears from now on.
        """
        self._devices.append(device)

    def detach(self, device: SerialDevice) -> None:
        """Disconnect a device; nothing happens when it is not connected.

        Args:
            device: It hears no longer.
        """
        with suppress(ValueError):
            self._devices.remove(device)

    def fail(self, fault: LineFault | None) -> None:
        """Make what devices say fail.

        Args:
            fault: What goes wrong; None ends it.
        """
        self._fault = fault

    @property
    def fault(self) -> LineFaultKind | None:
        """Which fault is on, without using it up."""
        fault = self._fault
        if fault is None or (fault.until is not None and self._clock.monotonic() >= fault.until):
            return None
        return fault.kind

    def talk(
        self,
        data: bytes,
        settings: LineSettings = RESTING,
        *,
        delay_s: float = 0.0,
        speaker: SerialDevice | None = None,
    ) -> None:
        """Send as a device: the port and the other devices hear it.

        What is said as an answer comes one character after the other; what is said unasked has come
        when this returns.

        Args:
            data: The characters.
            settings: How they are sent; a port that is set otherwise receives nonsense.
            delay_s: How much later they begin, s.
            speaker: Who talks; it does not hear itself.
        """
        data, delay_s = self._spoiled(data, delay_s)
        if not data:
            return
        heard = data if settings == self.port.settings else _misread(data)
        self.port.arrive(heard, settings.character_s if self._answering else 0.0, delay_s)
        if not self._talking:  # two that answer each other would never end
            self._talking = True
            try:
                self._tell(data, settings, speaker)
            finally:
                self._talking = False

    def talk_break(self) -> None:
        """Hold the line low as a device: a port without break detection receives a zero."""
        self.port.arrive(b"\0", self.port.settings.character_s, 0.0)

    def transmit(self, data: bytes, settings: LineSettings) -> None:
        """Send as the port.

        Args:
            data: The characters.
            settings: How they are sent.
        """
        self.transmissions.append(data)
        self._echo(data)
        self._answering = True
        try:
            self._tell(data, settings, None)
        finally:
            self._answering = False

    def transmit_break(self, duration_s: float) -> None:
        """Hold the line low as the port.

        Args:
            duration_s: How long, s.
        """
        self._echo(b"\0")
        for device in tuple(self._devices):
            device.hear_break(duration_s)

    def _echo(self, data: bytes) -> None:
        if self.echo:
            self.port.arrive(data if self.returned is None else self.returned(data), 0.0, 0.0)

    def _tell(self, data: bytes, settings: LineSettings, speaker: SerialDevice | None) -> None:
        for device in tuple(self._devices):
            if device is not speaker:
                device.hear(data, settings)

    def refuse(self) -> None:
        """Fail as the port, where a fault says so.

        Raises:
            BusError: It does.
        """
        if self._fault is None or self._fault.kind not in OF_THE_PORT:
            return
        kind = self._use_up(self._fault)
        if kind is not None:
            fault, words = OF_THE_PORT[kind]
            raise BusError(
                fault,
                f"{self.port.name} {words}.",
                hint="Plug the adapter in again, or switch the board off and on.",
                where=self.port.name,
            )

    def _use_up(self, fault: LineFault) -> LineFaultKind | None:
        """Return how it goes wrong this time; None when it does not."""
        if fault.until is not None and self._clock.monotonic() >= fault.until:
            self._fault = None
            return None
        if fault.skip > 0:
            fault.skip -= 1
            return None
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self._fault = None
        return fault.kind

    def _spoiled(self, data: bytes, delay_s: float) -> tuple[bytes, float]:
        if self._fault is None or self._fault.kind in OF_THE_PORT:
            return data, delay_s
        match self._use_up(self._fault):
            case LineFaultKind.SILENCE:
                return b"", delay_s
            case LineFaultKind.NOISE:
                middle = len(data) // 2
                return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :], delay_s
            case LineFaultKind.TRUNCATED:
                return data[: len(data) // 2], delay_s
            case LineFaultKind.LATE:
                return data, delay_s + LATE_S
            case _:
                return data, delay_s


class EmulatedSerialPort:
    """The port's end of a line; safe to use from the module's thread while devices talk.

    Args:
        line: The line.
        name: Device file ("/dev/ttyUSB0").
        clock: Time.
    """

    def __init__(self, line: EmulatedSerialLine, name: str, clock: Clock) -> None:
        self.plugged = True
        self.settings = RESTING
        self.accesses = 0
        """How often the port was used, so that tests can prove that nothing was sent."""
        self._line = line
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[tuple[float, int]] = deque()
        self._descriptor: int | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self._name

    @property
    def descriptor(self) -> int | None:
        """Readable when bytes have come; those that were on their way show at the next use."""
        return self._descriptor

    def configure(self, settings: LineSettings) -> None:
        """Set baud rate and character format, as ``SerialPort.configure`` says."""
        self._look()
        with self._lock:
            self.settings = settings
            if self._descriptor is None:
                self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                self._waiting.clear()

    def write(self, data: bytes) -> None:
        """Send bytes, as ``SerialPort.write`` says."""
        self._opened()
        self._line.refuse()
        self._clock.sleep(len(data) * self.settings.character_s)
        self._line.transmit(bytes(data), self.settings)

    def read(self, length: int, timeout_s: float) -> bytes:
        """Take up to this many bytes, as ``SerialPort.read`` says."""
        self._opened()
        end = self._clock.monotonic() + timeout_s
        taken = bytearray()
        while True:
            now = self._clock.monotonic()
            with self._lock:
                while self._waiting and len(taken) < length and self._waiting[0][0] <= now:
                    taken.append(self._waiting.popleft()[1])
                next_s = self._waiting[0][0] - now if self._waiting else SLICE_S
                self._show()
            if len(taken) == length or now >= end:
                return bytes(taken)
            # Never less than a microsecond: a remainder below the clock's resolution would not end.
            self._clock.sleep(max(min(next_s, SLICE_S, end - now), 1e-6))
            self._look()

    def send_break(self, duration_s: float) -> None:
        """Hold the line low, as ``SerialPort.send_break`` says."""
        self._opened()
        self._clock.sleep(duration_s)
        self._line.transmit_break(duration_s)

    def discard_input(self) -> None:
        """Forget what has come so far, as ``SerialPort.discard_input`` says."""
        self._opened()
        now = self._clock.monotonic()
        with self._lock:
            while self._waiting and self._waiting[0][0] <= now:
                self._waiting.popleft()
            self._show()

    def close(self) -> None:
        """Release the port, as ``SerialPort.close`` says."""
        with self._lock:
            self._waiting.clear()
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)

    def arrive(self, data: bytes, character_s: float, delay_s: float) -> None:
        """Receive characters, one after the other; a closed port hears nothing.

        Args:
            data: The characters.
            character_s: Duration of each, s.
            delay_s: How much later the first begins, s.
        """
        with self._lock:
            if self._descriptor is None or not self.plugged:
                return
            begin = self._clock.monotonic() + delay_s
            if self._waiting:
                begin = max(begin, self._waiting[-1][0])
            for number, value in enumerate(data[: MOST_WAITING - len(self._waiting)], 1):
                self._waiting.append((begin + number * character_s, value))
            self._show()

    def _opened(self) -> None:
        self._look()
        if self._descriptor is None:
            self.configure(self.settings)

    def _look(self) -> None:
        self.accesses += 1
        if not self.plugged:
            self.close()
            raise BusError(
                BusFault.MISSING,
                f"{self._name} has gone: the adapter was unplugged.",
                hint="It is looked for again with the next request.",
                where=self._name,
            )
        if self._descriptor is not None and self._line.passing is not None:
            self._line.passing()

    def _show(self) -> None:
        """Let the descriptor be readable while something has come; under the lock."""
        if self._descriptor is None:
            return
        if self._waiting and self._waiting[0][0] <= self._clock.monotonic():
            os.eventfd_write(self._descriptor, 1)
        else:
            with suppress(BlockingIOError):
                os.eventfd_read(self._descriptor)


def _misread(data: bytes) -> bytes:
    """Return what a receiver makes of characters that were sent at another speed or format."""
    return bytes(value >> 1 ^ 0xA5 for value in data)
