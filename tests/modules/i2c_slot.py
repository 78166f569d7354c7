"""One slot of an emulated board whose bus can be broken, for products with a chip of their own.

1. Real drivers, wired as the rack wires them; nothing of the products' numbers is here.
2. No threads: the test is the worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fake_clock import FakeClock
from tests.modules.breaking_board import BreakingBoard

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BusFault, InUseError
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.slots import SlotManager
from wisblock_bridge.threads.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.buses.emulated.wires import Wire
    from wisblock_bridge.module_api import Module, TimerHandle


class NoTimers:
    """These products put nothing off."""

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        raise AssertionError(f"{action} was put off by {seconds} s")


class I2CSlot:
    """A product and its emulated in a slot.

    Args:
        product: The product's class.
        spec: The board.
        slot: 1 or 2.
    """

    def __init__(
        self, product: type[Module], spec: BoardSpec = GENERATION_C, slot: int = 1
    ) -> None:
        self.clock = FakeClock()
        self.board = EmulatedBoard(spec, self.clock)
        self.transport = BreakingBoard(self.board)
        self.bus = self.transport.bus
        self.hardware = Hardware(spec, self.transport, self.clock)
        name = product.product.name
        mailbox: Mailbox[Any] = Mailbox()
        slot_manager = SlotManager(self.hardware, {name: product}, mailbox, self.clock)
        mailbox.close()
        self.board.plug(name, slot)
        self.emulated: Any = self.board._plugged[slot]
        needs = product.description.needs
        self.parts = {key: slot_manager._part(need, slot) for key, need in needs.items()}  # type: ignore[arg-type]
        self.spec = spec
        self.slot = slot

    def mend(self) -> None:
        """Let nothing fail any more."""
        self.bus.break_at(None, BusFault.IO, delivered=False)

    def quantity(self, name: str) -> Any:
        return self.board.get(self.slot, name)  # type: ignore[arg-type]

    def set(self, name: str, value: float) -> None:
        self.board.set(self.slot, name, value)  # type: ignore[arg-type]

    def wire(self, pin: str) -> Wire:
        """Give the wire of a slot pin."""
        return self.board.slots[self.slot].wire(pin)

    def drives(self, pin: str) -> int | None:
        """What the board puts on a slot pin; None when it only listens."""
        ref = self.spec.slots[self.slot].lines[pin]
        chip = self.spec.controllers[ref.controller]
        name = f"{chip.chip} {chip.key}" if chip.address is not None else chip.labels[0]
        return self.wire(pin).driver_of(name)


def refusal(product: type[Module], spec: BoardSpec, **addresses: int) -> InUseError:
    """Ask for a product in slot 1 whose chip has another address, and return the refusal."""
    clock = FakeClock()
    board = EmulatedBoard(spec, clock)
    mailbox: Mailbox[Any] = Mailbox()
    name = product.product.name
    straps = {(1, chip): address for chip, address in addresses.items()}
    slot_manager = SlotManager(
        Hardware(spec, board, clock), {name: product}, mailbox, clock, addresses=straps
    )
    try:
        worker = slot_manager.worker(Place(name, 1))
    except InUseError as error:
        assert board.bus.transactions == 0
        return error
    else:
        worker.close()
        worker.join(60.0)
        raise AssertionError(f"{name} was let in")
    finally:
        mailbox.close()
