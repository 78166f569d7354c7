"""Replies that have not come, and may still come.

1. A reply to a read names neither request nor address, and one to a write may be asked for twice.
   So after a request without reply its unit is not asked again until the late reply has come, or
   until as much time has passed as was agreed.
2. A reply names its unit, so other units need not wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.modules.modbus import frames, replies

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.uart import SerialPort
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.modules.modbus.frames import Request

QUIET_S = 1.0
"""For so long after a time-out a late reply is expected, at least."""

LONGEST_LATE_S = 2.0
"""A unit that had more time than this to answer is not waited for that long again."""

MOST_AT_ONCE = 4096


@dataclass(slots=True)
class Owed:
    """Replies that have not come.

    Attributes:
        request: To what; None for bytes that nobody here understands.
        until: Clock reading until which they may come, s.
        count: How many.
    """

    request: Request | None
    until: float
    count: int = 1


class LateReplies:
    """The account of what is owed on one line.

    Args:
        port: The line's port.
        clock: Time.
    """

    def __init__(self, port: SerialPort, clock: Clock) -> None:
        self.quiet_s = QUIET_S
        """For so long after a time-out a late reply is expected, s."""
        self._port = port
        self._clock = clock
        self._owed: dict[int | None, Owed] = {}

    def forget(self) -> None:
        """Expect nothing any more: the line was set again."""
        self._owed.clear()

    def owe(self, request: Request | None, timeout_s: float) -> None:
        """Note that a reply has not come.

        Args:
            request: To what; None for bytes that nobody here understands.
            timeout_s: How long it was waited for, s.
        """
        unit = None if request is None else request.unit
        until = self._clock.monotonic() + max(self.quiet_s, min(timeout_s, LONGEST_LATE_S))
        former = self._owed.get(unit)
        count = 1 if former is None or former.until < self._clock.monotonic() else former.count + 1
        self._owed[unit] = Owed(request, until, count)

    def expected_of(self, unit: int) -> bool:
        """Return whether a unit may still send a late reply.

        Args:
            unit: Which.

        Returns:
            True while it may.
        """
        owed = self._owed.get(unit)
        return owed is not None and self._clock.monotonic() < owed.until

    def settle(self, unit: int) -> None:
        """A unit answers in order: after a reply of now it owes nothing.

        Args:
            unit: Which.
        """
        self._owed.pop(unit, None)

    def notice(self, data: bytes) -> None:
        """See whether late replies are among what came.

        Args:
            data: What came.
        """
        for unit, owed in tuple(self._owed.items()):
            if owed.request is not None:
                owed.count -= self._split(data, owed.request)[0]
                if owed.count <= 0:
                    del self._owed[unit]

    def wait(self, unit: int | None, take: Callable[[bytes], None]) -> None:
        """Let the late replies pass that could be taken for the next one.

        Args:
            unit: Who is asked next; None for anybody.
            take: Called with what came meanwhile.

        Raises:
            BusError: The port has gone.
        """
        for each in tuple(self._owed) if unit is None else (unit, None):
            owed = self._owed.pop(each, None)
            if owed is not None:
                self._drain(owed, take)

    def _drain(self, owed: Owed, take: Callable[[bytes], None]) -> None:
        data, rest, count, missing = b"", b"", 0, MOST_AT_ONCE
        while count < owed.count and (left_s := owed.until - self._clock.monotonic()) > 0:
            if owed.request is not None:
                missing = frames.search(rest, owed.request).missing
            more = self._port.read(missing, left_s)
            data += more
            if owed.request is not None:
                found, rest = self._split(rest + more, owed.request)
                count += found
        if data:
            take(data)

    def _split(self, data: bytes, request: Request) -> tuple[int, bytes]:
        """Count the replies of a unit, whatever they say, and give what follows them."""
        found = 0
        while True:
            reply = frames.search(data, request)
            if reply.frame:
                data = data[reply.end :]
            else:
                other = replies.find(data, request, self._port.name)
                if other is None or not other.own:
                    return found, data
                data = data[data.index(other.frame) + len(other.frame) :]
            found += 1
