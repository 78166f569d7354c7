"""Runs programs on the devices of a world: any command, or a driver led by the test.

1. The program's own process is preloaded, never the test's.
2. As a program (``python -m tests.preload.run rak7391-c -- command …``) it runs one command on a
   whole board.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from tests.preload.boards import EmulatedComputer
from tests.preload.device_server import DeviceServer
from tests.preload.world import World

from wisblock_bridge.boards.rak6421 import RAK6421_BOARDS
from wisblock_bridge.boards.rak7391 import RAK7391_BOARDS
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
BOARDS = {board.key: board for board in (*RAK7391_BOARDS, *RAK6421_BOARDS)}


def preloaded(
    command: Sequence[str], server: DeviceServer, *, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end on a world's devices.

    Args:
        command: Program and arguments.
        server: The running server of the world.
        timeout_s: Longest time it may take, s.

    Returns:
        Return code and what it printed.
    """
    return subprocess.run(
        command,
        env=_environment(server),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def started(command: Sequence[str], server: DeviceServer) -> subprocess.Popen[str]:
    """Start a command on a world's devices and leave it running; the caller ends it."""
    return subprocess.Popen(
        command,
        env=_environment(server),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class DriverProcess:
    """A preloaded Python process that makes objects and calls them as it is told.

    Args:
        server: The running server of the world.
    """

    def __init__(self, server: DeviceServer) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.preload.driver_process"],
            env=_environment(server),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def make(self, name: str, factory: str, *args: object, **kwargs: object) -> None:
        """Call ``module:callable`` over there and keep the result under a name."""
        self._ask(("make", name, factory, args, kwargs))

    def call(self, target: str, *args: object, **kwargs: object) -> Any:
        """Call ``name.method`` of a kept object or ``module:callable``; bus errors come through."""
        return self._ask(("call", target, args, kwargs))

    def run(self, code: str) -> Any:
        """Run Python code over there; gives what it left in ``result``."""
        return self._ask(("run", code))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            _present(stream).close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ask(self, question: tuple[object, ...]) -> Any:
        stream = _present(self.process.stdin)
        pickle.dump(question, stream)
        stream.flush()
        outcome, value = pickle.load(_present(self.process.stdout))  # noqa: S301  (our own child)
        if outcome == "bus error":
            raise BusError(
                value["fault"], value["message"], hint=value["hint"], where=value["where"]
            )
        if outcome == "value error":
            raise ValueError(value)
        if outcome == "os error":
            raise OSError(*value)
        if outcome == "defect":
            raise AssertionError(f"the driver failed:\n{value}")
        return value


def _present(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _environment(server: DeviceServer) -> dict[str, str]:
    environment = server.environment()
    environment["PYTHONPATH"] = f"{ROOT / 'python-bridge'}:{ROOT}"
    return environment


def main(arguments: list[str]) -> int:
    """Run one command on a board: ``rak7391-c -- command …``."""
    if len(arguments) < 3 or arguments[0] not in BOARDS or arguments[1] != "--":
        boards = ", ".join(BOARDS)
        sys.stderr.write(f"usage: python -m tests.preload.run BOARD -- COMMAND … ({boards})\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        EmulatedComputer(world, EmulatedBoard(BOARDS[arguments[0]], SystemClock()))
        with DeviceServer(world) as server:
            return subprocess.run(arguments[2:], env=_environment(server), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
