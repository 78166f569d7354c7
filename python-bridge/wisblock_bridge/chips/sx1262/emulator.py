"""The emulated SX1262: commands on one side, radio waves on the other.

1. Numbers are typed again from the data sheet (rev. 1.2), never imported from the driver.
2. It meets the world on its SPI pins, NRESET, BUSY, DIO1 and the air.
3. A command given while BUSY is high is lost, as on the real chip, and counted.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.air import Signal, Wave, symbols_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.emulated.air import Air
    from wisblock_bridge.buses.emulated.wires import Wire
    from wisblock_bridge.clock import Clock

POWER_ON_S = 0.0035
CALIBRATION_S = 0.0035
TO_RECEIVE_S = 83e-6
TO_TRANSMIT_S = 126e-6
TICK_S = 15.625e-6
FOREVER = 0xFFFFFF

SLEEP, STANDBY_RC, STANDBY_XOSC, FS, RX, TX = 0, 2, 3, 4, 5, 6

TX_DONE, RX_DONE, HEADER_VALID, HEADER_ERR = 0x0001, 0x0002, 0x0010, 0x0020
CRC_ERR, CAD_DONE, CAD_DETECTED, TIMEOUT = 0x0040, 0x0080, 0x0100, 0x0200
XOSC_START_ERR = 0x0020

AFTER_RESET = {
    0x0736: 0x0D,
    0x0740: 0x14,
    0x0741: 0x24,
    0x0889: 0x01,
    0x08AC: 0x94,
    0x08D8: 0xC8,
    0x08E7: 0x18,
    0x0902: 0x00,
    0x0911: 0x05,
    0x0912: 0x05,
    0x0920: 0x01,
    0x0944: 0x00,
}
BANDWIDTH_HZ = {
    0x00: 7_812.5,
    0x08: 125e3 / 12,
    0x01: 15_625.0,
    0x09: 125e3 / 6,
    0x02: 31_250.0,
    0x0A: 125e3 / 3,
    0x03: 62_500.0,
    0x04: 125_000.0,
    0x05: 250_000.0,
    0x06: 500_000.0,
}
STRONGEST_DBM = {(4, 7): 22, (3, 5): 20, (2, 3): 17, (2, 2): 14}
SNR_MOST_DB, SNR_LEAST_DB = 13.0, -32.0


class EmulatedSX1262:
    """One radio.

    Args:
        reset: NRESET.
        busy: BUSY.
        dio1: DIO1.
        air: What its antenna is in.
        clock: Time.
        name: Under which it drives its wires.

    Attributes:
        path_loss_db: What is lost on the way to its antenna.
        ambient: Tells what its antenna hears when nobody sends, dBm.
        switch_loss_db: Tells what is lost in the antenna switch in front of it, dB.
        crystal_error_hz: How far its own frequency is off.
        stuck_busy: BUSY stays high.
        stuck_transmitter: Nothing leaves the antenna, and the chip does not notice.
        dead_oscillator: The oscillator does not start.
        fates: What becomes of the next packets that arrive: "arrives", "lost", "crc_error",
            "header_error" or "collides"; empty for what physics says.
        sent: Payloads of the packets that have left.
        lost_commands: How many came while BUSY was high.
    """

    _mode: int
    _outcome: int
    _packet_type: int
    _irq: int
    _irq_mask: int
    _dio1_mask: int
    _errors: int
    _tcxo_s: float | None
    _rx_buffer: tuple[int, int]
    _packet_status: tuple[int, int, int]
    _row: tuple[int, int]
    _rx_pointer: int
    _length: int
    _explicit: bool
    _fails: bool
    _single: bool
    _wave: Wave | None
    _cad_from_s: float | None
    _deadline_s: float | None
    _ends_s: float

    def __init__(
        self, reset: Wire, busy: Wire, dio1: Wire, air: Air, clock: Clock, name: str = "SX1262"
    ) -> None:
        self._reset, self._busy, self._dio1 = reset, busy, dio1
        self._air, self._clock, self._name = air, clock, name
        self.path_loss_db, self.crystal_error_hz = 60.0, 0.0
        self.ambient: Callable[[], float] = lambda: -110.0
        self.switch_loss_db: Callable[[], float] = lambda: 0.0
        self.stuck_busy = self.stuck_transmitter = self.dead_oscillator = False
        self.fates: list[str] = []
        self.sent: list[bytes] = []
        self.lost_commands = 0
        self._random = random.Random(1262)  # noqa: S311  (noise of an emulated radio)
        self._commands: dict[int, Callable[[bytes], bytes | None]] = {
            0x02: self._clear_irq,
            0x07: self._clear_errors,
            0x08: self._set_irq_masks,
            0x0D: self._write_register,
            0x0E: self._write_buffer,
            0x11: lambda _: bytes((self._status, self._packet_type)),
            0x12: lambda _: bytes((self._status, *self._irq.to_bytes(2, "big"))),
            0x13: lambda _: bytes((self._status, *self._rx_buffer)),
            0x14: lambda _: bytes((self._status, *self._packet_status)),
            0x15: lambda _: bytes((self._status, self._rssi_now())),
            0x17: lambda _: bytes((self._status, *self._errors.to_bytes(2, "big"))),
            0x1D: self._read_register,
            0x1E: self._read_buffer,
            0x80: self._set_standby,
            0x82: self._set_rx,
            0x83: self._set_tx,
            0x84: self._set_sleep,
            0x86: self._set_frequency,
            0x88: self._set_cad_params,
            0x89: self._calibrate,
            0x8A: self._set_packet_type,
            0x8B: self._set_modulation,
            0x8C: self._set_packet,
            0x8E: self._set_tx_params,
            0x8F: self._set_buffer_base,
            0x95: self._set_pa,
            0x97: self._set_tcxo,
            0x9D: self._set_dio2,
            0xC1: lambda _: self._go(FS),
            0xC5: self._set_cad,
        }
        self._power_on()
        busy.follow(name, self._busy_level)
        self._unlisten = reset.listen(self._reset_changed)
        air.enter(self)

    def leave(self) -> None:
        """Disconnect from every wire and from the air."""
        self._unlisten()
        self._air.leave(self)
        self._busy.follow(self._name, None)
        self._dio1.drive(self._name, None)

    def power_cycle(self) -> None:
        """Lose the supply and get it back, at once.

        The chip is in STDBY_RC with all registers at their reset values, BUSY high for as long as
        it starts, nothing on DIO1, and the start of the crystal failed, for there is a TCXO
        (data sheet rev. 1.2, 9.1 and 9.2.1). What it was sending breaks off.
        """
        with self._air.lock:
            self._power_on()
            if not self._reset.level():
                self._mode = SLEEP
            self._show_irq()

    # -- the bus side -----------------------------------------------------------------------------

    def transfer(self, data: bytes) -> bytes:
        """Exchange bytes while selected.

        Args:
            data: Opcode and parameters.

        Returns:
            Status bytes, and what was asked for.
        """
        with self._air.lock:
            self.look()
            if self._mode == SLEEP and self._reset.level():
                self._power_on()  # the falling chip select wakes it; this command is lost
            if self._busy_level():
                self.lost_commands += 1
                return bytes(len(data))
            command = self._commands.get(data[0])
            answer = command(data[1:]) if command is not None else None
            self._show_irq()
            filled = bytes((self._status,)) + (answer or b"")
            return (filled + bytes((self._status,)) * len(data))[: len(data)]

    def look(self) -> None:
        """Make happen what is due by now."""
        with self._air.lock:
            self._air.settle()
            now = self._clock.monotonic()
            if self._mode == TX and now >= self._ends_s:
                self._air.silence(self)
                if not self._fails and self._wave is not None:
                    self.sent.append(self._wave.payload)
                self._report(TIMEOUT if self._fails else TX_DONE)
                self._mode = STANDBY_RC
            if self._cad_from_s is not None and now >= self._ends_s:
                noticed = self._air.audible(self, self.signal, self._cad_from_s, self._ends_s)
                self._cad_from_s = None
                self._report(CAD_DONE | (CAD_DETECTED if noticed else 0))
                self._mode = STANDBY_RC
            if self._mode == RX and self._deadline_s is not None and now >= self._deadline_s:
                coming = self._air.audible(self, self.signal, self._deadline_s, now)
                if not any(self._locks_on(wave) for wave in coming):
                    self._report(TIMEOUT)
                    self._mode = STANDBY_RC

    # -- the antenna ------------------------------------------------------------------------------

    @property
    def loss_db(self) -> float:
        """What is lost on the way to it, and in its switch."""
        return self.path_loss_db + self._switch_loss()

    @property
    def ambient_dbm(self) -> float:
        """What it hears when nobody sends."""
        return self.ambient()

    @property
    def signal(self) -> Signal:
        """How it sends and listens."""
        sync_word = self._registers[0x0740] << 8 | self._registers[0x0741]
        return Signal(
            self._frequency_hz + self.crystal_error_hz,
            self._bandwidth_hz,
            self._spreading_factor,
            sync_word,
            self._inverted,
            self._explicit,
        )

    def hear(self, wave: Wave, level_dbm: float, snr_db: float, *, damaged: bool) -> None:
        """Hear a packet that has just ended, as ``Antenna.hear`` says."""
        if not self._locks_on(wave):
            return
        fate = self.fates.pop(0) if self.fates else "arrives"
        if fate == "lost":
            return
        broken = wave.checked and (damaged or fate in {"crc_error", "collides"})
        self._registers.update(_frequency_error(wave, self.signal))
        if fate == "header_error" and wave.signal.explicit:
            self._report(HEADER_ERR)
            return
        payload = wave.payload if self._explicit else wave.payload.ljust(self._length, b"\0")
        payload = payload if self._explicit else payload[: self._length]
        if broken or damaged:
            payload = bytes((*payload[:-1], payload[-1] ^ 0x55)) if payload else payload
        start = self._rx_pointer
        for position, value in enumerate(payload):
            self._buffer[(start + position) % 256] = value
        self._rx_buffer = (len(payload), start)
        self._rx_pointer = (start + len(payload)) % 256
        shown_db = max(SNR_LEAST_DB, min(SNR_MOST_DB, snr_db))
        rssi = _half_steps(level_dbm)
        self._packet_status = (rssi, round(shown_db * 4) & 0xFF, rssi)
        if self._single:
            self._mode = STANDBY_RC
        self._report(RX_DONE | HEADER_VALID * self._explicit | CRC_ERR * broken)

    def _locks_on(self, wave: Wave) -> bool:
        in_time = wave.locked_s - 4 * wave.signal.symbol_s
        return (
            self._mode == RX
            and self._rx_since_s <= in_time
            and (self._deadline_s is None or wave.locked_s <= self._deadline_s)
            and self.signal.fits(wave.signal)
        )

    def _switch_loss(self) -> float:
        return self.switch_loss_db() + (0.0 if self._dio2_switches else 30.0)

    def wave(self, payload: bytes, sender: object, power_dbm: float, start_s: float) -> Wave:
        """Create a packet that is sent as this radio would.

        Args:
            payload: The bytes.
            sender: The antenna that it comes from.
            power_dbm: What leaves that antenna.
            start_s: When it begins, clock reading.

        Returns:
            The packet.
        """
        signal = self.signal
        symbols = symbols_of(
            signal,
            self._preamble,
            len(payload),
            self._coding_rate,
            checked=self._crc,
            slow=self._slow,
        )
        return Wave(
            sender,
            signal,
            payload,
            self._crc,
            power_dbm,
            start_s,
            start_s + (self._preamble + 4.25) * signal.symbol_s,
            start_s + symbols * signal.symbol_s,
        )

    # -- wires ------------------------------------------------------------------------------------

    def _reset_changed(self, level: int) -> None:
        with self._air.lock:
            self._power_on()
            if level == 0:
                self._mode = SLEEP
            self._show_irq()

    def _busy_level(self) -> int:
        waiting = self._clock.monotonic() < self._busy_until_s or self._mode == SLEEP
        return int(waiting or self.stuck_busy or not self._reset.level())

    def _report(self, bits: int) -> None:
        self._irq |= bits & self._irq_mask
        self._show_irq()

    def _show_irq(self) -> None:
        self._dio1.drive(self._name, int(bool(self._irq & self._dio1_mask)))

    # -- states -----------------------------------------------------------------------------------

    @property
    def _status(self) -> int:
        return self._mode << 4 | self._outcome << 1

    def _power_on(self) -> None:
        self._air.silence(self)
        self._registers = dict(AFTER_RESET)
        self._buffer = bytearray(256)
        self._mode, self._outcome, self._packet_type = STANDBY_RC, 1, 0
        self._irq = self._irq_mask = self._dio1_mask = 0
        self._errors = XOSC_START_ERR  # there is a TCXO, not a crystal, and it has no supply yet
        self._tcxo_s = None
        self._dio2_switches = False
        self._rx_buffer, self._packet_status = (0, 0), (0, 0, 0)
        self._tx_base = self._rx_base = self._rx_pointer = 0
        self._frequency_hz, self._bandwidth_hz = 915e6, 125e3
        self._spreading_factor, self._coding_rate, self._slow = 7, 1, False
        self._preamble, self._explicit, self._length = 8, True, 0
        self._crc, self._inverted = True, False
        self._row, self._power_setting = (4, 7), 14
        self._cad_symbols = 4
        self._wave = self._cad_from_s = self._deadline_s = None
        self._rx_since_s = self._ends_s = 0.0
        self._single = self._fails = False
        self._busy_until_s = self._clock.monotonic() + POWER_ON_S

    def _go(self, mode: int) -> None:
        self._air.silence(self)
        self._wave = self._cad_from_s = self._deadline_s = None
        self._mode = mode

    def _start_oscillator(self, then_s: float) -> float | None:
        """Return when the radio is ready; None when the oscillator does not start."""
        if self._tcxo_s is None or self.dead_oscillator or self._packet_type != 1:
            self._errors |= XOSC_START_ERR
            self._outcome = 5
            self._go(STANDBY_RC)
            return None
        self._outcome = 1
        ready_s = self._clock.monotonic() + self._tcxo_s + then_s
        self._busy_until_s = ready_s
        return ready_s

    def _set_standby(self, data: bytes) -> None:
        self._go(STANDBY_XOSC if data[:1] == b"\1" else STANDBY_RC)

    def _set_sleep(self, _: bytes) -> None:
        self._go(SLEEP)

    def _calibrate(self, _: bytes) -> None:
        self._busy_until_s = self._clock.monotonic() + CALIBRATION_S + (self._tcxo_s or 0.0)
        if self.dead_oscillator or self._tcxo_s is None:
            self._errors |= XOSC_START_ERR

    def _set_rx(self, data: bytes) -> None:
        timeout = int.from_bytes(data[:3], "big")
        self._go(RX)
        ready_s = self._start_oscillator(TO_RECEIVE_S)
        if ready_s is None:
            return
        self._rx_since_s, self._rx_pointer = ready_s, self._rx_base
        self._single = timeout != FOREVER
        self._deadline_s = ready_s + timeout * TICK_S if timeout not in {0, FOREVER} else None

    def _set_tx(self, data: bytes) -> None:
        timeout_s = int.from_bytes(data[:3], "big") * TICK_S
        self._go(TX)
        ready_s = self._start_oscillator(TO_TRANSMIT_S)
        if ready_s is None:
            return
        length = self._length
        payload = bytes(self._buffer[(self._tx_base + each) % 256] for each in range(length))
        strongest = STRONGEST_DBM.get(self._row, 14)
        power = strongest - (22 - self._power_setting) - self._switch_loss()
        self._wave = wave = self.wave(payload, self, power, ready_s)
        late = 0.0 < timeout_s < wave.end_s - ready_s
        self._fails = late or self.stuck_transmitter
        if self._fails:
            self._ends_s = ready_s + timeout_s if timeout_s else float("inf")
        else:
            self._ends_s = wave.end_s
        if not self.stuck_transmitter:
            self._air.begin(wave)

    def _set_cad(self, _: bytes) -> None:
        self._go(FS)
        ready_s = self._start_oscillator(TO_RECEIVE_S)
        if ready_s is not None:
            self._mode = RX
            self._rx_since_s = float("inf")  # it notices, but it does not receive
            self._cad_from_s = ready_s
            self._ends_s = ready_s + (self._cad_symbols + 0.5) * self.signal.symbol_s

    # -- settings ---------------------------------------------------------------------------------

    def _clear_irq(self, data: bytes) -> None:
        self._irq &= ~int.from_bytes(data[:2], "big")

    def _clear_errors(self, _: bytes) -> None:
        self._errors = 0

    def _set_irq_masks(self, data: bytes) -> None:
        self._irq_mask = int.from_bytes(data[0:2], "big")
        self._dio1_mask = int.from_bytes(data[2:4], "big")

    def _set_frequency(self, data: bytes) -> None:
        self._frequency_hz = int.from_bytes(data[:4], "big") * 32e6 / 2**25

    def _set_cad_params(self, data: bytes) -> None:
        self._cad_symbols = 2 ** data[0]

    def _set_packet_type(self, data: bytes) -> None:
        self._packet_type = data[0]

    def _set_modulation(self, data: bytes) -> None:
        self._spreading_factor, self._bandwidth_hz = data[0], BANDWIDTH_HZ.get(data[1], 125e3)
        self._coding_rate, self._slow = data[2], bool(data[3])

    def _set_packet(self, data: bytes) -> None:
        self._preamble = int.from_bytes(data[0:2], "big")
        self._explicit, self._length = data[2] == 0, data[3]
        self._crc, self._inverted = bool(data[4]), bool(data[5])

    def _set_tx_params(self, data: bytes) -> None:
        self._power_setting = data[0] - 256 if data[0] > 127 else data[0]  # noqa: PLR2004  (sign)

    def _set_buffer_base(self, data: bytes) -> None:
        self._tx_base, self._rx_base = data[0], data[1]

    def _set_pa(self, data: bytes) -> None:
        self._row = (data[0], data[1])
        self._registers[0x08E7] = 0x38

    def _set_tcxo(self, data: bytes) -> None:
        self._tcxo_s = int.from_bytes(data[1:4], "big") * TICK_S

    def _set_dio2(self, data: bytes) -> None:
        self._dio2_switches = data[:1] == b"\1"

    # -- memory -----------------------------------------------------------------------------------

    def _write_register(self, data: bytes) -> None:
        address = int.from_bytes(data[:2], "big")
        for position, value in enumerate(data[2:]):
            self._registers[address + position] = value

    def _read_register(self, data: bytes) -> bytes:
        address = int.from_bytes(data[:2], "big")
        values = bytes(self._register(address + position) for position in range(len(data) - 3))
        return bytes((self._status,)) * 3 + values

    def _register(self, address: int) -> int:
        if 0x0819 <= address <= 0x081C:  # noqa: PLR2004  (the random number)
            return self._random.randrange(256)
        return self._registers.get(address, 0)

    def _write_buffer(self, data: bytes) -> None:
        for position, value in enumerate(data[1:]):
            self._buffer[(data[0] + position) % 256] = value

    def _read_buffer(self, data: bytes) -> bytes:
        values = bytes(self._buffer[(data[0] + each) % 256] for each in range(len(data) - 2))
        return bytes((self._status,)) * 2 + values

    def _rssi_now(self) -> int:
        return _half_steps(self._air.level_dbm(self, self._bandwidth_hz, self._frequency_hz))


def _half_steps(dbm: float) -> int:
    return max(0, min(255, round(-2 * dbm)))


def _frequency_error(wave: Wave, own: Signal) -> dict[int, int]:
    off_hz = wave.signal.frequency_hz - own.frequency_hz
    number = round(off_hz * 1600.0 / (own.bandwidth_hz / 1000.0) / 1.55) & 0xFFFFF
    return dict(zip(range(0x076B, 0x076E), number.to_bytes(3, "big"), strict=True))
