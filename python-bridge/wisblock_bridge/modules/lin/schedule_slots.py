"""What one slot of a schedule does, and how it is reported to the listeners.

1. Damage is reported every time; a node that does not answer, and a bus that fails, are reported
   once, until they are back.
2. Nothing is raised: a schedule goes on whatever a slot comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError, BusError, BusFault, ChecksumError
from wisblock_bridge.module_api import Quality, Result
from wisblock_bridge.modules.lin import frames
from wisblock_bridge.modules.lin.listening import FrameEvents

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.modules.lin.frames import Answer, Model
    from wisblock_bridge.modules.lin.master import Master
    from wisblock_bridge.modules.lin.schedule import Slot
    from wisblock_bridge.modules.shared.serial_listener import SerialFanout

GONE_PAUSE_S = 1.0
"""A schedule whose port has gone tries again so much later."""

_GONE = {BusFault.MISSING, BusFault.HELD, BusFault.PERMISSION}


class LinEvents:
    """Tells listeners what the module itself knows best.

    Args:
        fanout: What they listen with.
        clock: Time.
    """

    def __init__(self, fanout: SerialFanout, clock: Clock) -> None:
        self._fanout = fanout
        self._clock = clock

    def answered(self, identifier: int, answer: Answer) -> None:
        """Report that a node answered a header of ours.

        Args:
            identifier: Which.
            answer: What it said.
        """
        raw = frames.BREAK + frames.header(identifier) + answer.raw
        values = {"data": answer.data, "checksum": answer.model, "raw": raw}
        self._tell({"kind": "answer", "id": identifier} | values, identifier)

    def sent(
        self, identifier: int, data: bytes, model: Model, raw: bytes, kind: str = "sent"
    ) -> None:
        """Report that we sent a frame, to those who want to know.

        Args:
            identifier: Which.
            data: Its data.
            model: The checksum that was asked for.
            raw: All its bytes.
            kind: "sent", or "sleep".
        """
        used = frames.models(identifier, model)[0]
        values = {"id": identifier, "data": data, "checksum": used, "raw": raw}
        self._tell({"kind": kind} | values, identifier, own=True)

    def failed(self, kind: str, identifier: int, error: BridgeError) -> None:
        """Report that a slot of the schedule failed.

        Args:
            kind: How.
            identifier: Which it had.
            error: Why.
        """
        values: dict[str, object] = {"kind": kind, "id": identifier}
        if "bytes" in error.data:
            values["raw"] = error.data["bytes"]
        about = None if kind == "failed" else identifier
        self._tell(values, about, note=f"{error.message} {error.hint}".strip())

    def _tell(
        self, values: dict[str, object], about: int | None, *, own: bool = False, note: str = ""
    ) -> None:
        quality = Quality.UNCERTAIN if note else Quality.GOOD
        readings = Result(values, self._clock.timestamp_ms(), quality, note)
        for listener in self._fanout.listeners:
            if isinstance(listener, FrameEvents):
                listener.hear_of(readings, about, own=own)


class ScheduleSlots:
    """Carries out slots.

    Args:
        use: Gives the master, the bus being switched on.
        events: Receives what happened.
    """

    def __init__(self, use: Callable[[], Master], events: LinEvents) -> None:
        self._use = use
        self._events = events
        self._silent: set[int] = set()
        self._failing = False

    def begin(self) -> None:
        """Forget what was told: another table begins."""
        self._silent.clear()
        self._failing = False

    def carry_out(self, slot: Slot, data: bytes | None) -> float:
        """Send or ask for the frame of a slot.

        Args:
            slot: Which.
            data: What is sent; None to ask.

        Returns:
            Pause before the next slot, beyond this one's duration, s.
        """
        try:
            self._converse(slot, data)
        except BridgeError as error:
            return self._fail(slot.identifier, error)
        self._failing = False
        self._silent.discard(slot.identifier)
        return 0.0

    def _converse(self, slot: Slot, data: bytes | None) -> None:
        identifier, master = slot.identifier, self._use()
        if data is None:
            answer = master.request(identifier, slot.length, slot.model, slot.duration_s)
            self._events.answered(identifier, answer)
        else:
            model: Model = "enhanced" if slot.model == "enhanced" else "classic"
            self._events.sent(identifier, data, model, master.send(identifier, data, model))

    def _fail(self, identifier: int, error: BridgeError) -> float:
        if isinstance(error, ChecksumError):
            kind, known = str(error.data["kind"]), False
            self._failing = False
            self._silent.discard(identifier)
        elif isinstance(error, BusError) and error.fault is BusFault.NO_ACKNOWLEDGE:
            kind, known = "no_answer", identifier in self._silent
            self._failing = False
            self._silent.add(identifier)
        else:
            kind, known = "failed", self._failing
            self._failing = True
        if not known:
            self._events.failed(kind, identifier, error)
        gone = isinstance(error, BusError) and error.fault in _GONE
        return GONE_PAUSE_S if gone else 0.0
