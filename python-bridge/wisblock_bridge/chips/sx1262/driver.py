"""Driver of the SX1262, LoRa packets only.

1. BUSY is waited for, always with an end; a chip that does not get ready is an error in words.
2. What the chip reports is asked over SPI. It may be asked often: that costs one short transfer and
   no look at BUSY, which sits behind an I2C expander on some boards.
3. Bands, duty cycles and antenna switches are others' business; when to transmit, too.
4. A chip that lost its supply answers as before, in standby, and reports no error. The packet type
   tells: it is 0 (FSK) after every reset and is set to LoRa as the very first setting, so a chip
   whose packet type is LoRa has kept all that was set after it. It is read before the chip is sent
   on the air and after what it has received was read, never only once at the start.

The workarounds of the data sheet's chapter 15 are here: 15.1 modulation quality at 500 kHz, 15.2
antenna mismatch, 15.3 the timer after reception without header, 15.4 inverted IQ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from wisblock_bridge.chips.sx1262 import commands
from wisblock_bridge.chips.sx1262.air_time import time_on_air_ms
from wisblock_bridge.chips.sx1262.commands import BANDWIDTHS, DeviceErrors, Irq, Mode, Opcode
from wisblock_bridge.chips.sx1262.link import COMMAND_LIMIT_S, LORA, START_LIMIT_S, Link
from wisblock_bridge.errors import NotReadyError, WrongChipError

if TYPE_CHECKING:
    from wisblock_bridge.buses.spi import SpiDevice
    from wisblock_bridge.chips.sx1262.air_time import LoRa
    from wisblock_bridge.chips.sx1262.link import Pin
    from wisblock_bridge.clock import Clock

RESET_S = 0.001

TCXO_START_S = 0.005
TCXO_1V8 = 0x02
CALIBRATE_ALL = 0x7F
CALIBRATION_S = 0.0035
"""All blocks (data sheet, 9.2.1); BUSY is high meanwhile, and looked at after it only."""
REGULATOR_DC_DC = 0x01
RAMP_200_US = 0x04
STANDBY_RC = 0x00
SLEEP_COLD = 0x00
SLEEP_SETTLING_S = 0.0005
"""After SetSleep the chip is left alone so long (data sheet, 9.3)."""

TRANSMIT_MARGIN_S = 0.5
POLL_S = 0.005

_REGISTER_SYNC_WORD = 0x0740
_REGISTER_IQ_POLARITY = 0x0736
_REGISTER_FREQUENCY_ERROR = 0x076B
_REGISTER_TX_MODULATION = 0x0889
_REGISTER_RX_GAIN = 0x08AC
_REGISTER_TX_CLAMP = 0x08D8
_REGISTER_TIMER_CONTROL = 0x0902
_REGISTER_EVENT_MASK = 0x0944

_SYNC_WORD_AFTER_RESET = bytes((0x14, 0x24))
_RX_GAIN_BOOSTED = 0x96
_TX_CLAMP_BITS = 0x1E
_BIT_2 = 0x04
_BIT_1 = 0x02

_RECEIVE_IRQS = Irq.RX_DONE | Irq.HEADER_ERROR | Irq.CRC_ERROR | Irq.TIMEOUT
_TRANSMIT_IRQS = Irq.TX_DONE | Irq.TIMEOUT
_CAD_IRQS = Irq.CAD_DONE | Irq.CAD_DETECTED


@dataclass(frozen=True, slots=True)
class Packet:
    """What was received.

    Attributes:
        payload: The bytes.
        rssi_dbm: How strong it was.
        snr_db: How far above the noise.
        frequency_error_hz: How far the sender's frequency is above the own.
    """

    payload: bytes
    rssi_dbm: float
    snr_db: float
    frequency_error_hz: float


class SX1262:
    """One radio with a TCXO of 1.8 V on DIO3, an antenna switch on DIO2 and the inductor fitted.

    Args:
        spi: Its chip select.
        reset: NRESET.
        busy: BUSY.
        clock: Time.
    """

    def __init__(self, spi: SpiDevice, reset: Pin, busy: Pin, clock: Clock) -> None:
        self._link = Link(spi, busy, clock)
        self._reset = reset
        self._clock = clock
        self._settings: LoRa | None = None

    @property
    def name(self) -> str:
        """What people call it: its chip select."""
        return self._link.name

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Reset the chip and bring it to standby, ready to be configured.

        Raises:
            BusError: A line or the bus could not be used.
            NotReadyError: BUSY does not fall, or the oscillator does not start.
            WrongChipError: Nothing, or something else, answers.
        """
        self._settings = None
        self._reset.drive(0)
        self._clock.sleep(RESET_S)
        self._reset.drive(1)
        self._clock.sleep(RESET_S)
        self._link.wait_ready(START_LIMIT_S)
        self._link.transfer(bytes((Opcode.SET_STANDBY, STANDBY_RC)))  # whatever is there
        self._link.wait_ready(START_LIMIT_S)
        self._identify()
        self._link.write(Opcode.SET_PACKET_TYPE, LORA)  # before all other settings: rule 4
        tcxo = bytes((TCXO_1V8,)) + commands.duration(TCXO_START_S)
        self._link.write(Opcode.SET_DIO3_AS_TCXO_CTRL, *tcxo)
        # After power-on the chip has looked for a crystal that is not there, and says so.
        self._link.write(Opcode.CLEAR_DEVICE_ERRORS, 0, 0)
        self._link.write(Opcode.CALIBRATE, CALIBRATE_ALL)
        self._clock.sleep(TCXO_START_S + CALIBRATION_S)
        self._link.wait_ready(START_LIMIT_S)
        self._link.write(Opcode.SET_STANDBY, STANDBY_RC)
        self._check_errors()
        self._link.write(Opcode.SET_REGULATOR_MODE, REGULATOR_DC_DC)
        self._link.write(Opcode.SET_DIO2_AS_RF_SWITCH_CTRL, 1)
        (clamp,) = self._link.read_register(_REGISTER_TX_CLAMP, 1)
        self._link.write_register(_REGISTER_TX_CLAMP, clamp | _TX_CLAMP_BITS)  # workaround 15.2
        self._link.write_register(_REGISTER_RX_GAIN, _RX_GAIN_BOOSTED)
        self._link.write(Opcode.SET_BUFFER_BASE_ADDRESS, 0, 0)

    def configure(self, settings: LoRa) -> None:
        """Set everything that two radios must agree on; the radio is in standby afterwards.

        Args:
            settings: How to send and listen.

        Raises:
            BusError: The bus could not be used.
            NotReadyError: The chip does not get ready, or does not hold what it was told.
            SupplyLostError: The chip was reset.
        """
        self.standby()
        self._link.write(Opcode.CALIBRATE_IMAGE, *commands.image_calibration(settings.frequency_hz))
        self._link.write(Opcode.SET_RF_FREQUENCY, *commands.frequency_word(settings.frequency_hz))
        amplifier, power = commands.power(settings.power_dbm)
        self._link.write(Opcode.SET_PA_CONFIG, *amplifier)
        self._link.write(Opcode.SET_TX_PARAMS, power, RAMP_200_US)
        self._link.write(
            Opcode.SET_MODULATION_PARAMS,
            settings.spreading_factor,
            BANDWIDTHS[settings.bandwidth_khz],
            settings.coding_rate - 4,
            int(settings.low_data_rate),
        )
        self._link.write_register(_REGISTER_SYNC_WORD, *settings.sync_word.to_bytes(2, "big"))
        self._settings = settings
        self._set_packet(settings.implicit_length or 0xFF)
        self._check_sync_word(settings)
        self._link.check_setup()

    def check_setup(self) -> Mode:
        """Check that the chip still has its settings, as ``Link.check_setup`` says."""
        return self._link.check_setup()

    def standby(self) -> None:
        """End whatever is going on.

        Raises:
            BusError: The bus could not be used.
            NotReadyError: The chip does not get ready.
        """
        self._link.write(Opcode.SET_STANDBY, STANDBY_RC)

    def sleep(self) -> None:
        """Send the chip to sleep; it forgets everything, and ``start`` wakes it.

        Raises:
            BusError: The bus could not be used.
            NotReadyError: The chip does not get ready, or does not go to sleep.
        """
        self.standby()
        self._link.write(Opcode.SET_SLEEP, SLEEP_COLD)
        self._settings = None
        self._clock.sleep(SLEEP_SETTLING_S)
        if not self._link.busy():  # it is high for as long as the chip sleeps (data sheet, 8.3.1)
            raise NotReadyError(
                "The radio did not go to sleep: BUSY is low.",
                hint="It is switched off by its reset line instead.",
                where=self._link.name,
            )

    def hold_in_reset(self) -> None:
        """Switch the chip off by its reset line, whatever it is doing.

        Raises:
            BusError: The line could not be driven.
        """
        self._settings = None
        self._reset.drive(0)

    # -- packets ----------------------------------------------------------------------------------

    def begin_transmit(self, payload: bytes) -> float:
        """Begin to send a packet; ``take_irq`` tells when it has left.

        Args:
            payload: 0...255 bytes; where there is no header, exactly as many as agreed.

        Returns:
            After how many seconds the chip itself gives up.

        Raises:
            BusError: The bus could not be used.
            NotReadyError: The chip does not get ready.
            SupplyLostError: The chip was reset; nothing was sent.
        """
        settings = self._configured()
        self.standby()
        self._link.write(Opcode.SET_BUFFER_BASE_ADDRESS, 0, 0)
        self._link.write(Opcode.WRITE_BUFFER, 0, *payload)
        self._set_packet(len(payload))
        (quality,) = self._link.read_register(_REGISTER_TX_MODULATION, 1)
        wide = settings.bandwidth_khz == 500.0  # noqa: PLR2004  (kHz)
        quality = quality & ~_BIT_2 if wide else quality | _BIT_2  # workaround 15.1
        self._link.write_register(_REGISTER_TX_MODULATION, quality)
        self._expect(_TRANSMIT_IRQS)
        limit_s = time_on_air_ms(settings, len(payload)) / 1000.0 + TRANSMIT_MARGIN_S
        limit_s = min(limit_s, commands.LONGEST_TIMEOUT_S)
        self._link.check_setup()
        self._link.write(Opcode.SET_TX, *commands.duration(limit_s))
        self._await_oscillator()
        return limit_s

    def begin_receive(self, timeout_s: float | None = None) -> None:
        """Begin to listen; ``take_irq`` tells what came.

        Args:
            timeout_s: The chip ends automatically after one packet or this many seconds (262 at
                most); None to go on until told otherwise.

        Raises:
            BusError: The bus could not be used.
            NotReadyError: The chip does not get ready.
            SupplyLostError: The chip was reset.
        """
        settings = self._configured()
        self.standby()
        self._link.write(Opcode.SET_BUFFER_BASE_ADDRESS, 0, 0)
        self._set_packet(settings.implicit_length or 0xFF)
        self._expect(_RECEIVE_IRQS)
        self._link.check_setup()
        self._link.write(Opcode.SET_RX, *commands.duration(timeout_s))
        self._await_oscillator()

    def take_irq(self, busy_with: Mode | None = None) -> Irq:
        """Ask what has happened, and have the chip forget it.

        Args:
            busy_with: What the chip must be doing while it has nothing to report; None where it
                may have ended without a word.

        Returns:
            What was reported since the last time.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip has left what it was doing automatically.
            SupplyLostError: The chip was reset.
        """
        found, mode = self._link.irq_status()
        if not found and busy_with not in {None, mode}:
            # The mode comes a byte before the reports: it may have ended in between.
            found, mode = self._link.irq_status()
            if not found and mode is not busy_with:
                self._explain(mode)
        if found:
            self._link.send(Opcode.CLEAR_IRQ_STATUS, *int(found).to_bytes(2, "big"))
        return found

    def take_packet(self) -> Packet:
        """Fetch the packet that was received last.

        Returns:
            The packet.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip does not get ready.
            SupplyLostError: The chip was reset meanwhile: what was read is no packet.
        """
        settings = self._configured()
        answer = self._link.read(Opcode.GET_RX_BUFFER_STATUS, 2)
        length, start = answer
        if settings.implicit_length is not None:
            length = settings.implicit_length
            self._stop_timer()
        rssi, snr, _signal = self._link.read(Opcode.GET_PACKET_STATUS, 3)
        status = commands.packet_status(rssi, snr)
        raw = self._link.read_register(_REGISTER_FREQUENCY_ERROR, 3)
        # The chip's own pointer wraps at the end of the buffer, so one read is enough.
        payload = self._link.exchange(Opcode.READ_BUFFER, start, 0, *bytes(length))[3:]
        self._link.check_setup()
        return Packet(
            payload,
            status.rssi_dbm,
            status.snr_db,
            commands.frequency_error_hz(raw, settings.bandwidth_hz / 1000.0),
        )

    def rssi_dbm(self) -> float:
        """Measure how strong it is on the channel; the radio must be listening.

        Returns:
            dBm, in steps of 0.5.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip does not get ready, or is not listening: what it gives then is
                no measurement.
            SupplyLostError: The chip was reset.
        """
        self._link.wait_ready(COMMAND_LIMIT_S)
        answer = self._link.exchange(Opcode.GET_RSSI_INST, 0, 0)
        mode = commands.mode(answer[1])
        if mode is not Mode.RECEIVE:
            self._explain(mode)
        return -answer[2] / 2

    def detect_activity(self) -> bool:
        """Find out whether somebody is sending a LoRa packet like ours; standby afterwards.

        Returns:
            Whether a preamble was noticed.

        Raises:
            BusError: The bus could not be used, or the chip does not answer.
            NotReadyError: The chip does not get ready, or does not finish.
            SupplyLostError: The chip was reset.
        """
        settings = self._configured()
        self.standby()
        params, looked_at = commands.cad(settings.spreading_factor)
        self._link.write(Opcode.SET_CAD_PARAMS, *params)
        self._expect(_CAD_IRQS)
        self._link.check_setup()
        self._link.write(Opcode.SET_CAD)
        self._await_oscillator()
        limit_s = (looked_at + 1) * settings.symbol_ms / 1000.0 + COMMAND_LIMIT_S
        end_s = self._clock.monotonic() + limit_s
        self._clock.sleep((looked_at + 0.5) * settings.symbol_ms / 1000.0)
        while True:
            found = self.take_irq()
            if found & Irq.CAD_DONE:
                return bool(found & Irq.CAD_DETECTED)
            if self._clock.monotonic() >= end_s:
                self._link.check_setup()
                self.standby()
                raise NotReadyError(
                    f"The detection of activity did not finish within {limit_s * 1000:.0f} ms.",
                    hint="Try again; if it stays so, the radio's oscillator may have failed.",
                    where=self._link.name,
                )
            self._clock.sleep(POLL_S)

    def _await_oscillator(self) -> None:
        """Wait for the oscillator: BUSY is high until it runs, and is not looked at before."""
        self._clock.sleep(TCXO_START_S)
        self._link.wait_ready(COMMAND_LIMIT_S)

    def errors(self) -> DeviceErrors:
        """Ask what failed inside.

        Returns:
            The known bits.

        Raises:
            BusError: The bus could not be used, or the chip does not answer any more.
            NotReadyError: The chip does not get ready.
        """
        high, low = self._link.read(Opcode.GET_DEVICE_ERRORS, 2)
        known = sum(DeviceErrors)
        return DeviceErrors((high << 8 | low) & known)

    # -- inside -----------------------------------------------------------------------------------

    def _configured(self) -> LoRa:
        if self._settings is None:
            raise NotReadyError(
                "The radio was not configured.", hint="Start it again.", where=self._link.name
            )
        return self._settings

    def _identify(self) -> None:
        """Look at two registers whose values after a reset are known."""
        answer = self._link.transfer(
            bytes((Opcode.READ_REGISTER, *_REGISTER_SYNC_WORD.to_bytes(2, "big"), 0, 0, 0))
        )
        if answer[4:] == _SYNC_WORD_AFTER_RESET:
            return
        what = "Nothing answers" if len(set(answer)) == 1 else "Something else answers"
        raise WrongChipError(
            f"{what}: no SX1262 on {self._link.name} (read {answer[4:].hex(' ')}, not 14 24).",
            hint="Is the module plugged in firmly, in this slot? An SPI card in a mini-PCIe socket "
            "uses the same chip select.",
            where=self._link.name,
        )

    def _explain(self, mode: Mode) -> NoReturn:
        """Return why the chip does not do what it was told."""
        self._link.check_setup()
        found = self.errors()
        raise NotReadyError(
            f"The radio has stopped by itself (it is in {mode.name}; reported: "
            f"{found.name or int(found) if found else 'no error'}).",
            hint="It is started again. If it stays so, its oscillator or supply may have failed.",
            where=self._link.name,
        )

    def _check_sync_word(self, settings: LoRa) -> None:
        found = int.from_bytes(self._link.read_register(_REGISTER_SYNC_WORD, 2), "big")
        if found == settings.sync_word:
            return
        self._link.check_setup()
        raise NotReadyError(
            f"The radio does not hold what it was told: its sync word reads 0x{found:04X}, not "
            f"0x{settings.sync_word:04X}.",
            hint="Is the module plugged in firmly? It is started again with the next request.",
            where=self._link.name,
        )

    def _check_errors(self) -> None:
        found = self.errors()
        if not found:
            return
        self._link.check_setup()  # after a reset the crystal is reported as well
        if found & (DeviceErrors.CRYSTAL_START | DeviceErrors.PLL_LOCK):
            message = "The radio's oscillator (TCXO) does not start."
        else:
            message = "The radio's calibration failed."
        raise NotReadyError(
            f"{message} Reported: {found.name or int(found)}.",
            hint="Is the supply of the module in order? Pull it out and plug it in again.",
            where=self._link.name,
        )

    def _set_packet(self, length: int) -> None:
        settings = self._configured()
        self._link.write(
            Opcode.SET_PACKET_PARAMS,
            *settings.preamble.to_bytes(2, "big"),
            int(settings.implicit_length is not None),
            length,
            int(settings.crc),
            int(settings.invert_iq),
        )
        (polarity,) = self._link.read_register(_REGISTER_IQ_POLARITY, 1)
        # Workaround 15.4: the bit is set for standard and cleared for inverted IQ.
        polarity = polarity & ~_BIT_2 if settings.invert_iq else polarity | _BIT_2
        self._link.write_register(_REGISTER_IQ_POLARITY, polarity)

    def _stop_timer(self) -> None:
        """Workaround 15.3: without a header the timer of a reception runs on after the packet."""
        self._link.write_register(_REGISTER_TIMER_CONTROL, 0)
        (mask,) = self._link.read_register(_REGISTER_EVENT_MASK, 1)
        self._link.write_register(_REGISTER_EVENT_MASK, mask | _BIT_1)

    def _expect(self, wanted: Irq) -> None:
        """Report these, on DIO1 too, and forget what was before."""
        mask = int(wanted).to_bytes(2, "big")
        self._link.write(Opcode.SET_DIO_IRQ_PARAMS, *mask, *mask, 0, 0, 0, 0)
        self._link.write(Opcode.CLEAR_IRQ_STATUS, *int(Irq.ALL).to_bytes(2, "big"))
