"""MCP23017: 16-bit I2C expander by Microchip, with pull-ups and two register layouts."""

from wisblock_bridge.chips.mcp23017.driver import MCP23017

__all__ = ["MCP23017"]
