"""Generate the typed quantities of ``wisblock_bridge.testing`` from the emulated products.

What a quantity is can be asked only of an emulated board, so this builds one; the rest is in
``generate_client``, which calls it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from client_words import docstring, literal, wrapped

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard

if TYPE_CHECKING:
    from client_words import Entry

    from wisblock_bridge.module_api.emulated import Quantity

Found = dict[str, list[tuple[str, "Quantity", str]]]
"""By name of the quantity: module, quantity, and the Python type of its value."""


def quantities_file(catalogue: Entry, mark: str) -> str:
    """Write ``testing/quantities.py``."""
    units = catalogue["units"]
    names = [each["name"] for each in catalogue["modules"] if each["slots"] != ["board"]]
    at_slots: Found = defaultdict(list)
    board = EmulatedBoard(GENERATION_C, SystemClock())
    try:
        for name in names:
            board.unplug(1)
            board.plug(name, 1)
            for each in board.quantities(1):
                at_slots[each.name].append((name, each, type(each.get()).__name__))
        on_board: Found = {
            each.name: [("the board", each, type(each.get()).__name__)]
            for each in board.quantities("board")
        }
    finally:
        board.close()
    lines = [
        '"""The quantities of the emulated products, typed.',
        "",
        mark,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Literal",
        "",
        "from wisblock_bridge.testing.base import Quantities",
        "",
        "ModuleName = Literal[",
        *(f"    {literal([name])[8:-1]}," for name in names),
        "]",
        '"""The modules that can be plugged into a slot."""',
        "",
        "",
    ]
    lines += _class(
        "SlotQuantities", "What can be in a slot; a module has its own.", at_slots, units
    )
    lines += ["", "", *_class("BoardQuantities", "What is soldered on.", on_board, units)]
    return "\n".join(lines) + "\n"


def _class(name: str, summary: str, found: Found, units: Entry) -> list[str]:
    lines = [f"class {name}(Quantities):", f'    """{summary}"""', "", "    __slots__ = ()"]
    for quantity, owners in sorted(found.items()):
        kinds = sorted({kind for _, _, kind in owners})
        if len(kinds) > 1:
            raise SystemExit(f"The quantity {quantity} is {' and '.join(kinds)}.")
        kind = kinds[0]
        words = "; ".join(_words(owner, each, units) for owner, each, _ in owners)
        lines += ["", "    @property", f"    def {quantity}(self) -> {kind}:"]
        lines += docstring([wrapped(f"{words}.", 8)], 8)
        lines += [f'        return self._get("{quantity}", {kind})']
        if any(each.writable for _, each, _ in owners):
            lines += ["", f"    @{quantity}.setter"]
            lines += [f"    def {quantity}(self, value: {kind}) -> None:"]
            lines += [f'        self._set("{quantity}", value)']
    return lines


def _words(owner: str, each: Quantity, units: Entry) -> str:
    symbol = units[each.unit]["symbol"]
    bounds = f"{each.low:g} to {each.high:g}" if each.high > each.low else ""
    inside = f"{bounds} {symbol}".strip()
    return f"Of {owner}" + (f", {inside}" if inside else "")
