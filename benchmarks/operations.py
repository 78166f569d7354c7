"""Each module's cheapest operation: what the bridge adds to the time that the bus itself needs.

The round trip of a node's request is measured on an emulated board, and in this process the time
that the same operation spends in the module (driver, emulated chip, waiting for conversions). What
is left is the bridge's own; it is held against the bits that the operation puts on a real bus.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.bus_work import bits
from benchmarks.processes import CORE, bridge, node
from wisblock_bridge.boards import BOARDS
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.module_api.needs import PortNeed
from wisblock_bridge.modules import registry
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.slots import SlotManager
from wisblock_bridge.threads.mailbox import Mailbox

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import Read, Write
    from wisblock_bridge.module_api import Slot
    from wisblock_bridge.module_api.signatures import ModuleDescription, OperationDescription

BIT_S = 1 / 100_000
"""At 100 kHz, the speed of the bus as delivered."""

BOARD = "rak6421-va"
"""It has no clock at the address of a RAK12004; expanders are measured through the others."""


def cheapest(description: ModuleDescription) -> OperationDescription:
    """Choose the operation to measure: the first that only reads and looks at the hardware.

    Args:
        description: The module.

    Returns:
        One of its operations.
    """
    reading = [each for each in description.operations.values() if each.reads_only]
    return reading[0]


def least(operation: OperationDescription) -> dict[str, object]:
    """Fill in what an operation needs, with the least of everything.

    Args:
        operation: Which.

    Returns:
        Its parameters.
    """
    params: dict[str, object] = {}
    for param in operation.params:
        if param.name in {"samples", "window_ms"}:
            params[param.name] = int(param.facts.low or 1)
        elif param.required:
            params[param.name] = param.choices[0] if param.choices else int(param.facts.low or 0)
    return params


class Measured:
    """One module in this process: its bus bits and the time spent in it.

    Args:
        name: The module.
        slot: Where it is.
        board: Key of the board.
    """

    def __init__(self, name: str, slot: Slot, board: str) -> None:
        clock = SystemClock()
        emulated = EmulatedBoard(BOARDS[board], clock)
        self._seen: list[tuple[Write | Read, ...]] | None = None
        transfer = emulated.bus.transfer

        def noted(address: int, *messages: Write | Read) -> bytes:
            if self._seen is not None:
                self._seen.append(messages)
            return transfer(address, *messages)

        emulated.bus.transfer = noted  # type: ignore[method-assign]
        known = registry.load()
        slot_manager = SlotManager(
            Hardware(BOARDS[board], emulated, clock), known.modules, Mailbox(), clock
        )
        self._worker = slot_manager.worker(Place(name, slot))
        emulated.ask_for(name, slot)
        self._operation = cheapest(known.modules[name].description)
        self.request = {
            "module": name, "slot": slot, "operation": self._operation.name,
            "params": least(self._operation),
        }  # fmt: skip
        self.bits = 0

    def run(self, rounds: int) -> float:
        """Measure the time in the module.

        Args:
            rounds: How often.

        Returns:
            The median, s; ``bits`` is set as well.
        """
        params = self.request["params"]
        assert isinstance(params, dict)
        arguments = tuple(params.get(param.name, param.default) for param in self._operation.params)
        os.sched_setaffinity(0, {int(CORE)})  # where the bridge runs as well
        self._worker.lifecycle.perform(self._operation.name, arguments)
        times = []
        for _ in range(rounds):
            begin = time.perf_counter()
            self._worker.lifecycle.perform(self._operation.name, arguments)
            times.append(time.perf_counter() - begin)
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
        self._seen = []
        self._worker.lifecycle.perform(self._operation.name, arguments)
        self.bits = sum(bits(messages) for messages in self._seen)
        self._worker.close()
        return statistics.median(times)


def rows(rounds: int) -> list[tuple[str, float, str, bool]]:
    """Measure every module.

    Args:
        rounds: How often.

    Returns:
        Name, overhead over bus time, the bar, and whether it is held.
    """
    found: list[tuple[str, float, str, bool]] = []
    for board in ("rak7391-c", BOARD):
        chosen = []
        for name, cls in registry.load().modules.items():
            if any(isinstance(each, PortNeed) for each in cls.description.needs.values()):
                continue  # what a serial line takes is its partner's affair
            slot: Slot = cls.product.slots[0]
            if (name == "RAK12004") == (board == BOARD):
                chosen.append((name, Measured(name, slot, board)))
        inside = [each.run(200) for _, each in chosen]
        product, variant = board.split("-")
        with bridge("--board", product.upper(), "--variant", variant.upper()) as (_, endpoint):
            requests = json.dumps([each.request for _, each in chosen])
            trips = json.loads(node("operations.cjs", endpoint, str(rounds), requests))
        for (name, each), trip_us, module_s in zip(chosen, trips, inside, strict=True):
            bus_s = each.bits * BIT_S
            operation = each.request["operation"]
            share = max(0.0, trip_us / 1e6 - module_s) / bus_s if bus_s else 0.0
            counts = bus_s > 0.0003
            bar = "<= 0.5" if counts else "(bus time below 0.3 ms)"
            what = f"8 {name}.{operation}, bridge / {bus_s * 1e3:.2f} ms of bus"
            found.append((what, share, bar, not counts or share <= 0.5))
    return found
