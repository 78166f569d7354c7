"""(2) What a user would take instead of the bridge, all of it in turns with it, on one core.

Each asks from Node.js for one reading and parses the answer. The bridge reads an emulated chip
through its driver, with its queue, claims and checks; the others answer with a constant and do
nothing else. WebSocket, HTTP and MQTT have their libraries' defaults (websockets, aiohttp with
connections that are kept, paho-mqtt behind Debian's mosquitto with QoS 0); the exec lane starts a
bare interpreter. A chip that is read in Node.js's own process needs compiled code (i2c-bus) and a
kernel with a bus, which is not everywhere: what is measured is the floor of it, an asynchronous
read of one byte from /dev/zero, which is the same call to the kernel in a thread of the pool. On
hardware both wait for the bus as well: 390 us of a register's read at 100 kHz, which the figure
below it adds to both sides.
"""

from __future__ import annotations

import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import ROOT, bridge, free_port, node, pinned, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    Row = tuple[str, float, str, bool]
    Seen = dict[str, list[dict[str, float]]]

SLICE_MS = 250
OUTSTANDING = 64
REGISTER_READ_US = 390.0
"""39 bits at 100 kHz: address and register, address again and a byte."""

ROUND_TRIPS = {
    "websocket": "2 WebSocket / round trip",
    "websocketPlain": "2 WebSocket without compression / round trip",
    "httpPost": "2 HTTP POST / round trip",
    "mqtt": "2 MQTT through a broker / round trip",
}
THROUGHPUTS = {
    "websocketPlain": "2 throughput, 64 outstanding / WebSocket without compression",
    "httpPost": "2 throughput, 64 outstanding / HTTP POST",
    "mqtt": "2 throughput, 64 outstanding / MQTT through a broker",
}


def rows(rounds: int) -> list[Row]:
    """Measure everything in turns, one request at a time and then many at once.

    Args:
        rounds: Turns of each.

    Returns:
        What was measured, the figure, the bar, and whether it is held.
    """
    with everything() as addresses:
        single = turns(rounds, 1, addresses)
        many = turns(rounds, OUTSTANDING, {**addresses, "exec": "", "inProcess": ""})

    def slower(lane: str, more_us: float = 0.0) -> float:
        return _ratio(single, lane, "bridge", "p50", more_us)

    def faster(lane: str) -> float:
        return _ratio(many, "bridge", lane, "perSecond")

    floor, floor_with_bus = slower("inProcess"), slower("inProcess", REGISTER_READ_US)
    found: list[Row] = [
        ("2 a byte read in Node.js's own process / round trip", floor, "(told)", True),
        ("2   with 390 us of a bus on both sides", floor_with_bus, "(told)", True),
    ]
    found += [(words, slower(lane), "(told)", True) for lane, words in ROUND_TRIPS.items()]
    interpreter, websockets = slower("exec"), faster("websocket")
    found += [
        ("2 one python3 process per request / round trip", interpreter, ">= 100",
         interpreter >= 100),
        ("2 throughput, 64 outstanding / websockets server", websockets, ">= 3", websockets >= 3),
    ]  # fmt: skip
    return found + [(words, faster(lane), "(told)", True) for lane, words in THROUGHPUTS.items()]


@contextmanager
def everything() -> Iterator[dict[str, str]]:
    """Run the bridge and all servers until the block ends.

    Yields:
        Name of each lane, and its address.
    """
    web, post = free_port(), free_port()
    server = "-m", "benchmarks.peers.websocket_server", str(web)
    poster = "-m", "benchmarks.peers.http_server", str(post)
    with (
        bridge() as (_, endpoint),
        running(pinned(sys.executable, *server)),
        running(pinned(sys.executable, *poster)),
        broker() as port,
        running(pinned(sys.executable, "-m", "benchmarks.peers.mqtt_responder", str(port))),
    ):
        yield {
            "bridge": endpoint,
            "inProcess": "/dev/zero",
            "websocket": f"ws://127.0.0.1:{web}",
            "websocketPlain": f"ws://127.0.0.1:{web}",
            "httpPost": f"http://127.0.0.1:{post}/",
            "mqtt": f"mqtt://127.0.0.1:{port}",
            "exec": sys.executable,
        }


@contextmanager
def broker() -> Iterator[int]:
    """Run mosquitto with its defaults until the block ends.

    Yields:
        Its port on this computer.

    Raises:
        FileNotFoundError: It is not installed.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise FileNotFoundError("The MQTT broker is missing: sudo apt install mosquitto.")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="wisblock-bench-mqtt-") as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n", encoding="utf-8"
        )
        process = subprocess.Popen(pinned(program, "-c", str(config)), cwd=ROOT)
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait()


def turns(rounds: int, outstanding: int, addresses: dict[str, str]) -> Seen:
    """Let lanes take turns.

    Args:
        rounds: How often each.
        outstanding: Requests in flight.
        addresses: Name and address of each lane; one without an address is left out.

    Returns:
        For each lane, what each slice measured.
    """
    lanes = [f"{name}={address}" for name, address in addresses.items() if address]
    printed = node("alternatives.cjs", str(rounds), str(SLICE_MS), str(outstanding), *lanes)
    seen: Seen = json.loads(printed)
    return seen


def _ratio(seen: Seen, lane: str, other: str, figure: str, more: float = 0.0) -> float:
    """Return the median of the ratios of neighbouring slices, something added to both."""
    pairs = zip(seen[lane], seen[other], strict=True)
    return statistics.median((a[figure] + more) / (b[figure] + more) for a, b in pairs)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise TimeoutError(f"mosquitto does not listen at port {port}.")
