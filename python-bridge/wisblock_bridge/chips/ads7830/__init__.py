"""ADS7830: 8-bit analog-to-digital converter with eight inputs, by Texas Instruments."""

from wisblock_bridge.chips.ads7830.driver import ADS7830, Sample

__all__ = ["ADS7830", "Sample"]
