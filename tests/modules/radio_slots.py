"""Two radios on one small emulated board: real modules, real drivers, emulated chips and air.

1. Time is a fake clock's; timers run when the test lets time pass.
2. Nothing of the product's numbers is here.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

from tests.fake_clock import FakeClock

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.module_api import DigitalLine, InMemoryState
from wisblock_bridge.module_api.needs import LineNeed
from wisblock_bridge.modules.lora.rak13300 import RAK13300
from wisblock_bridge.modules.lora.rak13300_emulated import EmulatedRAK13300
from wisblock_bridge.runtime.hardware import Hardware

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec


class Handle:
    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Desk:
    """A worker's timers, and what it tells of those who wait."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, Handle]] = []
        self.closing = False
        self.waiting: Callable[[], int] = lambda: 0

    @property
    def queued(self) -> int:
        return self.waiting()

    def after(self, seconds: float, action: Callable[[], None]) -> Handle:
        handle = Handle(action)
        heapq.heappush(
            self._timers, (self._clock.monotonic() + seconds, next(self._numbers), handle)
        )
        return handle

    def pass_time(self, seconds: float) -> None:
        """Let time pass, carrying out what is due on the way."""
        end = self._clock.monotonic() + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, handle = heapq.heappop(self._timers)
            self._clock.advance(max(0.0, due - self._clock.monotonic()))
            if handle.action is not None:
                handle.action()
        self._clock.advance(max(0.0, end - self._clock.monotonic()))


class RadioSlots:
    """A board with a radio in each slot."""

    def __init__(self, board: BoardSpec = GENERATION_C) -> None:
        self.clock = FakeClock()
        self.spec = board
        self.board = EmulatedBoard(board, self.clock)
        self.hardware = Hardware(board, self.board, self.clock)
        self.desks = {1: Desk(self.clock), 2: Desk(self.clock)}
        self.memories = {1: InMemoryState(), 2: InMemoryState()}
        for slot in (1, 2):
            self.board.plug("RAK13300", slot)

    def module(self, slot: int) -> RAK13300:
        """Build and open a module, as a worker does."""
        parts: dict[str, object] = {}
        for name, need in RAK13300.description.needs.items():
            if isinstance(need, LineNeed):
                ref = self.spec.slots[slot].lines[need.pin]
                controller = self.hardware.controller(ref.controller)
                parts[name] = DigitalLine(controller, ref.offset, need.pin)
            else:
                parts[name] = self.hardware.spi_device(slot, 1_000_000)
        made = RAK13300(parts, self.clock, self.desks[slot], self.memories[slot])
        made.open()
        return made

    def emulated(self, slot: int) -> EmulatedRAK13300:
        emulated = self.board._plugged[slot]
        assert isinstance(emulated, EmulatedRAK13300)
        return emulated

    def pin(self, slot: int, name: str) -> int:
        return self.board.slots[slot].wire(name).level()
