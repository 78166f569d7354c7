"""The virtual buses: the same seams, with emulated chips and wires behind them."""
