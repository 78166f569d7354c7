"""Listening to a LIN bus: everything that is on it is reported, whole or not.

1. Each listener cuts what was heard by its own knowledge of lengths and checksums.
2. A frame that silence has to end is ended by a timer of the module.
3. What is damaged is reported as what it is, with the reason; that is no failure of the listening.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.module_api import Quality, Result, TimerHandle, Timers
from wisblock_bridge.modules.lin import frames
from wisblock_bridge.modules.lin.framer import Framer, Kind, Segment
from wisblock_bridge.modules.shared.serial_listener import SerialListener

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.modules.shared.serial_listener import SerialFanout

SLEEP = "sleep"
"""What a frame is called that sends all nodes to sleep."""

KINDS = (
    "frame",
    "answer",
    "sent",
    "header",
    "short",
    "wrong_checksum",
    "wrong_parity",
    "sleep",
    "wake_up",
    "noise",
    "no_answer",
    "failed",
)


class FrameEvents(SerialListener):
    """The watcher of one listener.

    Args:
        fanout: What it listens with.
        framer: Cuts what was heard.
        only: The identifier it wants to hear of; None for all.
        own: It also wants to hear what the module itself sends.
        gap_s: Silence that ends a frame, s.
        clock: Time.
        timers: Of the module.
    """

    def __init__(
        self,
        fanout: SerialFanout,
        framer: Framer,
        only: int | None,
        own: bool,  # noqa: FBT001
        gap_s: float,
        clock: Clock,
        timers: Timers,
    ) -> None:
        super().__init__(fanout, gap_s)
        self._framer = framer
        self._only = only
        self._own = own
        self._clock = clock
        self._timers = timers
        self._timer: TimerHandle | None = None

    def hear(self, data: bytes) -> None:
        """Note bytes, and wait for silence where they end in the middle of something.

        Args:
            data: What was heard.
        """
        self._tell_all(self._framer.feed(data))
        self._call_off()
        if self._framer.waiting:
            self._timer = self._timers.after(self._gap_s, self._at_silence)

    def hear_of(self, readings: Result, identifier: int | None, *, own: bool) -> None:
        """Note something that the module itself knows best.

        Args:
            readings: What.
            identifier: What it is about; None where that is not one identifier.
            own: The module has sent it.
        """
        self._end()
        if own and not self._own:
            return
        if self._only in {None, identifier} or identifier is None:
            self.tell(readings)

    def close(self) -> None:
        """Listen no longer."""
        self._call_off()
        super().close()

    def _at_silence(self) -> None:
        """End what was begun, unless there is more by now."""
        self._timer = None
        self._fanout.gather(0.0)
        if self._timer is None:
            self._end()

    def _end(self) -> None:
        self._call_off()
        self._tell_all(self._framer.silence())

    def _call_off(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell_all(self, found: list[Segment]) -> None:
        for segment in found:
            if self._only in {None, segment.identifier} or segment.identifier is None:
                self.tell(pack(segment, self._clock.timestamp_ms()))


def pack(segment: Segment, timestamp_ms: float) -> Result:
    """Make readings of what was heard.

    Args:
        segment: What.
        timestamp_ms: When, ms since 1970.

    Returns:
        ``kind`` and ``raw``, and where there is one ``id``, ``data`` and ``checksum``; uncertain,
        with the reason, when something is wrong.
    """
    values: dict[str, object] = {"kind": str(segment.kind)}
    if segment.identifier is not None:
        values |= {"id": segment.identifier, "data": segment.data}
    if segment.model is not None:
        values["checksum"] = segment.model
    values["raw"] = segment.raw
    is_command = segment.kind is Kind.FRAME and segment.identifier == frames.MASTER_REQUEST
    if is_command and segment.data[0] == frames.GO_TO_SLEEP[0]:
        values["kind"] = SLEEP
    note = explain(segment)
    return Result(values, timestamp_ms, Quality.UNCERTAIN if note else Quality.GOOD, note)


def explain(segment: Segment) -> str:
    """Return what is wrong with a segment.

    Args:
        segment: What was heard.

    Returns:
        One sentence; empty when nothing is wrong.
    """
    name = "" if segment.identifier is None else f"0x{segment.identifier:02X}"
    match segment.kind:
        case Kind.HEADER:
            return f"Nobody answered the header of {name}."
        case Kind.SHORT:
            return f"The frame of {name} broke off after {len(segment.data)} bytes."
        case Kind.WRONG_CHECKSUM:
            return f"{_checksums(segment, name)}: {segment.raw.hex(' ')}."
        case Kind.WRONG_PARITY:
            at = segment.raw.index(frames.SYNC) + 1
            right = frames.protect(segment.raw[at] & 0x3F)
            return (
                f"The parity of the identifier 0x{segment.raw[at]:02X} is wrong; {name} is sent as "
                f"0x{right:02X}: {segment.raw.hex(' ')}."
            )
        case Kind.NOISE:
            return f"{len(segment.raw)} bytes without a header: {segment.raw.hex(' ')}."
        case _:
            return ""


def _checksums(segment: Segment, name: str) -> str:
    data, last = segment.data[:-1], segment.data[-1]
    protected = frames.protect(segment.identifier or 0)
    classic = frames.checksum(data, protected, "classic")
    enhanced = frames.checksum(data, protected, "enhanced")
    return (
        f"The frame of {name} ends with 0x{last:02X}, which is no checksum of it (classic "
        f"0x{classic:02X}, enhanced 0x{enhanced:02X}), or it broke off"
    )
