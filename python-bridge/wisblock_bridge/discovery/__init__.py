"""Detect the board and its chips, and what is missing on this computer to use them.

1. Hardware is only read, and only where something known can be; register pointers aside, nothing
   is written.
2. Missing devices and permissions are findings, not failures.
"""

from __future__ import annotations

from wisblock_bridge.discovery.board import Detection, configured_board, detect_board
from wisblock_bridge.discovery.chips import scan

__all__ = ["Detection", "configured_board", "detect_board", "scan"]
