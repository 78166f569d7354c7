"""Modules at work: one worker thread for each of them, who uses it, and what it holds of the board.

It knows products by their descriptions only, and neither sockets nor what emulates the hardware.
"""
