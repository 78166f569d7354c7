"""A product in a slot of an emulated board: real wiring, real drivers, no thread and no socket.

1. The module gets its needs met by the rack, as in the bridge; the test calls it directly.
2. Any transaction of the whole bus can be made to fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_clock import FakeClock
from tests.modules.breaking_board import BreakingBoard

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.slots import SlotManager
from wisblock_bridge.threads.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.buses.emulated.wires import Wire
    from wisblock_bridge.module_api import Module, ModuleState


class FakeTimers:
    """Later work that is done when the test lets time pass."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.waiting: list[FakeTimer] = []

    def after(self, seconds: float, action: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(self, self._clock.monotonic() + seconds, action)
        self.waiting.append(timer)
        return timer

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and do what falls due, in order."""
        end = self._clock.monotonic() + seconds
        while due := [each for each in self.waiting if each.due <= end]:
            first = min(due, key=lambda each: each.due)
            self.waiting.remove(first)
            self._clock.advance(max(0.0, first.due - self._clock.monotonic()))
            first.action()
        self._clock.advance(max(0.0, end - self._clock.monotonic()))


class FakeTimer:
    """One piece of later work."""

    def __init__(self, timers: FakeTimers, due: float, action: Callable[[], None]) -> None:
        self._timers = timers
        self.due = due
        self.action = action

    def cancel(self) -> None:
        if self in self._timers.waiting:
            self._timers.waiting.remove(self)


class InSlot:
    """A product in a slot.

    Args:
        product: Its class.
        slot: 1 or 2.
        spec: The board.
        addresses: Chip to address, where straps of this slot were changed.
        board: An emulated board with something else on it; a new one if none is given. What its
            straps are was said when it was made, by its first product.
        others: Chip to address for the other slot.
    """

    def __init__(
        self,
        product: type[Module],
        slot: int = 1,
        spec: BoardSpec = GENERATION_C,
        addresses: dict[str, int] | None = None,
        board: EmulatedBoard | None = None,
        others: dict[str, int] | None = None,
    ) -> None:
        self.product = product
        self.slot = slot
        self.straps = {(slot, chip): address for chip, address in (addresses or {}).items()}
        self.straps |= {(3 - slot, chip): address for chip, address in (others or {}).items()}
        self.board = board or EmulatedBoard(spec, FakeClock(), addresses=self.straps)
        clock = self.board._clock
        assert isinstance(clock, FakeClock)
        self.clock = clock
        self.timers = FakeTimers(clock)
        self.board.plug(product.product.name, slot)
        self.emulated: Any = self.board._plugged[slot]
        transport = BreakingBoard(self.board)
        self.bus = transport.bus
        self.slot_manager = SlotManager(
            Hardware(spec, transport, clock),
            {product.product.name: product},
            Mailbox(),
            clock,
            addresses=self.straps,
        )

    def make(self, memory: ModuleState | None = None) -> Any:
        """Build the module, as a bridge that has just started does."""
        needs = self.product.description.needs
        parts = {name: self.slot_manager._part(need, self.slot) for name, need in needs.items()}  # type: ignore[arg-type]
        return self.product(parts, self.clock, self.timers, memory)

    def set(self, quantity: str, value: float) -> None:
        """Change the physical world."""
        self.board.set(self.slot, quantity, value)  # type: ignore[arg-type]

    def wire(self, pin: str) -> Wire:
        return self.board.slots[self.slot].wire(pin)
