"""ADS7830, 8-bit converter with eight inputs: the emulator.

1. Bus side: one command byte that is kept, and a new conversion for each byte that is read.
   Emulator control: eight analog wires.
2. Values are typed from the datasheet, never imported from the driver.
3. A command without the single-ended bit measures against the neighbour, and what would be negative
   is 0: programs that forget the bit see here what they see on the silicon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.buses.emulated.wires import AnalogWire

# Channel code C2...C0 to positive and negative input of a differential measurement, and to the
# input of a single-ended one.
PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (1, 0), (3, 2), (5, 4), (7, 6))
SINGLE = (0, 2, 4, 6, 1, 3, 5, 7)

PROTECTION_V = 0.2
"""How far an input may go beyond supply and ground."""


class EmulatedADS7830:
    """A converter in memory.

    A conversion takes some 10 us of the transaction's own time; it is not modelled, and neither is
    the loss of accuracy when the negative input of a pair is far from ground. Read without any
    command, the silicon's answer is undefined; here it is input 0 against input 1.

    Args:
        inputs: The eight analog pins, CH0 first.
        reference_v: Voltage of the reference outside, V.
        supply_v: Supply voltage, V; inputs are held within 0.2 V of supply and ground.

    Attributes:
        reference_conflict: Whether a command has switched the internal reference on, against the
            one outside. The outer one is taken to win.

    Source: Texas Instruments ADS7830 datasheet SBAS302, sections "Command byte", "Channel selection
        control" and "Reading data".
    """

    def __init__(
        self, inputs: Sequence[AnalogWire], *, reference_v: float, supply_v: float = 3.3
    ) -> None:
        if len(inputs) != 8:  # noqa: PLR2004  (eight inputs)
            raise ValueError(f"the converter has 8 inputs, not {len(inputs)}")
        self.inputs = tuple(inputs)
        self.reference_v = reference_v
        self.supply_v = supply_v
        self.reference_conflict = False
        self._command = 0
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back: the internal reference is off."""
        self._command = 0x00
        self.reference_conflict = False

    def write(self, data: bytes) -> None:
        """Take a command, as ``EmulatedI2CDevice.write`` says; of several bytes the last counts."""
        if not data:
            return
        self._command = data[-1]
        self.reference_conflict = bool(self._command & 0x08)

    def read(self, length: int) -> bytes:
        """Give as many conversions as bytes are asked for, all of the input last selected."""
        return bytes(self._convert() for _ in range(length))

    def _convert(self) -> int:
        selection = self._command >> 4 & 7
        if self._command & 0x80:
            volts = self._pin(SINGLE[selection])
        else:
            positive, negative = PAIRS[selection]
            volts = self._pin(positive) - self._pin(negative)
        # The smallest of margins, lest a voltage that is exactly a code falls below it by binary
        # rounding.
        code = int(max(volts, 0.0) * 256 / self.reference_v + 1e-9)
        return min(code, 255)

    def _pin(self, number: int) -> float:
        volts = self.inputs[number].volts()
        return min(max(volts, -PROTECTION_V), self.supply_v + PROTECTION_V)
