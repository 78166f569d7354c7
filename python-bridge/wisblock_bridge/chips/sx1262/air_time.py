"""How a LoRa packet is sent, and how long that takes.

1. Arithmetic only: no bus, no clock, no region.
2. The numbers are those of the data sheet's formula, not of a stop watch: the start of the
   oscillator is not on the air.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LOW_DATA_RATE_SYMBOL_MS = 16.38
"""From here on the optimisation for low data rates must be on (data sheet, 6.1.1.4)."""

BANDWIDTHS_HZ: dict[float, float] = {
    7.81: 7812.5,
    10.42: 125e3 / 12,
    15.63: 15625.0,
    20.83: 125e3 / 6,
    31.25: 31250.0,
    41.67: 125e3 / 3,
    62.5: 62500.0,
    125.0: 125e3,
    250.0: 250e3,
    500.0: 500e3,
}
"""What the chip really does, by the rounded numbers of the data sheet (table 13-47): 500 kHz halved
again and again, and a third of that. At spreading factor 8 and 15.63 kHz the rounded number would
leave the optimisation for low data rates off, which the other end has on."""

LONGEST_PACKET = 255
SHORT_FACTORS = 6
"""Up to this spreading factor a packet is built otherwise."""


@dataclass(frozen=True, slots=True)
class LoRa:
    """All that two radios must agree on, and the power of the sender.

    Attributes:
        frequency_hz: Centre of the channel, 150...960 MHz.
        bandwidth_khz: One of 7.81, 10.42, 15.63, 20.83, 31.25, 41.67, 62.5, 125, 250, 500.
        spreading_factor: 5...12.
        coding_rate: 5...8, for 4/5...4/8.
        preamble: Symbols of the preamble, 1...65535.
        sync_word: 16 bits, as the registers have them (0x1424 private, 0x3444 public).
        power_dbm: At the chip's output, -9...22.
        crc: Whether packets carry a checksum.
        invert_iq: Whether I and Q are swapped.
        implicit_length: Bytes of every packet where there is no header; None with header.
    """

    frequency_hz: float
    bandwidth_khz: float = 125.0
    spreading_factor: int = 7
    coding_rate: int = 5
    preamble: int = 8
    sync_word: int = 0x1424
    power_dbm: int = 14
    crc: bool = True
    invert_iq: bool = False
    implicit_length: int | None = None

    @property
    def bandwidth_hz(self) -> float:
        """The real bandwidth, Hz."""
        return BANDWIDTHS_HZ[self.bandwidth_khz]

    @property
    def symbol_ms(self) -> float:
        """Duration of one symbol, ms (data sheet, 6.1.1)."""
        return float(2**self.spreading_factor) / self.bandwidth_hz * 1000.0

    @property
    def low_data_rate(self) -> bool:
        """Whether the optimisation for low data rates must be on."""
        return self.symbol_ms >= LOW_DATA_RATE_SYMBOL_MS


def symbols(settings: LoRa, length: int) -> float:
    """Count the symbols of a packet.

    Args:
        settings: How it is sent.
        length: Bytes of the payload, 0...255.

    Returns:
        Symbols, preamble included; a multiple of a quarter.

    Source:
        SX1261/2 data sheet rev. 1.2, 6.1.4.
    """
    factor = settings.spreading_factor
    short = factor <= SHORT_FACTORS
    bits = 8 * length + 16 * settings.crc - 4 * factor
    bits += 20 * (settings.implicit_length is None) + (0 if short else 8)
    per_group = 4 * (factor - 2 * settings.low_data_rate)
    groups = math.ceil(max(bits, 0) / per_group)
    sync = 6.25 if short else 4.25
    return settings.preamble + sync + 8 + groups * settings.coding_rate


def time_on_air_ms(settings: LoRa, length: int) -> float:
    """Return how long a packet occupies the channel.

    Args:
        settings: How it is sent.
        length: Bytes of the payload, 0...255.

    Returns:
        ms.
    """
    return symbols(settings, length) * settings.symbol_ms


def longest_payload(settings: LoRa, limit_ms: float) -> int:
    """Return the longest packet that fits a time on air.

    Args:
        settings: How it is sent.
        limit_ms: Longest time on air, ms.

    Returns:
        Bytes, at most 255; -1 when not even an empty packet fits.
    """
    lengths = range(LONGEST_PACKET, -1, -1)
    return next((each for each in lengths if time_on_air_ms(settings, each) <= limit_ms), -1)
