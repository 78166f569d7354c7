"""What outputs do when somebody is killed, for every module that has any.

1. The bridge runs on the kernel's devices: the emulated hardware is in this process and outlives
   it, as silicon does.
2. Killed means SIGKILL; what the outputs do is what README.md promises in its table.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.actuators import ACTUATORS, Actuator
from tests.bridge.bridge_process import LONG_S, ROOT, environment, eventually
from tests.preload.boards import EmulatedComputer
from tests.preload.device_server import DeviceServer
from tests.preload.run import started
from tests.preload.world import World

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.client import Bridge
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.endpoint import is_served, parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tally import Tally

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "wisblock_bridge"]
LEASE_MS = 500


each_actuator = pytest.mark.parametrize(
    "actuator", ACTUATORS, ids=[each.module for each in ACTUATORS]
)


class Hardware:
    """A board that outlives bridges."""

    def __init__(self, folder: Path, actuator: Actuator, server: DeviceServer) -> None:
        self.endpoint = f"ipc://{folder}/bridge.sock"
        self._server = server
        self._actuator = actuator
        self._processes: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        """Start a bridge and wait until it serves."""
        process = started([*COMMAND, "serve", "--endpoint", self.endpoint], self._server)
        self._processes.append(process)
        eventually(lambda: is_served(parse_endpoint(self.endpoint)), "the bridge serves")
        return process

    def drive(self) -> None:
        """Drive the output and stay: the lease is long."""
        with Bridge(self.endpoint, lease_ms=60_000) as bridge:
            actuator = self._actuator
            bridge.invoke(
                actuator.module, actuator.slot, actuator.operation, actuator.params, on_loss="hold"
            )

    def end(self) -> None:
        """End what is left."""
        for process in self._processes:
            process.kill()
            process.communicate()


@contextmanager
def hardware(
    actuator: Actuator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Hardware, EmulatedBoard]]:
    """Set up a board with the actuator in its slot."""
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        monkeypatch.setenv("XDG_STATE_HOME", f"{folder}/state")
        emulated = EmulatedBoard(BOARDS[actuator.board], SystemClock())
        if actuator.slot != "board":
            emulated.plug(actuator.module, actuator.slot)
        world = World(Path(folder) / "world")
        EmulatedComputer(world, emulated)
        with DeviceServer(world) as server:
            here = Hardware(Path(folder), actuator, server)
            try:
                yield here, emulated
            finally:
                here.end()


@each_actuator
def test_the_bridge_is_killed(
    actuator: Actuator, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    with hardware(actuator, monkeypatch) as (here, emulated):
        bridge = here.start()
        here.drive()
        eventually(lambda: actuator.look(emulated) == actuator.driven, "the output is driven")
        bridge.kill()
        bridge.wait(LONG_S)
        assert actuator.look(emulated) == actuator.driven  # nobody is there to do anything
        (Path(here.endpoint.removeprefix("ipc://"))).unlink()
        here.start()
        # At the moment at which it serves, not some time later.
        assert actuator.look(emulated) == actuator.safe
    tally.add(
        "kill", "bridge, SIGKILL, output on hold", seen="safe when the next bridge begins to serve"
    )


@each_actuator
def test_the_bridge_is_stopped(
    actuator: Actuator, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    with hardware(actuator, monkeypatch) as (here, emulated):
        bridge = here.start()
        here.drive()
        eventually(lambda: actuator.look(emulated) == actuator.driven, "the output is driven")
        bridge.send_signal(signal.SIGTERM)
        assert bridge.wait(LONG_S) == 0
        assert actuator.look(emulated) == actuator.safe
    tally.add("kill", "bridge, SIGTERM", seen="safe before the process ends, with status 0")


CLIENT = """
import sys, time
from wisblock_bridge.client import Bridge
endpoint, module, slot, operation, params, lease_ms = sys.argv[1:]
slot = "board" if slot == "board" else int(slot)
bridge = Bridge(endpoint, lease_ms=int(lease_ms))
bridge.invoke(module, slot, operation, eval(params))
print("driven", flush=True)
time.sleep(600)
"""


@each_actuator
def test_the_client_is_killed(
    actuator: Actuator, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    with hardware(actuator, monkeypatch) as (here, emulated):
        here.start()
        arguments = [
            here.endpoint, actuator.module, str(actuator.slot), actuator.operation,
            repr(actuator.params), str(LEASE_MS),
        ]  # fmt: skip
        with subprocess.Popen(
            [sys.executable, "-c", CLIENT, *arguments],
            env={**environment(), **os.environ},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "driven\n"
            eventually(lambda: actuator.look(emulated) == actuator.driven, "the output is driven")
            client.kill()
        eventually(lambda: actuator.look(emulated) == actuator.safe, "the output is safe")
    tally.add("kill", "client, SIGKILL", seen="safe when its lease has run out")
