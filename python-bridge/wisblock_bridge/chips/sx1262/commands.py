"""The SX1262's commands, and numbers as it wants and gives them.

1. Bytes in, bytes out: no bus, no clock, no state.
2. Everything that comes from the chip may be nonsense: reading it never raises anything but
   ``ValueError``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

CRYSTAL_HZ = 32_000_000
TICK_US = 15.625
"""Unit of all durations."""

CONTINUOUS = 0xFFFFFF
LONGEST_TIMEOUT_S = (CONTINUOUS - 1) * TICK_US / 1e6
"""262 s."""


class Opcode(IntEnum):
    """The commands used, by the names of the data sheet (table 11-1)."""

    CLEAR_IRQ_STATUS = 0x02
    CLEAR_DEVICE_ERRORS = 0x07
    SET_DIO_IRQ_PARAMS = 0x08
    WRITE_REGISTER = 0x0D
    WRITE_BUFFER = 0x0E
    GET_PACKET_TYPE = 0x11
    GET_IRQ_STATUS = 0x12
    GET_RX_BUFFER_STATUS = 0x13
    GET_PACKET_STATUS = 0x14
    GET_RSSI_INST = 0x15
    GET_DEVICE_ERRORS = 0x17
    READ_REGISTER = 0x1D
    READ_BUFFER = 0x1E
    SET_STANDBY = 0x80
    SET_RX = 0x82
    SET_TX = 0x83
    SET_SLEEP = 0x84
    SET_RF_FREQUENCY = 0x86
    SET_CAD_PARAMS = 0x88
    CALIBRATE = 0x89
    SET_PACKET_TYPE = 0x8A
    SET_MODULATION_PARAMS = 0x8B
    SET_PACKET_PARAMS = 0x8C
    SET_TX_PARAMS = 0x8E
    SET_BUFFER_BASE_ADDRESS = 0x8F
    SET_PA_CONFIG = 0x95
    SET_REGULATOR_MODE = 0x96
    SET_DIO3_AS_TCXO_CTRL = 0x97
    CALIBRATE_IMAGE = 0x98
    SET_DIO2_AS_RF_SWITCH_CTRL = 0x9D
    SET_CAD = 0xC5


class Irq(IntFlag):
    """What the chip reports (table 13-29)."""

    NONE = 0
    TX_DONE = 0x0001
    RX_DONE = 0x0002
    PREAMBLE_DETECTED = 0x0004
    SYNC_WORD_VALID = 0x0008
    HEADER_VALID = 0x0010
    HEADER_ERROR = 0x0020
    CRC_ERROR = 0x0040
    CAD_DONE = 0x0080
    CAD_DETECTED = 0x0100
    TIMEOUT = 0x0200
    ALL = 0x03FF


class DeviceErrors(IntFlag):
    """What failed inside (table 13-86)."""

    NONE = 0
    RC64K_CALIBRATION = 0x0001
    RC13M_CALIBRATION = 0x0002
    PLL_CALIBRATION = 0x0004
    ADC_CALIBRATION = 0x0008
    IMAGE_CALIBRATION = 0x0010
    CRYSTAL_START = 0x0020
    PLL_LOCK = 0x0040
    PA_RAMP = 0x0100


class Mode(IntEnum):
    """What the chip is doing (table 13-76)."""

    STANDBY_RC = 2
    STANDBY_XOSC = 3
    SYNTHESIS = 4
    RECEIVE = 5
    TRANSMIT = 6


BANDWIDTHS: dict[float, int] = {
    7.81: 0x00,
    10.42: 0x08,
    15.63: 0x01,
    20.83: 0x09,
    31.25: 0x02,
    41.67: 0x0A,
    62.5: 0x03,
    125.0: 0x04,
    250.0: 0x05,
    500.0: 0x06,
}
"""kHz to the byte of SetModulationParams (table 13-47)."""

_PA_ROWS: dict[int, tuple[int, int]] = {22: (4, 7), 20: (3, 5), 17: (2, 3), 14: (2, 2)}
"""Optimal settings of the amplifier, dBm to paDutyCycle and hpMax (table 13-21)."""

HIGHEST_POWER_DBM = 22

_IMAGE_BANDS: tuple[tuple[float, float, int, int], ...] = (
    (430e6, 440e6, 0x6B, 0x6F),
    (470e6, 510e6, 0x75, 0x81),
    (779e6, 787e6, 0xC1, 0xC5),
    (863e6, 870e6, 0xD7, 0xDB),
    (902e6, 928e6, 0xE1, 0xE9),
)
"""Table 9-2."""

_CAD: dict[int, tuple[int, int]] = {
    5: (2, 21),
    6: (2, 21),
    7: (2, 22),
    8: (2, 22),
    9: (4, 23),
    10: (4, 24),
    11: (4, 25),
    12: (4, 28),
}
"""Spreading factor to symbols and detPeak (AN1200.48, for 125 kHz; 5 and 6 are not in it)."""

_CAD_DETECTION_MIN = 10


@dataclass(frozen=True, slots=True)
class PacketStatus:
    """What GetPacketStatus tells of a LoRa packet.

    Attributes:
        rssi_dbm: Level of the packet, noise included.
        snr_db: How far it was above the noise; below it when negative.
    """

    rssi_dbm: float
    snr_db: float


def mode(status: int) -> Mode:
    """Read the mode out of a status byte.

    Args:
        status: The byte.

    Returns:
        The mode.

    Raises:
        ValueError: It is no status byte of this chip; 0x00 and 0xFF are what an empty bus gives.
    """
    if status in {0x00, 0xFF}:
        raise ValueError(f"0x{status:02x} is what an empty bus gives")
    return Mode((status >> 4) & 7)


def irq(high: int, low: int) -> Irq:
    """Read the answer to GetIrqStatus.

    Args:
        high: First byte.
        low: Second byte.

    Returns:
        The known bits.
    """
    return Irq((high << 8 | low) & int(Irq.ALL))


def packet_status(rssi: int, snr: int) -> PacketStatus:
    """Read the answer to GetPacketStatus.

    Args:
        rssi: The byte RssiPkt.
        snr: The byte SnrPkt.

    Returns:
        dBm and dB.
    """
    return PacketStatus(-rssi / 2, (snr - 256 if snr > 127 else snr) / 4)  # noqa: PLR2004  (sign)


def frequency_error_hz(raw: bytes, bandwidth_khz: float) -> float:
    """Read the frequency error of the last packet.

    Args:
        raw: Three bytes from 0x076B; the lower 20 bits are a signed number.
        bandwidth_khz: Of the receiver.

    Returns:
        Hz; positive when the sender is above the receiver.

    Source:
        Not in the data sheet; as public drivers (RadioLib) read it.
    """
    number = int.from_bytes(raw, "big") & 0xFFFFF
    if number & 0x80000:
        number -= 0x100000
    return 1.55 * number / (1600.0 / bandwidth_khz)


def frequency_word(hertz: float) -> bytes:
    """Write a frequency for SetRfFrequency.

    Args:
        hertz: The frequency.

    Returns:
        Four bytes; a step is 0.95 Hz, rounded down.
    """
    return (round(hertz) * 2**25 // CRYSTAL_HZ).to_bytes(4, "big")


def duration(seconds: float | None) -> bytes:
    """Write a time-out or delay.

    Args:
        seconds: Up to 262 s; None for no end.

    Returns:
        Three bytes.
    """
    if seconds is None:
        return CONTINUOUS.to_bytes(3, "big")
    ticks = round(seconds * 1e6 / TICK_US)
    return max(1, min(ticks, CONTINUOUS - 1)).to_bytes(3, "big")


def power(dbm: int) -> tuple[bytes, int]:
    """Choose the amplifier's settings for a power.

    The four rows of the data sheet are used as they are; for anything between, the strongest row is
    kept and the power lowered.

    Args:
        dbm: -9...22.

    Returns:
        Parameters of SetPaConfig, and the power byte of SetTxParams.
    """
    duty, maximum = _PA_ROWS.get(dbm, _PA_ROWS[HIGHEST_POWER_DBM])
    setting = HIGHEST_POWER_DBM if dbm in _PA_ROWS else dbm
    return bytes((duty, maximum, 0, 1)), setting & 0xFF


def sync_word_registers(word: int) -> int:
    """Return the two registers for a sync word.

    Args:
        word: Up to 255, the one byte that other libraries take: 0xXY for 0xX4Y4. Above, the 16 bits
            of the two registers as they are.

    Returns:
        16 bits for 0x0740 and 0x0741.

    Source:
        RadioLib (``setSyncWord``, control bits 0x44) and LoRaRF, which the vendor's example uses:
        0x12 for 0x1424 (private), 0x34 for 0x3444 (public).
    """
    if word > 0xFF:  # noqa: PLR2004  (one byte)
        return word
    return (word & 0xF0) << 8 | (word & 0x0F) << 4 | 0x0404


def image_calibration(hertz: float) -> bytes:
    """Choose the band of CalibrateImage.

    Args:
        hertz: The frequency that will be used.

    Returns:
        Two bytes; between the bands of the data sheet, the 4 MHz steps around the frequency.
    """
    for low, high, first, last in _IMAGE_BANDS:
        if low <= hertz <= high:
            return bytes((first, last))
    step = int(hertz // 4e6)
    return bytes((step & 0xFF, (step + 1) & 0xFF))


def cad(spreading_factor: int) -> tuple[bytes, int]:
    """Choose the settings of activity detection.

    Args:
        spreading_factor: 5...12.

    Returns:
        Parameters of SetCadParams (standby afterwards), and the number of symbols looked at.
    """
    looked_at, peak = _CAD[spreading_factor]
    code = looked_at.bit_length() - 1
    return bytes((code, peak, _CAD_DETECTION_MIN, 0, 0, 0, 0)), looked_at
