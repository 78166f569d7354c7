"""PCA9685, PWM generator with 16 channels: the emulator.

1. Bus side: all registers, auto-increment, sleep and restart, the locked prescaler, the shared
   address. Emulator control: what a channel puts out, as a share of time.
2. Values are typed from the datasheet, never imported from the driver.
3. Only a power cycle resets it: there is no reset pin, and the general call is not emulated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.i2c import NotAcknowledged

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock

_MODE1, _MODE2, _ALLCALLADR, _LED0, _LED15_END = 0x00, 0x01, 0x05, 0x06, 0x45
_ALL_LED, _ALL_LED_END, _PRE_SCALE, _TEST = 0xFA, 0xFD, 0xFE, 0xFF
_RESTART, _EXTCLK, _AI, _SLEEP, _ALLCALL = 0x80, 0x40, 0x20, 0x10, 0x01
_INVRT, _OCH, _OUTDRV = 0x10, 0x08, 0x04
_START_UP_S = 0.000499  # 500 µs, less what is lost in adding up seconds

# How many bits of a register exist, by its place among the four of a channel: ON_L, ON_H, OFF_L,
# OFF_H.
_CHANNEL_BITS = (0xFF, 0x1F, 0xFF, 0x1F)


class EmulatedPCA9685:
    """A PWM generator in memory.

    Where it is simpler than the silicon: new counts act at once and not from the next cycle; the
    RESTART bit is set at once and not at the end of the cycle; a RESTART that comes before the
    oscillator runs (500 µs) has no effect; while the chip sleeps, or waits for RESTART, its outputs
    are off. MODE2.OCH therefore only decides what clears RESTART.

    Args:
        clock: Time, for the start of the oscillator.
        oscillator_hz: What the oscillator really makes; 25 MHz ± some 5 %.

    Source: NXP PCA9685 datasheet rev. 4, section 7.3, tables 4 to 9.
    """

    def __init__(self, clock: Clock, oscillator_hz: float = 25e6) -> None:
        self._clock = clock
        self.oscillator_hz = oscillator_hz
        self._registers = bytearray()
        self._pointer = 0
        self._restart = False
        self._external_clock = False
        self._awake_since = 0.0
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back: asleep, all channels off, answering at 0x70."""
        registers = bytearray(256)
        #                      MODE1 MODE2 SUBADR1...3       ALLCALLADR
        registers[0x00:0x06] = (0x11, 0x04, 0xE2, 0xE4, 0xE8, 0xE0)
        for channel in range(16):
            registers[_LED0 + 4 * channel + 3] = 0x10
        registers[_PRE_SCALE] = 0x1E
        self._registers = registers
        self._pointer = 0
        self._restart = False
        self._external_clock = False

    @property
    def all_call_enabled(self) -> bool:
        """Whether it answers at the address in ALLCALLADR, which is 0x70 after power-up."""
        return bool(self._registers[_MODE1] & _ALLCALL)

    @property
    def all_call_address(self) -> int:
        """The 7-bit address in ALLCALLADR."""
        return self._registers[_ALLCALLADR] >> 1

    @property
    def asleep(self) -> bool:
        """Whether the oscillator is off."""
        return bool(self._registers[_MODE1] & _SLEEP)

    @property
    def frequency_hz(self) -> float:
        """The real frequency of the outputs, Hz; 0 while asleep."""
        if self.asleep:
            return 0.0
        return self.oscillator_hz / (4096 * (self._registers[_PRE_SCALE] + 1))

    def duty(self, channel: int) -> float:
        """Return the share of time that a channel is on.

        Args:
            channel: 0...15.

        Returns:
            0...1; 0 while the chip sleeps or waits for RESTART.
        """
        if self.asleep or self._restart or self._external_clock:
            return 0.0
        at = _LED0 + 4 * channel
        on = int.from_bytes(self._registers[at : at + 2], "little")
        off = int.from_bytes(self._registers[at + 2 : at + 4], "little")
        if off & 0x1000:
            return 0.0
        if on & 0x1000:
            return 1.0
        return (off - on) % 4096 / 4096

    def output(self, channel: int, oe_level: int) -> float | None:
        """Return what a pin does.

        Args:
            channel: 0...15.
            oe_level: Level at the OE pin; 1 disables all outputs.

        Returns:
            Share of time the pin is high, 0...1; None when it is not driven at all.
        """
        mode = self._registers[_MODE2]
        if oe_level:
            if mode & 0x02 or (mode & 0x01 and not mode & _OUTDRV):
                return None
            return float(mode & 0x01)
        share = self.duty(channel)
        return 1.0 - share if mode & _INVRT else share

    def write(self, data: bytes) -> None:
        """Take a register address and data bytes, as ``EmulatedI2CDevice.write`` says."""
        if not data:
            return
        if 0x45 < data[0] < _ALL_LED:  # noqa: PLR2004  (reserved addresses)
            raise NotAcknowledged
        self._pointer = data[0]
        touched = set()
        for byte in data[1:]:
            touched.add(self._pointer)
            self._store(self._pointer, byte)
            self._advance()
        if self._loads_outputs(touched):
            self._restart = False

    def read(self, length: int) -> bytes:
        """Return registers from the last address on; without auto-increment the same one again."""
        found = bytearray()
        for _ in range(length):
            found.append(self._value(self._pointer))
            self._advance()
        return bytes(found)

    def _advance(self) -> None:
        if self._registers[_MODE1] & _AI:
            last = self._pointer in {_LED15_END, _PRE_SCALE, _TEST}
            self._pointer = 0 if last else self._pointer + 1

    def _value(self, address: int) -> int:
        if address == _MODE1:
            restart = _RESTART if self._restart else 0
            return self._registers[_MODE1] | restart | (_EXTCLK if self._external_clock else 0)
        # The registers for all channels at once read 0.
        return 0 if _ALL_LED <= address <= _ALL_LED_END else self._registers[address]

    def _store(self, address: int, byte: int) -> None:
        if address == _MODE1:
            self._store_mode_1(byte)
        elif address == _MODE2:
            self._registers[_MODE2] = byte & 0x1F
        elif address < _LED0:
            self._registers[address] = byte & 0xFE
        elif address <= _LED15_END:
            self._registers[address] = byte & _CHANNEL_BITS[(address - _LED0) % 4]
        elif address <= _ALL_LED_END:
            place = address - _ALL_LED
            for channel in range(16):
                self._registers[_LED0 + 4 * channel + place] = byte & _CHANNEL_BITS[place]
        elif address == _PRE_SCALE and self.asleep:
            self._registers[_PRE_SCALE] = max(3, byte)

    def _store_mode_1(self, byte: int) -> None:
        slept = self.asleep
        if byte & _EXTCLK and slept:
            self._external_clock = True  # only a power cycle ends it
        running = any(self.duty(channel) for channel in range(16))
        self._registers[_MODE1] = byte & ~(_RESTART | _EXTCLK)
        now = self._clock.monotonic()
        if not slept and self.asleep and running:
            self._restart = True
        elif slept and not self.asleep:
            self._awake_since = now
        elif byte & _RESTART and not self.asleep and now - self._awake_since >= _START_UP_S:
            self._restart = False

    def _loads_outputs(self, touched: set[int]) -> bool:
        """Return whether a write gives new counts, which is another way out of RESTART."""
        counts = {each for each in touched if _LED0 <= each <= _ALL_LED_END}
        if not self._registers[_MODE2] & _OCH:
            return bool(counts)
        starts = [_ALL_LED, *range(_LED0, _LED15_END, 4)]
        return any(counts.issuperset(range(start, start + 4)) for start in starts)


class EmulatedAllCall:
    """A PCA9685 at a shared address: it answers there as long as ALLCALL is on.

    Args:
        chip: The chip itself, which is attached at its own address.
        address: 7-bit address at which it is attached.
    """

    def __init__(self, chip: EmulatedPCA9685, address: int = 0x70) -> None:
        self._chip = chip
        self._address = address

    def write(self, data: bytes) -> None:
        """Take bytes like the chip itself, or refuse them."""
        self._check()
        self._chip.write(data)

    def read(self, length: int) -> bytes:
        """Give bytes like the chip itself, or refuse."""
        self._check()
        return self._chip.read(length)

    def _check(self) -> None:
        if not (self._chip.all_call_enabled and self._chip.all_call_address == self._address):
            raise NotAcknowledged
