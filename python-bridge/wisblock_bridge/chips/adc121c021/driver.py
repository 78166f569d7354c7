"""ADC121C021, 12-bit converter with one input and limits: the driver.

1. Volts at the pin on one side, registers on the other; what is behind the pin is somebody else's
   knowledge.
2. A voltage is one that was sampled after it was asked for: never the one before.
3. The chip is left as after power-up, unless somebody watches limits; then what was written is
   checked before each use and written again when the supply broke down.

On 2: after power-up the chip converts when its result is read, and what is read is the conversion
before. So it is read twice and the first result thrown away. While limits are watched it converts
by itself, every 37 us, and one such period is waited for.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.buses.analog import Conversion
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import WrongChipError

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

RESULT, ALERT_STATUS, CONFIG, LOW_LIMIT, HIGH_LIMIT, HYSTERESIS = range(6)

# Config register: cycle time in bits 7...5, alert hold in bit 4, alert flag enable in bit 3, alert
# pin enable in bit 2, polarity in bit 0.
CONVERT_WHEN_READ = 0x00
CONVERT_ALWAYS = 0x20
"""Cycle code 001: the fastest, 27000 conversions per second."""
HOLD, FLAG, PIN, ACTIVE_HIGH = 0x10, 0x08, 0x04, 0x01

# Alert status register.
OVER, UNDER = 0x02, 0x01

# Result register: alert flag in bit 15, zeros in 14...12, the code in the rest.
ALERT = 0x8000
ALWAYS_ZERO = 0x7000
CODE = 0x0FFF

CODES = 4096
HIGHEST_CODE = 4095

CYCLE_S = 0.00005
"""One period of cycle code 001 (37 us), with reserve for the chip's own clock."""

_READ_RESULT = Write(bytes((RESULT,)))
_READ_STATUS = Write(bytes((ALERT_STATUS,)))
_READ_CONFIG = Write(bytes((CONFIG,)))
_AS_AFTER_POWER_UP = Write(bytes((CONFIG, CONVERT_WHEN_READ)))
_CLEAR_ALERTS = Write(bytes((ALERT_STATUS, OVER | UNDER)))
_CLEAR_ALERTS_WITH_ZERO = Write(bytes((ALERT_STATUS, 0x00)))
_BYTE, _WORD = Read(1), Read(2)


@dataclass(frozen=True, slots=True)
class Sample(Conversion):
    """One result, with the code as the chip gave it.

    Attributes:
        code: 0...4095.
        alert: Whether a watched limit is broken, or was since ``clear_alerts`` when held.
    """

    code: int
    alert: bool


@dataclass(frozen=True, slots=True)
class Alerts:
    """Which limits are broken.

    Attributes:
        under: The voltage is below the low limit.
        over: The voltage is above the high limit.
    """

    under: bool
    over: bool


