"""RAK13300: LoRa radio SX1262, packets from one radio to another.

1. Facts of the product: its lines and its operations; what they tell is in ``lora_readings``.
2. How the radio is kept is in ``lora_radio``, whether one may send in ``lora_sender``, what a user
   may choose in ``lora_settings``.
3. Nothing is sent before a region was chosen, and nothing automatically.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, runtime_checkable

from wisblock_bridge.chips.sx1262 import SX1262, longest_payload
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Result,
    TimerHandle,
    event,
    line,
    operation,
    optional_line,
    spi_device,
)
from wisblock_bridge.modules.lora import settings as lora_settings
from wisblock_bridge.modules.lora.airtime import AirtimeRecord
from wisblock_bridge.modules.lora.duty_cycle import DutyCycleLimiter
from wisblock_bridge.modules.lora.radio import LoRaRadio
from wisblock_bridge.modules.lora.readings import (
    BROKEN,
    BUSY,
    CONFIGURED,
    DUTY_WAIT,
    EVENT,
    FREQUENCY_ERROR,
    PACKET_RSSI,
    PACKETS_BROKEN,
    PACKETS_RECEIVED,
    PACKETS_SENT,
    PAYLOAD,
    RECEIVED,
    REGION,
    RESTARTS,
    RSSI,
    SENT,
    SNR,
    SUPPLY_LOSSES,
    TIME_ON_AIR,
)
from wisblock_bridge.modules.lora.watcher import PacketEvents, packed

if TYPE_CHECKING:
    from wisblock_bridge.buses.gpio import EdgeSource

OUTPUT = "radio"
SPI_HZ = 2_000_000
"""The chip tolerates 16 MHz; the boards' traces and connectors are long."""

SAVE_S = 30.0
"""What was sent is written down at most so often: a flash card tolerates only a number of
writes."""


@runtime_checkable
class Desk(Protocol):
    """What a worker tells of the requests that wait for its module."""

    closing: bool

    @property
    def queued(self) -> int:
        """How many wait."""
        ...


