"""The board's expanders as the TPT29555 module sees them, with the reservations respected.

1. It runs on that module's thread: the reservations are all that other threads use, too.
2. A line that a module in a slot holds is refused by that module's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.boards.board import LineRef
from wisblock_bridge.errors import ForbiddenError
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.reservations import Conflict, HeldError, Line

if TYPE_CHECKING:
    from wisblock_bridge.buses.gpio import LineController
    from wisblock_bridge.runtime.hardware import Hardware
    from wisblock_bridge.runtime.reservations import Reservations

DIRECT = Place("TPT29555", "board")
"""Holder of lines that a flow drives directly."""


class BoardExpanders:
    """The board's expanders as the TPT29555 module sees them, reservations respected.

    Args:
        hardware: The board.
        reservations: Who holds what.
    """

    def __init__(self, hardware: Hardware, reservations: Reservations) -> None:
        self._hardware = hardware
        self._reservations = reservations

    def controller(self, expander: str) -> LineController:
        """Return the controller of an expander, as ``Expanders.controller`` says."""
        return self._hardware.controller(expander)

    def claim(self, expander: str, line: int) -> None:
        """Reserve a line before driving it, as ``Expanders.claim`` says."""
        spec = self._hardware.board.controllers.get(expander)
        wanted = Line(LineRef(expander, line))
        holder = self._reservations.holder(wanted)
        if holder is not None and holder != DIRECT:
            raise HeldError(
                Conflict(wanted, holder), f"Use the nodes of {holder}, or release it first."
            )
        if spec is not None and spec.free_lines is not None and line not in spec.free_lines:
            free = ", ".join(map(str, sorted(spec.free_lines)))
            raise ForbiddenError(
                f"Line {line} of the {expander} expander belongs to the board itself; free to "
                f"drive are {free}.",
                hint="It may wake or disable a mini-PCIe card. Allow it with board.free_lines in "
                "the configuration.",
            )
        self._reservations.reserve(DIRECT, [wanted])

    def give_back(self, expander: str, line: int) -> None:
        """End a reservation, as ``Expanders.give_back`` says."""
        self._reservations.give_back(DIRECT, [Line(LineRef(expander, line))])
