"""``wisblock-bridge serve``: on emulated boards, on preloaded devices, beginning and end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment, eventually
from tests.preload.boards import EmulatedComputer
from tests.preload.device_server import DeviceServer
from tests.preload.run import preloaded, started
from tests.preload.world import World

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.cli import EXIT_USAGE
from wisblock_bridge.client import Bridge
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.endpoint import is_served, parse_endpoint

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "wisblock_bridge"]


# -- serving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_bridge_ends_in_good_order(number: int) -> None:
    with BridgeProcess("--board", "RAK6421", "--variant", "VB") as process:
        with Bridge(process.endpoint) as bridge:
            assert bridge.board == "RAK6421"
        assert process.path.stat().st_mode & 0o777 == 0o660
        assert process.stop(number) == 0
        log = process.log.read_text()
    assert "Traceback" not in log
    assert re.match(r"\d{4}-\d\d-\d\d [\d:,]+ INFO +wisblock_bridge\S*: ", log)


DEAF = """
import signal, sys, threading
from wisblock_bridge.cli import main
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
sys.exit(main(sys.argv[1:]))
"""
"""The signal reaches another thread, so it does not break off the system call in which the loop
sleeps; one that comes in the last microseconds before that call does not either.
"""


def test_a_signal_wakes_a_loop_that_was_just_falling_asleep(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/b"
    command = [sys.executable, "-c", DEAF, "serve", "--emulate", "--endpoint", endpoint]
    with subprocess.Popen(command, env=environment(), cwd=ROOT) as process:
        try:
            eventually(lambda: is_served(parse_endpoint(endpoint)), "the bridge serves")
            with Bridge(endpoint, lease_ms=60_000) as bridge:
                assert bridge.status()["sessions"]
            state = Path(f"/proc/{process.pid}/task/{process.pid}/stat")
            eventually(lambda: state.read_text().rpartition(") ")[2][0] == "S", "it sleeps")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30.0) == 0
        finally:
            process.kill()


def test_a_second_bridge_on_the_same_endpoint_is_refused() -> None:
    with BridgeProcess() as served:
        second = subprocess.run(
            [*COMMAND, "serve", "--emulate", "--endpoint", served.endpoint],
            env=environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )
        assert second.returncode == EXIT_USAGE
        assert "Another bridge already serves at" in second.stderr
        with Bridge(served.endpoint) as bridge:  # the first one is unharmed
            assert bridge.board == "RAK7391"


def test_a_module_that_there_is_not_is_refused_before_serving(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('emulate = true\n[[slot]]\nnumber = 1\nmodule = "RAK5810"')
    finished = subprocess.run(
        [*COMMAND, "serve", "--config", str(file), "--endpoint", f"ipc://{tmp_path}/b"],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == EXIT_USAGE
    assert f"{file}, table [[slot]] number 1, key module" in finished.stderr


def test_a_demonstration_moves() -> None:
    with BridgeProcess("--demo") as process, Bridge(process.endpoint) as bridge:
        first = bridge["RAK5801", 1].read(samples=1)["current"]
        eventually(
            lambda: bridge["RAK5801", 1].read(samples=1)["current"] != first, "the value changes"
        )


@pytest.mark.parametrize("key", ["rak7391-c", "rak7391-b", "rak6421-va"])
def test_a_bridge_on_the_kernels_devices(key: str) -> None:
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        emulated = EmulatedBoard(BOARDS[key], SystemClock())
        emulated.plug("RAK5801", 1)
        emulated.set(1, "current", 12.0)
        world = World(Path(folder) / "world")
        EmulatedComputer(world, emulated)
        endpoint = f"ipc://{folder}/bridge.sock"
        with DeviceServer(world) as server:
            variant = () if key.startswith("rak7391") else ("--variant", "VA")
            process = started([*COMMAND, "serve", *variant, "--endpoint", endpoint], server)
            try:
                eventually(lambda: is_served(parse_endpoint(endpoint)), "the bridge serves")
                with Bridge(endpoint) as bridge:
                    result = bridge["RAK5801", 1].read(samples=4)
                    board = bridge.status()["board"]
                scanned = preloaded([*COMMAND, "scan", "--endpoint", endpoint], server)
                process.send_signal(signal.SIGTERM)
                _, log = process.communicate(timeout=LONG_S)
            finally:
                process.kill()
                process.communicate()
    assert result["current"] == pytest.approx(12.0, abs=0.002)
    assert result.emulated is False
    assert board["variant"] == BOARDS[key].variant  # type: ignore[index]
    assert BOARDS[key].converter.chip in scanned.stdout
    assert process.returncode == 0, log
    # The supply of the module is off again.
    assert emulated.slots[1].wire("IO1").level() == 0
