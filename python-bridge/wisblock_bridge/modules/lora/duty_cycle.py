"""Sending only what, where and when the region allows.

1. It refuses before anything reaches the radio, and a refusal says when it may be sent.
2. What waits is sent by the module's own timers; nothing waits longer than the module is open.
3. A packet is counted before it leaves: one that fails has been on the air all the same.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from wisblock_bridge.chips.sx1262 import longest_payload, time_on_air_ms
from wisblock_bridge.errors import BadParamsError, BusyError, ForbiddenError
from wisblock_bridge.modules.lora.regions import REGIONS
from wisblock_bridge.modules.lora.settings import LISTENING, Configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api import TimerHandle, Timers
    from wisblock_bridge.modules.lora.airtime import AirtimeRecord
    from wisblock_bridge.modules.lora.radio import LoRaRadio

MOST_QUEUED = 16
ASK_AGAIN_S = 0.1
"""Where one must listen first and the channel is taken: about the length of a packet."""


class _ChannelTakenError(ForbiddenError):
    """Somebody else is sending where one must listen first."""


class DutyCycleLimiter:
    """What stands between a request to send and the radio.

    Args:
        radio: The radio.
        airtime: What was sent lately.
        timers: Of the module.
        noted: Called when something was added to the record.

    Attributes:
        configuration: How and where to send.
    """

    def __init__(
        self,
        radio: LoRaRadio,
        airtime: AirtimeRecord,
        timers: Timers,
        noted: Callable[[], None],
    ) -> None:
        self.configuration: Configuration = LISTENING
        self._radio = radio
        self._airtime = airtime
        self._timers = timers
        self._noted = noted
        self._queue: deque[bytes] = deque()
        self._next: TimerHandle | None = None

    def send(self, payload: bytes, *, queue: bool) -> tuple[float, float, bool]:
        """Send a packet, or keep it until it may be sent.

        Args:
            payload: Its bytes.
            queue: Keep it while the air time is used up, instead of refusing it.

        Returns:
            Time on air in ms; seconds until such a packet may be sent again, or until this one is;
            and whether it has left.

        Raises:
            ForbiddenError: No region was chosen, the packet is too long for it, or the air time is
                used up.
            BadParamsError: Without a header, the packet has not the length agreed.
            BusyError: Too many wait already.
            BusError: The bus or a line could not be used.
            NotReadyError: The radio does not get ready, or does not finish.
            WrongChipError: No radio answers.
        """
        airtime_ms = self._airtime_ms(payload)
        if queue and self._queue:
            return airtime_ms, self._enqueue(payload), False
        wait_s = self._wait_s(airtime_ms)
        if wait_s > 0.0:
            if not queue:
                raise self._used_up(wait_s)
            return airtime_ms, self._enqueue(payload), False
        try:
            self._transmit(payload, airtime_ms)
        except _ChannelTakenError:
            if not queue:
                raise
            return airtime_ms, max(self._enqueue(payload, ASK_AGAIN_S), ASK_AGAIN_S), False
        return airtime_ms, self._wait_s(airtime_ms), True

    def _enqueue(self, payload: bytes, pause_s: float = 0.0) -> float:
        """Keep a packet until it may be sent.

        Args:
            payload: Its bytes.
            pause_s: The earliest moment, seconds from now.

        Returns:
            Seconds until then, those that wait before it reckoned in.

        Raises:
            BusyError: Too many wait already.
        """
        if len(self._queue) >= MOST_QUEUED:
            raise BusyError(
                f"{MOST_QUEUED} packets wait for air time already.",
                hint="Send less often, or lower the spreading factor.",
            )
        self._queue.append(payload)
        self._plan(pause_s)
        radio = self.configuration.radio
        lengths_ms = [time_on_air_ms(radio, len(each)) for each in self._queue]
        return self._airtime.waits_s(self.configuration.budgets, lengths_ms)[-1]

    def drop_queue(self) -> None:
        """Forget what waits."""
        self._queue.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _airtime_ms(self, payload: bytes) -> float:
        """Refuse what may never be sent like this."""
        configuration = self.configuration
        radio, region = configuration.radio, configuration.region
        if region is None:
            raise ForbiddenError(
                "Nothing is sent before a region was chosen.",
                hint="Where the radio is decides where, how strong and how long it may send: call "
                "configure with a region first.",
                data={"regions": list(map(str, REGIONS))},
            )
        if radio.implicit_length not in {None, len(payload)}:
            raise BadParamsError(
                f"Without a header every packet has {radio.implicit_length} bytes, this one "
                f"{len(payload)}.",
                data={"param": "payload", "allowed": radio.implicit_length},
            )
        airtime_ms = time_on_air_ms(radio, len(payload))
        budget, longest_ms = configuration.rule
        most_ms = min(longest_ms or math.inf, budget.airtime_ms if budget else math.inf)
        if airtime_ms > most_ms:
            fits = longest_payload(radio, most_ms)
            advice = f"send at most {fits} bytes, or lower" if fits > 0 else "lower"
            raise ForbiddenError(
                f"{len(payload)} bytes would take {airtime_ms:.0f} ms on the air; {region.name} "
                f"allows {most_ms:.0f} ms in {configuration.sub_band}.",
                hint=f"With these settings, {advice} the spreading factor.",
                data={"time_on_air": airtime_ms, "allowed": most_ms},
            )
        return airtime_ms

    def _wait_s(self, airtime_ms: float) -> float:
        return self._airtime.waits_s(self.configuration.budgets, (airtime_ms,))[0]

    def _used_up(self, wait_s: float) -> ForbiddenError:
        budget, _ = self.configuration.rule
        return ForbiddenError(
            f"The air time of {self.configuration.channel} ({budget}) is used up; the next packet "
            f"of this length may be sent in {in_words(wait_s)}.",
            hint='Send less often or shorter, or let it wait with when_full "queue".',
            data={"wait_ms": math.ceil(wait_s * 1000.0)},
        )

    def _transmit(self, payload: bytes, airtime_ms: float) -> None:
        self._listen_first()
        for channel in self.configuration.budgets:
            self._airtime.note(channel, airtime_ms)
        self._noted()
        self._radio.send(payload)

    def _listen_first(self) -> None:
        """Refuse to send into what somebody else is sending, where the region asks for that."""
        listening = self.configuration.listening
        if listening is None:
            return
        found_dbm = self._radio.rssi_dbm(listening.duration_ms / 1000.0)
        if found_dbm > listening.threshold_dbm:
            raise _ChannelTakenError(
                f"Somebody else is sending in {self.configuration.channel}: {found_dbm:g} dBm, and "
                f"at most {listening.threshold_dbm:g} dBm may be heard before one sends.",
                hint='Try again a little later, or let it wait with when_full "queue".',
                data={"wait_ms": math.ceil(ASK_AGAIN_S * 1000.0), "rssi": found_dbm},
            )

    def _plan(self, pause_s: float = 0.0) -> None:
        """Come back when the first of those that wait may be sent, or after a pause."""
        if self._queue and self._next is None:
            airtime_ms = time_on_air_ms(self.configuration.radio, len(self._queue[0]))
            wait_s = self._wait_s(airtime_ms)
            # One that will never be allowed is refused by the timer, not kept indefinitely.
            wait_s = max(wait_s, pause_s) if math.isfinite(wait_s) else 0.0
            self._next = self._timers.after(wait_s, self._come)

    def _come(self) -> None:
        self._next = None
        if not self._queue:
            return
        payload = self._queue.popleft()
        pause_s = 0.0
        try:
            airtime_ms = self._airtime_ms(payload)
            if self._wait_s(airtime_ms) <= 0.0:
                self._transmit(payload, airtime_ms)
            else:
                self._queue.appendleft(payload)
        except _ChannelTakenError:
            self._queue.appendleft(payload)
            pause_s = ASK_AGAIN_S
        finally:
            self._plan(pause_s)


def in_words(seconds: float) -> str:
    """Say a duration, rounded up so that nobody comes back too early.

    Args:
        seconds: The duration.

    Returns:
        "4.1 s" or "13 min".
    """
    if seconds < 60.0:  # noqa: PLR2004  (seconds of a minute)
        return f"{math.ceil(seconds * 10) / 10:g} s"
    return f"{math.ceil(seconds / 60.0)} min"
