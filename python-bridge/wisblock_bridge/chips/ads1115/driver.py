"""ADS1115, 16-bit converter with four inputs: the driver, and the base for compatible chips.

1. Volts at the pins on one side, registers on the other; what is behind a pin is somebody else's
   knowledge.
2. A result is read only after the chip itself says that the conversion is over: never by waiting
   alone.
3. The chip is locked from start to result; the bus is free while the chip converts. A caller that
   waits for the chip gets it in turn, so that many conversions in a row keep nobody else out.
4. Many results of one input come from the continuous mode, whose results carry no sign of being
   new. So a single conversion of that input comes first (the result register then holds no other
   input's), and the settings are read back before anything of the run is given out.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from wisblock_bridge.buses.analog import Conversion, TimedConversion
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BridgeError, BusError, NotReadyError
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

CONVERSION, CONFIG = 0x00, 0x01

# Config register: OS in bit 15, MUX in 14...12, PGA in 11...9, MODE in bit 8, DR in 7...5,
# comparator in 4...0.
START = 0x8000
IDLE = 0x8000
"""The same bit when read: 1 while no conversion is under way."""
SINGLE_SHOT = 0x0100
RATE_CODE_4 = 0x0080
RATE_CODE_7 = 0x00E0
COMPARATOR_OFF = 0x0003
SELECTION = 0x7F08
"""MUX, PGA and MODE, and the mark: what must read back as it was written."""
AFTER_POWER_UP = 0x8583
MARK = 0x0008
"""COMP_POL, without effect while the comparator is off. It is set where the settings would be those
that the chip holds after power-up: else a lost supply would give 0 V as a good result."""

AGAINST_GROUND = (0b100, 0b101, 0b110, 0b111)
PAIRS = {(0, 1): 0b000, (0, 3): 0b001, (1, 3): 0b010, (2, 3): 0b011}
GAINS = {6.144: 0b000, 4.096: 0b001, 2.048: 0b010, 1.024: 0b011, 0.512: 0b100, 0.256: 0b101}

CODES = 32768
HIGHEST_CODE, LOWEST_CODE = 0x7FFF, -0x8000

# Ends a continuous conversion that an earlier owner left running; all else as after power-up.
_STOP = Write(bytes((CONFIG, 0x05, 0x83)))
_CONFIG = Write(bytes((CONFIG,)))
_CONVERSION = Write(bytes((CONVERSION,)))
_WORD = Read(2)

LAST_CONVERSIONS = 2
"""Conversion times after which a continuous mode that was ended has ended: the rate may be 10 %
lower than its name, and the conversion under way is finished first (SBAS444)."""

STOPPING_S = 0.5
"""Three conversions at the slowest rate of the family, 6.25 per second."""


class ADS1115:
    """A converter with four inputs and six ranges: single conversions, and many of one input.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x48...0x4b.
        clock: Time, for the conversion.

    Source: Texas Instruments ADS1115 datasheet SBAS444, sections "Register map", "Single-shot
        mode" and "Continuous-conversion mode".
    """

    chip: ClassVar[str] = "ADS1115"
    conversions_per_second: ClassVar[float] = 128.0
    """At data rate code 100, the one that is used."""
    fast_conversions_per_second: ClassVar[float] = 860.0
    """At data rate code 111, for callers that need many conversions more than quiet ones."""

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self.name = f"{self.chip} 0x{address:02x} on {bus.name}"
        self._lock = FairLock()
        self._idle = False
        """Whether it is certain that no conversion of somebody else is under way."""
        self._free_at_s = 0.0
        """Until then the last conversion of a continuous mode may be under way, which is over by
        itself."""

    def read(self, channel: int, full_scale: float = 4.096, *, fast: bool = False) -> Conversion:
        """Convert one input against ground, as ``wiring.AnalogConverter.read`` says.

        Args:
            channel: 0...3.
            full_scale: Range of the amplifier, V: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256.
            fast: At the highest data rate, which is noisier.

        Returns:
            The voltage in steps of ``full_scale`` / 32768, and whether it was clipped.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: The conversion did not end in time, or its settings were lost.
        """
        return self._convert(self._against_ground(channel), full_scale, fast=fast)

    def read_differential(
        self, positive: int, negative: int, full_scale: float = 4.096
    ) -> Conversion:
        """Convert one input against another, as ``wiring.AnalogConverter.read_differential`` says.

        Args:
            positive: 0...3.
            negative: 1 or 3; the pairs are 0-1, 0-3, 1-3 and 2-3.
            full_scale: Range of the amplifier, V.

        Returns:
            The voltage, which may be negative, and whether it was clipped.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: The conversion did not end in time, or its settings were lost.
        """
        pair = PAIRS.get((positive, negative))
        if pair is None:
            raise ValueError(
                f"{self.name} compares 0-1, 0-3, 1-3 and 2-3, not {positive}-{negative}"
            )
        return self._convert(pair, full_scale)

    def sample(
        self,
        channel: int,
        duration_s: float,
        proceed: Callable[[], object],
        full_scale: float = 4.096,
    ) -> list[TimedConversion]:
        """Convert one input again and again, as ``AnalogConverter.sample`` says.

        In continuous mode at the highest data rate: one start, one pointer, and then nothing but
        results. While others wait for the chip it takes turns with them, one conversion each.

        Args:
            channel: 0...3.
            duration_s: Time from the first result to the last, at least.
            proceed: Called before each conversion; what it raises ends the measurement.
            full_scale: Range of the amplifier, V.

        Returns:
            The results in their order.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: A conversion did not end in time, or settings were lost.
        """
        inputs = self._against_ground(channel)
        found: list[TimedConversion] = []
        while len(found) < 2 or found[-1].at_s - found[0].at_s < duration_s:  # noqa: PLR2004
            proceed()
            with self._lock:
                if self._lock.contended:
                    single = self._convert_once(inputs, full_scale, fast=True)
                    now = self._clock.monotonic()
                    found.append(TimedConversion(single.volts, single.clipped, now))
                else:
                    self._run(found, inputs, duration_s, proceed, full_scale)
        return found

    def in_between(self) -> AbstractContextManager[None]:
        """Keep everybody from using the chip meanwhile, as somebody does who reads its registers.

        Returns:
            A context that begins when nobody uses the chip.
        """
        return self._lock

    def _against_ground(self, channel: int) -> int:
        if not 0 <= channel <= 3:  # noqa: PLR2004  (four inputs)
            raise ValueError(f"{self.name} has inputs 0...3, not {channel}")
        return AGAINST_GROUND[channel]

    def _convert(self, inputs: int, full_scale: float, *, fast: bool = False) -> Conversion:
        with self._lock:
            return self._convert_once(inputs, full_scale, fast=fast)

    def _convert_once(self, inputs: int, full_scale: float, *, fast: bool) -> Conversion:
        """Convert and read the result; the chip is locked."""
        self._start(self._config(inputs, full_scale, fast=fast), fast=fast)
        result = self._bus.transfer(self._address, _CONVERSION, _WORD)
        self._idle = True
        return _conversion(result, full_scale)

    def _run(
        self,
        found: list[TimedConversion],
        inputs: int,
        duration_s: float,
        proceed: Callable[[], object],
        full_scale: float,
    ) -> None:
        """Take results in continuous mode until there are enough, or until somebody else waits."""
        bus, address, clock = self._bus, self._address, self._clock
        single = self._config(inputs, full_scale, fast=True)
        self._start(single, fast=True)
        running = single & ~(START | SINGLE_SHOT | MARK)
        bus.transfer(address, _write_config(running))
        interval_s = 1.0 / self.fast_conversions_per_second
        result = bus.transfer(address, _CONVERSION, _WORD)
        due = clock.monotonic()
        taken = [_timed(result, full_scale, due)]
        begin = found[0].at_s if found else due
        while taken[-1].at_s - begin < duration_s and not self._lock.contended:
            try:
                proceed()
            except BridgeError:
                with suppress(BusError):  # why it was cut short is reported
                    bus.transfer(address, _STOP)
                raise
            now = clock.monotonic()
            due += interval_s
            if due - now < interval_s / 2:  # held up: the same result twice makes up for nothing
                due = now + interval_s
            clock.sleep(due - now)
            result = bus.transfer(address, _WORD)
            taken.append(_timed(result, full_scale, clock.monotonic()))
        if (self._read_config() ^ running) & SELECTION:
            raise self._settings_lost()
        bus.transfer(address, _STOP)
        self._free_at_s = clock.monotonic() + LAST_CONVERSIONS * interval_s
        self._idle = True
        found += taken

    def _config(self, inputs: int, full_scale: float, *, fast: bool) -> int:
        """Build the word that starts one conversion."""
        gain = GAINS.get(full_scale)
        if gain is None:
            raise ValueError(f"{self.name} has no range of {full_scale} V")
        rate = RATE_CODE_7 if fast else RATE_CODE_4
        config = START | inputs << 12 | gain << 9 | SINGLE_SHOT | rate | COMPARATOR_OFF
        return config | MARK if config == AFTER_POWER_UP else config

    def _start(self, config: int, *, fast: bool) -> None:
        """Convert once and wait for the end; the result is then in its register."""
        nominal_s = 1.0 / (
            self.fast_conversions_per_second if fast else self.conversions_per_second
        )
        if not self._idle:
            self._stop()
        self._idle = False  # whatever breaks off from here on, a conversion may be under way
        left_s = self._free_at_s - self._clock.monotonic()
        if left_s > 0:
            self._clock.sleep(left_s)
        self._bus.transfer(self._address, _write_config(config))
        deadline = self._clock.monotonic() + 3 * nominal_s
        self._clock.sleep(nominal_s)
        done = self._await_idle(deadline, nominal_s / 20)
        if (done ^ config) & SELECTION:
            raise self._settings_lost()

    def _stop(self) -> None:
        """Wait for a conversion that was left running.

        A start is ignored while a conversion is under way, so without this the result of an
        earlier, broken-off request (or of another program's continuous mode) would be taken for
        ours, from another input.
        """
        self._bus.transfer(self._address, _STOP)
        self._await_idle(self._clock.monotonic() + STOPPING_S, 0.001)

    def _await_idle(self, deadline: float, interval_s: float) -> int:
        """Ask until no conversion is under way; once after the deadline too, if we were held up."""
        while True:
            last_try = self._clock.monotonic() >= deadline
            config = self._read_config()
            if config & IDLE:
                return config
            if last_try:
                raise NotReadyError(
                    "The converter does not finish converting.",
                    hint="Switch the board off and on. If it stays so, another program may keep "
                    "the converter in continuous mode, or the chip is damaged.",
                    where=self.name,
                )
            self._clock.sleep(interval_s)

    def _read_config(self) -> int:
        return int.from_bytes(self._bus.transfer(self._address, _CONFIG, _WORD), "big")

    def _settings_lost(self) -> NotReadyError:
        return NotReadyError(
            "The converter's settings changed during the conversion; the result was thrown away.",
            hint="Another program may be using it, or its supply broke down for a moment.",
            where=self.name,
        )


def _write_config(config: int) -> Write:
    return Write(bytes((CONFIG, config >> 8, config & 0xFF)))


def _conversion(result: bytes, full_scale: float) -> Conversion:
    code = int.from_bytes(result, "big", signed=True)
    return Conversion(code * full_scale / CODES, code in {HIGHEST_CODE, LOWEST_CODE})


def _timed(result: bytes, full_scale: float, at_s: float) -> TimedConversion:
    made = _conversion(result, full_scale)
    return TimedConversion(made.volts, made.clipped, at_s)
