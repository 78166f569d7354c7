"""The changes of one line as Linux reports them, through gpiod.

1. A change carries the kernel's time and count; a gap in the count is a change that got lost.
2. Reading never waits: a reader has been told that there is something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.gpio import Edge
from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.buses.linux.gpio_controllers import GPIOD_ERRORS, as_os_error

if TYPE_CHECKING:
    from collections.abc import Callable

    import gpiod


class LinuxEdges:
    """An edge source on a requested line.

    Args:
        request: The line, requested with edge detection and the real-time clock.
        offset: Its number.
        chip_name: The controller, for messages.
        closed: Called once when nobody listens any more, with the number of the last change.
        last_number: Number of the change before the first one of this source.
    """

    def __init__(
        self,
        request: gpiod.LineRequest,
        offset: int,
        chip_name: str,
        closed: Callable[[int], None],
        last_number: int = 0,
    ) -> None:
        self._request = request
        self._offset = offset
        self._chip_name = chip_name
        self._closed: Callable[[int], None] | None = closed
        self._last_number = last_number

    @property
    def descriptor(self) -> int:
        """Readable when there are changes to be read."""
        return self._request.fd

    def read(self) -> list[Edge]:
        """Take the changes so far, as ``EdgeSource.read`` says."""
        import gpiod  # noqa: PLC0415  (import time)

        try:
            if not self._request.wait_edge_events(0):
                return []
            events = self._request.read_edge_events()
        except GPIOD_ERRORS as error:
            raise errno_faults.gpio_line(
                as_os_error(error), self._offset, self._chip_name, None
            ) from error
        found = []
        for event in events:
            missed = max(0, event.line_seqno - self._last_number - 1)
            self._last_number = event.line_seqno
            rising = event.event_type is gpiod.EdgeEvent.Type.RISING_EDGE
            found.append(Edge(int(rising), event.timestamp_ns / 1e6, missed))
        return found

    def close(self) -> None:
        """Listen no longer; the line stays an input."""
        if self._closed is not None:
            closed, self._closed = self._closed, None
            closed(self._last_number)


def skip_edges(request: gpiod.LineRequest) -> int:
    """Drop the changes that a line still has of an earlier listener.

    Args:
        request: The line.

    Returns:
        The number of the last one; 0 when there is none.

    Raises:
        OSError: The controller is gone.
    """
    last = 0
    while request.wait_edge_events(0):
        last = request.read_edge_events()[-1].line_seqno
    return last
