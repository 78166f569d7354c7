"""INA219: current, voltage and power monitor by Texas Instruments."""

from wisblock_bridge.chips.ina219.driver import INA219, Measurement

__all__ = ["INA219", "Measurement"]
