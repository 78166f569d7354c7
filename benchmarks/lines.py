"""How much of its serial line the bridge uses: Modbus through the whole bridge, LIN by its master.

The port is the Linux one, on a pseudo-terminal whose far end takes the time of a line
(``peers.serial_line``). Two units, or two identifiers, are polled in turn; over Modbus two requests
wait at any time. What the baud rate allows is one after the other of: both frames; the silence
before the reply, which is the unit's own time and here the shortest that the specification allows;
and the silence before the next request (3.5 characters, 1.75 ms above 19200 baud: MODBUS over
Serial Line 1.02, 2.5.1.1). For LIN: break and delimiter (10 bits at 0.692 of the rate), header and
answer, of a node that answers at once. The far end is a process as well, and what it is late counts
against the bridge. All of it is
real time, so it is the median exchange that counts; on a busy computer it does not hold either.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack
import zmq

from benchmarks.processes import ROOT, as_installed, fresh_endpoint
from wisblock_bridge.buses.linux.uart import LinuxSerialPort
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BusError
from wisblock_bridge.modules.lin.master import Master

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Row = tuple[str, float, str, bool]

MODBUS_BAUD = (9600, 19200, 115200)
LIN_BAUD = (9600, 19200)
LEAST = 0.9
DURATION_S = 2.0
REQUEST, REPLY = 8, 7


@contextlib.contextmanager
def far_end(kind: str, baud: int) -> Iterator[str]:
    """Run the far end of a line until the block ends.

    Args:
        kind: "modbus" or "lin".
        baud: Bits per second.

    Yields:
        Device file of the port.
    """
    command = [sys.executable, "-m", "benchmarks.peers.serial_line", kind, str(baud)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=as_installed(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        path = process.stdout.readline().strip()
        process.stdout.readline()
        yield path
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def serving(port: str) -> Iterator[str]:
    """Run a bridge that is not emulated, with a serial port and nothing else.

    Args:
        port: Device file of the port of slot 1.

    Yields:
        Its endpoint.
    """
    endpoint = fresh_endpoint()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "bridge.toml"
        config.write_text(
            f'[board]\nkind = "RAK7391"\n[board.slot1]\nserial_port = "{port}"\n', encoding="utf-8"
        )
        path = Path(endpoint.removeprefix("ipc://"))
        path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "wisblock_bridge", "serve", "--config", str(config)]
        process = subprocess.Popen(
            [*command, "--endpoint", endpoint],
            cwd=ROOT,
            env=as_installed(),
            stderr=subprocess.DEVNULL,
        )
        try:
            while not path.exists() and process.poll() is None:
                time.sleep(0.001)
            yield endpoint
        finally:
            process.terminate()
            process.wait()


def polled(endpoint: str, baud: int) -> float:
    """Poll two units in turn through a bridge.

    Args:
        endpoint: The bridge.
        baud: Bits per second.

    Returns:
        Exchanges per second.
    """
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    number = 0

    def ask(operation: str, **params: object) -> None:
        nonlocal number
        number += 1
        what = {"module": "RAK5802", "slot": 1, "operation": operation, "params": params}
        socket.send(msgpack.packb({"v": 1, "id": number, "method": "invoke", "params": what}))

    def answer() -> None:
        while True:
            if not socket.poll(10_000):
                raise TimeoutError("the bridge does not answer")
            reply = msgpack.unpackb(socket.recv())
            if "id" in reply:
                break
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])

    try:
        ask("line", baud=baud)
        answer()
        for unit in (1, 2):
            ask("read_holding_registers", unit=unit)
        for unit in (1, 2) * 3:  # warm
            answer()
            ask("read_holding_registers", unit=unit)
        moments = [time.monotonic()]
        while moments[-1] - moments[0] < DURATION_S:
            answer()
            moments.append(time.monotonic())
            ask("read_holding_registers", unit=1 + len(moments) % 2)
        return per_second(moments)
    finally:
        socket.close()


def per_second(moments: Sequence[float]) -> float:
    """Return how many exchanges a second there are, by the median from one to the next.

    Args:
        moments: When each was over.
    """
    return 1.0 / statistics.median(b - a for a, b in itertools.pairwise(moments))


def modbus(baud: int) -> Row:
    """Measure a Modbus line.

    Args:
        baud: Bits per second.

    Returns:
        What was measured.
    """
    character_s = 10 / baud
    quiet_s = max(0.00175, 3.5 * character_s)
    least_s = (REQUEST + REPLY) * character_s + 2 * quiet_s
    with far_end("modbus", baud) as path, serving(path) as endpoint:
        rate = polled(endpoint, baud)
    share = rate * least_s
    bar = f">= {LEAST}: {rate:.1f} of {1 / least_s:.1f} exchanges a second"
    return f"S Modbus at {baud} baud, share of the line", share, bar, share >= LEAST


def lin(baud: int) -> Row:
    """Measure a LIN bus.

    Args:
        baud: Bits per second.

    Returns:
        What was measured.
    """
    least_s = (10 / 0.692 + 10 * (2 + 9)) / baud
    with far_end("lin", baud) as path:
        port = LinuxSerialPort(path)
        master = Master(port, SystemClock(), lambda _: None)
        master.configure(baud, "auto")
        moments: list[float] = []
        begin = time.monotonic()
        while time.monotonic() - begin < DURATION_S:
            # A far end that the computer kept waiting for a tenth of a second is no bus at all;
            # such a frame counts by the time that it took.
            with suppress(BusError):
                master.request(1 + len(moments) % 2, 8, "classic")
                moments.append(time.monotonic())
        rate = per_second(moments)
        port.close()
    share = rate * least_s
    bar = f">= {LEAST}: {rate:.1f} of {1 / least_s:.1f} frames a second"
    return f"S LIN at {baud} baud, share of the line", share, bar, share >= LEAST


def rows() -> list[Row]:
    """Measure every line.

    Returns:
        Name, share, the bar, and whether it is held.
    """
    return [*map(modbus, MODBUS_BAUD), *map(lin, LIN_BAUD)]
