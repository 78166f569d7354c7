"""The service manager: told when the bridge is ready and stops, and fed by the loop that serves."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from tests.bridge.bridge_process import LONG_S, environment
from tests.bridge.wire_client import RawClient

from wisblock_bridge.server.daemon import watchdog_interval_s

if TYPE_CHECKING:
    from types import TracebackType


pytestmark = pytest.mark.slow

LIMIT_S = 1.0
"""What the manager allows between two signs of life."""

STUCK = """
import sys, time
from wisblock_bridge.server import dispatch
from wisblock_bridge.cli import main

def handle(*_, **__):
    time.sleep(3600)

if "--stuck" in sys.argv:
    sys.argv.remove("--stuck")
    dispatch.Dispatcher.handle = handle
sys.exit(main(sys.argv[1:]))
"""


class Managed:
    """A bridge under a service manager that the test is."""

    def __init__(self, *arguments: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wb-")
        folder = Path(self._folder.name)
        self.endpoint = f"ipc://{folder}/bridge.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self.heard: list[tuple[float, str]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", STUCK, "serve", "--emulate", "--endpoint", self.endpoint,
             *arguments],
            env=environment(
                NOTIFY_SOCKET=str(folder / "notify"), WATCHDOG_USEC=str(int(LIMIT_S * 1e6))
            ),
        )  # fmt: skip

    def hear(self, seconds: float) -> str | None:
        """Give the next message, or None when none comes for so long."""
        ready, _, _ = select.select([self._socket], [], [], seconds)
        if not ready:
            return None
        text = self._socket.recv(4096).decode()
        self.heard.append((time.monotonic(), text))
        return text

    def hear_until(self, beginning: str) -> str:
        while True:
            text = self.hear(LONG_S)
            assert text is not None, f"never: {beginning}"
            if text.startswith(beginning):
                return text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait(LONG_S)
        self._socket.close()
        self._folder.cleanup()


def test_ready_fed_and_stopping_with_nobody_there() -> None:
    """A bridge without clients sleeps, but not through its watchdog."""
    with Managed() as bridge:
        ready = bridge.hear_until("READY=1")
        assert "STATUS=serving RAK7391" in ready
        with RawClient(bridge.endpoint) as client:
            assert client.result("ping").keys() == {"clock_ms"}  # ready means that it serves
        for _ in range(5):
            told = bridge.hear_until("WATCHDOG=1")
            assert "modules in use 0, failing 0, clients " in told
        bridge.process.send_signal(signal.SIGTERM)
        bridge.hear_until("STOPPING=1")
        assert bridge.process.wait(LONG_S) == 0


def test_nobody_ever_connects() -> None:
    with Managed() as bridge:
        bridge.hear_until("READY=1")
        for _ in range(3):
            bridge.hear_until("WATCHDOG=1")


def test_a_module_that_keeps_its_bus_busy_does_not_starve_it() -> None:
    with Managed() as bridge, RawClient(bridge.endpoint) as client:
        bridge.hear_until("READY=1")
        client.result("hello", client="tests", lease_ms=60_000)
        long = client.send(
            "invoke", 60_000, module="ADC", slot="board", operation="read", params={"samples": 100}
        )
        bridge.hear_until("WATCHDOG=1")
        status = bridge.hear_until("WATCHDOG=1")
        assert client.reply(long)["ok"]
        assert "clients 1" in status


def test_a_loop_that_serves_nobody_does_not_feed_it() -> None:
    """The process lives, its threads live, but requests are not answered any more."""
    with Managed("--stuck") as bridge, RawClient(bridge.endpoint) as client:
        bridge.hear_until("WATCHDOG=1")
        client.send("ping")
        while bridge.hear(2 * LIMIT_S) is not None:
            assert time.monotonic() - bridge.heard[0][0] < LONG_S
        assert bridge.process.poll() is None


def test_twice_as_often_as_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert watchdog_interval_s() == 15.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_interval_s() == 15.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_interval_s() is None
    monkeypatch.delenv("WATCHDOG_USEC")
    assert watchdog_interval_s() is None
