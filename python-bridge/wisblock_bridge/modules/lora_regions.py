"""Where in the world a radio may send what: bands, power, duty cycle and dwell time.

1. Rules only: no radio, no clock. Who counts what was sent is ``airtime_ledger``.
2. Powers are what leaves the antenna (EIRP); the antenna's gain is taken off by who asks.
3. A frequency belongs to a sub-band only with the whole width of its channel.

Sources: ETSI EN 300 220 and LoRaWAN RP002 for Europe, FCC 15.247 for the US, RP002 for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

HOUR_S = 3600.0
ERP_TO_EIRP_DB = 2.15
NARROW_BELOW_KHZ = 500.0


class RegionName(StrEnum):
    """The regions, by the names of LoRaWAN."""

    EU868 = "EU868"
    US915 = "US915"
    AS923 = "AS923"
    AU915 = "AU915"
    IN865 = "IN865"
    CN470 = "CN470"
    EU433 = "EU433"


@dataclass(frozen=True, slots=True)
class Budget:
    """How long one may send within a sliding window.

    Attributes:
        airtime_ms: Sum of the times on air, ms.
        window_s: Length of the window, s.
        per_channel: Each channel has its own; else the whole sub-band shares one.
    """

    airtime_ms: float
    window_s: float
    per_channel: bool = False

    @property
    def percent(self) -> float:
        """Share of the window, percent."""
        return self.airtime_ms / self.window_s / 10.0

    def __str__(self) -> str:
        """Say it in words."""
        if self.window_s == HOUR_S:
            return f"{self.percent:g} % of each hour"
        return f"{self.airtime_ms:.0f} ms within {self.window_s:.0f} s"


@dataclass(frozen=True, slots=True)
class SubBand:
    """A piece of spectrum with one rule.

    Attributes:
        low_mhz: Lower end.
        high_mhz: Upper end.
        eirp_dbm: Highest power that may leave the antenna.
        budget: How long one may send; None for as long as one likes.
        longest_ms: Longest single packet; None for any.
        narrow_only: Budget and longest packet hold below 500 kHz of bandwidth only.
    """

    low_mhz: float
    high_mhz: float
    eirp_dbm: float
    budget: Budget | None = None
    longest_ms: float | None = None
    narrow_only: bool = False

    def __str__(self) -> str:
        """Name it by its ends."""
        return f"{self.low_mhz:g}-{self.high_mhz:g} MHz"

    def holds(self, frequency_mhz: float, bandwidth_khz: float) -> bool:
        """Tell whether a channel lies in it, with its whole width.

        Args:
            frequency_mhz: Centre of the channel.
            bandwidth_khz: Its width.

        Returns:
            True when it does.
        """
        half_hz = bandwidth_khz * 500.0
        centre_hz = frequency_mhz * 1e6
        # Half a hertz for what binary fractions do to 869.525.
        low_hz, high_hz = self.low_mhz * 1e6 - 0.5, self.high_mhz * 1e6 + 0.5
        return low_hz <= centre_hz - half_hz and centre_hz + half_hz <= high_hz

    def rule(self, bandwidth_khz: float) -> tuple[Budget | None, float | None]:
        """Tell what holds for a channel of this width.

        Args:
            bandwidth_khz: Its width.

        Returns:
            Budget and longest packet in ms, as in the attributes.
        """
        if self.narrow_only and bandwidth_khz >= NARROW_BELOW_KHZ:
            return None, None
        return self.budget, self.longest_ms


@dataclass(frozen=True, slots=True)
class Region:
    """The rules of a region.

    Attributes:
        name: Its name.
        default_mhz: Where to start when no frequency is chosen.
        variant: Of the module: "H" for 863...928 MHz, "L" for lower bands.
        sub_bands: Where one may send.
    """

    name: RegionName
    default_mhz: float
    variant: str
    sub_bands: tuple[SubBand, ...]

    def sub_band(self, frequency_mhz: float, bandwidth_khz: float) -> SubBand | None:
        """Find the rule for a channel.

        Args:
            frequency_mhz: Its centre.
            bandwidth_khz: Its width.

        Returns:
            The sub-band; None where one may not send.
        """
        fitting = (each for each in self.sub_bands if each.holds(frequency_mhz, bandwidth_khz))
        return next(fitting, None)


def _duty(percent: float) -> Budget:
    return Budget(percent * HOUR_S * 10.0, HOUR_S)


_25_MW = 14.0 + ERP_TO_EIRP_DB
_500_MW = 27.0 + ERP_TO_EIRP_DB
_DWELL_MS = 400.0

REGIONS: dict[str, Region] = {
    region.name: region
    for region in (
        Region(
            RegionName.EU868,
            868.1,
            "H",
            (
                SubBand(863.0, 865.0, _25_MW, _duty(0.1)),
                SubBand(865.0, 868.0, _25_MW, _duty(1.0)),
                SubBand(868.0, 868.6, _25_MW, _duty(1.0)),
                SubBand(868.7, 869.2, _25_MW, _duty(0.1)),
                SubBand(869.4, 869.65, _500_MW, _duty(10.0)),
                SubBand(869.7, 870.0, _25_MW, _duty(1.0)),
            ),
        ),
        Region(
            RegionName.US915,
            903.9,
            "H",
            (
                SubBand(
                    902.0,
                    928.0,
                    36.0,
                    Budget(_DWELL_MS, 20.0, per_channel=True),
                    _DWELL_MS,
                    narrow_only=True,
                ),
            ),
        ),
        Region(RegionName.AS923, 923.2, "H", (SubBand(915.0, 928.0, 16.0, _duty(1.0), _DWELL_MS),)),
        Region(
            RegionName.AU915,
            916.8,
            "H",
            (SubBand(915.0, 928.0, 30.0, None, _DWELL_MS, narrow_only=True),),
        ),
        Region(RegionName.IN865, 865.0625, "H", (SubBand(865.0, 867.0, 30.0),)),
        Region(
            RegionName.CN470,
            470.3,
            "L",
            (SubBand(470.0, 510.0, 17.0 + ERP_TO_EIRP_DB, None, 1000.0),),
        ),
        Region(
            RegionName.EU433,
            433.175,
            "L",
            (SubBand(433.05, 434.79, 10.0 + ERP_TO_EIRP_DB, _duty(10.0)),),
        ),
    )
}
