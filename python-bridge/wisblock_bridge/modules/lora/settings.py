"""From what a user chooses to the radio's settings: presets, defaults, and what a region allows.

1. Pure: it decides, it does nothing.
2. A refusal names the parameter and what is allowed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from wisblock_bridge.chips.sx1262 import LoRa, sync_word_registers
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import Param
from wisblock_bridge.modules.lora.regions import REGIONS, Region, RegionName, SubBand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.modules.lora.regions import Budget, Listening

SYNC_WORDS = {"private": 0x1424, "public": 0x3444}
BANDWIDTHS_KHZ = (7.81, 10.42, 15.63, 20.83, 31.25, 41.67, 62.5, 125.0, 250.0, 500.0)
STRONGEST_DBM, WEAKEST_DBM = 22, -9
USUAL_DBM = 14
"""Where no power is chosen: enough for most, and legal in most places."""

DIPOLE_DBI = 2.15

CodingRate = Literal["4/5", "4/6", "4/7", "4/8"]
SyncWord = int | Literal["private", "public"]

RegionChoice = Annotated[
    RegionName, Param("Where the radio is: decides where, how strong and how long it may send.")
]
Frequency = Annotated[
    float | None,
    Param("Centre of the channel; not given: of the preset, or the region's usual one.",
          unit="megahertz", low=150.0, high=960.0),
]  # fmt: skip
Bandwidth = Annotated[
    float | None,
    Param("Width of the channel: 7.81, 10.42, 15.63, 20.83, 31.25, 41.67, 62.5, 125, 250 or 500.",
          unit="kilohertz", low=7.81, high=500.0),
]  # fmt: skip
SpreadingFactor = Annotated[
    int | None,
    Param("Spreading factor: each step more doubles the time on air and reaches farther.",
          low=5, high=12),
]  # fmt: skip
CodingRateChoice = Annotated[
    CodingRate | None, Param("Share of the data in what is sent; the rest corrects errors.")
]
Preamble = Annotated[
    int | None, Param("Length of the preamble, symbols.", low=6, high=65535, label="Preamble")
]
SyncWordChoice = Annotated[
    SyncWord | None,
    Param(
        "Network: private (0x12), public (0x34), or a number. Up to 255 it is the one byte that "
        "other LoRa libraries take, 0xXY for the registers 0xX4Y4; above, the 16 bits of the two "
        "registers as they are.",
        low=0,
        high=65535,
    ),
]
Power = Annotated[
    int | None,
    Param("Power at the antenna connector; not given: of the preset, or 14, or less where the "
          "region allows less.", unit="decibel_milliwatt", low=WEAKEST_DBM, high=STRONGEST_DBM),
]  # fmt: skip
Crc = Annotated[bool | None, Param("Whether packets carry a checksum.", label="Checksum")]
InvertIq = Annotated[
    bool | None,
    Param("Whether I and Q are swapped, as LoRaWAN gateways do.", label="Invert I and Q"),
]
Header = Annotated[
    Literal["explicit", "implicit"] | None,
    Param("Explicit: the packet tells its length. Implicit: both sides know it."),
]
PayloadLength = Annotated[
    int | None, Param("Bytes of every packet where the header is implicit.", low=1, high=255)
]
AntennaGain = Annotated[
    float | None,
    Param("Gain of the antenna over an isotropic one (dBi), its cable taken off; a half-wave "
          "dipole has 2.15.", unit="decibel", low=-20.0, high=20.0),
]  # fmt: skip
Variant = Annotated[
    Literal["H", "L"] | None,
    Param("Which RAK13300 it is: H for 863-928 MHz, L for 433 and 470 MHz. The bridge cannot see "
          "it; given, a region that does not fit is refused."),
]  # fmt: skip
Preset = Annotated[
    Literal["python_example", "arduino_example"] | None,
    Param("Settings of the vendor's example programs; other parameters go before it."),
]


@dataclass(frozen=True, slots=True)
class _Preset:
    frequency: float
    preamble: int
    sync_word: SyncWord
    power: int


PRESETS: dict[str, _Preset] = {
    "python_example": _Preset(915.0, 12, "public", 17),
    "arduino_example": _Preset(868.3, 8, "private", 22),
}
"""Both: spreading factor 7, 125 kHz, 4/5, explicit header, checksum."""


class Choice(Protocol):
    """Parameters of ``configure``."""

    region: RegionName
    frequency: float | None
    bandwidth: float | None
    spreading_factor: int | None
    coding_rate: CodingRate | None
    preamble: int | None
    sync_word: SyncWord | None
    power: int | None
    crc: bool | None
    invert_iq: bool | None
    header: Literal["explicit", "implicit"] | None
    payload_length: int | None
    antenna_gain: float | None
    variant: Literal["H", "L"] | None
    preset: Literal["python_example", "arduino_example"] | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the radio is set to, and the rule that it sends under.

    Attributes:
        radio: Settings of the radio.
        region: The region; None as long as none was chosen.
        sub_band: The rule.
    """

    radio: LoRa
    region: Region | None = None
    sub_band: SubBand | None = None

    @property
    def rule(self) -> tuple[Budget | None, float | None]:
        """Budget of the channel, and longest packet in ms; None for no limit."""
        if self.sub_band is None:
            return None, None
        return self.sub_band.rule(self.radio.bandwidth_khz)

    @property
    def channel(self) -> str:
        """Where one sends, in words."""
        return self._channel_in(self.sub_band)

    @property
    def budgets(self) -> dict[str, Budget | None]:
        """What a packet is counted in, each with its rule."""
        if self.sub_band is None:
            return {}
        return {
            self._channel_in(each): each.rule(self.radio.bandwidth_khz)[0]
            for each in self.sub_band.counted
        }

    @property
    def listening(self) -> Listening | None:
        """What must be heard before one may send; None for nothing."""
        return self.sub_band.listening if self.sub_band is not None else None

    def _channel_in(self, sub_band: SubBand | None) -> str:
        budget = sub_band.rule(self.radio.bandwidth_khz)[0] if sub_band is not None else None
        words = f"{self.region.name if self.region else 'no region'} {sub_band}"
        if budget is not None and budget.per_channel:
            words += f" at {self.radio.frequency_hz / 1e6:.3f} MHz"
        return words


