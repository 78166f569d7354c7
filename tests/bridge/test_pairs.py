"""Which modules cannot share a RAK6421: the table in the docs is what the bridge refuses."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import ROOT
from tests.bridge.rig import Rig

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.errors import InUseError
from wisblock_bridge.modules.registry import load
from wisblock_bridge.runtime.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.module_api import Slot

SLOTS: tuple[Slot, Slot] = (1, 2)
PAGE = ROOT / "docs/modules/README.md"
Pair = tuple[str, str]
PRODUCTS = [name for name, module in load().modules.items() if 1 in module.product.slots]


def refused(board: str) -> dict[Pair, str]:
    """Ask a bridge for every pair; gives what it refuses, and the shared thing."""
    found: dict[Pair, str] = {}
    able = {slot: [name for name in PRODUCTS if fits(board, name, slot)] for slot in SLOTS}
    for first, second in itertools.product(able[1], able[2]):
        with Rig(BOARDS[board]) as rig:
            rig.slot_manager.worker(Place(first, 1)).unanswered = 1  # a request is under way
            rig.sessions.claim(rig.sessions.of(b"a", rig.clock.monotonic()), Place(first, 1))
            try:
                rig.slot_manager.worker(Place(second, 2))
            except InUseError as error:
                found[first, second] = str(error)
    return found


def fits(board: str, module: str, slot: Slot) -> bool:
    """Whether a module can be there at all: a RAK16001 as delivered has the converter's address."""
    with Rig(BOARDS[board]) as rig:
        try:
            rig.slot_manager.worker(Place(module, slot))
        except InUseError:
            return False
    return True


def table(heading: str) -> Iterator[tuple[list[str], list[str]]]:
    """Read the rows below a heading: who is in slot 1, who in slot 2."""
    text = PAGE.read_text(encoding="utf-8").partition(f"### {heading}\n")[2].partition("\n#")[0]
    for line in text.splitlines():
        cells = line.split("|")
        modules = [re.findall(r"RAK\d+", each) for each in cells[1:3]]
        if len(cells) > 3 and all(modules):
            yield modules[0], modules[1]


def listed(*headings: str) -> set[Pair]:
    return {
        pair
        for heading in headings
        for first, second in table(heading)
        for pair in itertools.product(first, second)
    }


BOTH = "On both revisions"
NEWER = "On the newer wiring (VB) as well"


@pytest.mark.parametrize(
    ("board", "headings"), [("rak6421-va", (BOTH,)), ("rak6421-vb", (BOTH, NEWER))]
)
def test_the_table_is_what_the_bridge_refuses(board: str, headings: tuple[str, ...]) -> None:
    found = refused(board)
    assert found
    assert listed(*headings) == set(found)


def test_the_newer_wiring_shares_one_line() -> None:
    """GPIO24 is IO5 of slot 1 and IO4 of slot 2 (RAKWireless/wismap, data/patches/rak6421.yml)."""
    more = {pair for pair in listed(NEWER) if pair not in listed(BOTH)}
    assert ("RAK13300", "RAK13001") in more
    assert ("RAK13300", "RAK13300") in more
    assert ("RAK13001", "RAK13300") not in more
