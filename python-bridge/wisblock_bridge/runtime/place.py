"""Where a module is: its name and its slot, as one value.

1. It is made once, at the edge, from what a client or the configuration names
   (``SlotManager.place``), and handed on as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wisblock_bridge.module_api import Slot


class Place(NamedTuple):
    """One module in one slot.

    Attributes:
        module: "RAK5801".
        slot: 1 or 2, or "board" for what is soldered on.
    """

    module: str
    slot: Slot

    def __str__(self) -> str:
        """Return it for people: "RAK5801 in slot 1", or "TPT29555 on the board"."""
        if self.slot == "board":
            return f"{self.module} on the board"
        return f"{self.module} in slot {self.slot}"