LISTENING = Configuration(LoRa(868_100_000.0))
"""How the radio listens before a region is chosen; it does not send."""


def resolve(choice: Choice) -> Configuration:
    """Find out what the radio is to be set to.

    Args:
        choice: Parameters of ``configure``, each within its own limits.

    Returns:
        The configuration, allowed in its region.

    Raises:
        BadParamsError: They do not go together, or the region does not allow them.
    """
    region = REGIONS[choice.region]
    preset = PRESETS[choice.preset] if choice.preset is not None else None
    if choice.variant is not None and choice.variant != region.variant:
        raise BadParamsError(
            f"A RAK13300 of variant {choice.variant} does not work in {region.name}, which needs "
            f"variant {region.variant}.",
            hint="The letter is in the product's name on its label.",
            data={"param": "variant", "allowed": [region.variant]},
        )
    frequency = choice.frequency or (preset.frequency if preset else region.default_mhz)
    bandwidth = _bandwidth(choice.bandwidth)
    sub_band = region.sub_band(frequency, bandwidth)
    if sub_band is None:
        allowed = [str(each) for each in region.sub_bands]
        raise BadParamsError(
            f"{frequency:g} MHz with {bandwidth:g} kHz is outside of what {region.name} allows: "
            f"{', '.join(allowed)}, with the whole width of the channel.",
            hint="Choose another frequency, or the region where the radio is.",
            data={"param": "frequency", "allowed": allowed},
        )
    radio = LoRa(
        frequency_hz=float(round(frequency * 1e6)),
        bandwidth_khz=bandwidth,
        spreading_factor=choice.spreading_factor or 7,
        coding_rate=int((choice.coding_rate or "4/5")[2]),
        preamble=_preamble(choice, preset),
        sync_word=_sync_word(choice, preset),
        power_dbm=_power(choice, preset, sub_band),
        crc=True if choice.crc is None else choice.crc,
        invert_iq=bool(choice.invert_iq),
        implicit_length=_implicit_length(choice),
    )
    return Configuration(radio, region, sub_band)


def check_configure(choice: Choice) -> None:
    """Refuse what a region does not allow, before anything is sent.

    Args:
        choice: The checked parameters.

    Raises:
        BadParamsError: As ``resolve`` says.
    """
    resolve(choice)


