"""ADS7830, 8-bit converter with eight inputs: the driver.

1. Volts at the pins on one side, command bytes on the other; what is behind a pin is somebody
   else's knowledge.
2. Command and result are one transaction, so nobody can select another input in between; there is
   no sequence and no lock.
3. The internal reference is never switched on: it would work against a reference outside.

The command byte:

    bit   7    6   5   4    3    2    1   0
          SD   C2  C1  C0   PD1  PD0  -   -

SD is 1 for an input against ground and 0 for an input against its neighbour. C2 is the lowest bit
of the input's number, C1 and C0 are the other two: input 1 is 100, not 001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.buses.analog import Conversion
from wisblock_bridge.buses.i2c import Read, Write

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

SINGLE_ENDED = 0x80
CONVERTER_ON = 0x04
"""PD = 01: internal reference off, converter on."""

CHANNEL_COUNT = 8
PAIRS = tuple((channel, channel ^ 1) for channel in range(CHANNEL_COUNT))
"""Positive and negative input of each differential measurement: neighbours, either way round."""

CODES = 256
HIGHEST_CODE = 255

_AGAINST_GROUND = tuple(
    Write(bytes((SINGLE_ENDED | (channel & 1) << 6 | channel >> 1 << 4 | CONVERTER_ON,)))
    for channel in range(CHANNEL_COUNT)
)
_AGAINST_NEIGHBOUR = tuple(
    Write(bytes(((channel & 1) << 6 | channel >> 1 << 4 | CONVERTER_ON,)))
    for channel in range(CHANNEL_COUNT)
)
_BYTE = Read(1)


@dataclass(frozen=True, slots=True)
class Sample(Conversion):
    """One result, with the code as the chip gave it.

    Attributes:
        code: 0...255.
    """

    code: int


class ADS7830:
    """A converter with eight inputs and an external reference.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x48...0x4b.
        clock: Time; not needed by this chip, which converts while the transaction goes on. Taken so
            that all chips are built alike.
        reference_v: Voltage at the reference pin, V.

    Source: Texas Instruments ADS7830 datasheet SBAS302, sections "Command byte", "Initiating
        conversion" and "Reading data".
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
            raise ValueError("the reference of an ADS7830 is larger than 0 V")
        self._bus = bus
        self._address = address
        self._reference_v = reference_v
        self.name = f"ADS7830 0x{address:02x} on {bus.name}"

    def read(self, channel: int) -> Sample:
        """Convert one input against ground.

        Args:
            channel: 0...7.

        Returns:
            The voltage in steps of reference / 256, and whether it was clipped: code 255 stands for
            everything from 255 / 256 of the reference up.

        Raises:
            BusError: The chip did not answer.
        """
        if not 0 <= channel < CHANNEL_COUNT:
            raise ValueError(f"{self.name} has inputs 0...7, not {channel}")
        return self._convert(_AGAINST_GROUND[channel])

    def read_differential(self, positive: int, negative: int) -> Sample:
        """Convert one input against its neighbour.

        This measures positive differences only: where the negative input is the higher one, the
        chip gives code 0, and 0 V here can mean "equal" as well as "the other way round". The
        datasheet promises its accuracy only while the negative input is within 0.2 V of ground.

        Args:
            positive: 0...7.
            negative: The other one of the pair 0-1, 2-3, 4-5 or 6-7.

        Returns:
            The difference in steps of reference / 256, never negative, and whether it was clipped
            at the upper end.

        Raises:
            BusError: The chip did not answer.
        """
        if (positive, negative) not in PAIRS:
            raise ValueError(
                f"{self.name} compares 0-1, 2-3, 4-5 and 6-7, either way round, "
                f"not {positive}-{negative}"
            )
        return self._convert(_AGAINST_NEIGHBOUR[positive])

    def _convert(self, command: Write) -> Sample:
        code = self._bus.transfer(self._address, command, _BYTE)[0]
        return Sample(code * self._reference_v / CODES, code == HIGHEST_CODE, code)
