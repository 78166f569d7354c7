"""A bridge with an emulated board in this process, on a socket of its own."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.client import Bridge
from wisblock_bridge.config import BoardConfig, Config
from wisblock_bridge.endpoint import VARIABLE
from wisblock_bridge.server.daemon import Daemon
from wisblock_bridge.testing.quantities import BoardQuantities, ModuleName, SlotQuantities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.client.requests import Slot

LONG_S = 30.0
FaultKind = Literal["nack", "eio", "stuck", "checksum", "slow", "power_cycle"]


class EmulatedBoard:
    """An emulated board and a connection to its bridge.

    Attributes:
        endpoint: Where the bridge is.
        bridge: A connection to it.
        slot1: The physical world at slot 1: ``board.slot1.current = 12.0``.
        slot2: The same at slot 2.
        onboard: The same for what is soldered on.
    """

    def __init__(self, endpoint: str, bridge: Bridge) -> None:
        self.endpoint = endpoint
        self.bridge = bridge
        self.slot1 = SlotQuantities(bridge.emulator, 1)
        self.slot2 = SlotQuantities(bridge.emulator, 2)
        self.onboard = BoardQuantities(bridge.emulator, "board")

    def plug(self, slot: Literal[1, 2], module: ModuleName) -> SlotQuantities:
        """Plug a module into a slot, in place of what is there.

        Args:
            slot: 1 or 2.
            module: "RAK5801".

        Returns:
            The physical world there.
        """
        self.unplug(slot)
        self.bridge.emulator.plug(slot, module)
        return self.slot1 if slot == 1 else self.slot2

    def unplug(self, slot: Literal[1, 2]) -> None:
        """Empty a slot; nothing happens where it is empty."""
        self.bridge.emulator.unplug(slot)

    def fail(self, slot: Slot, kind: FaultKind, *, count: int | None = None) -> None:
        """Make the hardware fail.

        Args:
            slot: 1, 2 or "board".
            kind: How: "nack" is a chip that does not answer.
            count: How many transfers fail; None for all until ``work_again``.
        """
        params: dict[str, object] = {"slot": slot}
        if count is not None:
            params["count"] = count
        self.bridge.emulator.fault(kind, **params)

    def work_again(self, slot: Slot) -> None:
        """End what ``fail`` began."""
        self.bridge.emulator.fault("nack", slot=slot, count=0)


@contextmanager
def emulated_bridge(
    *,
    slot1: ModuleName | None = None,
    slot2: ModuleName | None = None,
    board: Literal["RAK7391", "RAK6421"] = "RAK7391",
    variant: str | None = None,
    as_default: bool = True,
) -> Iterator[EmulatedBoard]:
    """Start a bridge with an emulated board, on a thread of this process.

    Args:
        slot1: What is in slot 1; an empty slot takes the first module that is asked for.
        slot2: What is in slot 2.
        board: Which board.
        variant: Its generation or revision; None for the usual one.
        as_default: ``Bridge()`` without an endpoint finds this one, also in child processes.

    Yields:
        The board.
    """
    with tempfile.TemporaryDirectory(prefix="wisblock-") as folder:
        endpoint = f"ipc://{Path(folder) / 'bridge.sock'}"
        config = Config(
            endpoint=endpoint, emulate=True, board=BoardConfig(kind=board, variant=variant)
        )
        with _serving(Daemon(config)), Bridge(endpoint, name="emulated_bridge") as bridge:
            made = EmulatedBoard(endpoint, bridge)
            if slot1 is not None:
                made.plug(1, slot1)
            if slot2 is not None:
                made.plug(2, slot2)
            with _default_endpoint(endpoint if as_default else None):
                yield made


@contextmanager
def _serving(daemon: Daemon) -> Iterator[None]:
    interval_s = sys.getswitchinterval()
    ready = threading.Event()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            daemon.serve_beside(ready.set)
        except Exception as error:  # noqa: BLE001  (it is raised where the board was asked for)
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=serve, name="wisblock-emulated", daemon=True)
    thread.start()
    if not ready.wait(LONG_S):
        raise TimeoutError("The emulated bridge did not start.")
    try:
        if failures:
            raise failures[0]
        yield
    finally:
        daemon.stop()
        thread.join(LONG_S)
        sys.setswitchinterval(interval_s)


@contextmanager
def _default_endpoint(endpoint: str | None) -> Iterator[None]:
    if endpoint is None:
        yield
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = endpoint
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
