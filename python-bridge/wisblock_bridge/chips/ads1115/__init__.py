"""ADS1115: 16-bit analog-to-digital converter with four inputs, by Texas Instruments."""

from wisblock_bridge.chips.ads1115.driver import ADS1115

__all__ = ["ADS1115"]
