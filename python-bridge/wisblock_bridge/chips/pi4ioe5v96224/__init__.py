"""PI4IOE5V96224: 24-bit quasi-bidirectional I2C expander by Diodes, without registers."""

from wisblock_bridge.chips.pi4ioe5v96224.driver import PI4IOE5V96224

__all__ = ["PI4IOE5V96224"]
