"""A RAK13005 in a slot of an emulated board: real wiring, no thread and no socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_clock import FakeClock
from tests.modules.in_slot import FakeTimers

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.modules.lin.rak13005 import RAK13005
from wisblock_bridge.modules.lin.rak13005_emulated import EmulatedRAK13005
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.slots import SlotManager
from wisblock_bridge.threads.mailbox import Mailbox

if TYPE_CHECKING:
    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.module_api import ModuleState


def of(text: str) -> bytes:
    return bytes.fromhex(text)


class LinSlot:
    """A RAK13005, its emulated and its line.

    Args:
        slot: 1 or 2.
        spec: The board.
    """

    def __init__(self, slot: int = 1, spec: BoardSpec = GENERATION_C) -> None:
        self.slot = slot
        self.clock = FakeClock()
        self.timers = FakeTimers(self.clock)
        self.board = EmulatedBoard(spec, self.clock)
        self.board.plug("RAK13005", slot)
        emulated = self.board._plugged[slot]
        assert isinstance(emulated, EmulatedRAK13005)
        self.emulated = emulated
        self.line = emulated.line
        self.slot_manager = SlotManager(
            Hardware(spec, self.board, self.clock),
            {"RAK13005": RAK13005},
            Mailbox(),
            self.clock,
        )
        self.levels: list[tuple[str, int]] = []
        for pin in ("IO5", "IO6"):
            self._note(pin)

    def _note(self, pin: str) -> None:
        wire = self.board.slots[self.slot].wire(pin)
        wire.listen(lambda level: self.levels.append((pin, level)))

    def make(self, memory: ModuleState | None = None) -> Any:
        """Build and open the module, as a bridge that has just started does."""
        needs = RAK13005.description.needs
        parts = {name: self.slot_manager._part(need, self.slot) for name, need in needs.items()}  # type: ignore[arg-type]
        module = RAK13005(parts, self.clock, self.timers, memory)
        module.open()
        return module

    def set(self, quantity: str, value: Any) -> None:
        self.board.set(self.slot, quantity, value)  # type: ignore[arg-type]

    def let_other_master(self, *, speak: bool) -> None:
        """Let another master send on the bus, or not."""
        self.set("other_master", speak)

    def get(self, quantity: str) -> Any:
        return self.board.get(self.slot, quantity)  # type: ignore[arg-type]

    @property
    def sent(self) -> list[bytes]:
        return list(self.line.transmissions)

    @property
    def enable(self) -> int:
        return self.board.slots[self.slot].wire("IO6").level()