class Chosen:
    """Parameters of ``configure`` by name; those that are missing are None.

    Args:
        written: Name to value.
    """

    def __init__(self, written: Mapping[str, Any]) -> None:
        self.region: RegionName = written["region"]
        self.frequency: float | None = written.get("frequency")
        self.bandwidth: float | None = written.get("bandwidth")
        self.spreading_factor: int | None = written.get("spreading_factor")
        self.coding_rate: CodingRate | None = written.get("coding_rate")
        self.preamble: int | None = written.get("preamble")
        self.sync_word: SyncWord | None = written.get("sync_word")
        self.power: int | None = written.get("power")
        self.crc: bool | None = written.get("crc")
        self.invert_iq: bool | None = written.get("invert_iq")
        self.header: Literal["explicit", "implicit"] | None = written.get("header")
        self.payload_length: int | None = written.get("payload_length")
        self.antenna_gain: float | None = written.get("antenna_gain")
        self.variant: Literal["H", "L"] | None = written.get("variant")
        self.preset: Literal["python_example", "arduino_example"] | None = written.get("preset")


def recall(written: object) -> Configuration | None:
    """Resolve what was remembered.

    Args:
        written: Whatever was found.

    Returns:
        The configuration; None when there is none, or none that this version understands.
    """
    if not isinstance(written, dict) or written.get("region") not in REGIONS:
        return None
    try:
        found = resolve(Chosen(written))
    except (BadParamsError, IndexError, KeyError, TypeError, ValueError):
        return None
    radio = found.radio
    numbers = (radio.spreading_factor, radio.preamble, radio.sync_word, radio.power_dbm)
    sound = all(type(each) is int for each in numbers) and type(radio.implicit_length or 0) is int
    return found if sound and WEAKEST_DBM <= radio.power_dbm <= STRONGEST_DBM else None


def _bandwidth(chosen: float | None) -> float:
    if chosen is None:
        return 125.0
    nearest = min(BANDWIDTHS_KHZ, key=lambda each: abs(each - chosen))
    if abs(nearest - chosen) > nearest / 200:
        raise BadParamsError(
            f"{chosen:g} kHz is no bandwidth of this radio.",
            data={"param": "bandwidth", "allowed": list(BANDWIDTHS_KHZ)},
        )
    return nearest


def _preamble(choice: Choice, preset: _Preset | None) -> int:
    preamble = choice.preamble or (preset.preamble if preset else 8)
    if (choice.spreading_factor or 7) <= 6 and preamble < 12:  # noqa: PLR2004  (data sheet, 6.1.1.1)
        raise BadParamsError(
            f"A preamble of {preamble} symbols is too short for a spreading factor of 5 or 6.",
            data={"param": "preamble", "allowed": "12 to 65535"},
        )
    return preamble


def _sync_word(choice: Choice, preset: _Preset | None) -> int:
    word = choice.sync_word
    if word is None:
        word = preset.sync_word if preset else "private"
    if isinstance(word, str):
        return SYNC_WORDS[word]
    return sync_word_registers(word)


def _power(choice: Choice, preset: _Preset | None, sub_band: SubBand) -> int:
    gain = DIPOLE_DBI if choice.antenna_gain is None else choice.antenna_gain
    most = min(STRONGEST_DBM, math.floor(sub_band.eirp_dbm - gain + 1e-6))
    if most < WEAKEST_DBM:
        raise BadParamsError(
            f"An antenna of {gain:g} dBi is too strong for {sub_band}: even the weakest "
            f"{WEAKEST_DBM} dBm would leave it above {sub_band.eirp_dbm:.1f} dBm EIRP.",
            data={"param": "antenna_gain"},
        )
    if choice.power is None:
        return min(most, preset.power if preset else USUAL_DBM)
    if choice.power > most:
        raise BadParamsError(
            f"{choice.power} dBm into an antenna of {gain:g} dBi is more than the "
            f"{sub_band.eirp_dbm:.1f} dBm EIRP allowed in {sub_band}; at most {most} dBm.",
            hint="Lower the power, or say which antenna it is with antenna_gain.",
            data={"param": "power", "allowed": f"{WEAKEST_DBM} to {most}"},
        )
    return choice.power


def _implicit_length(choice: Choice) -> int | None:
    if choice.header != "implicit":
        return None
    if choice.payload_length is None:
        raise BadParamsError(
            "Without a header both sides must know the length of the packets.",
            hint="Give payload_length.",
            data={"param": "payload_length", "allowed": "1 to 255"},
        )
    return choice.payload_length
