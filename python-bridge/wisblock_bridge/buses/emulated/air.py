"""Radio waves that exist only in memory: what the antennas of one emulated board meet on.

1. A wave knows physics (hertz, decibel, seconds), never who decodes it; radios know the air, never
   each other.
2. Nothing runs automatically: the first look at the air makes happen what is due by then.
3. One lock for all: radios are used by the threads of their modules, the emulator control by
   another.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock

THERMAL_DBM_PER_HZ = -174.0
NOISE_FIGURE_DB = 6.0
CAPTURE_DB = 6.0
"""A packet that is so much stronger than another at the same time is still understood."""

WEAKEST_SNR_DB = {5: -2.5, 6: -5.0, 7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
"""What a LoRa demodulator still understands, by spreading factor (SX1261/2 data sheet, 6.1.1.1)."""


@dataclass(frozen=True, slots=True)
class Signal:
    """How a LoRa packet is sent; who listens otherwise does not hear it.

    Attributes:
        frequency_hz: Centre of the channel.
        bandwidth_hz: Width of the channel.
        spreading_factor: 5...12.
        sync_word: 16 bits.
        inverted: Whether I and Q are swapped.
        explicit: Whether there is a header.
    """

    frequency_hz: float
    bandwidth_hz: float
    spreading_factor: int
    sync_word: int
    inverted: bool
    explicit: bool

    @property
    def symbol_s(self) -> float:
        """Duration of one symbol, s."""
        return float(2**self.spreading_factor / self.bandwidth_hz)

    def fits(self, other: Signal) -> bool:
        """Return whether a receiver set like this understands what is sent like that.

        Args:
            other: How it is sent.

        Returns:
            True when all is the same, and the frequency nearly.
        """
        return (
            abs(self.frequency_hz - other.frequency_hz) <= self.bandwidth_hz / 4
            and self.bandwidth_hz == other.bandwidth_hz
            and self.spreading_factor == other.spreading_factor
            and self.sync_word == other.sync_word
            and self.inverted == other.inverted
            and self.explicit == other.explicit
        )

    def disturbs(self, other: Signal) -> bool:
        """Return whether two packets at the same time are in each other's way.

        Args:
            other: The other one.

        Returns:
            True when their channels overlap and their spreading factors are the same.
        """
        apart = abs(self.frequency_hz - other.frequency_hz)
        return (
            apart < (self.bandwidth_hz + other.bandwidth_hz) / 2
            and self.spreading_factor == other.spreading_factor
        )


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """One packet on its way.

    Attributes:
        sender: The antenna that it comes from; None for one from far away.
        signal: How it is sent.
        payload: The bytes.
        checked: Whether it carries a checksum.
        power_dbm: What leaves the antenna.
        start_s: When it begins, clock reading.
        locked_s: When the preamble is over.
        end_s: When it ends.
    """

    sender: object
    signal: Signal
    payload: bytes
    checked: bool
    power_dbm: float
    start_s: float
    locked_s: float
    end_s: float


class Antenna(Protocol):
    """The listeners."""

    @property
    def loss_db(self) -> float:
        """What is lost on the way to it, and in it."""
        ...

    @property
    def ambient_dbm(self) -> float:
        """What is heard there when nobody sends."""
        ...

    def hear(self, wave: Wave, level_dbm: float, snr_db: float, *, damaged: bool) -> None:
        """Hear a packet that has just ended.

        Args:
            wave: The packet.
            level_dbm: How strong it arrives.
            snr_db: How far above the noise.
            damaged: Another packet was in its way.
        """
        ...


class Air:
    """The space between the antennas of one board.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lock = threading.RLock()
        self._antennas: list[Antenna] = []
        self._under_way: list[Wave] = []
        self._past: list[Wave] = []

    def enter(self, antenna: Antenna) -> None:
        """Put up an antenna."""
        with self.lock:
            self._antennas.append(antenna)

    def leave(self, antenna: Antenna) -> None:
        """Take an antenna down; what it is sending breaks off."""
        with self.lock:
            self._antennas.remove(antenna)
            self.silence(antenna)

    def begin(self, wave: Wave) -> None:
        """Send a packet.

        Args:
            wave: The packet; it may begin a little later than now.
        """
        with self.lock:
            self._under_way.append(wave)

    def silence(self, sender: object) -> None:
        """Break off what somebody is sending.

        Args:
            sender: Who.
        """
        with self.lock:
            self._under_way = [wave for wave in self._under_way if wave.sender is not sender]

    def settle(self) -> None:
        """Let everybody hear what has ended by now."""
        with self.lock:
            now = self._clock.monotonic()
            ended = sorted(
                (wave for wave in self._under_way if wave.end_s <= now),
                key=lambda wave: wave.end_s,
            )
            for wave in ended:
                self._under_way.remove(wave)
                self._past.append(wave)
                for antenna in tuple(self._antennas):
                    if antenna is not wave.sender:
                        self._deliver(wave, antenna)
            oldest_s = min((wave.start_s for wave in self._under_way), default=now)
            self._past = [wave for wave in self._past if wave.end_s > oldest_s]

    def level_dbm(self, antenna: Antenna, bandwidth_hz: float, frequency_hz: float) -> float:
        """Return how strong it is at an antenna in this moment.

        Args:
            antenna: Where.
            bandwidth_hz: Width of the channel.
            frequency_hz: Its centre.

        Returns:
            dBm.
        """
        with self.lock:
            now = self._clock.monotonic()
            levels = [
                wave.power_dbm - antenna.loss_db
                for wave in self._under_way
                if wave.start_s <= now < wave.end_s
                and wave.sender is not antenna
                and abs(wave.signal.frequency_hz - frequency_hz)
                < (wave.signal.bandwidth_hz + bandwidth_hz) / 2
            ]
            return max([_noise_dbm(antenna, bandwidth_hz), *levels])

    def audible(self, antenna: Antenna, signal: Signal, from_s: float, to_s: float) -> list[Wave]:
        """Return which packets an antenna can make out between two moments.

        Args:
            antenna: Where.
            signal: How the receiver is set; the sync word does not matter to be noticed.
            from_s: The first moment, clock reading.
            to_s: The last moment.

        Returns:
            The packets, the earliest first.
        """
        with self.lock:
            found = [
                wave
                for wave in (*self._past, *self._under_way)
                if wave.sender is not antenna
                and wave.start_s < to_s
                and wave.end_s > from_s
                and signal.disturbs(wave.signal)
                and signal.bandwidth_hz == wave.signal.bandwidth_hz
                and self._snr_db(wave, antenna) >= WEAKEST_SNR_DB[signal.spreading_factor]
            ]
            return sorted(found, key=lambda wave: wave.start_s)

    def _deliver(self, wave: Wave, antenna: Antenna) -> None:
        snr_db = self._snr_db(wave, antenna)
        if snr_db < WEAKEST_SNR_DB[wave.signal.spreading_factor]:
            return
        # Their ways to the same antenna cost the same, so the powers can be compared as they are.
        damaged = any(
            other.power_dbm > wave.power_dbm - CAPTURE_DB
            for other in (*self._past, *self._under_way)
            if other is not wave
            and other.sender is not antenna
            and other.start_s < wave.end_s
            and other.end_s > wave.start_s
            and wave.signal.disturbs(other.signal)
        )
        antenna.hear(wave, wave.power_dbm - antenna.loss_db, snr_db, damaged=damaged)

    @staticmethod
    def _snr_db(wave: Wave, antenna: Antenna) -> float:
        level = wave.power_dbm - antenna.loss_db
        return level - _noise_dbm(antenna, wave.signal.bandwidth_hz)


