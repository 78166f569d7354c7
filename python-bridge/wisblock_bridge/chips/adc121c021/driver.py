"""ADC121C021, 12-bit converter with one input: the driver.

1. Volts at the pin on one side, registers on the other; what is behind the pin is somebody else's
   knowledge.
2. A voltage is one that was sampled after it was asked for: never the one before.
3. The chip is left as after power-up: its limits and its ALERT pin are not used.

On 2: after power-up the chip converts when its result is read, and what is read is the conversion
before. So one result more is read than is wanted, and the first one thrown away.
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

RESULT, CONFIG = 0, 2

CONVERT_WHEN_READ = 0x00
"""Config register after power-up: no automatic conversions, no alerts."""

# Result register: alert flag in bit 15, zeros in 14...12, the code in the rest.
ALWAYS_ZERO = 0x7000
CODE = 0x0FFF

CODES = 4096
HIGHEST_CODE = 4095

MOST_AT_ONCE = 32
"""Results of one transaction, which keeps the bus for 6 ms at 100 kHz."""

_READ_RESULT = Write(bytes((RESULT,)))
_AS_AFTER_POWER_UP = Write(bytes((CONFIG, CONVERT_WHEN_READ)))


@dataclass(frozen=True, slots=True)
class Sample(Conversion):
    """One result, with the code as the chip gave it.

    Attributes:
        code: 0...4095.
    """

    code: int


class ADC121C021:
    """A converter with one input, whose supply is its reference.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x50...0x52, 0x54...0x56 or 0x58...0x5a.
        clock: Time; not needed by this chip, taken so that all chips are built alike.
        reference_v: Supply voltage of the chip, V, which is its reference too.

    Source: Texas Instruments ADC121C021 datasheet SNAS415F, section "Internal registers".
    """

    def __init__(
        self,
        bus: I2CBus,
        address: int,
        clock: Clock,  # noqa: ARG002
        *,
        reference_v: float,
    ) -> None:
        if reference_v <= 0:
            raise ValueError("the reference of an ADC121C021 is larger than 0 V")
        self._bus = bus
        self._address = address
        self._reference_v = reference_v
        self.name = f"ADC121C021 0x{address:02x} on {bus.name}"
        self._lock = threading.Lock()
        self._configured = False
        """Whether an automatic mode that somebody left running was ended."""

    def read(self) -> Sample:
        """Convert once, now.

        Returns:
            The voltage in steps of reference / 4096, and whether it was clipped: the highest code
            stands for everything above.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers is no ADC121C021, or the bytes arrived damaged.
        """
        return self.read_many(1)[0]

    def read_many(self, count: int) -> list[Sample]:
        """Convert several times in a row, in one transaction.

        A result that is read starts the next conversion, also within one transaction: so the chip
        makes its 188.9 thousand a second at 3.4 MHz, one in 18 bits. The first result is that of a
        conversion nobody knows the age of, and is thrown away.

        Args:
            count: How many, 1...``MOST_AT_ONCE``.

        Returns:
            As many results.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers is no ADC121C021, or the bytes arrived damaged.
        """
        if not 1 <= count <= MOST_AT_ONCE:
            raise ValueError(f"{self.name} gives 1...{MOST_AT_ONCE} results at once, not {count}")
        with self._lock:
            if not self._configured:
                self._bus.transfer(self._address, _AS_AFTER_POWER_UP)
                self._configured = True
            answer = self._bus.transfer(self._address, _READ_RESULT, Read(2 * (1 + count)))
        return [self._sample(answer[begin : begin + 2]) for begin in range(2, len(answer), 2)]

    def _sample(self, result: bytes) -> Sample:
        word = int.from_bytes(result, "big")
        if word & ALWAYS_ZERO:
            raise WrongChipError(
                f"The converter answered 0x{word:04x}, which an ADC121C021 cannot do.",
                hint="Something else may be at this address, or the bus is disturbed: check "
                "cabling and supply.",
                where=self.name,
            )
        code = word & CODE
        volts = code * self._reference_v / CODES
        return Sample(volts, code == HIGHEST_CODE, code)
