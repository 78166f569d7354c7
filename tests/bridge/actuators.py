"""Every module that drives something: how it is driven, and where that is seen.

1. What is seen is what a meter on the product's pins would show, never what the bridge says.
2. ``test_kills.py`` and the soak test go by this table; a new actuator is added here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wisblock_bridge.emulation.board import EmulatedBoard


@dataclass(frozen=True)
class Actuator:
    """A module that drives something, and where that can be seen.

    Attributes:
        module: Its name.
        operation: What drives the output.
        params: With which parameters.
        seen: A quantity of its slot, or a wire: (controller, line).
        driven: What is seen there while it is driven.
        safe: What is seen there in the safe state.
        slot: Where it is.
        board: Which board it is on.
    """

    module: str
    operation: str
    params: dict[str, object]
    seen: str | tuple[str, int]
    driven: object
    safe: object
    slot: Literal[1, 2, "board"] = 1
    board: str = "rak7391-c"

    def look(self, emulated: EmulatedBoard) -> object:
        """See what the output does."""
        if isinstance(self.seen, str):
            return emulated.get(self.slot, self.seen)
        return emulated.wires[self.seen].level()


# Lines of the slots' expander on a RAK7391: IO4 and IO6 of slot 1 are lines 4 and 6.
ACTUATORS = (
    Actuator("RAK13007", "set", {"on": True}, "on", driven=True, safe=False),
    Actuator("RAK13001", "set", {"on": True}, "on", driven=True, safe=False),
    Actuator("RAK13003", "write", {"pin": 3, "level": 1}, "directions", driven=0x0008, safe=0),
    Actuator(
        "RAK13004", "duty", {"channel": 0, "percent": 50.0}, "percent_0", driven=50.0, safe=0.0
    ),
    Actuator("RAK14003", "bar", {"level": 3}, "mask", driven=0x007, safe=0),
    Actuator("RAK17000", "drive", {"bridge": "A", "speed": 40}, ("slots", 6), driven=1, safe=0),
    Actuator("RAK12009", "heater", {"on": True}, ("slots", 6), driven=1, safe=0),
    Actuator(
        "TPT29555", "write", {"expander": "board", "line": 7, "level": 0},
        ("board", 7), driven=0, safe=1, slot="board",
    ),
)  # fmt: skip