class RAK13300(Module):
    """Send and receive LoRa packets, from radio to radio.

    Connect the antenna before anything else: sending without one can destroy the radio. Choose the
    region with `configure`; before that the radio listens but does not send. Band, power, duty
    cycle and dwell time of the region are kept, and `send` says when the next packet may leave. The
    choice and what was sent within the last hour are remembered across restarts.

    Both radios need the same frequency, bandwidth, spreading factor, sync word, header and IQ. A
    radio either listens or sends. Packets that come while nobody listens are lost; subscribe to
    `received` to miss none. A radio that was reset, as by a dip of its supply, is started again and
    tells so once.

    This is not LoRaWAN: nothing is encrypted, acknowledged or addressed.
    """

    product = Product(
        "RAK13300",
        title="LoRa radio",
        family="wireless",
        slots=(1, 2),
        icon="wisblock-radio.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13300/overview/",
    )
    unconfirmed = (
        (
            "The rules of the regions were put together from public documents; you are responsible "
            "for what you send."
        ),
        (
            "US915 below 500 kHz asks for hopping between channels, which this module does not do "
            "by itself."
        ),
        (
            "AS923 (all groups) and CN470 differ from country to country; look up what holds where "
            "you are."
        ),
        (
            "How long and for which level KR920 listens is taken from a public program, not from "
            "the Korean rules."
        ),
        "What a dip of the supply does was tried with the emulated radio only.",
        "The frequency error comes from a register that the data sheet does not describe.",
        (
            "How many decibels the antenna switch makes, which the vendor's Python examples leave "
            "switched off."
        ),
    )

    spi = spi_device(SPI_HZ)
    reset = line("IO4")
    busy = line("IO5")
    antenna = line("IO3")
    interrupt = optional_line("IO6")

    def setup(self) -> None:
        """Recall the configuration and the air time that was used, and create the radio."""
        facts = self.memory.recall()
        self._chosen = facts.get("configuration")
        found = lora_settings.recall(self._chosen)
        self._airtime = AirtimeRecord(self.clock)
        self._airtime.read(facts.get("sent"))
        self._saving: TimerHandle | None = None
        self._edges: EdgeSource | None = None
        self._radio = LoRaRadio(
            SX1262(self.spi, self.reset, self.busy, self.clock),
            self.antenna,
            self.clock,
            (found or lora_settings.LISTENING).radio,
            self._is_closing,
        )
        self._sender = DutyCycleLimiter(self._radio, self._airtime, self.timers, self._sending)
        self._sender.configuration = found or lora_settings.LISTENING

    # -- life -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Switch the radio off, whatever an earlier run left it doing; it starts when needed."""
        self._sender.drop_queue()
        self._radio.off()
        self.busy.listen()
        if self.interrupt is not None and self._edges is None:
            self.interrupt.listen()

    def check_supply(self) -> None:
        """Check that a radio in use still has its settings and listens, by one short transfer.

        Raises:
            BusError: The bus could not be used, or the radio does not answer any more.
            NotReadyError: It has stopped listening automatically.
            SupplyLostError: It was reset.
        """
        self._radio.check_supply()

    def make_safe(self, output: str) -> None:  # noqa: ARG002  (there is one)
        """Send nothing more; listening goes on."""
        self._sender.drop_queue()
        self._radio.quiet()

    def close(self) -> None:
        """Put the radio to sleep, take the antenna switch's supply away and return the lines."""
        self._sender.drop_queue()
        with ExitStack() as always:
            for each in (self.reset, self.busy, self.antenna, self.interrupt):
                if each is not None:
                    always.callback(each.give_back)
            always.callback(self._save)
            self._radio.rest()

    # -- settings ---------------------------------------------------------------------------------

    @operation(gives=CONFIGURED, check=lora_settings.check_configure, payload_param="region")
    def configure(  # noqa: PLR0913, PLR0917  (one for each thing that two radios must agree on)
        self,
        region: lora_settings.RegionChoice,
        frequency: lora_settings.Frequency = None,
        bandwidth: lora_settings.Bandwidth = None,
        spreading_factor: lora_settings.SpreadingFactor = None,
        coding_rate: lora_settings.CodingRateChoice = None,
        preamble: lora_settings.Preamble = None,
        sync_word: lora_settings.SyncWordChoice = None,
        power: lora_settings.Power = None,
        crc: lora_settings.Crc = None,
        invert_iq: lora_settings.InvertIq = None,
        header: lora_settings.Header = None,
        payload_length: lora_settings.PayloadLength = None,
        antenna_gain: lora_settings.AntennaGain = None,
        variant: lora_settings.Variant = None,
        preset: lora_settings.Preset = None,
    ) -> Result:
        """Choose the region, and how to send and listen.

        What is not given is taken from the preset, else: the region's usual frequency, 125 kHz,
        spreading factor 7, coding rate 4/5, preamble of 8, private network, checksum, explicit
        header. The choice stays until the next one, also across restarts.

        Returns:
            What holds now.

        Raises:
            BadParamsError: The region does not allow it.
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready.
            WrongChipError: No radio answers.
        """
        chosen = {name: value for name, value in locals().items() if name != "self"}
        chosen["region"] = str(region)
        configuration = lora_settings.resolve(lora_settings.Chosen(chosen))
        self._sender.configuration = configuration
        self._chosen = {name: value for name, value in chosen.items() if value is not None}
        self._save()
        self._radio.set(configuration.radio)
        return self.kept(self._configured())

    @operation(gives=CONFIGURED, main=REGION, reads_only=True)
    def settings(self) -> Result:
        """Return how the radio is set, without using it.

        Returns:
            What holds now.
        """
        return self._configured()

    @operation(
        gives=(RESTARTS, SUPPLY_LOSSES, PACKETS_SENT, PACKETS_RECEIVED, PACKETS_BROKEN),
        main=RESTARTS,
        reads_only=True,
    )
    def counters(self) -> Result:
        """Return what has happened since the module was opened, without using the radio.

        Returns:
            How often the radio had to be started again, and how many packets went and came.
        """
        counted = self._radio.counters
        return self.readings(
            restarts=counted.restarts,
            supply_losses=counted.supply_losses,
            packets_sent=counted.sent,
            packets_received=counted.received,
            packets_broken=counted.broken,
        )

    # -- sending ----------------------------------------------------------------------------------

    @operation(
        gives=(TIME_ON_AIR, DUTY_WAIT, SENT),
        main=TIME_ON_AIR,
        drives=OUTPUT,
        payload_param="payload",
        default=True,
    )
    def send(
        self,
        payload: Annotated[
            bytes, Param("What to send, 1 to 255 bytes; text goes as UTF-8.", low=1, high=255)
        ],
        when_full: Annotated[
            Literal["refuse", "queue"],
            Param("What to do while the region's air time is used up: refuse, saying when it may "
                  "be sent, or send it automatically as soon as it may (16 packets can wait)."),
        ] = "refuse",
    ) -> Result:  # fmt: skip
        """Send a packet and wait until it has left.

        Returns:
            ``time_on_air``, ``duty_wait`` and ``sent``.

        Raises:
            ForbiddenError: No region was chosen, the packet is too long for it, the air time is
                used up, or somebody else sends where one must listen first; ``data.wait_ms`` says
                when to try again.
            BadParamsError: Without a header, the packet has not the length agreed.
            BusyError: 16 packets wait already.
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready, or does not finish.
            SupplyLostError: It was reset meanwhile; whether the packet has left is said.
            WrongChipError: No radio answers.
        """
        airtime_ms, wait_s, sent = self._sender.send(payload, queue=when_full == "queue")
        return self.kept(
            self.readings(time_on_air=airtime_ms, duty_wait=wait_s * 1000.0, sent=sent)
        )

    @operation(gives=(BUSY,), main=BUSY)
    def cad(self) -> Result:
        """Find out whether somebody is sending on the channel, by looking for LoRa symbols.

        It takes 3 to 5 symbols. A listener is deaf meanwhile.

        Returns:
            ``busy``.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready, or does not finish.
            WrongChipError: No radio answers.
        """
        return self.readings(busy=self._radio.detect_activity())

    @operation(gives=(), drives=OUTPUT, urgent=True)
    def sleep(self) -> Result:
        """Put the radio to sleep; packets that wait are dropped, and the next request wakes it.

        Those who subscribed to `received` hear nothing until then.

        Returns:
            Nothing.

        Raises:
            BusError: A line could not be driven.
        """
        self._sender.drop_queue()
        self._radio.asleep = True
        self._radio.rest()
        return self.readings()

    # -- listening --------------------------------------------------------------------------------

    @operation(gives=(RECEIVED, PAYLOAD, PACKET_RSSI, SNR, FREQUENCY_ERROR, BROKEN), main=PAYLOAD)
    def receive(
        self,
        timeout_ms: Annotated[
            int,
            Param("How long to wait for a packet.", unit="millisecond", low=1, high=60_000,
                  label="Wait"),
        ] = 5000,
    ) -> Result:  # fmt: skip
        """Wait for one packet; that none came is no error.

        A request to the same radio ends the wait early (after a tenth of a second at the soonest).
        To miss nothing, subscribe to `received` instead.

        Returns:
            ``received``, and when that is true the packet.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready, or answers no more.
            WrongChipError: No radio answers.
        """
        heard, broken = self._radio.receive(timeout_ms / 1000.0, self._is_wanted)
        if heard is None:
            return self.readings(received=False, broken=broken)
        found = packed(heard, broken)
        del found.values["intact"]
        found.values["received"] = True
        return found

    @operation(gives=(RSSI,), main=RSSI, reads_only=True)
    def rssi(self) -> Result:
        """Measure how strong it is on the channel just now, from any sender.

        Returns:
            ``rssi``.

        Raises:
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready, or is not listening: no value then.
            SupplyLostError: It was reset; the next request starts it again.
            WrongChipError: No radio answers.
        """
        return self.readings(rssi=self._radio.rssi_dbm())

    @event(gives=EVENT, main=PAYLOAD, polled=True, occurrence=True)
    def received(
        self,
        poll_ms: Annotated[
            int,
            Param("How often to ask the radio, where its interrupt does not reach the computer.",
                  unit="millisecond", low=5, high=1000),
        ] = 20,
        broken_too: Annotated[  # noqa: FBT002  (the signature is the description)
            bool, Param("Report packets with a wrong checksum too, marked as not intact.")
        ] = False,
    ) -> PacketEvents:  # fmt: skip
        """Report every packet that comes, for as long as somebody is subscribed.

        The radio keeps a packet until the next one has come, so asking every 20 ms misses none of
        the usual length.

        Returns:
            The event source.

        Raises:
            BusError: The line of the interrupt could not be used.
        """
        edges = None
        if self.interrupt is not None and self.interrupt.has_edges and self._edges is None:
            edges = self._edges = self.interrupt.edges()
        return PacketEvents(
            self._radio, poll_ms / 1000.0, edges, self._forget_edges, broken_too=broken_too
        )

    # -- inside -----------------------------------------------------------------------------------

    def _forget_edges(self) -> None:
        self._edges = None

    def _is_closing(self) -> bool:
        return isinstance(self.timers, Desk) and self.timers.closing

    def _is_wanted(self) -> bool:
        return isinstance(self.timers, Desk) and self.timers.queued > 0

    def _configured(self) -> Result:
        configuration = self._sender.configuration
        radio, region = configuration.radio, configuration.region
        budget, limit_ms = configuration.rule
        return self.readings(
            region=region.name.value if region else "",
            frequency=radio.frequency_hz / 1e6,
            bandwidth=radio.bandwidth_khz,
            spreading_factor=radio.spreading_factor,
            power=radio.power_dbm,
            longest_payload=longest_payload(radio, math.inf if limit_ms is None else limit_ms),
            duty_cycle=budget.percent if budget else None,
        )

    def _sending(self) -> None:
        if self._saving is None:
            self._saving = self.timers.after(SAVE_S, self._save)

    def _save(self) -> None:
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        facts: dict[str, object] = {"sent": self._airtime.written()}
        if isinstance(self._chosen, dict):
            facts["configuration"] = self._chosen
        self.memory.remember(facts)
