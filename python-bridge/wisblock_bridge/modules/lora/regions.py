"""Where in the world a radio may send what: bands, power, duty cycle and dwell time.

1. Rules only: no radio, no clock. Who counts what was sent is ``airtime_ledger``.
2. Powers are what leaves the antenna (EIRP); the antenna's gain is taken off by who asks.
3. A channel must lie within what is allowed with its whole width. One that lies in two sub-bands
   that adjoin is counted in both, and the stricter limits hold.

Sources, "RP002" being the LoRa Alliance's RP002-1.0.3, Regional Parameters:

* EU868, EU433: ETSI EN 300 220-2 and RP002. US915: FCC 15.247. AU915, CN470: RP002.
* AS923, AS923-2, -3, -4: RP002, AS923 (groups 1 to 4): the groups' ranges, 16 dBm EIRP, below 1 %,
  400 ms uplink dwell time; common channels 0, 1.8, 6.6 and 5.9 MHz below 923.2 MHz.
* IN865: RP002 (30 dBm EIRP); the upper end from the Indian rules G.S.R. 853(E) of 10 December 2021,
  which replace 865-867 MHz by 865-868 MHz.
* KR920: RP002 (channels of 125 kHz from 920.9 to 923.3 MHz; 10 dBm EIRP below 922 MHz, 14 dBm
  above; listen before talk instead of a duty cycle). RP002 has no figures for the listening:
  -65 dBm over 6 ms are those of Semtech's LoRaMac-node.
* RU864: RP002 (864-870 MHz, 16 dBm EIRP, below 1 %) within the sub-bands of annex 12 to decision
  18-46-03-1 of the Russian GKRCh of 11 September 2018 (864-865 MHz 0.1 %, 866-868 MHz 1 %,
  868.7-869.2 MHz 10 %); the stricter figure of both.

CN779 is left out: RP002 says that its devices may not be made or installed after 2021, and no
variant of the module is made for 779-787 MHz.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    AS923_2 = "AS923-2"
    AS923_3 = "AS923-3"
    AS923_4 = "AS923-4"
    KR920 = "KR920"
    RU864 = "RU864"


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
class Listening:
    """What must be heard before one may send.

    Attributes:
        threshold_dbm: Up to here the channel counts as free.
        duration_ms: How long it must have been free just before.
    """

    threshold_dbm: float
    duration_ms: float


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
        widest_khz: Widest channel; None for any that fits.
        listening: What must be heard before one may send; None for nothing.
        parts: The sub-bands that it is put together from, for a channel that lies in several.
    """

    low_mhz: float
    high_mhz: float
    eirp_dbm: float
    budget: Budget | None = None
    longest_ms: float | None = None
    narrow_only: bool = False
    widest_khz: float | None = None
    listening: Listening | None = None
    parts: tuple[SubBand, ...] = ()

    def __str__(self) -> str:
        """Name it by its ends."""
        if self.parts:
            return " and ".join(map(str, self.parts))
        widest = f" up to {self.widest_khz:g} kHz" if self.widest_khz is not None else ""
        return f"{self.low_mhz:g}-{self.high_mhz:g} MHz{widest}"

    @property
    def counted(self) -> tuple[SubBand, ...]:
        """The sub-bands whose budgets a packet uses up."""
        return self.parts or (self,)

    def holds(self, frequency_mhz: float, bandwidth_khz: float) -> bool:
        """Return whether a channel lies in it, with its whole width.

        Args:
            frequency_mhz: Centre of the channel.
            bandwidth_khz: Its width.

        Returns:
            True when it does.
        """
        if self.widest_khz is not None and bandwidth_khz > self.widest_khz:
            return False
        half_hz = bandwidth_khz * 500.0
        centre_hz = frequency_mhz * 1e6
        # Half a hertz for what binary fractions do to 869.525.
        low_hz, high_hz = self.low_mhz * 1e6 - 0.5, self.high_mhz * 1e6 + 0.5
        return low_hz <= centre_hz - half_hz and centre_hz + half_hz <= high_hz

    def rule(self, bandwidth_khz: float) -> tuple[Budget | None, float | None]:
        """Return what holds for a channel of this width.

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
            The sub-band, put together from several where the channel lies in several that adjoin;
            None where one may not send.
        """
        fitting = (each for each in self.sub_bands if each.holds(frequency_mhz, bandwidth_khz))
        joined = (each for each in self._joined() if each.holds(frequency_mhz, bandwidth_khz))
        return next(fitting, None) or next(joined, None)

    def _joined(self) -> Iterator[SubBand]:
        """Return the pairs of sub-bands that adjoin, each as one with the stricter limits."""
        for lower, upper in itertools.pairwise(self.sub_bands):
            if lower.high_mhz == upper.low_mhz:
                yield _join(lower, upper)


def _join(lower: SubBand, upper: SubBand) -> SubBand:
    both = (lower, upper)
    budgets = [each.budget for each in both if each.budget is not None]
    packets_ms = [each.longest_ms for each in both if each.longest_ms is not None]
    widths_khz = [each.widest_khz for each in both if each.widest_khz is not None]
    listenings = [each.listening for each in both if each.listening is not None]
    return SubBand(
        lower.low_mhz,
        upper.high_mhz,
        min(each.eirp_dbm for each in both),
        min(budgets, key=lambda each: each.percent, default=None),
        min(packets_ms, default=None),
        all(each.narrow_only for each in both),
        min(widths_khz, default=None),
        min(listenings, key=lambda each: each.threshold_dbm, default=None),
        both,
    )


def _duty(percent: float) -> Budget:
    return Budget(percent * HOUR_S * 10.0, HOUR_S)


_25_MW = 14.0 + ERP_TO_EIRP_DB
_500_MW = 27.0 + ERP_TO_EIRP_DB
_DWELL_MS = 400.0
_FREE_CHANNEL = Listening(-65.0, 6.0)


def _as923(name: RegionName, default_mhz: float, low_mhz: float, high_mhz: float) -> Region:
    return Region(
        name, default_mhz, "H", (SubBand(low_mhz, high_mhz, 16.0, _duty(1.0), _DWELL_MS),)
    )


def _kr920(low_mhz: float, high_mhz: float, eirp_dbm: float) -> SubBand:
    return SubBand(low_mhz, high_mhz, eirp_dbm, widest_khz=125.0, listening=_FREE_CHANNEL)


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
        _as923(RegionName.AS923, 923.2, 915.0, 928.0),
        _as923(RegionName.AS923_2, 921.4, 920.0, 923.0),
        _as923(RegionName.AS923_3, 916.6, 915.0, 921.0),
        _as923(RegionName.AS923_4, 917.3, 917.0, 920.0),
        Region(
            RegionName.AU915,
            916.8,
            "H",
            (SubBand(915.0, 928.0, 30.0, None, _DWELL_MS, narrow_only=True),),
        ),
        Region(RegionName.IN865, 865.0625, "H", (SubBand(865.0, 868.0, 30.0),)),
        Region(
            RegionName.KR920,
            922.1,
            "H",
            (_kr920(920.8, 922.0, 10.0), _kr920(922.0, 923.4, 14.0)),
        ),
        Region(
            RegionName.RU864,
            868.9,
            "H",
            (
                SubBand(864.0, 865.0, 16.0, _duty(0.1)),
                SubBand(866.0, 868.0, 16.0, _duty(1.0)),
                SubBand(868.7, 869.2, 16.0, _duty(1.0)),
            ),
        ),
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
