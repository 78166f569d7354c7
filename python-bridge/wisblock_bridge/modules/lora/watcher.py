"""Looking out for LoRa packets.

1. Where the radio's interrupt reaches the computer, it tells; elsewhere the radio is asked.
2. How a packet is reported is here, for the event and for the operation alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError, NotReadyError
from wisblock_bridge.module_api import EventSource, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.modules.lora.radio import Heard, LoRaRadio

FALLBACK_S = 0.5
"""With the interrupt the radio is asked so often all the same: one may have got lost, and a radio
that was reset raises none. Noticing it and the pause after an error take twice this."""


def packed(heard: Heard, broken: int) -> Result:
    """Report a packet.

    Args:
        heard: The packet.
        broken: How many came broken before it.

    Returns:
        Its readings, with the time when it was fetched.
    """
    packet = heard.packet
    values: dict[str, object] = {
        "payload": packet.payload,
        "rssi": packet.rssi_dbm,
        "snr": packet.snr_db,
        "frequency_error": packet.frequency_error_hz,
        "intact": heard.intact,
        "broken": broken,
    }
    return Result(values, heard.timestamp_ms)


class PacketEvents(EventSource):
    """The watcher for packets.

    Args:
        radio: The radio.
        poll_s: How often to ask it, s.
        edges: Its interrupt, where that reaches the computer.
        done: Called when the interrupt is not needed any more.
        broken_too: Tell packets with a wrong checksum too.
    """

    def __init__(
        self,
        radio: LoRaRadio,
        poll_s: float,
        edges: EdgeSource | None,
        done: Callable[[], None],
        *,
        broken_too: bool,
    ) -> None:
        super().__init__(poll_s if edges is None else max(poll_s, FALLBACK_S))
        self._radio = radio
        self._edges = edges
        self._done = done
        self._broken_too = broken_too
        self._fanout = radio.add_listener()

    @property
    def descriptor(self) -> int | None:
        """Readable when the radio has raised its interrupt."""
        return self._edges.descriptor if self._edges is not None else None

    def look(self) -> list[Result]:
        """Fetch what came.

        Returns:
            The packets since the last look.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready or answers no more, or did not listen for
                a while because somebody else's request had failed; it is reported once.
            SupplyLostError: The radio was reset.
            WrongChipError: No radio answers.
        """
        if self._edges is not None:
            self._edges.read()
        if not self._fanout.heard:
            self._tell_interruption()
        if not self._radio.asleep:
            try:
                self._radio.collect()
            except BridgeError:
                # What came before is reported first: after an error the watcher begins again.
                if not self._fanout.heard:
                    raise
        found: list[Result] = []
        while self._fanout.heard:
            heard = self._fanout.heard.popleft()
            if heard.intact or self._broken_too:
                found.append(packed(heard, self._fanout.broken))
            if heard.intact:
                self._fanout.broken = 0
        return found

    def _tell_interruption(self) -> None:
        reason, self._fanout.interrupted = self._fanout.interrupted, None
        if reason is not None:
            raise NotReadyError(
                f"The radio did not listen for a moment, packets may have been missed: "
                f"{reason.message}",
                hint=reason.hint,
                where=reason.where,
            )

    def close(self) -> None:
        """Stop watching."""
        self._radio.remove_listener(self._fanout)
        if self._edges is not None:
            self._edges.close()
            self._edges = None
            self._done()
