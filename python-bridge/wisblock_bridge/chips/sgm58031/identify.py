"""Is it an SGM58031 or an ADS1115? One function tells the two apart."""

from wisblock_bridge.chips.ads1115.identify import identify

__all__ = ["identify"]
