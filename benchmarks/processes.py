"""Starting, pinning and watching the processes that are measured."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.keys import ClientList, make_pair, make_server_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
CORE = "0"


@cache
def as_installed() -> dict[str, str]:
    """Give the environment of a bridge that pip has installed: its files are compiled.

    A checkout may be told not to write compiled files (PYTHONDONTWRITEBYTECODE). Then most of a
    start would be the compiler, which no installed bridge runs.
    """
    folder = tempfile.mkdtemp(prefix="wisblock-bench-compiled-")
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    compile_all = "import wisblock_bridge.server.daemon, wisblock_bridge.emulation.board; "
    compile_all += "from wisblock_bridge.modules import registry; registry.load()"
    subprocess.run([sys.executable, "-c", compile_all], env=environment, cwd=ROOT, check=True)
    return environment


def pinned(*command: str) -> list[str]:
    """Put a command on the one core that everything shares.

    Args:
        *command: Program and arguments.

    Returns:
        The command to run.
    """
    return ["taskset", "-c", CORE, *command]


def fresh_endpoint() -> str:
    """Make an endpoint nobody uses.

    Returns:
        An ``ipc://`` address.
    """
    return f"ipc://{tempfile.mkdtemp(prefix='wisblock-bench-')}/bridge.sock"


@contextmanager
def running(command: list[str], ready: str = "ready") -> Iterator[subprocess.Popen[str]]:
    """Run a process until the block ends.

    Args:
        command: Program and arguments.
        ready: The line that says that it is ready.

    Yields:
        The process.
    """
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.strip() == ready:
                break
        else:
            raise RuntimeError(
                f"{' '.join(command)} ended with {process.wait()} and was not ready."
            )
        yield process
    finally:
        process.kill()
        process.wait()


def start_bridge(endpoint: str, *options: str, pin: bool = True) -> subprocess.Popen[bytes]:
    """Start a bridge on an emulated board and wait until it listens.

    Args:
        endpoint: Where.
        *options: For ``wisblock-bridge serve``.
        pin: On the shared core.

    Returns:
        The process.
    """
    serve = ["serve", "--emulate", "--endpoint", endpoint, *options]
    command = [sys.executable, "-m", "wisblock_bridge", *serve]
    path = Path(endpoint.removeprefix("ipc://"))
    path.unlink(
        missing_ok=True
    )  # one left by a killed bridge would look like a bridge that listens
    process = subprocess.Popen(
        pinned(*command) if pin else command,
        cwd=ROOT,
        env=as_installed(),
        stderr=subprocess.DEVNULL,
    )
    while not path.exists():
        if process.poll() is not None:
            raise RuntimeError(f"The bridge ended with {process.returncode} instead of listening.")
        time.sleep(0.001)
    return process


def restart_pause_s() -> float:
    """Give the pause between the end of a killed bridge and the start of the next one.

    Returns:
        RestartSec of the unit that is shipped, s.
    """
    unit = (ROOT / "python-bridge/system/wisblock-bridge.service").read_text()
    value = next(
        line.partition("=")[2] for line in unit.splitlines() if line.startswith("RestartSec=")
    )
    return float(value.removesuffix("ms")) / 1e3 if value.endswith("ms") else float(value)


@contextmanager
def bridge(*options: str, pin: bool = True) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a bridge until the block ends.

    Args:
        *options: For ``wisblock-bridge serve``.
        pin: On the shared core.

    Yields:
        The process and its endpoint.
    """
    endpoint = fresh_endpoint()
    process = start_bridge(endpoint, *options, pin=pin)
    time.sleep(0.3)
    try:
        yield process, endpoint
    finally:
        process.terminate()
        process.wait()


@contextmanager
def keyed_bridge() -> Iterator[tuple[str, str]]:
    """Run a bridge that serves plain tcp and, with keys, tcp for other computers.

    Yields:
        The plain endpoint, and the other one with a client's keys, as ``lanes.cjs`` takes them.
    """
    folder = Path(tempfile.mkdtemp(prefix="wisblock-bench-keys-"))
    server = make_server_pair(folder)
    client = make_pair()
    ClientList(folder).add("bench", client.public, "drive")
    plain, remote = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    (folder / "bridge.toml").write_text(f'[security]\nkeys = "{folder}"\n')
    keys = {"serverKey": server.public, "publicKey": client.public, "secretKey": client.secret}
    options = ["--config", str(folder / "bridge.toml"), "--remote-endpoint", remote]
    command = [sys.executable, "-m", "wisblock_bridge", "serve", "--emulate", *options]
    process = subprocess.Popen(
        pinned(*command, "--endpoint", plain), cwd=ROOT, env=as_installed(),
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield plain, f"{remote} {json.dumps(keys, separators=(',', ':'))}"
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Find a TCP port of this computer that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def node(script: str, *arguments: str, timeout_s: float = 300) -> str:
    """Run a measuring script to its end.

    Args:
        script: Its name in benchmarks/node.
        *arguments: What it is told.
        timeout_s: When to give up.

    Returns:
        What it printed.
    """
    command = pinned("node", f"benchmarks/node/{script}", *arguments)
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=timeout_s
    ).stdout


def slices(
    rounds: int, slice_ms: int, a: tuple[str, str], b: tuple[str, str], depth: int = 1
) -> dict[str, list[dict[str, float]]]:
    """Measure two lanes in turns.

    Args:
        rounds: How often each gets its turn.
        slice_ms: How long a turn is, ms.
        a: Kind and endpoint of the reference.
        b: Kind and endpoint of what is held against it.
        depth: Requests in flight.

    Returns:
        For "a" and "b" what each slice measured.
    """
    printed = node("slices.cjs", str(rounds), str(slice_ms), *a, *b, str(depth))
    result: dict[str, list[dict[str, float]]] = json.loads(printed)
    return result


def cpu_s(pid: int) -> float:
    """Tell the processor time of a process.

    Args:
        pid: Which.

    Returns:
        User and system time, s.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Tell the resident memory of a process.

    Args:
        pid: Which.

    Returns:
        MB.
    """
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def switches(pid: int) -> int:
    """Count how often the threads of a process went to sleep.

    Args:
        pid: Which.

    Returns:
        Voluntary context switches of all threads.
    """
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total
