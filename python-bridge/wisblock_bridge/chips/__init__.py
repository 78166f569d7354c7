"""The silicon: one folder per chip, driver and emulator side by side."""