class ADC121C021:
    """A converter with one input, whose supply is its reference.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x50...0x52, 0x54...0x56 or 0x58...0x5a.
        clock: Time, for conversions while limits are watched.
        reference_v: Supply voltage of the chip, V, which is its reference too.

    Attributes:
        recoveries: How often watched limits were found lost and written again.

    Source: Texas Instruments ADC121C021 datasheet SNAS415F, sections "Internal registers" and
        "Alert function".
    """

    def __init__(self, bus: I2CBus, address: int, clock: Clock, *, reference_v: float) -> None:
        if reference_v <= 0:
            raise ValueError("the reference of an ADC121C021 is larger than 0 V")
        self._bus = bus
        self._address = address
        self._clock = clock
        self._reference_v = reference_v
        self.name = f"ADC121C021 0x{address:02x} on {bus.name}"
        self.recoveries = 0
        self._lock = threading.Lock()
        self._watching: tuple[Write, Write, Write, int] | None = None
        """Low limit, high limit, hysteresis and config, as they are to be."""
        self._configured = False
        """Whether the config register holds what is wanted, as far as this driver knows."""

    def read(self) -> Sample:
        """Convert once, now.

        Returns:
            The voltage in steps of reference / 4096, and whether it was clipped: the highest code
            stands for everything above.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers is no ADC121C021, or the bytes arrived damaged.
        """
        with self._lock:
            self._configure_locked()
            if self._watching is None:
                self._bus.transfer(self._address, _READ_RESULT, _WORD)  # starts a conversion
            else:
                self._clock.sleep(CYCLE_S)
            word = int.from_bytes(self._bus.transfer(self._address, _READ_RESULT, _WORD), "big")
        if word & ALWAYS_ZERO:
            raise WrongChipError(
                f"The converter answered 0x{word:04x}, which an ADC121C021 cannot do.",
                hint="Something else may be at this address, or the bus is disturbed: check "
                "cabling and supply.",
                where=self.name,
            )
        code = word & CODE
        volts = code * self._reference_v / CODES
        return Sample(volts, code == HIGHEST_CODE, code, alert=bool(word & ALERT))

    def watch(
        self,
        *,
        low_v: float | None = None,
        high_v: float | None = None,
        hysteresis_v: float = 0.0,
        hold: bool = False,
        active_high: bool = False,
    ) -> None:
        """Watch limits: from now on the chip converts by itself and works its ALERT pin.

        Args:
            low_v: Below it is an alert, V; None for no low limit.
            high_v: Above it is an alert, V; None for no high limit.
            hysteresis_v: How far back inside the voltage must come for the alert to end, V.
            hold: Keep an alert until ``clear_alerts``, for pins that are only looked at now and
                then.
            active_high: ALERT is high during an alert; else low.

        Raises:
            ValueError: The limits are outside 0 V ... reference or in the wrong order.
            BusError: The chip did not answer; the limits are written before its next use.
        """
        low = 0 if low_v is None else self._code(low_v)
        high = HIGHEST_CODE if high_v is None else self._code(high_v)
        hysteresis = self._code(hysteresis_v)
        if low > high:
            raise ValueError(f"the low limit of {low_v} V is above the high limit of {high_v} V")
        config = CONVERT_ALWAYS | FLAG | PIN
        config |= (HOLD if hold else 0) | (ACTIVE_HIGH if active_high else 0)
        with self._lock:
            self._watching = (
                _word_to(LOW_LIMIT, low),
                _word_to(HIGH_LIMIT, high),
                _word_to(HYSTERESIS, hysteresis),
                config,
            )
            self._configured = False
            self._configure_locked()

    def unwatch(self) -> None:
        """Stop watching: the chip converts only when read, and its ALERT pin is let go.

        Raises:
            BusError: The chip did not answer; it is told before its next use.
        """
        with self._lock:
            self._watching = None
            self._configured = False
            self._configure_locked()

    def alerts(self) -> Alerts:
        """Tell which limits are broken; without ``watch`` none is.

        Returns:
            The alerts at this moment, or since ``clear_alerts`` when they are held.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            if self._watching is None:
                return Alerts(under=False, over=False)
            self._configure_locked()
            self._clock.sleep(CYCLE_S)
            status = self._bus.transfer(self._address, _READ_STATUS, _BYTE)[0]
        return Alerts(under=bool(status & UNDER), over=bool(status & OVER))

    def clear_alerts(self) -> None:
        """End alerts that are held; one whose limit is still broken comes back at once.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            self._clear_alerts_locked()

    def _configure_locked(self) -> None:
        """Bring the chip to what is wanted; while limits are watched, ask whether it still is.

        A broken-down supply needs no second look when nothing is watched: what is wanted then is
        the state after power-up.
        """
        if self._watching is None:
            if not self._configured:
                self._bus.transfer(self._address, _AS_AFTER_POWER_UP)
                self._configured = True
            return
        *limits, config = self._watching
        if self._configured:
            if self._bus.transfer(self._address, _READ_CONFIG, _BYTE)[0] == config:
                return
            self._configured = False
            self.recoveries += 1
        # Stopped first, so that no alert comes from half-written limits.
        self._bus.transfer(self._address, _AS_AFTER_POWER_UP)
        for limit in limits:
            self._bus.transfer(self._address, limit)
        self._clear_alerts_locked()
        self._bus.transfer(self._address, Write(bytes((CONFIG, config))))
        self._configured = True

    def _clear_alerts_locked(self) -> None:
        """Clear both flags. The datasheet names two ways, in two places: ones, or zeros."""
        self._bus.transfer(self._address, _CLEAR_ALERTS)
        if self._bus.transfer(self._address, _READ_STATUS, _BYTE)[0] & (OVER | UNDER):
            self._bus.transfer(self._address, _CLEAR_ALERTS_WITH_ZERO)

    def _code(self, volts: float) -> int:
        if not 0.0 <= volts <= self._reference_v:
            raise ValueError(f"{volts} V is outside 0...{self._reference_v} V")
        return min(round(volts * CODES / self._reference_v), HIGHEST_CODE)


def _word_to(register: int, word: int) -> Write:
    return Write(bytes((register, word >> 8, word & 0xFF)))
