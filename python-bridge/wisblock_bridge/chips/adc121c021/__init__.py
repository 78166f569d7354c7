"""ADC121C021: 12-bit analog-to-digital converter with one input, by TI."""

from wisblock_bridge.chips.adc121c021.driver import ADC121C021, MOST_AT_ONCE, Sample

__all__ = ["ADC121C021", "MOST_AT_ONCE", "Sample"]
