"""SGM58031: 16-bit analog-to-digital converter with four inputs, by SGMicro."""

from wisblock_bridge.chips.sgm58031.driver import SGM58031

__all__ = ["SGM58031"]
