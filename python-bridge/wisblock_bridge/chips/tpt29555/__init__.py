"""TPT29555: 16-bit I2C expander by 3PEAK, register-compatible with PCA9555."""

from wisblock_bridge.chips.tpt29555.driver import TPT29555

__all__ = ["TPT29555"]
