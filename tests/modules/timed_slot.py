"""One slot of an emulated board, for products that act on lines and by timers.

1. Real drivers on an emulated board; time passes when the test says so, timers fire on the way.
2. Every change of a pin is written down with its time.
3. Nothing of the products' numbers is here; those are typed in their tests.
"""

from __future__ import annotations

import heapq
import itertools
import math
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from tests.fake_clock import FakeClock

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BridgeError, BusError, BusFault
from wisblock_bridge.module_api import DigitalLine, Module
from wisblock_bridge.module_api.needs import LineNeed
from wisblock_bridge.runtime.hardware import Hardware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.buses.gpio import LineController

M = TypeVar("M", bound=Module)
EXPANDER = 0x26


class Timer:
    """Work that was put off."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Timers:
    """Timers on a fake clock, as a worker has them.

    Args:
        clock: Its time.
        grain_s: Timers fire at whole multiples of this only, like those of a computer.
    """

    def __init__(self, clock: FakeClock, grain_s: float = 0.0) -> None:
        self.clock = clock
        self.grain_s = grain_s
        self.errors: list[BridgeError] = []
        self.fired = 0
        self._waiting: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        assert seconds >= 0.0
        due = self.clock.monotonic() + seconds
        if self.grain_s:
            due = math.ceil(round(due / self.grain_s, 6)) * self.grain_s
        timer = Timer(action)
        heapq.heappush(self._waiting, (due, next(self._numbers), timer))
        return timer

    @property
    def waiting(self) -> int:
        """How many were not called off."""
        return sum(1 for _, _, timer in self._waiting if timer.action is not None)

    def pass_time(self, seconds: float) -> None:
        """Let time pass; what falls due on the way is done, its errors are kept."""
        end = self.clock.monotonic() + seconds
        while self._waiting and self._waiting[0][0] <= end + 1e-9:
            due, _, timer = heapq.heappop(self._waiting)
            if timer.action is None:
                continue
            self.clock.advance(max(0.0, due - self.clock.monotonic()))
            self.fired += 1
            try:
                timer.action()
            except BridgeError as error:
                self.errors.append(error)
        self.clock.advance(max(0.0, end - self.clock.monotonic()))


class Held:
    """A line controller of which the kernel holds one line.

    Args:
        controller: The controller.
        offset: The line.
        holder: Who has it.
    """

    def __init__(self, controller: LineController, offset: int, holder: str) -> None:
        self._controller = controller
        self._offset = offset
        self._holder = holder
        self.asked = 0

    def make_output(self, offset: int, level: int) -> None:
        if offset == self._offset:
            self.asked += 1
            raise BusError(
                BusFault.HELD,
                f'The line is held by "{self._holder}".',
                where=f"line {offset} of {self._controller.name}",
            )
        self._controller.make_output(offset, level)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._controller, name)


class TimedSlot(Generic[M]):
    """A product in a slot, its emulated and its board.

    Args:
        product: The class of the product.
        board: Which board is emulated.
        slot: Where it is.
        grain_s: As for ``Timers``.
        held: A pin that the kernel holds.
    """

    def __init__(
        self,
        product: type[M],
        board: BoardSpec = GENERATION_C,
        slot: Literal[1, 2] = 1,
        grain_s: float = 0.0,
        held: str = "",
    ) -> None:
        self.clock = FakeClock()
        self.board = EmulatedBoard(board, self.clock)
        self.hardware = Hardware(board, self.board, self.clock)
        self.slot: Literal[1, 2] = slot
        self.board.plug(product.product.name, slot)
        self.pins = self.board.slots[slot]
        self.spec = board.slots[slot]
        parts: dict[str, object] = {}
        self.held: Held | None = None
        self.history: list[tuple[float, str, int]] = []
        for name, need in product.description.needs.items():
            assert isinstance(need, LineNeed)
            ref = self.spec.lines.get(need.pin) or self.spec.spi_lines[need.pin]
            controller = self.hardware.controller(ref.controller)
            if need.pin == held:
                controller = self.held = Held(controller, ref.offset, "spi0 CS0")
            parts[name] = DigitalLine(controller, ref.offset, f"{need.pin}, {controller.name}")
            self.pins.wire(need.pin).listen(self._note(need.pin))
        self.parts = parts
        self.timers = Timers(self.clock, grain_s)
        self.module = product(parts, self.clock, self.timers)

    def _note(self, pin: str) -> Callable[[int], None]:
        return lambda level: self.history.append((self.clock.monotonic(), pin, level))

    def level(self, pin: str) -> int:
        return self.pins.wire(pin).level()

    def changes(self, pin: str) -> list[int]:
        """The levels that a pin took, in their order."""
        return [level for _, name, level in self.history if name == pin]

    def drives(self, pin: str) -> int | None:
        """What the bridge puts on a pin; None when it only listens."""
        ref = self.spec.lines.get(pin) or self.spec.spi_lines[pin]
        spec = self.board.board.controllers[ref.controller]
        name = spec.labels[0] if spec.chip == "soc" else f"{spec.chip} {ref.controller}"
        return self.pins.wire(pin).driver_of(name)

    def get(self, quantity: str) -> object:
        return self.board.get(self.slot, quantity)

    def set(self, quantity: str, *, value: float) -> None:
        self.board.set(self.slot, quantity, value)

    def expander(self, data: str) -> None:
        """Let somebody else write to the slots' expander."""
        self.board.expanders["slots"].write(bytes.fromhex(data))

    def fail(self, skip: int = 0, count: int | None = 1, kind: FaultKind = FaultKind.NACK) -> None:
        self.board.bus.fail(EXPANDER, Fault(kind, skip=skip, count=count))

    def repair(self) -> None:
        self.board.bus.fail(EXPANDER, None)

    @property
    def transactions(self) -> int:
        return self.board.bus.transactions


def each_failure(
    make: Callable[[], TimedSlot[M]], action: Callable[[TimedSlot[M]], object]
) -> Iterator[tuple[TimedSlot[M], BridgeError]]:
    """Let an action fail at its first transaction, at its second, and so on, on a new slot each.

    Yields:
        The slot right after the failure, and the error that came out.
    """
    good = make()
    before = good.transactions
    action(good)
    total = good.transactions - before
    assert total > 0, "the action does not use the bus"
    for number in range(total):
        for kind in (FaultKind.NACK, FaultKind.EIO, FaultKind.STUCK):
            slot = make()
            slot.fail(skip=number, count=1, kind=kind)
            try:
                action(slot)
            except BridgeError as error:
                yield slot, error
            else:
                raise AssertionError(f"transaction {number} failed ({kind}) and nobody was told")
