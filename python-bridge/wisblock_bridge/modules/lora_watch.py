"""Looking out for LoRa packets.

1. Where the radio's interrupt reaches the computer, it tells; elsewhere the radio is asked.
2. What a packet is told as is here, for the event and for the operation alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.describe import Readings, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.modules.lora_radio import Heard, LoRaRadio

FALLBACK_S = 1.0
"""With the interrupt the radio is asked so often all the same, in case one got lost."""


def packed(heard: Heard, broken: int) -> Readings:
    """Tell a packet.

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
    return Readings(values, heard.timestamp_ms)


class LoRaWatch(Watch):
    """The look-out for packets.

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
        self._ear = radio.open_ear()

    @property
    def descriptor(self) -> int | None:
        """Readable when the radio has raised its interrupt."""
        return self._edges.descriptor if self._edges is not None else None

    def look(self) -> list[Readings]:
        """Fetch what came.

        Returns:
            The packets since the last look.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready or answers no more.
            WrongChipError: No radio answers.
        """
        if self._edges is not None:
            self._edges.read()
        if not self._radio.asleep:
            self._radio.collect()
        found: list[Readings] = []
        while self._ear.heard:
            heard = self._ear.heard.popleft()
            if heard.intact or self._broken_too:
                found.append(packed(heard, self._ear.broken))
            if heard.intact:
                self._ear.broken = 0
        return found

    def close(self) -> None:
        """Look out no longer."""
        self._radio.close_ear(self._ear)
        if self._edges is not None:
            self._edges.close()
            self._edges = None
            self._done()
