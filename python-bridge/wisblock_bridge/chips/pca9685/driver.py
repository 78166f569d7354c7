"""PCA9685, PWM generator with 16 channels: the driver.

1. Registers of the datasheet on one side, channels, shares and microseconds on the other; the pin
   that switches all outputs off (OE) is somebody else's line.
2. The first thing it ever sends takes the chip off the shared address 0x70 and stops its outputs.
3. A channel is always written whole, in one transaction; switching off needs no knowledge at all.
4. The frequency is the one that the chip confirms, not the one that was wished for.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BusError, NotReadyError, WrongChipError

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

CHANNEL_COUNT = 16
STEPS = 4096
OSCILLATOR_HZ = 25_000_000
LOWEST_HZ, HIGHEST_HZ = 24.0, 1526.0

MODE_1, MODE_2, CHANNEL_0, ALL_CHANNELS, ALL_OFF_HIGH, PRESCALE = 0x00, 0x01, 0x06, 0xFA, 0xFD, 0xFE
OFF_HIGH = 3
"""Where LEDn_OFF_H is within the four registers of a channel."""

# MODE1
RESTART, EXTERNAL_CLOCK, AUTO_INCREMENT, SLEEP = 0x80, 0x40, 0x20, 0x10
KEPT = 0x6F
"""What of MODE1 stays as ``begin`` left it: all but RESTART and SLEEP."""
TOTEM_POLE = 0x04
"""MODE2: outputs drive both ways, are not inverted, change at the end of a transfer, and are low
while OE is high."""

FULL = 0x1000
"""In an ON count: always on. In an OFF count: always off, which wins."""

OSCILLATOR_START_S = 500e-6
CYCLE_MARGIN = 1.1
"""The oscillator is up to some 5 % slow; RESTART becomes valid at the end of a cycle."""

_ASLEEP = Write(bytes((MODE_1, AUTO_INCREMENT | SLEEP)))
_AWAKE = Write(bytes((MODE_1, AUTO_INCREMENT)))
_RESTARTED = Write(bytes((MODE_1, RESTART | AUTO_INCREMENT)))
_OUTPUTS = Write(bytes((MODE_2, TOTEM_POLE)))
_ALL_CLEARED = Write(bytes((ALL_CHANNELS, 0x00, 0x00, 0x00, 0x10)))
_ALL_OFF = Write(bytes((ALL_OFF_HIGH, 0x10)))
_MODE_1, _PRESCALE = Write(bytes((MODE_1,))), Write(bytes((PRESCALE,)))
_ONE_BYTE, _TWO_BYTES, _FOUR_BYTES = Read(1), Read(2), Read(4)


@dataclass(frozen=True, slots=True)
class ChannelSteps:
    """What one channel is set to.

    Attributes:
        on: Step at which the output goes high, 0...4095.
        off: Step at which it goes low, 0...4095.
        full_on: Whether it is always high; the steps do not count then.
        full_off: Whether it is always low; nothing else counts then.
    """

    on: int
    off: int
    full_on: bool
    full_off: bool

    @property
    def share(self) -> float:
        """Share of the time the output is high, 0...1."""
        if self.full_off:
            return 0.0
        return 1.0 if self.full_on else (self.off - self.on) % STEPS / STEPS


class PCA9685:
    """A PWM generator: 16 channels of 4096 steps each, all at one frequency.

    After power-up the chip also answers at 0x70, where other chips live, until ``begin`` ends that.
    The chip keeps running whatever happens to the computer, and there is no reset pin, so ``begin``
    assumes nothing. It is to be called while the outputs are disabled from outside (OE high).

    The frequency is made by an oscillator of 25 MHz ± some 5 %; what is called real here is real as
    far as that oscillator is.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x40...0x7f without those that are reserved.
        clock: Time, for the start of the oscillator.

    Source: NXP PCA9685 datasheet rev. 4, section 7.3 "Register definitions".
    """

    channel_count = CHANNEL_COUNT

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self.name = f"PCA9685 0x{address:02x} on {bus.name}"
        self._lock = threading.Lock()
        self._begun = False
        self._known = False
        """Whether the chip is awake and ``_prescale`` is what it holds."""
        self._prescale = 0
        self._pulse: tuple[int, bytes] | None = None
        """A channel that is not off, and what its four registers were told."""
        self._to_verify = False
        """The chip was woken: it looks set up then, even if it was reset shortly before."""

    def begin(self, frequency_hz: float = 50.0) -> float:
        """Bring a chip in whatever state to a known one: off the shared address, all channels off.

        Args:
            frequency_hz: 24...1526.

        Returns:
            The real frequency, Hz.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not keep what is written to it, so it is no PCA9685.
            NotReadyError: The chip does not take the frequency, or waits for a clock from outside.
        """
        prescale = self._prescale_for(frequency_hz)
        with self._lock:
            self._begun = self._known = False
            self._pulse = None
            for message in (_ASLEEP, _ALL_CLEARED, _OUTPUTS):
                self._bus.transfer(self._address, message)
            mode_1, mode_2 = self._bus.transfer(self._address, _MODE_1, _TWO_BYTES)
            if mode_1 & EXTERNAL_CLOCK:
                raise self._external_clock()
            if (mode_1 & ~RESTART, mode_2) != (AUTO_INCREMENT | SLEEP, TOTEM_POLE):
                raise self._not_this_chip(mode_1, mode_2)
            self._set_prescale_locked(prescale)
            self._wake_locked()
            self._begun = self._known = True
            return self._frequency()

    def set_frequency(self, frequency_hz: float) -> float:
        """Change the frequency of all channels; each keeps its share, so pulses change their width.

        The outputs stop for a little more than one cycle; not if the frequency stays the same.

        Args:
            frequency_hz: 24...1526.

        Returns:
            The real frequency, Hz.

        Raises:
            BusError: The chip did not answer; outputs may have stopped until the next command.
            NotReadyError: ``begin`` is due, or the chip does not take the frequency.
        """
        prescale = self._prescale_for(frequency_hz)
        with self._lock:
            self._ready_locked()
            if self._read_locked(_PRESCALE, _ONE_BYTE)[0] != prescale:
                cycle_s = 1.0 / self._frequency()
                self._known = False  # true again at the end; a failure is sorted out by the next
                self._bus.transfer(self._address, _ASLEEP)
                # Only then does the chip know whether it stopped channels that were running.
                self._clock.sleep(CYCLE_MARGIN * cycle_s)
                self._set_prescale_locked(prescale)
                self._wake_locked()
                self._known = True
            return self._frequency()

    def set_steps(self, channel: int, on: int, off: int) -> None:
        """Set a channel by counts: high from step ``on``, low from step ``off`` of each cycle.

        An ``off`` below ``on`` reaches into the next cycle. The pulse is ``off`` - ``on`` steps
        long. Equal counts, which the datasheet forbids, are sent as full off.

        Args:
            channel: 0...15.
            on: 0...4095.
            off: 0...4095.

        Raises:
            BusError: The chip did not answer; whether the channel changed is not known.
            NotReadyError: ``begin`` is due.
        """
        for step in (on, off):
            if not 0 <= step < STEPS:
                raise ValueError(f"{self.name} has steps 0...4095, not {step}")
        self._check_channel(channel)
        with self._lock:
            self._ready_locked()
            self._store_locked(channel, *((0, FULL) if on == off else (on, off)))

    def set_duty(self, channel: int, share: float) -> float:
        """Set which share of the time a channel is high; 0 and 1 are exactly off and on.

        Args:
            channel: 0...15.
            share: 0...1; rounded to the nearest of 4096 steps.

        Returns:
            The real share.

        Raises:
            BusError: The chip did not answer; whether the channel changed is not known.
            NotReadyError: ``begin`` is due.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{self.name} takes shares 0...1, not {share}")
        self._check_channel(channel)
        steps = _nearest(share * STEPS)
        with self._lock:
            self._ready_locked()
            self._store_pulse_locked(channel, steps)
        return steps / STEPS

    def set_pulse(self, channel: int, microseconds: float) -> float:
        """Set how long a channel is high in each cycle.

        The step is that of the real frequency, and a pulse of n steps is sent as OFF = n. The
        vendor's flow takes the step of the frequency wished for and sends one less: at 50 Hz its
        1500 µs are OFF = 306, in truth 1493.3 µs; here they are OFF = 307, in truth 1498.2 µs.

        Args:
            channel: 0...15.
            microseconds: 0 up to one cycle; rounded to the nearest step.

        Returns:
            The real width, µs.

        Raises:
            BusError: The chip did not answer; whether the channel changed is not known.
            NotReadyError: ``begin`` is due.
            ValueError: The pulse is longer than a cycle; nothing was changed.
        """
        self._check_channel(channel)
        with self._lock:
            self._ready_locked()
            step_us = (self._prescale + 1) * 1e6 / OSCILLATOR_HZ
            if not 0.0 <= microseconds < (STEPS + 0.5) * step_us:
                raise ValueError(
                    f"{self.name} makes pulses of 0...{STEPS * step_us:.0f} µs at "
                    f"{self._frequency():.2f} Hz, not {microseconds:g} µs"
                )
            steps = _nearest(microseconds / step_us)
            self._store_pulse_locked(channel, steps)
            return steps * step_us

    def off(self, channel: int | None = None) -> None:
        """Switch off one channel or all, at once and in whatever state the chip is.

        Args:
            channel: 0...15; None for all.

        Raises:
            BusError: The chip did not answer; whether the channel changed is not known.
        """
        message = _ALL_OFF
        if channel is not None:
            self._check_channel(channel)
            message = Write(bytes((CHANNEL_0 + 4 * channel + OFF_HIGH, FULL >> 8)))
        with self._lock:
            if channel is None or (self._pulse is not None and self._pulse[0] == channel):
                self._pulse = None
            try:
                self._bus.transfer(self._address, message)
            except BusError:
                self._known = False
                raise

    def read_channel(self, channel: int) -> ChannelSteps:
        """Ask the chip what a channel is set to.

        Args:
            channel: 0...15.

        Returns:
            Its counts.

        Raises:
            BusError: The chip did not answer.
            NotReadyError: ``begin`` is due.
        """
        self._check_channel(channel)
        with self._lock:
            self._ready_locked()
            pointer = Write(bytes((CHANNEL_0 + 4 * channel,)))
            data = self._read_locked(pointer, _FOUR_BYTES)
        on, off = (int.from_bytes(data[at : at + 2], "little") for at in (0, 2))
        return ChannelSteps(on % STEPS, off % STEPS, bool(on & FULL), bool(off & FULL))

    def is_reset(self) -> bool:
        """Check whether the chip is no longer as ``begin`` left it: one short transaction.

        After a breakdown of its supply MODE1 reads 0x11: asleep, and answering at 0x70 again. A
        program that changed its mode shows too. ``begin`` is then due, and every other command but
        ``off`` is refused until then.

        Returns:
            True when ``begin`` is due, also when it never was called.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            if self._begun:
                mode_1 = self._read_locked(_MODE_1, _ONE_BYTE)[0]
                self._begun = mode_1 & KEPT == AUTO_INCREMENT
            return not self._begun

    def has_forgotten(self) -> bool:
        """Ask the chip itself whether it is as after power-up: one transaction of one byte.

        After the frequency was set, prescaler and one channel are compared once as well. Unlike
        ``is_reset`` it is not answered from memory, so a chip that is not there is an error.

        Returns:
            True when MODE1 is not as ``begin`` leaves it; ``begin`` is then due.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            mode_1 = self._read_locked(_MODE_1, _ONE_BYTE)[0]
            if mode_1 & KEPT == AUTO_INCREMENT and not (self._to_verify and self._differs_locked()):
                return False
            self._begun = False
            return True

    def _differs_locked(self) -> bool:
        """Check once, after the frequency was set, at what a reset chip would not hold."""
        if self._read_locked(_PRESCALE, _ONE_BYTE)[0] != self._prescale:
            return True
        if self._pulse is not None:
            channel, counts = self._pulse
            pointer = Write(bytes((CHANNEL_0 + 4 * channel,)))
            if self._read_locked(pointer, _FOUR_BYTES) != counts:
                return True
        self._to_verify = False
        return False

    def close(self) -> None:
        """Leave the chip as it is; ``begin`` is due before the next use."""
        with self._lock:
            self._begun = self._known = False

    def _ready_locked(self) -> None:
        """Refuse a chip that is not set up; after a failure, ask it and finish what broke off."""
        if not self._begun:
            raise self._not_set_up()
        if self._known:
            return
        mode_1 = self._read_locked(_MODE_1, _ONE_BYTE)[0]
        if mode_1 & KEPT != AUTO_INCREMENT:
            self._begun = False
            raise self._not_set_up()
        self._prescale = self._read_locked(_PRESCALE, _ONE_BYTE)[0]
        if mode_1 & (SLEEP | RESTART):
            self._wake_locked()
        self._known = True

    def _set_prescale_locked(self, prescale: int) -> None:
        """Write the prescaler of a chip that is asleep, the only state in which it is taken."""
        self._bus.transfer(self._address, Write(bytes((PRESCALE, prescale))))
        found = self._bus.transfer(self._address, _PRESCALE, _ONE_BYTE)[0]
        if found != prescale:
            raise NotReadyError(
                f"The frequency was not taken: the prescaler reads {found}, not {prescale}.",
                hint="Does another program use the chip? If it stays so, switch the supply off "
                "and on.",
                where=self.name,
            )
        self._prescale = prescale
        self._to_verify = True

    def _wake_locked(self) -> None:
        self._bus.transfer(self._address, _AWAKE)
        self._clock.sleep(OSCILLATOR_START_S)
        if self._bus.transfer(self._address, _MODE_1, _ONE_BYTE)[0] & RESTART:
            self._bus.transfer(self._address, _RESTARTED)

    def _store_pulse_locked(self, channel: int, steps: int) -> None:
        if steps == 0:
            self._store_locked(channel, 0, FULL)
        elif steps == STEPS:
            self._store_locked(channel, FULL, 0)
        else:
            self._store_locked(channel, 0, steps)

    def _store_locked(self, channel: int, on: int, off: int) -> None:
        data = (CHANNEL_0 + 4 * channel, on & 0xFF, on >> 8, off & 0xFF, off >> 8)
        try:
            self._bus.transfer(self._address, Write(bytes(data)))
        except BusError:
            self._known = False
            raise
        if off & FULL == 0:
            self._pulse = channel, bytes(data[1:])
        elif self._pulse is not None and self._pulse[0] == channel:
            self._pulse = None

    def _read_locked(self, pointer: Write, length: Read) -> bytes:
        try:
            return self._bus.transfer(self._address, pointer, length)
        except BusError:
            self._known = False
            raise

    def _frequency(self) -> float:
        return OSCILLATOR_HZ / (STEPS * (self._prescale + 1))

    def _prescale_for(self, frequency_hz: float) -> int:
        if not LOWEST_HZ <= frequency_hz <= HIGHEST_HZ:
            raise ValueError(f"{self.name} makes 24...1526 Hz, not {frequency_hz}")
        return _nearest(OSCILLATOR_HZ / (STEPS * frequency_hz)) - 1

    def _check_channel(self, channel: int) -> None:
        if not 0 <= channel < CHANNEL_COUNT:
            raise ValueError(f"{self.name} has channels 0...15, not {channel}")

    def _not_set_up(self) -> NotReadyError:
        return NotReadyError(
            "The PWM chip is not set up: it lost its supply, or another program changed its mode.",
            hint="Check the module's supply. Its settings are to be made again, all channels "
            "are off until then.",
            where=self.name,
        )

    def _external_clock(self) -> NotReadyError:
        return NotReadyError(
            "The PWM chip waits for a clock from outside: another program switched it to EXTCLK.",
            hint="Only switching the module's supply off and on ends that.",
            where=self.name,
        )

    def _not_this_chip(self, mode_1: int, mode_2: int) -> WrongChipError:
        return WrongChipError(
            f"This does not behave like a PCA9685: its mode registers read 0x{mode_1:02x} "
            f"0x{mode_2:02x} right after 0x30 0x04 was written.",
            hint="Is another chip set to this address, or does another program use this one?",
            where=self.name,
        )


def _nearest(value: float) -> int:
    return int(value + 0.5)
