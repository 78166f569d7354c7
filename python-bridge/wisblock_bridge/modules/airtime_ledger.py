"""How long was sent lately, and when there is room again.

1. It counts times on air within a sliding window; which window and how much is the region's rule.
2. What it holds can be written down and read back, so that a restart gives nobody a new hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.modules.lora_regions import HOUR_S

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.modules.lora_regions import Budget

LONGEST_S = HOUR_S
MOST_ENTRIES = 20_000
"""More packets than fit any budget within an hour; the oldest are merged beyond it."""


class AirtimeLedger:
    """What one radio has sent within the last hour.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, list[tuple[float, float]]] = {}

    def wait_s(self, channel: str, budget: Budget | None, airtime_ms: float) -> float:
        """Tell when a packet may be sent.

        Args:
            channel: What has a budget of its own.
            budget: The rule; None for none.
            airtime_ms: Time on air of the packet, ms.

        Returns:
            Seconds from now; 0 for now, infinity for never.
        """
        if budget is None:
            return 0.0
        if airtime_ms > budget.airtime_ms:
            return float("inf")
        now = self._clock.monotonic()
        recent = [each for each in self._recent(channel) if each[0] > now - budget.window_s]
        # A microsecond for what adding up fractions of milliseconds does.
        excess_ms = sum(length for _, length in recent) + airtime_ms - budget.airtime_ms - 1e-3
        wait_s = 0.0
        for ended_s, length in recent:
            if excess_ms <= 0.0:
                break
            excess_ms -= length
            wait_s = ended_s + budget.window_s - now
        return max(0.0, wait_s)

    def note(self, channel: str, airtime_ms: float) -> None:
        """Note a packet that is about to be sent.

        Args:
            channel: What has a budget of its own.
            airtime_ms: Time on air of the packet, ms.
        """
        entries = self._recent(channel)
        entries.append((self._clock.monotonic() + airtime_ms / 1000.0, airtime_ms))
        if len(entries) > MOST_ENTRIES:
            (_, first), (ended_s, second) = entries[:2]
            entries[:2] = [(ended_s, first + second)]

    def written(self) -> dict[str, list[list[float]]]:
        """Give all that counts still, as plain data.

        Returns:
            Channel to packets: end in milliseconds since 1970, and time on air in ms.
        """
        offset_ms = self._clock.timestamp_ms() - self._clock.monotonic() * 1000.0
        return {
            channel: [[ended_s * 1000.0 + offset_ms, length] for ended_s, length in entries]
            for channel in tuple(self._entries)
            if (entries := self._recent(channel))
        }

    def read(self, written: object) -> None:
        """Take over what an earlier run has written; what makes no sense is left out.

        A packet whose time lies in the future, because the computer's clock was set, counts as sent
        just now.

        Args:
            written: As ``written`` gave it.
        """
        now, now_ms = self._clock.monotonic(), self._clock.timestamp_ms()
        for channel, entries in written.items() if isinstance(written, dict) else ():
            found: list[tuple[float, float]] = []
            for entry in entries if isinstance(entries, list) else ():
                match entry:
                    case [int() | float() as ended_ms, int() | float() as length]:
                        age_s = max(0.0, (now_ms - ended_ms) / 1000.0)
                        found.append((now - age_s, float(length)))
                    case _:
                        continue
            if isinstance(channel, str):
                self._entries[channel] = sorted(found)

    def _recent(self, channel: str) -> list[tuple[float, float]]:
        oldest_s = self._clock.monotonic() - LONGEST_S
        entries = self._entries.setdefault(channel, [])
        stale = 0
        while stale < len(entries) and entries[stale][0] <= oldest_s:
            stale += 1
        del entries[:stale]
        return entries
