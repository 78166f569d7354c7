"""An emulated board for the tests of your own programs: no hardware, no process, no waiting.

``with emulated_bridge(slot1="RAK5801") as board: board.slot1.current = 12.0``
"""

from __future__ import annotations

from wisblock_bridge.testing.board import EmulatedBoard, emulated_bridge
from wisblock_bridge.testing.quantities import BoardQuantities, SlotQuantities

__all__ = ["BoardQuantities", "EmulatedBoard", "SlotQuantities", "emulated_bridge"]
