"""The edges of a line with the time at which they were, on a clock that nobody sets.

1. The kernel gives its edges the time of day, which is set while a board without a clock of its own
   is starting; durations are not to be computed from that.
2. An edge that was read now was after the reading before: that bounds what a clock that was set in
   between can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wisblock_bridge.buses.gpio import Edge, EdgeSource
    from wisblock_bridge.clock import Clock


class TimedEdges:
    """Reads the edges of a line, each with its clock reading.

    Args:
        edges: The edges from now on.
        clock: Time.
    """

    def __init__(self, edges: EdgeSource, clock: Clock) -> None:
        self._edges = edges
        self._clock = clock
        self._read_at = clock.monotonic()

    def read(self) -> list[tuple[Edge, float]]:
        """Take the changes so far, as ``EdgeSource.read`` does.

        Returns:
            Each with the reading of ``Clock.monotonic`` at which it was, s.

        Raises:
            BusError: The controller is gone.
        """
        before = self._read_at
        found = self._edges.read()
        now, now_ms = self._clock.monotonic(), self._clock.timestamp_ms()
        self._read_at = now
        return [
            (edge, min(max(now - (now_ms - edge.timestamp_ms) / 1000.0, before), now))
            for edge in found
        ]
