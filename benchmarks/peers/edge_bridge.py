"""A bridge with a timed bus that prints when its emulated world changed: python -m ... serve ...

One line for each ``emulator.set``: seconds of CLOCK_MONOTONIC just before the input changes.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from benchmarks.peers.timed_bridge import timed_transfer
from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.cli import main
from wisblock_bridge.emulation.board import EmulatedBoard

if TYPE_CHECKING:
    from wisblock_bridge.module_api import Slot
    from wisblock_bridge.module_api.emulated import Value

change = EmulatedBoard.set


def told_change(self: EmulatedBoard, slot: Slot, quantity: str, value: Value) -> None:
    """Change a quantity and print when that began."""
    began = time.monotonic()
    try:
        change(self, slot, quantity, value)
    finally:
        sys.stdout.write(f"{began:.6f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    EmulatedI2CBus.transfer = timed_transfer  # type: ignore[method-assign]
    EmulatedBoard.set = told_change  # type: ignore[method-assign]
    sys.exit(main())
