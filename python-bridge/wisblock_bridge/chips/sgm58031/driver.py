"""SGM58031, 16-bit converter with four inputs: the driver.

1. It is an ADS1115 with its own data rates; only what differs is written here.
2. Its additional registers (Config1, Chip_ID, GN_Trim1) are never written.
"""

from __future__ import annotations

from typing import ClassVar

from wisblock_bridge.chips.ads1115.driver import ADS1115


class SGM58031(ADS1115):
    """A converter with four inputs and six ranges: single conversions, and many of one input.

    At the same data rate code it is slower than an ADS1115: 10 ms for a conversion, not 7.8.
    Programs that wait for an ADS1115's time read the result of the conversion before, which may be
    another input's.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x48...0x4b.
        clock: Time, for the conversion.

    Source: SGMicro SGM58031 datasheet, register table and data rates.
    """

    chip: ClassVar[str] = "SGM58031"
    conversions_per_second: ClassVar[float] = 100.0
    fast_conversions_per_second: ClassVar[float] = 800.0
