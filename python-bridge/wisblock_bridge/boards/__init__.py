"""The carrier boards: the wiring of each slot pin. Data only."""

from __future__ import annotations

from wisblock_bridge.boards.rak6421 import RAK6421_BOARDS
from wisblock_bridge.boards.rak7391 import RAK7391_BOARDS

BOARDS = {board.key: board for board in (*RAK7391_BOARDS, *RAK6421_BOARDS)}
"""Every wiring that is known, by its key ("rak7391-c")."""
