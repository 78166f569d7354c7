"""The RAK12040 for the wisblock-bridge: the driver of its chip, the module, and its emulation."""
