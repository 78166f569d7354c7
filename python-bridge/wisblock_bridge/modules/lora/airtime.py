"""How long was sent lately, and when there is room again.

1. It counts times on air within a sliding window; which window and how much is the region's rule.
2. What it holds can be written down and read back, so that a restart gives nobody a new hour.
3. Only the monotonic clock counts: a computer without a battery for its clock starts in the past,
   and what was sent then must not look old once the clock has been set.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.modules.lora.regions import HOUR_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.modules.lora.regions import Budget

LONGEST_S = HOUR_S
MOST_ENTRIES = 20_000
"""More packets than fit any budget within an hour; the oldest are merged beyond it."""

_Entry = tuple[float, float]
"""When a packet ended, on the monotonic clock, s; and its time on air, ms."""


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """Name this start of the computer.

    Args:
        path: Where Linux tells it.

    Returns:
        A name that the next start does not have; empty where it is not known.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


class AirtimeRecord:
    """What one radio has sent within the last hour.

    Args:
        clock: Time; its monotonic clock must go on from one process to the next.
        boot: Names this start of the computer; empty where it is not known.
    """

    def __init__(self, clock: Clock, boot: str | None = None) -> None:
        self._clock = clock
        self._boot = boot_id() if boot is None else boot
        self._entries: dict[str, list[_Entry]] = {}

    def wait_s(self, channel: str, budget: Budget | None, airtime_ms: float) -> float:
        """Return when a packet may be sent.

        Args:
            channel: What has a budget of its own.
            budget: The rule; None for none.
            airtime_ms: Time on air of the packet, ms.

        Returns:
            Seconds from now; 0 for now, infinity for never.
        """
        return self.waits_s({channel: budget}, (airtime_ms,))[0]

    def waits_s(
        self, budgets: dict[str, Budget | None], airtimes_ms: Sequence[float]
    ) -> list[float]:
        """Return when packets may be sent that are sent one after another.

        Args:
            budgets: The channels that each of them is counted in, and their rules.
            airtimes_ms: Times on air of the packets, ms, in their order.

        Returns:
            Seconds from now for each; 0 for now, infinity for never.
        """
        now = self._clock.monotonic()
        planned = {channel: list(self._recent(channel)) for channel in budgets}
        at_s, waits = now, []
        for airtime_ms in airtimes_ms:
            moments = (
                _earliest_s(planned[channel], budget, airtime_ms, at_s)
                for channel, budget in budgets.items()
            )
            at_s = max(moments, default=at_s)
            waits.append(max(0.0, at_s - now))
            for entries in planned.values():
                entries.append((at_s + airtime_ms / 1000.0, airtime_ms))
        return waits

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

    def written(self) -> dict[str, object]:
        """Return all that counts still, as plain data.

        Returns:
            Which start of the computer it is, its monotonic clock, and channel to packets (age in
            seconds, time on air in ms); empty when nothing counts.
        """
        now = self._clock.monotonic()
        channels = {
            channel: [[now - ended_s, length] for ended_s, length in entries]
            for channel in tuple(self._entries)
            if (entries := self._recent(channel))
        }
        return {"boot": self._boot, "at_s": now, "channels": channels} if channels else {}

    def read(self, written: object) -> None:
        """Take over what an earlier run has written; what makes no sense is left out.

        Within one start of the computer the monotonic clock tells how much time has passed since.
        After another start nothing does, for either of the two may have been before the clock was
        set: only the time since the start counts, and a packet seems younger than it is.

        Args:
            written: As ``written`` gave it, or as earlier versions did (channel to packets: end in
                milliseconds since 1970, time on air in ms).
        """
        match written:
            case {"boot": str() as boot, "at_s": int() | float() as at_s, "channels": dict() as of}:
                now = self._clock.monotonic()
                same = boot == self._boot and bool(boot) and at_s <= now
                passed_s = now - at_s if same else now
                for channel, entries in of.items():
                    # One that was on the air just then ends a little later, and no other one.
                    ages = ((max(age, -ms / 1000.0), ms) for age, ms in _pairs(entries))
                    self._take(channel, ((age_s + passed_s, ms) for age_s, ms in ages))
            case dict():
                for channel, entries in written.items():
                    self._take(channel, ((self._age_s(at), ms) for at, ms in _pairs(entries)))
            case _:
                pass

    def _age_s(self, ended_ms: float) -> float:
        """Return how old a moment of the calendar is; one that cannot be counts as now.

        That is one in the future, and one before this start of the computer, when the clock may
        not have been set yet.
        """
        age_s = (self._clock.timestamp_ms() - ended_ms) / 1000.0
        return age_s if 0.0 <= age_s <= self._clock.monotonic() else 0.0

    def _take(self, channel: object, packets: Iterable[tuple[float, float]]) -> None:
        now = self._clock.monotonic()
        if isinstance(channel, str):
            found = [(now - age_s, ms) for age_s, ms in packets]
            self._entries[channel] = sorted(found)

    def _recent(self, channel: str) -> list[_Entry]:
        oldest_s = self._clock.monotonic() - LONGEST_S
        entries = self._entries.setdefault(channel, [])
        stale = 0
        while stale < len(entries) and entries[stale][0] <= oldest_s:
            stale += 1
        del entries[:stale]
        return entries


def _earliest_s(
    entries: list[_Entry], budget: Budget | None, airtime_ms: float, at_s: float
) -> float:
    """Return from when on a packet may be sent, clock reading; infinity for never."""
    if budget is None or not math.isfinite(at_s):
        return at_s
    if airtime_ms > budget.airtime_ms:
        return math.inf
    recent = [each for each in entries if each[0] > at_s - budget.window_s]
    # A microsecond for what adding up fractions of milliseconds does.
    excess_ms = sum(length for _, length in recent) + airtime_ms - budget.airtime_ms - 1e-3
    for ended_s, length in recent:
        if excess_ms <= 0.0:
            break
        excess_ms -= length
        at_s = max(at_s, ended_s + budget.window_s)
    return at_s


def _pairs(entries: object) -> Iterable[tuple[float, float]]:
    """Return the pairs of finite numbers in a list that somebody has written."""
    for entry in entries if isinstance(entries, list) else ():
        match entry:
            case [int() | float() as first, int() | float() as second]:
                if math.isfinite(first) and math.isfinite(second) and second >= 0.0:
                    yield float(first), float(second)
            case _:
                continue
