"""A real bridge on an emulated board, in a process of its own.

1. It is ready when it accepts connections; nobody waits for a fixed time.
2. Socket paths are short and private: the kernel has room for 107 bytes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from wisblock_bridge.endpoint import is_served, parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 60.0


def environment(**more: str) -> dict[str, str]:
    """Build the environment of a child: the project importable, nothing configured."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WISBLOCK_BRIDGE_", "JOURNAL_STREAM", "NOTIFY_SOCKET"))
    }
    return clean | {"PYTHONPATH": f"{ROOT / 'python-bridge'}:{ROOT}"} | more


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail when it does not become so."""
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.01)


@contextmanager
def standing_still(number: int) -> Iterator[None]:
    """Stop a process; what is done within happens while none of its threads runs any more."""
    os.kill(number, signal.SIGSTOP)
    try:
        # A busy computer lets its threads run on for a while.
        states = Path("/proc", str(number), "task")
        eventually(
            lambda: all(
                each.read_text().rpartition(")")[2].split()[0] == "T"
                for each in states.glob("*/stat")
            ),
            "all threads stand still",
        )
        yield
    finally:
        os.kill(number, signal.SIGCONT)


class BridgeProcess:
    """A bridge that serves on a socket of its own; use it with ``with``.

    Args:
        arguments: Further arguments of ``serve``.
        installed: A folder with further packages, as if they were installed.
    """

    def __init__(self, *arguments: str, installed: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wb-")
        self.path = Path(self._folder.name) / "bridge.sock"
        self.endpoint = f"ipc://{self.path}"
        self.log = Path(self._folder.name) / "log"
        self._arguments = arguments
        self._environment = environment()
        if installed is not None:
            self._environment["PYTHONPATH"] += f":{installed}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with self.log.open("ab") as log:
            self.process = process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "wisblock_bridge",
                    "serve",
                    "--emulate",
                    "--endpoint",
                    self.endpoint,
                    *self._arguments,
                ],
                env=self._environment,
                cwd=ROOT,
                stderr=log,
            )
        where = parse_endpoint(self.endpoint)

        def ready() -> bool:
            assert process.poll() is None, self.log.read_text()
            return is_served(where)

        eventually(ready, "the bridge accepts connections")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; gives the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(LONG_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(LONG_S)
        self._folder.cleanup()
