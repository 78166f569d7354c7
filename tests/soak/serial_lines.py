"""Pseudo-terminals in front of the emulated serial lines, and a unit that answers as it is told.

1. The bridge opens a real terminal with the real pyserial; what is on the line is the product's
   emulation, as with I2C.
2. The unit tells everything that it was told to write, and what it lets be read says where it was
   read: an answer that belongs to another question shows.
"""

from __future__ import annotations

import array
import fcntl
import heapq
import itertools
import os
import select
import threading
import time
import tty
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge.buses.uart import LineSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine

TCGETS2 = 0x802C542A
SPEED_AT = 10
"""Number of the word of struct termios2 that holds the speed, in bit/s."""

LOOK_S = 0.02
PIECE_S = 0.001
"""A piece of a frame is followed by the rest within this time."""

UNIT = 100
MARKED_REGISTER = 0x0100
MANNERS = (
    "right",
    "right",
    "right",
    "right",
    "deaf",
    "silent",
    "late",
    "other",
    "damaged",
    "short",
    "refusal",
)
LATE_S = 0.35


PULLED_S = 5.0
"""At most; who pulls may hold a lock for which the thread waits."""


class PseudoTerminal:
    """The far end of a terminal, in the place of the port of an emulated line.

    Args:
        line: The line; it gets this port.
        link: Where the bridge looks for the device file.
        lock: Held while something is told to the line.
    """

    def __init__(self, line: EmulatedSerialLine, link: Path, lock: threading.RLock) -> None:
        self.name = line.port.name
        self.plugged = True
        self.settings = LineSettings(9600)
        self._line = line
        self._link = link
        self._lock = lock
        self._numbers = itertools.count()
        self._coming: list[tuple[float, int, bytes]] = []
        self._guard = threading.Lock()
        self._woken, self._wake = os.pipe()
        self._far, self._near = os.openpty()
        self._place()
        self._over = False
        self._turns = 0
        line.port = self  # type: ignore[assignment]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """Unplug the adapter: whoever holds the near end sees a hang-up."""
        with self._guard:
            self._link.unlink()
            for each in (self._far, self._near):
                os.close(each)
            self._coming.clear()
            self._far, self._near = os.openpty()
        turn = self._turns
        os.write(self._wake, b"x")
        # Until the thread has left its system call, the kernel keeps the far end open.
        end = time.monotonic() + PULLED_S
        while self._turns == turn and time.monotonic() < end:
            time.sleep(0.0005)

    def put_back(self) -> None:
        """Plug it in again."""
        self._place()

    def close(self) -> None:
        """End."""
        self._over = True
        os.write(self._wake, b"x")
        self._thread.join(10)
        for each in (self._far, self._near, self._woken, self._wake):
            os.close(each)

    def arrive(self, data: bytes, _character_s: float, delay_s: float) -> None:
        """Receive characters, as the port of the emulated line does."""
        with self._guard:
            entry = time.monotonic() + delay_s, next(self._numbers), data
            heapq.heappush(self._coming, entry)
        os.write(self._wake, b"x")

    def _place(self) -> None:
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        self._link.symlink_to(os.ttyname(self._near))

    def _run(self) -> None:
        while not self._over:
            self._turns += 1
            far = self._far
            with suppress(OSError, ValueError):
                ready = select.select([far, self._woken], [], [], self._next_s())[0]
                if self._woken in ready:
                    os.read(self._woken, 4096)
                if far in ready:
                    self._hear(far)
            self._tell()
            with self._lock:
                if self._line.passing is not None:
                    self._line.passing()

    def _next_s(self) -> float:
        with self._guard:
            first = self._coming[0][0] - time.monotonic() if self._coming else LOOK_S
        return min(max(first, 0.0), LOOK_S)

    def _tell(self) -> None:
        with self._guard:
            while self._coming and self._coming[0][0] <= time.monotonic():
                with suppress(OSError):  # nobody reads: lost, as in a driver that is full
                    os.write(self._far, heapq.heappop(self._coming)[2])

    def _hear(self, far: int) -> None:
        data = os.read(far, 4096)
        self.settings = LineSettings(_speed(far))
        while select.select([far], [], [], PIECE_S)[0] and self.settings.baud == _speed(far):
            data += os.read(far, 4096)
        with self._lock:
            self._line.transmit(data, self.settings)


class MarkedUnit:
    """A Modbus unit whose registers tell what was written when, and where they were read.

    Args:
        line: What it is on.
        written: Takes what was written to the marked registers, as one number.
    """

    def __init__(self, line: EmulatedSerialLine, written: Callable[[int], None]) -> None:
        self.manners: deque[str] = deque()
        """How the next frames are answered; an empty queue is "right"."""
        self.answered: Counter[str] = Counter()
        """How many frames were answered how."""
        self._line = line
        self._written = written

    def hear(self, data: bytes, settings: LineSettings) -> None:
        """Take a frame and answer as it was told."""
        if data[0] != UNIT or len(data) < 8 or crc(data[:-2]) != data[-2:]:
            return
        manner = self.manners.popleft() if self.manners else "right"
        self.answered[manner] += 1
        if manner == "deaf":
            return
        address, count = (int.from_bytes(data[at : at + 2], "big") for at in (2, 4))
        if data[1] == 3:
            values = b"".join(each.to_bytes(2, "big") for each in registers(address, count))
            answer = bytes([UNIT, 3, len(values)]) + values
        elif data[1] == 16 and address == MARKED_REGISTER:
            if manner != "refusal":
                self._written(int.from_bytes(data[7:11], "big"))
            answer = data[:6]
        else:
            return
        self._answer(manner, answer, settings)

    def _answer(self, manner: str, answer: bytes, settings: LineSettings) -> None:
        whole = answer + crc(answer)
        delay_s = LATE_S if manner == "late" else 0.004
        match manner:
            case "silent":
                return
            case "other":
                other = bytes([UNIT + 1]) + answer[1:]
                whole = other + crc(other)
            case "damaged":
                whole = whole[:4] + bytes([whole[4] ^ 0x10]) + whole[5:]
            case "short":
                whole = whole[:4]
            case "refusal":
                refused = bytes([UNIT, answer[1] | 0x80, 4])
                whole = refused + crc(refused)
            case _:
                pass
        self._line.talk(whole, settings, delay_s=delay_s, speaker=self)

    def hear_break(self, duration_s: float) -> None:
        """Take notice that the line was held low: no frame."""


def registers(address: int, count: int) -> list[int]:
    """Tell what the unit's registers hold: another number in each of them."""
    return [(each * 40503 + 7) & 0xFFFF for each in range(address, address + count)]


def crc(data: bytes) -> bytes:
    """Compute a checksum, typed from MODBUS over Serial Line 1.02, 6.2.2."""
    found = 0xFFFF
    for value in data:
        found ^= value
        for _ in range(8):
            found = found >> 1 ^ (0xA001 if found & 1 else 0)
    return found.to_bytes(2, "little")


def _speed(descriptor: int) -> int:
    words = array.array("I", [0] * 64)
    fcntl.ioctl(descriptor, TCGETS2, words)
    return words[SPEED_AT]