def _noise_dbm(antenna: Antenna, bandwidth_hz: float) -> float:
    thermal = THERMAL_DBM_PER_HZ + 10 * math.log10(bandwidth_hz) + NOISE_FIGURE_DB
    return max(thermal, antenna.ambient_dbm)


def symbols_of(
    signal: Signal, preamble: int, length: int, coding_rate: int, *, checked: bool, slow: bool
) -> float:
    """Count the symbols of a packet (SX1261/2 data sheet, 6.1.4).

    Args:
        signal: How it is sent.
        preamble: Symbols of the preamble as programmed.
        length: Bytes.
        coding_rate: 1...4 for 4/5...4/8.
        checked: Whether there is a checksum.
        slow: Whether the optimisation for low data rates is on.

    Returns:
        Symbols, in quarters.
    """
    factor = signal.spreading_factor
    bits = 8 * length + (16 if checked else 0) - 4 * factor + (20 if signal.explicit else 0)
    if factor <= 6:  # noqa: PLR2004
        groups = math.ceil(max(bits, 0) / (4 * factor))
        return preamble + 6.25 + 8 + groups * (coding_rate + 4)
    groups = math.ceil(max(bits + 8, 0) / (4 * (factor - (2 if slow else 0))))
    return preamble + 4.25 + 8 + groups * (coding_rate + 4)
