"""A LoRa radio with its antenna switch: asleep, listening or sending, and who hears what.

1. It starts the radio when somebody needs it and again after whatever went wrong.
2. While somebody listens, the radio is asked at a bounded rate whether something came; every
   listener gets every packet.
3. Whether one may send is not its business; that is decided before.
4. A radio that was reset while it listened is started again, and every listener is told once.
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wisblock_bridge.chips.sx1262 import Irq, Mode, time_on_air_ms
from wisblock_bridge.errors import BridgeError, ClosingError, NotReadyError, SupplyLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.chips.sx1262 import SX1262, LoRa, Packet
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import DigitalLine

POLL_S = 0.005
SHORTEST_S = 0.001
SLICE_S = 0.05
"""While it is known that nothing can be finished yet, the radio is left alone so long."""

COURTESY_S = 0.1
"""A client that waits for a packet keeps the radio at least so long before others get it."""

RSSI_SETTLING_S = 0.005
TRANSMIT_MARGIN_S = 0.1
MOST_HEARD = 64
LONGEST_LISTEN_S = 250.0
"""A little less than the chip's own timer allows."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet, and when it was fetched.

    Attributes:
        packet: The packet.
        intact: Its checksum is right, or it has none.
        timestamp_ms: Milliseconds since 1970.
    """

    packet: Packet
    intact: bool
    timestamp_ms: float


@dataclass(slots=True, eq=False)
class PacketListener:
    """One listener.

    Attributes:
        heard: What came and was not fetched yet; later packets push the oldest out.
        broken: Packets whose checksum or header was wrong.
        interrupted: Why the radio did not listen for a while; None when nothing is to be reported.
    """

    heard: deque[Heard] = field(default_factory=lambda: deque(maxlen=MOST_HEARD))
    broken: int = 0
    interrupted: BridgeError | None = None


@dataclass(slots=True)
class Counters:
    """What has happened since the module was made.

    Attributes:
        restarts: How often the radio was started again after something had gone wrong.
        supply_losses: How often it had been reset and forgotten its settings.
        sent: Packets that have left.
        received: Packets that came intact.
        broken: Packets that came with a wrong checksum or header.
    """

    restarts: int = 0
    supply_losses: int = 0
    sent: int = 0
    received: int = 0
    broken: int = 0


class LoRaRadio:
    """The radio of one slot.

    Args:
        chip: The transceiver.
        antenna: Supply of the antenna switch, high for on.
        clock: Time.
        settings: How it sends and listens at first.
        closing: Tells whether everything is to end.
    """

    def __init__(
        self,
        chip: SX1262,
        antenna: DigitalLine,
        clock: Clock,
        settings: LoRa,
        closing: Callable[[], bool],
    ) -> None:
        self._chip = chip
        self._antenna = antenna
        self._clock = clock
        self._closing = closing
        self._settings = settings
        self._listeners: list[PacketListener] = []
        self._awake = False
        self._listening = False
        self._single = False
        self.asleep = False
        self.counters = Counters()

    @property
    def settings(self) -> LoRa:
        """How it sends and listens."""
        return self._settings

    # -- life -------------------------------------------------------------------------------------

    def off(self) -> None:
        """Switch off, whatever it is doing: reset held low, antenna switch without supply.

        Raises:
            BusError: A line could not be driven; the other one was tried nevertheless.
        """
        self._awake = self._listening = False
        try:
            self._chip.hold_in_reset()
        finally:
            self._antenna.drive(0)

    def rest(self) -> None:
        """Put the radio to sleep; where it does not obey, it is switched off.

        Raises:
            BusError: A line could not be driven.
        """
        if not self._awake:
            self.off()
            return
        self._awake = self._listening = False
        try:
            self._chip.sleep()
        except BridgeError:
            self.off()
        else:
            self._antenna.drive(0)

    def quiet(self) -> None:
        """End a transmission that is under way; where the radio does not obey, switch it off.

        Raises:
            BusError: A line could not be driven.
        """
        if not self._awake:
            self.off()
            return
        self._listening = False
        try:
            self._chip.standby()
        except BridgeError:
            self.off()

    def set(self, settings: LoRa) -> None:
        """Change how it sends and listens.

        Args:
            settings: The new way.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready.
            SupplyLostError: It was reset meanwhile.
            WrongChipError: No radio answers.
        """
        if self._awake:
            # What it has heard, or that it had been reset, is found out before it is reset here.
            with suppress(BridgeError), self._careful():
                if self._listening:
                    self._fetch()
                else:
                    self._chip.check_setup()
        self._settings = settings
        with self._careful():
            self._bring_up()

    def check_supply(self) -> None:
        """Check, by one short transfer, that a radio in use still has its settings and listens.

        A radio that sleeps or is off is not asked: that would wake it.

        Raises:
            BusError: The bus could not be used, or the radio does not answer any more.
            NotReadyError: It has stopped listening automatically.
            SupplyLostError: It was reset.
        """
        if not self._awake:
            return
        with self._careful():
            mode = self._chip.check_setup()
            if self._listening and not self._single and mode is not Mode.RECEIVE:
                self._fetch()

    # -- sending ----------------------------------------------------------------------------------

    def send(self, payload: bytes) -> None:
        """Send a packet and wait until it has left.

        Args:
            payload: Its bytes.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready, or does not finish.
            SupplyLostError: The radio was reset; whether the packet has left is said.
            ClosingError: Everything ends; the transmission was broken off.
        """
        with self._careful():
            self._collect_before_leaving()
            self._listening = False
            limit_s = self._chip.begin_transmit(payload) + TRANSMIT_MARGIN_S
            begun_s = self._clock.monotonic()
            expected_s = begun_s + time_on_air_ms(self._settings, len(payload)) / 1000.0
            while True:
                now = self._clock.monotonic()
                found = self._sent()
                if found & Irq.TX_DONE:
                    self.counters.sent += 1
                    return
                if found & Irq.TIMEOUT or now >= begun_s + limit_s:
                    self._chip.standby()
                    raise NotReadyError(
                        "The transmission did not finish in time.",
                        hint="The supply may be too weak for this power, or the radio has failed; "
                        "it is started again with the next request.",
                        where=self._chip.name,
                    )
                if self._closing():
                    self._chip.standby()
                    raise ClosingError("The transmission was broken off: the module is closed.")
                self._clock.sleep(max(POLL_S, min(SLICE_S, expected_s - now)))

    def _sent(self) -> Irq:
        try:
            return self._chip.take_irq(Mode.TRANSMIT)
        except SupplyLostError as error:
            raise SupplyLostError(
                "The radio was reset while it was sending; the packet has not left whole.",
                hint="Its supply fails when it sends: a lower power, or a better supply. It is "
                "started again with the next request.",
                where=self._chip.name,
            ) from error

    # -- listening --------------------------------------------------------------------------------

    def add_listener(self) -> PacketListener:
        """Begin to listen.

        Returns:
            A listener; the radio begins with the next ``collect``.
        """
        listener = PacketListener()
        self._listeners.append(listener)
        return listener

    def remove_listener(self, listener: PacketListener) -> None:
        """Listen no longer; with the last listener the radio ends it.

        Args:
            listener: The listener; closing twice is allowed.
        """
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        if not self._listeners and self._listening:
            self._listening = False
            try:
                self._chip.standby()
            except BridgeError:
                self._awake = False  # it is reset before it is used again

    def collect(self) -> None:
        """See to it that the radio listens, and hand out what came.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready or answers no more.
            WrongChipError: No radio answers.
        """
        with self._careful():
            self._listen(None)
            self._fetch()

    def receive(self, timeout_s: float, wanted: Callable[[], bool]) -> tuple[Heard | None, int]:
        """Wait for a packet.

        Args:
            timeout_s: How long.
            wanted: Tells whether somebody else wants the radio; after a tenth of a second of
                waiting, that ends the wait.

        Returns:
            The packet, None when none came; and how many came broken meanwhile.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready or answers no more.
            WrongChipError: No radio answers.
        """
        others = bool(self._listeners)
        listener = self.add_listener()
        begun_s = self._clock.monotonic()
        try:
            while True:
                with self._careful():
                    remaining_s = begun_s + timeout_s - self._clock.monotonic()
                    # The radio rests after the packet, even if this process dies meanwhile.
                    self._listen(None if others else max(remaining_s, POLL_S))
                    self._fetch()
                found = next((each for each in listener.heard if each.intact), None)
                if found is not None:
                    return found, listener.broken
                waited_s = self._clock.monotonic() - begun_s
                if waited_s >= timeout_s or self._closing():
                    return None, listener.broken
                if waited_s >= COURTESY_S and wanted():
                    return None, listener.broken
                self._clock.sleep(min(POLL_S, max(timeout_s - waited_s, SHORTEST_S)))
        finally:
            self.remove_listener(listener)

    def rssi_dbm(self, duration_s: float = 0.0) -> float:
        """Measure how strong it is on the channel.

        Args:
            duration_s: For how long; 0 for once.

        Returns:
            dBm, the strongest that was measured.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready or answers no more.
            SupplyLostError: The radio was reset.
            WrongChipError: No radio answers.
        """
        with self._careful():
            if not self._listening or self._single:
                self._listen(None)
                self._clock.sleep(RSSI_SETTLING_S)
            end_s = self._clock.monotonic() + duration_s
            found = self._chip.rssi_dbm()
            while self._clock.monotonic() < end_s:
                self._clock.sleep(SHORTEST_S)
                found = max(found, self._chip.rssi_dbm())
            if not self._listeners:
                self._listening = False
                self._chip.standby()
            return found

    def detect_activity(self) -> bool:
        """Find out whether somebody is sending.

        Returns:
            Whether a preamble was noticed.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready, or does not finish.
            WrongChipError: No radio answers.
        """
        with self._careful():
            self._collect_before_leaving()
            self._listening = False
            return self._chip.detect_activity()

    # -- inside -----------------------------------------------------------------------------------

    def _careful(self) -> ExitStack:
        """After an error the radio's state is not known: it is started again."""
        stack = ExitStack()
        stack.push(self._note_failure)
        return stack

    def _note_failure(
        self, kind: type[BaseException] | None, error: BaseException | None, *_: object
    ) -> bool:
        if kind is None or issubclass(kind, ClosingError):
            return False
        if self._awake:
            self.counters.restarts += 1
            self.counters.supply_losses += issubclass(kind, SupplyLostError)
            if isinstance(error, BridgeError):
                for listener in self._listeners:
                    listener.interrupted = error
        self._awake = self._listening = False
        return False

    def _wake(self) -> bool:
        """Start the radio if it is not; tell whether it was awake before."""
        self.asleep = False
        if self._awake:
            return True
        self._bring_up()
        return False

    def _bring_up(self) -> None:
        """Start the radio from its reset line on, whatever it was doing."""
        self.asleep = self._listening = False
        self._chip.start()
        self._chip.configure(self._settings)
        self._antenna.drive(1)
        self._awake = True

    def _listen(self, timeout_s: float | None) -> None:
        self._wake()
        if self._listening and not (self._single and timeout_s is None):
            return
        if timeout_s is not None and timeout_s > LONGEST_LISTEN_S:
            timeout_s = None
        self._chip.begin_receive(timeout_s)
        self._listening, self._single = True, timeout_s is not None

    def _collect_before_leaving(self) -> None:
        """Fetch what has come already, before the radio does something else."""
        if self._wake() and self._listening:
            self._fetch()

    def _fetch(self) -> None:
        found = self._chip.take_irq(Mode.RECEIVE if self._listening else None)
        if not found:
            return
        broken = bool(found & Irq.HEADER_ERROR)
        if found & Irq.RX_DONE:
            intact = not found & Irq.CRC_ERROR
            heard = Heard(self._chip.take_packet(), intact, self._clock.timestamp_ms())
            for listener in self._listeners:
                listener.heard.append(heard)
            self.counters.received += intact
            broken = broken or not intact
        if broken:
            self.counters.broken += 1
            for listener in self._listeners:
                listener.broken += 1
        if self._single:
            self._listening = False
