"""The far end of a serial cable, with the time that a line takes: python -m ... KIND BAUD.

A pseudo-terminal carries bytes at once. So what was sent counts as being on the line for as long as
its characters take, and what is answered is handed over when its last character would have come;
half of it sooner, as a receiver's buffer does. The process is exact to some microseconds: it sleeps
until shortly before and spins for the rest.

modbus: any unit answers a read of one register after the shortest time that a unit may take.
lin: what is sent comes back, as from a transceiver, and a node answers every header with 8 bytes.
"""

from __future__ import annotations

import os
import sys
import time
import tty

from wisblock_bridge.modules.lin import frames as lin

SPIN_S = 0.0008
DATA = bytes(range(1, 9))


def checksum(data: bytes) -> bytes:
    """Compute the checksum of a Modbus frame (MODBUS over Serial Line 1.02, 6.2.2).

    Args:
        data: What it covers.

    Returns:
        Two bytes.
    """
    found = 0xFFFF
    for value in data:
        found ^= value
        for _ in range(8):
            found = found >> 1 ^ (0xA001 if found & 1 else 0)
    return found.to_bytes(2, "little")


def until(moment: float) -> None:
    """Wait, exactly.

    Args:
        moment: Reading of the monotonic clock.
    """
    left_s = moment - time.monotonic() - SPIN_S
    if left_s > 0:
        time.sleep(left_s)
    while time.monotonic() < moment:
        pass


class FarEnd:
    """One end of a pseudo-terminal.

    Args:
        baud: Bits per second of the line.
    """

    def __init__(self, baud: int) -> None:
        self.character_s = 10 / baud
        self.far, near = os.openpty()
        tty.setraw(near)
        self.path = os.ttyname(near)
        self._near = near
        self._waiting = b""
        self._free_at = 0.0

    def take(self, length: int) -> tuple[bytes, float]:
        """Take what the port sends.

        Args:
            length: How many bytes.

        Returns:
            They, and when the last has passed on the line.
        """
        while len(self._waiting) < length:
            self._waiting += os.read(self.far, 4096)
        found, self._waiting = self._waiting[:length], self._waiting[length:]
        self._free_at = max(self._free_at, time.monotonic()) + length * self.character_s
        return found, self._free_at

    def say(self, data: bytes, begin: float) -> None:
        """Hand over what somebody says, as it would come.

        Args:
            data: The characters.
            begin: When the first begins.
        """
        half = len(data) // 2
        if half:
            until(begin + half * self.character_s)
            os.write(self.far, data[:half])
        self._free_at = begin + len(data) * self.character_s
        until(self._free_at)
        os.write(self.far, data[half:])


def units(end: FarEnd) -> None:
    """Be all units of a Modbus line."""
    quiet_s = max(0.00175, 3.5 * end.character_s)
    while True:
        request, passed = end.take(8)
        body = bytes((request[0], 3, 2, request[0], 0))
        end.say(body + checksum(body), passed + quiet_s)


def nodes(end: FarEnd) -> None:
    """Be a LIN bus: everything comes back, and every header is answered."""
    while True:
        zero, _ = end.take(1)
        until(time.monotonic() + 10 / 0.692 * end.character_s / 10)
        os.write(end.far, zero)
        header, passed = end.take(2)
        until(passed)
        os.write(end.far, header)
        identifier = header[1] & 0x3F
        end.say(lin.response(identifier, DATA, "classic"), passed)


def main() -> None:
    """Serve until killed."""
    end = FarEnd(int(sys.argv[2]))
    sys.stdout.write(f"{end.path}\nready\n")
    sys.stdout.flush()
    {"modbus": units, "lin": nodes}[sys.argv[1]](end)


if __name__ == "__main__":
    main()
